"""MPS's ProcessMedia: checks a task and assigns an id. Nothing is processed.

Parameters are checked as in the SDK's models. A SessionId is accepted once in three days. Codes are those
of the SDK's ``errorcodes``. For some errors the code is a guess.
"""

from __future__ import annotations

import copy
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...errors import ApiError
from ...service import Call, Service, action
from .task import Task

DEDUPLICATION_SECONDS = 3 * 24 * 3600.0
"""Time for which a SessionId is remembered."""

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


class MpsSubmission(Service):
    """The action that submits tasks.

    Attributes:
        submitted: parameters of the accepted tasks by id, oldest first.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[str, float] = {}
        self.submitted: dict[str, dict[str, Any]] = {}
        self._tasks: dict[str, Task] = {}

    @action("ProcessMedia")
    def process_media(self, call: Call) -> Mapping[str, Any]:
        """Accept a task. It has the status WAITING until a test adds its notification."""
        session = call.text("SessionId", "")
        if len(session) > 50:
            raise ApiError("InvalidParameterValue.SessionIdTooLong")
        if len(call.text("SessionContext", "")) > 1000:
            raise ApiError("InvalidParameterValue.SessionContextTooLong")
        kind = _check_source(call.parameters.get("InputInfo"))
        if not list(_iterate_tasks(call.parameters)):
            raise ApiError("InvalidParameter", "The request has no task.")
        has_media = "MediaProcessTask" in call.parameters
        if kind == "URL" and has_media and not _has_storage(call.parameters):
            raise ApiError(
                "InvalidParameterValue.OutputStorage", "A URL source needs OutputStorage."
            )
        with self._lock:
            now = self._clock()
            last = self._sessions.get(session, -DEDUPLICATION_SECONDS)
            if session and now - last < DEDUPLICATION_SECONDS:
                raise ApiError("InvalidParameterValue.SessionId", "The request is a duplicate.")
            self._sessions[session] = now
            task_id = f"1250000000-WorkflowTask-{uuid.uuid4().hex}tt0"
            parameters = copy.deepcopy(dict(call.parameters))
            self.submitted[task_id] = parameters
            body = {"TaskId": task_id, "Status": "WAITING", "ErrCode": 0, "Message": ""}
            body |= {"InputInfo": parameters["InputInfo"], "MetaData": None}
            body |= {"MediaProcessResultSet": []}
            kind, times = "WorkflowTask", (now, now)
            names = (session, call.text("SessionContext", ""))
            self._tasks[task_id] = Task(task_id, kind, kind, body, "WAITING", *times, *names)
        return {"TaskId": task_id}


def _check_source(info: object) -> str:
    """Return the type of a source. Raises ApiError."""
    if not isinstance(info, dict):
        raise ApiError("MissingParameter", "The request has no InputInfo.")
    kind = info.get("Type")
    if kind not in _SOURCES:
        raise ApiError("InvalidParameterValue.Type", f"Type is one of {', '.join(_SOURCES)}.")
    field, needed = _SOURCES[kind]
    source = info.get(field)
    missing = [name for name in needed if not (isinstance(source, dict) and source.get(name))]
    if missing:
        raise ApiError("InvalidParameterValue", f"{field} has no {', '.join(missing)}.")
    return str(kind)


def _iterate_tasks(parameters: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield each subtask of the request. Raises ApiError for an invalid one."""
    sets = parameters.get("MediaProcessTask") or {}
    unknown = sorted(set(sets) - set(_MEDIA_TASKS))
    if unknown:
        raise ApiError("UnknownParameter", f"MediaProcessTask has no {', '.join(unknown)}.")
    tasks = [task for name in _MEDIA_TASKS for task in sets.get(name) or ()]
    tasks += [parameters[name] for name in _AI_TASKS if parameters.get(name)]
    for task in tasks:
        definition = task.get("Definition") if isinstance(task, dict) else None
        if type(definition) is not int or (definition <= 0 and not task.get("RawParameter")):
            raise ApiError(
                "InvalidParameterValue.Definition", "Definition is not the id of a template."
            )
        if any(value is None for value in task.values()):
            raise ApiError("InvalidParameter", "A parameter is null.")
        yield task


def _has_storage(parameters: Mapping[str, Any]) -> bool:
    return bool(parameters.get("OutputStorage")) or all(
        task.get("OutputStorage") for task in _iterate_tasks(parameters)
    )
