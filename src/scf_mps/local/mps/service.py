"""Submission and state of tasks, without an engine: the part of MPS that its API shows."""

from __future__ import annotations

import copy
import logging
import re
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from . import planner, request_rules
from .errors import Refused
from .model import Location, MediaTask, SubtaskState
from .task_store import TaskStore
from .templates import Templates
from .workflows import Workflows

Observer = Callable[[MediaTask, str], None]
"""Called with a task, which it may read during the call, and a kind of change: submitted, begun, progress, subtask,
finished, notified or lost. Its exceptions are logged."""

_log = logging.getLogger(__name__)

SESSION_SECONDS = 3 * 24 * 3600.0
"""Time for which a SessionId is refused after its use."""

_TEMPLATES = "templates"


class TaskService:
    """Tasks, workflows and templates of an account.

    Args:
        store: of the tasks, by default one in memory.
        clock: returns the seconds since the epoch.

    Attributes:
        store: of the tasks.
        workflows: that create tasks for new objects.
        templates: the presets and the custom templates.
    """

    def __init__(
        self, store: TaskStore | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.clock = clock
        self.store = store or TaskStore(clock=clock)
        self.workflows = Workflows(self.store, clock)
        self.templates = Templates(self._store_templates, clock)
        for document in self.store.read_documents(_TEMPLATES).values():
            self.templates.load(document)
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
        task = self._plan(request)
        session = task.session_id
        if session and not self.store.use_session(session, SESSION_SECONDS):
            raise Refused("InvalidParameterValue.SessionId", "The request is a duplicate.")
        return self._add(task)

    def again(self, task_id: str) -> str:
        """Submit the request of a task again, with the same SessionId, and return the id of the new task.

        Raises:
            KeyError: the task does not exist.
            Refused: too many tasks are unfinished.
        """
        task = self.store.get(task_id)
        if task is None:
            raise KeyError(task_id)
        return self._add(self._plan(task.request, task.workflow_id))

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

    def has_bucket(self, bucket: str, region: str) -> bool:
        """Return False for a bucket that is known to be missing."""
        return bool(bucket and region)

    def _check(self, request: Mapping[str, Any]) -> None:
        """Raise Refused for an invalid request."""
        request_rules.check_request(request)
        for location in request_rules.iterate_buckets(request):
            if not self.has_bucket(location.bucket, location.region):
                raise Refused(
                    "ResourceNotFound.CosBucketNotExist",
                    f"The bucket {location.bucket} does not exist in {location.region}.",
                )

    def _plan(self, request: Mapping[str, Any], workflow_id: str = "") -> MediaTask:
        """Return a new task with its subtasks. Raises Refused."""
        source = locate_source(request["InputInfo"])
        plan = planner.plan(request, source, None, self.templates)
        account = re.search(r"-(\d+)$", source.bucket)
        return MediaTask(
            f"{account[1] if account else '1250000000'}-WorkflowTask-{uuid.uuid4().hex}tt0",
            copy.deepcopy(dict(request)),
            source,
            self.clock(),
            workflow_id,
            subtasks=[SubtaskState(subtask) for subtask in plan.subtasks],
            warnings=plan.warnings,
            assumptions=plan.assumptions,
        )

    def _add(self, task: MediaTask) -> str:
        """Store a new task and return its id. Raises Refused."""
        self.store.insert(task)
        self._notify_observers(task, "submitted")
        return task.task_id

    def _store_templates(self) -> None:
        self.store.write_document(_TEMPLATES, 0, self.templates.to_json())

    def _notify_observers(self, task: MediaTask, kind: str) -> None:
        for callback in self._observers:
            try:
                callback(task, kind)
            except Exception:
                _log.exception("an observer failed", extra={"task_id": task.task_id})


def locate_source(info: Mapping[str, Any]) -> Location:
    """Return the object of an ``InputInfo``, or the URL as the key of no bucket."""
    cos = info.get("CosInputInfo") or {}
    if cos:
        return Location(cos["Bucket"], cos["Region"], cos["Object"].lstrip("/"))
    url = (info.get("UrlInputInfo") or {}).get("Url")
    return Location("", "", url or str((info.get("S3InputInfo") or {}).get("S3Object")))
