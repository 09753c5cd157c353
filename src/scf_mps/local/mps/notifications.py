"""Notifications of tasks, as MPS pushes them: the published events are the model (page 583/39163, 1041/33497)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scf_mps.events.generated.type_tables import MEDIA
from scf_mps.events.view import get_model, get_schema

from .model import MediaTask, SubtaskState
from .result_fields import MEDIA_SET, find_place, format_time

_LISTS = (
    MEDIA_SET,
    "AiContentReviewResultSet",
    "AiAnalysisResultSet",
    "AiRecognitionResultSet",
)
"""Lists that every event has."""

_SIBLINGS: Mapping[str, None] = dict.fromkeys(field for _, _, field in MEDIA.rows.values())
"""The fields of an item of MediaProcessResultSet: all but one are null."""


def build_event(task: MediaTask) -> dict[str, Any]:
    """Return the notification of a task in its current state."""
    return {
        "EventType": "WorkflowTask",
        "WorkflowTaskEvent": build_body(task),
        "SessionId": task.session_id,
        "SessionContext": task.session_context,
    }


def build_body(task: MediaTask) -> dict[str, Any]:
    """Return the WorkflowTask of a task in its current state, for notifications and DescribeTaskDetail."""
    failure = task.failure
    body: dict[str, Any] = {
        "TaskId": task.task_id,
        "Status": task.status,
        "ErrCode": failure.code if failure else 0,
        "Message": failure.message if failure else "",
        "InputInfo": _build_input_info(task),
        "MetaData": _build_metadata(task),
        **{name: [] for name in _LISTS},
        "AiQualityControlTaskResult": None,
    }
    if task.status == "WAITING":
        return body
    for state in task.subtasks:
        # Without a readable source there are no results.
        if not (failure and state.status == "WAITING"):
            _add_result(body, state)
    return body


def _build_input_info(task: MediaTask) -> Mapping[str, Any]:
    source = task.source
    if not source.bucket:  # at a URL
        info: Mapping[str, Any] = task.request["InputInfo"]
        return info
    place = {"Bucket": source.bucket, "Region": source.region, "Object": f"/{source.key}"}
    return {"Type": "COS", "CosInputInfo": place}


def _build_metadata(task: MediaTask) -> dict[str, Any] | None:
    if task.metadata is None:
        return None
    known = {name for name, _, _ in get_schema(get_model("MediaMetaData")).values()}
    return {name: value for name, value in task.metadata.items() if name in known}


def _add_result(body: dict[str, Any], state: SubtaskState) -> None:
    place = find_place(state.plan.type)
    values = _build_values(state)
    result = {name: values[name] for name in values if name == "Status" or name in place.schema}
    if not place.type:
        body[place.set] = result
        return
    siblings = _SIBLINGS if place.set == MEDIA_SET else {}
    body.setdefault(place.set, []).append({"Type": place.type, **siblings, place.field: result})


def _build_values(state: SubtaskState) -> dict[str, Any]:
    """Return every field of a result in MPS's order. A result has those of its model."""
    failure = state.failure
    is_over = state.status in ("SUCCESS", "FAIL")
    return {
        "Status": state.status if is_over else "PROCESSING",
        "ErrCodeExt": failure.name if failure else "",
        "ErrCode": failure.code if failure else 0,
        "Message": failure.message if failure else "SUCCESS",
        "Progress": 100 if state.status == "SUCCESS" else int(state.progress * 100),
        "Input": dict(state.plan.input),
        "Output": dict(state.output) if state.output is not None and not failure else None,
        "BeginProcessTime": format_time(state.begun),
        "FinishTime": format_time(state.ended),
    }
