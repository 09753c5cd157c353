"""MPS's ProcessMedia: a task is looked at, counted and given an id; nothing is processed.

What is checked is what the SDK's models say of the parameters, and that a SessionId is taken once in three days. Codes
are those of its ``errorcodes``; which of them a mistake gets is a guess where its name does not tell.
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

DEDUPLICATION = 3 * 24 * 3600.0
"""Seconds for which a SessionId is remembered."""

_SOURCES = {
    "COS": ("CosInputInfo", ("Bucket", "Region", "Object")),
    "URL": ("UrlInputInfo", ("Url",)),
    "AWS-S3": ("S3InputInfo", ("S3Bucket", "S3Region", "S3Object")),
}
_MEDIA = (
    "TranscodeTaskSet",
    "AnimatedGraphicTaskSet",
    "SnapshotByTimeOffsetTaskSet",
    "SampleSnapshotTaskSet",
    "ImageSpriteTaskSet",
    "AdaptiveDynamicStreamingTaskSet",
)
_OTHERS = (
    "AiContentReviewTask",
    "AiAnalysisTask",
    "AiRecognitionTask",
    "AiQualityControlTask",
    "SmartSubtitlesTask",
    "SmartEraseTask",
    "AIDubbingTask",
)


class MpsSubmitting(Service):
    """The action by which tasks are submitted.

    Attributes: `submitted`, the parameters of the tasks that were taken by their id, oldest first.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[str, float] = {}
        self.submitted: dict[str, dict[str, Any]] = {}
        self._tasks: dict[str, Task] = {}

    @action("ProcessMedia")
    def process_media(self, call: Call) -> Mapping[str, Any]:
        """Take a task. It waits until a test enters its notification."""
        session = call.text("SessionId", "")
        if len(session) > 50:
            raise ApiError("InvalidParameterValue.SessionIdTooLong")
        if len(call.text("SessionContext", "")) > 1000:
            raise ApiError("InvalidParameterValue.SessionContextTooLong")
        kind = _check_source(call.parameters.get("InputInfo"))
        if not list(_tasks(call.parameters)):
            raise ApiError("InvalidParameter", "There is no task in the request.")
        media = "MediaProcessTask" in call.parameters
        if kind == "URL" and media and not _has_storage(call.parameters):
            raise ApiError("InvalidParameterValue.OutputStorage", "A URL source needs one.")
        with self._lock:
            now = self._clock()
            if session and now - self._sessions.get(session, -DEDUPLICATION) < DEDUPLICATION:
                raise ApiError(
                    "InvalidParameterValue.SessionId", "The request is a repetition of another."
                )
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
    """The type of a source. Raises ApiError."""
    if not isinstance(info, dict):
        raise ApiError("MissingParameter", "The request has no InputInfo.")
    kind = info.get("Type")
    if kind not in _SOURCES:
        raise ApiError("InvalidParameterValue.Type", f"Type is one of {', '.join(_SOURCES)}.")
    field, needed = _SOURCES[kind]
    told = info.get(field)
    missing = [name for name in needed if not (isinstance(told, dict) and told.get(name))]
    if missing:
        raise ApiError("InvalidParameterValue", f"{field} has no {', '.join(missing)}.")
    return str(kind)


def _tasks(parameters: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Each thing that is asked for. Raises ApiError for one that is none."""
    sets = parameters.get("MediaProcessTask") or {}
    unknown = sorted(set(sets) - set(_MEDIA))
    if unknown:
        raise ApiError("UnknownParameter", f"MediaProcessTask has no {', '.join(unknown)}.")
    found = [one for name in _MEDIA for one in sets.get(name) or ()]
    found += [parameters[name] for name in _OTHERS if parameters.get(name)]
    for one in found:
        definition = one.get("Definition") if isinstance(one, dict) else None
        if type(definition) is not int or (definition <= 0 and not one.get("RawParameter")):
            raise ApiError("InvalidParameterValue.Definition", "Definition is a template's id.")
        if any(value is None for value in one.values()):
            raise ApiError("InvalidParameter", "A parameter is null.")
        yield one


def _has_storage(parameters: Mapping[str, Any]) -> bool:
    return bool(parameters.get("OutputStorage")) or all(
        one.get("OutputStorage") for one in _tasks(parameters)
    )
