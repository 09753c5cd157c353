"""Workflows: rules that create a task for each new object in a folder."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from .errors import Refused
from .request_rules import check_tasks

if TYPE_CHECKING:
    from .task_store import TaskStore

MAX_NAME_CHARACTERS = 128
FIRST_ID = 30001

DEFAULT_FORMATS = frozenset(
    [
        "mp4",
        "ts",
        "flv",
        "wmv",
        "asf",
        "rm",
        "rmvb",
        "mpg",
        "mpeg",
        "3gp",
        "mov",
        "webm",
        "mkv",
        "avi",
        "m4v",
        "mp3",
        "m4a",
        "flac",
        "ogg",
        "wav",
        "amr",
        "aac",
        "vtt",
        "srt",
    ]
)
"""Formats of a trigger without ``Formats`` (the SDK's model CosFileUploadTrigger)."""

_KIND = "workflow"
_TASKS = ("MediaProcessTask", "AiContentReviewTask", "AiAnalysisTask", "AiRecognitionTask")
_FIELDS = ("OutputStorage", "OutputDir", *_TASKS, "TaskNotifyConfig", "TaskPriority")


class Workflows:
    """The workflows of an account, stored in a `TaskStore`. Usable from any thread."""

    def __init__(self, store: TaskStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()

    def create(self, parameters: Mapping[str, Any]) -> int:
        """Create a disabled workflow and return its id.

        Args:
            parameters: those of CreateWorkflow.

        Raises:
            Refused: a parameter is invalid, or the name exists.
        """
        with self._lock:
            workflows = self._store.read_documents(_KIND)
            number = max(workflows, default=FIRST_ID - 1) + 1
            fields = _parse(parameters)
            self._write(number, {"Status": "Disabled", **fields}, workflows)
        return number

    def reset(self, number: int, parameters: Mapping[str, Any]) -> None:
        """Replace a disabled workflow. Raises Refused: see `create` and `delete`."""
        with self._lock:
            workflows = self._store.read_documents(_KIND)
            workflow = _find_disabled(workflows, number)
            kept = {name: workflow[name] for name in ("Status", "CreateTime")}
            self._write(number, {**kept, **_parse(parameters)}, workflows)

    def delete(self, number: int) -> None:
        """Delete a disabled workflow.

        Raises:
            Refused: InvalidParameterValue for a missing one, FailedOperation for an enabled one.
        """
        with self._lock:
            _find_disabled(self._store.read_documents(_KIND), number)
            self._store.write_document(_KIND, number, None)

    def set_status(self, number: int, status: str) -> None:
        """Set a workflow's status to ``Enabled`` or ``Disabled``.

        Raises:
            Refused: the workflow does not exist, or FailedOperation.BucketNotifyAlreadyExist if another enabled
                workflow has the same trigger.
        """
        with self._lock:
            workflows = self._store.read_documents(_KIND)
            workflow = _find(workflows, number)
            if status == "Enabled" and any(
                other["Status"] == "Enabled" and _build_folder(other) == _build_folder(workflow)
                for each, other in workflows.items()
                if each != number
            ):
                raise Refused(
                    "FailedOperation.BucketNotifyAlreadyExist",
                    "Another enabled workflow has the same bucket and Dir.",
                )
            self._store.write_document(_KIND, number, {**workflow, "Status": status})

    def list_workflows(self) -> list[dict[str, Any]]:
        """Return all workflows in the form of DescribeWorkflows, oldest first."""
        empty = dict.fromkeys(_FIELDS)
        return [
            {"WorkflowId": number, **empty, **workflow}
            for number, workflow in self._store.read_documents(_KIND).items()
        ]

    def find_matching(self, bucket: str, region: str, key: str) -> list[dict[str, Any]]:
        """Return the enabled workflows that a new object triggers."""
        return [
            workflow
            for workflow in self.list_workflows()
            if workflow["Status"] == "Enabled" and _is_matching(workflow, bucket, region, key)
        ]

    def _write(
        self, number: int, workflow: dict[str, Any], others: Mapping[int, Mapping[str, Any]]
    ) -> None:
        """Store a workflow. Raises Refused if its name belongs to another one."""
        if any(
            other["WorkflowName"] == workflow["WorkflowName"] and each != number
            for each, other in others.items()
        ):
            raise Refused("InvalidParameterValue.Name", "The WorkflowName exists.")
        now = datetime.fromtimestamp(int(self._clock()), timezone.utc)
        time = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        self._store.write_document(
            _KIND, number, {"CreateTime": time, **workflow, "UpdateTime": time}
        )


def build_request(
    workflow: Mapping[str, Any], bucket: str, region: str, key: str
) -> dict[str, Any]:
    """Return the parameters of ProcessMedia with which a workflow processes an object."""
    cos = {"Bucket": bucket, "Region": region, "Object": f"/{key}"}
    request = {"InputInfo": {"Type": "COS", "CosInputInfo": cos}}
    request |= {name: workflow[name] for name in _FIELDS[:-1] if workflow.get(name)}
    return copy.deepcopy({**request, "TasksPriority": workflow.get("TaskPriority") or 0})


def parse_trigger(workflow: Mapping[str, Any]) -> tuple[str, str, str, list[str]]:
    """Return bucket, region, folder (without a leading slash) and formats of a workflow's trigger."""
    trigger = workflow["Trigger"]["CosFileUploadTrigger"]
    folder = (trigger.get("Dir") or "/").lstrip("/")
    formats = [text.lstrip(".").lower() for text in trigger.get("Formats") or ()]
    return trigger["Bucket"], trigger["Region"], folder, formats


def _parse(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a workflow. Raises Refused."""
    name = parameters.get("WorkflowName")
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME_CHARACTERS:
        raise Refused(
            "InvalidParameterValue.Name",
            f"WorkflowName has 1 to {MAX_NAME_CHARACTERS} characters.",
        )
    trigger = parameters.get("Trigger")
    upload = trigger.get("CosFileUploadTrigger") if isinstance(trigger, Mapping) else None
    if not isinstance(trigger, Mapping) or trigger.get("Type") != "CosFileUpload":
        raise Refused("InvalidParameterValue.Type", "The Type of Trigger is CosFileUpload.")
    if not isinstance(upload, Mapping) or not (upload.get("Bucket") and upload.get("Region")):
        raise Refused("InvalidParameterValue", "CosFileUploadTrigger has no Bucket or Region.")
    folder = upload.get("Dir") or "/"
    if not (folder.startswith("/") and folder.endswith("/")):
        raise Refused("InvalidParameterValue", "Dir begins and ends with a slash.")
    check_tasks(parameters, "TaskPriority")
    fields = {"WorkflowName": name, "Trigger": trigger}
    fields |= {each: parameters[each] for each in _FIELDS if parameters.get(each) is not None}
    return copy.deepcopy(fields)


def _find(workflows: Mapping[int, dict[str, Any]], number: int) -> dict[str, Any]:
    if number not in workflows:
        raise Refused("InvalidParameterValue", f"The workflow {number} does not exist.")
    return workflows[number]


def _find_disabled(workflows: Mapping[int, dict[str, Any]], number: int) -> dict[str, Any]:
    workflow = _find(workflows, number)
    if workflow["Status"] == "Enabled":
        raise Refused("FailedOperation", "The workflow is enabled. Disable it first.")
    return workflow


def _build_folder(workflow: Mapping[str, Any]) -> tuple[str, str, str]:
    return parse_trigger(workflow)[:3]


def _is_matching(workflow: Mapping[str, Any], bucket: str, region: str, key: str) -> bool:
    its_bucket, its_region, folder, formats = parse_trigger(workflow)
    suffix = PurePosixPath(key).suffix[1:].lower()
    has_format = "*" in formats or suffix in (formats or DEFAULT_FORMATS)
    return (bucket, region) == (its_bucket, its_region) and key.startswith(folder) and has_format
