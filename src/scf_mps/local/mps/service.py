"""Submission and state of tasks, without an engine: the part of MPS that its API shows."""

from __future__ import annotations

import copy
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .errors import Refused
from .model import Location, MediaTask
from .task_store import TaskStore
from .workflows import Workflows

Observer = Callable[[MediaTask, str], None]
"""Called with a task, which it may read during the call, and a kind of change: submitted, begun, progress, subtask,
finished, notified or lost."""

SESSION_SECONDS = 3 * 24 * 3600.0
"""Time for which a SessionId is refused after its use."""
MAX_SESSION_ID_CHARACTERS = 50
MAX_SESSION_CONTEXT_CHARACTERS = 1000

_SOURCES = {
    "COS": ("CosInputInfo", ("Bucket", "Region", "Object")),
    "URL": ("UrlInputInfo", ("Url",)),
    "AWS-S3": ("S3InputInfo", ("S3Bucket", "S3Region", "S3Object")),
}
_MEDIA_TASKS = (
    "TranscodeTaskSet",
    "AnimatedGraphicTaskSet",
    "SnapshotByTimeOffsetTaskSet",
    "SampleSnapshotTaskSet",
    "ImageSpriteTaskSet",
    "AdaptiveDynamicStreamingTaskSet",
)
_AI_TASKS = (
    "AiContentReviewTask",
    "AiAnalysisTask",
    "AiRecognitionTask",
    "AiQualityControlTask",
    "SmartSubtitlesTask",
    "SmartEraseTask",
    "AIDubbingTask",
)


class TaskService:
    """Tasks, workflows and templates of an account.

    Args:
        store: of the tasks, by default one in memory.
        clock: returns the seconds since the epoch.

    Attributes:
        store: of the tasks.
        workflows: that create tasks for new objects.
    """

    def __init__(
        self, store: TaskStore | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.clock = clock
        self.store = store or TaskStore(clock=clock)
        self.workflows = Workflows(self.store, clock)
        self._observers: list[Observer] = []

    def observe(self, callback: Observer) -> None:
        """Call a function at each change of a task, in the thread of the change."""
        self._observers.append(callback)

    def submit(self, request: Mapping[str, Any]) -> str:
        """Accept a task and return its id.

        Args:
            request: the parameters of ProcessMedia.

        Raises:
            Refused: a parameter is invalid, a bucket is missing, or the SessionId was used in the last three days.
        """
        self._check(request)
        session = request.get("SessionId")
        if session and not self.store.use_session(session, SESSION_SECONDS):
            raise Refused("InvalidParameterValue.SessionId", "The request is a duplicate.")
        return self._create(request)

    def again(self, task_id: str) -> str:
        """Submit the request of a task again, with the same SessionId, and return the id of the new task.

        Raises:
            KeyError: the task does not exist.
        """
        task = self.store.get(task_id)
        if task is None:
            raise KeyError(task_id)
        return self._create(task.request, workflow_id=task.workflow_id)

    def abort(self, task_id: str) -> None:
        """End a WAITING task.

        Raises:
            Refused: the task does not exist or has another status.
        """
        task = self.store.abort(task_id)
        if task is not None:
            self._notify_observers(task, "finished")
        elif self.store.find_row(task_id) is None:
            raise Refused("InvalidParameterValue.TaskId", "The task does not exist.")
        else:
            raise Refused("InvalidParameterValue.NotProcessingTask", "The task is not WAITING.")

    def build_body(self, task_id: str) -> tuple[str, Mapping[str, Any]]:
        """Return the name and the content of a task's field in DescribeTaskDetail. Raises KeyError."""
        fixed = self.store.find_body(task_id)
        if fixed is not None:
            return fixed
        task = self.store.get(task_id)
        if task is None:
            raise KeyError(task_id)
        body = {"TaskId": task_id, "Status": task.status, "ErrCode": 0, "Message": ""}
        body |= {"InputInfo": task.request["InputInfo"], "MetaData": None}
        return "WorkflowTask", {**body, "MediaProcessResultSet": []}

    def has_bucket(self, bucket: str, region: str) -> bool:
        """Return False for a bucket that is known to be missing."""
        return bool(bucket and region)

    def _check(self, request: Mapping[str, Any]) -> None:
        """Raise Refused for an invalid request."""
        if len(request.get("SessionId") or "") > MAX_SESSION_ID_CHARACTERS:
            raise Refused("InvalidParameterValue.SessionIdTooLong", "SessionId is too long.")
        if len(request.get("SessionContext") or "") > MAX_SESSION_CONTEXT_CHARACTERS:
            raise Refused("InvalidParameterValue.SessionContextTooLong", "SessionContext is long.")
        kind = _check_source(request.get("InputInfo"))
        if not list(_iterate_tasks(request)):
            raise Refused("InvalidParameter", "The request has no task.")
        if kind == "URL" and "MediaProcessTask" in request and not _has_storage(request):
            raise Refused(
                "InvalidParameterValue.OutputStorage", "A URL source needs OutputStorage."
            )
        for location in _iterate_buckets(request):
            if not self.has_bucket(location.bucket, location.region):
                raise Refused(
                    "ResourceNotFound.CosBucketNotExist",
                    f"The bucket {location.bucket} does not exist in {location.region}.",
                )

    def _create(
        self, request: Mapping[str, Any], workflow_id: str = "", trigger: Location | None = None
    ) -> str:
        """Plan and store a task and return its id."""
        source = locate_source(request["InputInfo"])
        account = re.search(r"-(\d+)$", source.bucket)
        task = MediaTask(
            f"{account[1] if account else '1250000000'}-WorkflowTask-{uuid.uuid4().hex}tt0",
            copy.deepcopy(dict(request)),
            source,
            self.clock(),
            workflow_id,
        )
        self._plan(task, trigger)
        self.store.insert(task)
        self._notify_observers(task, "submitted")
        return task.task_id

    def _plan(self, task: MediaTask, trigger: Location | None) -> None:
        """Plan the subtasks of a task."""

    def _notify_observers(self, task: MediaTask, kind: str) -> None:
        for callback in self._observers:
            callback(task, kind)


def locate_source(info: Mapping[str, Any]) -> Location:
    """Return the object of an ``InputInfo``, or the URL as the key of no bucket."""
    cos = info.get("CosInputInfo") or {}
    if cos:
        return Location(cos["Bucket"], cos["Region"], cos["Object"].lstrip("/"))
    url = (info.get("UrlInputInfo") or {}).get("Url")
    return Location("", "", url or str((info.get("S3InputInfo") or {}).get("S3Object")))


def _check_source(info: object) -> str:
    """Return the type of a source. Raises Refused."""
    if not isinstance(info, Mapping):
        raise Refused("MissingParameter", "The request has no InputInfo.")
    kind = info.get("Type")
    if kind not in _SOURCES:
        raise Refused("InvalidParameterValue.Type", f"Type is one of {', '.join(_SOURCES)}.")
    field, needed = _SOURCES[kind]
    source = info.get(field)
    missing = [name for name in needed if not (isinstance(source, Mapping) and source.get(name))]
    if missing:
        raise Refused("InvalidParameterValue", f"{field} has no {', '.join(missing)}.")
    return str(kind)


def _iterate_tasks(request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield each subtask of the request. Raises Refused for an invalid one."""
    sets = request.get("MediaProcessTask") or {}
    unknown = sorted(set(sets) - set(_MEDIA_TASKS))
    if unknown:
        raise Refused("UnknownParameter", f"MediaProcessTask has no {', '.join(unknown)}.")
    tasks = [task for name in _MEDIA_TASKS for task in sets.get(name) or ()]
    tasks += [request[name] for name in _AI_TASKS if request.get(name)]
    for task in tasks:
        definition = task.get("Definition") if isinstance(task, Mapping) else None
        if type(definition) is not int or (definition <= 0 and not task.get("RawParameter")):
            raise Refused(
                "InvalidParameterValue.Definition", "Definition is not the id of a template."
            )
        if any(value is None for value in task.values()):
            raise Refused("InvalidParameter", "A parameter is null.")
        yield task


def _iterate_buckets(request: Mapping[str, Any]) -> Iterator[Location]:
    """Yield the buckets of the source and the outputs, each once."""
    holders = [request, *_iterate_tasks(request)]
    infos = [(request["InputInfo"], "CosInputInfo")]
    infos += [(holder.get("OutputStorage"), "CosOutputStorage") for holder in holders]
    cos = [(info or {}).get(field) for info, field in infos]
    yield from dict.fromkeys(
        Location(each.get("Bucket") or "", each.get("Region") or "") for each in cos if each
    )


def _has_storage(request: Mapping[str, Any]) -> bool:
    return bool(request.get("OutputStorage")) or all(
        task.get("OutputStorage") for task in _iterate_tasks(request)
    )
