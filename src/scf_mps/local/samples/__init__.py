"""Sample events: the example of MPS's documentation, and events with chosen results.

They are generated from the schema of the views, so that each type has the fields that MPS sends. Names resemble those
of real outputs, values are plausible and the same each time. Samples are for development and tests.
"""

from __future__ import annotations

import json
from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from scf_mps.events.base import Event, LiveEvent
from scf_mps.events.generated.type_tables import (
    ACTIVITIES,
    BATCH,
    EVENTS,
    LIVE_EVENTS,
    MEDIA,
    NESTED,
    SETS,
    SINGLES,
)
from scf_mps.events.registry import get_class
from scf_mps.events.view import get_model, get_schema
from scf_mps.routing.type_names import MIN_SIMILARITY, list_types

from .values import (
    DEFAULT_OUTPUT,
    DEFAULT_SOURCE,
    Part,
    Writer,
    check_fields,
    create_fields,
    create_input_info,
    create_result,
    number_parts,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

DOCUMENTATION = "documentation"

_EVENTS_WITH_RESULTS = ("WorkflowTask", "ScheduleTask", "BatchTask")
_STATUSES = ("FINISH", "PROCESSING", "WAITING", "FAIL")
_OUTCOMES = ("SUCCESS", "FAIL", "PROCESSING")

_TASK_ID_FORMAT = "1250000000-{}-{}tt0"
_DEFAULT_TASK_ID = "0123456789abcdef0123456789abcdef"
_MAX_SESSION_ID_CHARACTERS = 50


class Task(NamedTuple):
    """The task of an event.

    Attributes:
        status: ``Status`` of the event: ``FINISH``, ``PROCESSING`` or ``WAITING``. ``FAIL`` is the error of the whole
            task: FINISH with an ``ErrCode``.
        session_context: ``SessionContext``.
        session_id: ``SessionId``.
        task_id: ``TaskId``, the same each time by default. A BatchTask has none: it becomes the ``SessionId``.
        source: the input, ``cos://bucket.region/key``.
        bucket: bucket and region of the outputs, ``cos://bucket.region/``.
        error: ``Message`` of the error of the whole task.
        own: the result of an event without results, such as an EditMediaTask.
    """

    status: str = "FINISH"
    session_context: str = ""
    session_id: str = ""
    task_id: str = ""
    source: str = DEFAULT_SOURCE
    bucket: str = DEFAULT_OUTPUT
    error: str = "source file error"
    own: Part = Part("")


def list_samples() -> dict[str, str]:
    """Return the names of the samples, each with a short description."""
    samples = {DOCUMENTATION: "the sample event of MPS's documentation: 3 successes, 1 failure"}
    for type_ in EVENTS.rows:
        content = "chosen results" if type_ in _EVENTS_WITH_RESULTS else "one task"
        samples[type_] = f"the notification {type_} with {content}"
    for type_ in LIVE_EVENTS.rows:
        samples[type_] = f"the notification {type_} of a live stream"
    return samples


def sample(
    name: str = DOCUMENTATION,
    results: Iterable[tuple[str, str]] = (),
    *,
    status: str = "FINISH",
    session_context: str = "",
    task_id: str = "",
    **more: str,
) -> dict[str, Any]:
    """Return a notification as MPS sends it, a new dict each time.

    Args:
        name: ``documentation``, or an ``EventType`` or ``NotificationType``.
        results: pairs of a type (as MPS sends it, or the name of a class) and ``SUCCESS``, ``FAIL`` or
            ``PROCESSING``, in order. By default every type of media processing succeeds. An unknown type stands for
            one that MPS may add, unless it resembles a known one.
        status: ``Status`` of the event: ``FINISH``, ``PROCESSING`` or ``WAITING``. ``FAIL`` is the error of a whole
            task: FINISH with an ``ErrCode``.
        session_context: ``SessionContext`` of the task.
        task_id: ``TaskId``, the same each time by default. A BatchTask has none: it becomes the ``SessionId``.
        **more: more results by keyword, e.g. ``Transcode="SUCCESS", ImageSprites="FAIL"``.

    Raises:
        ValueError: a name, result or status is unknown, or the sample does not have it.
    """
    parts = [Part(*pair) for pair in [*results, *more.items()]]
    return create_event(name, parts, Task(status, session_context, task_id=task_id))


def create_event(name: str, parts: Iterable[Part], task: Task) -> dict[str, Any]:
    """Return a notification with these results, a new dict each time.

    Raises:
        ValueError: a name, type or status is unknown, or the event does not have it.
        TypeError: a field of a part is unknown or of another type.
    """
    numbered = [
        part._replace(bucket=part.bucket or task.bucket)
        for part in number_parts(parts, task.source)
    ]
    notification = deepcopy(_create(name, numbered, task))  # objects in it share values
    if task.session_id:
        notification["SessionId"] = task.session_id
    if task.task_id:
        holders = [
            holder
            for holder in (notification, *notification.values())
            if isinstance(holder, dict) and "TaskId" in holder
        ]
        for holder in holders:
            holder["TaskId"] = task.task_id
        if not holders:
            notification["SessionId"] = task.task_id[-_MAX_SESSION_ID_CHARACTERS:]
    return notification


def create_task_id(name: str) -> str:
    """Return a unique task id in the format of MPS.

    Args:
        name: the sample.
    """
    type_ = "WorkflowTask" if name == DOCUMENTATION else name
    return _TASK_ID_FORMAT.format(type_, uuid4().hex)


def _create(name: str, parts: list[Part], task: Task) -> dict[str, Any]:
    if task.status not in _STATUSES:
        raise ValueError(f"invalid status {task.status!r} of an event. Use {', '.join(_STATUSES)}")
    if name == DOCUMENTATION:
        if parts or task.status != "FINISH" or task.session_context:
            raise ValueError(
                f"the sample {name!r} is fixed. Use an event type to choose results and status"
            )
        text = Path(__file__).with_name("documentation.json").read_text("utf-8")
        notification: dict[str, Any] = json.loads(text)
        return notification
    session = {"SessionId": "", "SessionContext": task.session_context}
    if name in EVENTS.rows:
        kind, field = EVENTS[name]
        return {"EventType": name, field: _create_payload(kind, name, parts, task)} | session
    if name in LIVE_EVENTS.rows:
        if parts or task.status != "FINISH":
            raise ValueError(f"{name} is of a live stream: it has no results and no status")
        live_kind: type[LiveEvent]
        live_kind, field = LIVE_EVENTS[name]
        payload = Writer(name, task.own).create_scalars(live_kind)
        payload |= check_fields(live_kind, task.own.fields)
        task_id = "1250000000-procedure-live-0123456789t0"
        return {"NotificationType": name, "TaskId": task_id, field: payload} | session
    raise ValueError(f"unknown sample {name!r}. Use one of {', '.join(list_samples())}")


def _create_payload(kind: type[Event], name: str, parts: list[Part], task: Task) -> dict[str, Any]:
    status, failed = task.status, task.status == "FAIL"
    payload: dict[str, Any] = {
        "TaskId": _TASK_ID_FORMAT.format(name, _DEFAULT_TASK_ID),
        "Status": "FINISH" if failed else status,
        "ErrCode": 30010 if failed else 0,
        "Message": task.error if failed else "SUCCESS",
    }
    input_info = create_input_info(task.source)
    fields = {mps: model for mps, _, model in get_schema(kind).values()}
    writer = Writer(name, task.own._replace(bucket=task.own.bucket or task.bucket))
    if name == "BatchTask":
        if status not in ("FINISH", "PROCESSING"):
            raise ValueError("a BatchTask has no status. Choose the status of its results")
        payload = {"InputInfos": [input_info], "Metadatas": []}
    if "InputInfo" in fields:
        payload["InputInfo"] = input_info
    if "MetaData" in fields:
        payload["MetaData"] = None if failed else writer.create_object("MediaMetaData")
    if name == "EditMediaTask":
        payload["Input"] = {"FileInfoSet": [{"InputInfo": input_info, "StartTimeOffset": 0}]}
        payload["Output"] = None
        if status == "FINISH":
            output = check_fields(get_model("EditMediaTaskOutput"), task.own.fields)
            payload["Output"] = writer.create_object("EditMediaTaskOutput") | output
    elif name == "ExtractBlindWatermark":
        detected = status == "FINISH"
        payload |= {"Type": "blind-basic", "IsDetected": detected}
        payload["Result"] = "sample" if detected else ""
        payload |= check_fields(kind, task.own.fields)
    elif not parts and not failed:
        outcome = "SUCCESS" if status == "FINISH" else "PROCESSING"
        defaults = [Part(type_, outcome, bucket=task.bucket) for type_ in _list_default_types(name)]
        parts = [*number_parts(defaults, task.source)]
    for part in parts:
        _add_result(payload, name, part)
    return payload


def _list_default_types(name: str) -> list[str]:
    if name == "BatchTask":
        return [row[1] for row in BATCH.rows.values()]
    return list(MEDIA.rows)


def _add_result(payload: dict[str, Any], name: str, part: Part) -> None:
    """Add a result to a payload, in the field for its type."""
    if name not in _EVENTS_WITH_RESULTS:
        raise ValueError(f"{name} is one task without results. Use its status")
    if part.outcome not in _OUTCOMES:
        raise ValueError(f"invalid result {part.type}={part.outcome}. Use {', '.join(_OUTCOMES)}")
    if name == "ScheduleTask":
        payload.setdefault("ActivityResultSet", []).append(_create_activity(part))
    elif name == "BatchTask":
        (key, (_, class_name, _)), *_ = BATCH.rows.items()
        if part.type != class_name:
            raise ValueError(f"invalid result {part.type} of a BatchTask. Use {class_name}")
        holder = payload.setdefault(key, {"Input": {"Definition": 122}, "Outputs": []})
        holder["Outputs"].append(create_result(get_class(class_name), part))
    else:
        _add_workflow_result(payload, part)


def _add_workflow_result(payload: dict[str, Any], part: Part) -> None:
    for key, table in SETS.items():
        for mps_type, (_, class_name, field) in table.rows.items():
            if part.names(mps_type, class_name):
                item = {"Type": mps_type, field: create_result(table[mps_type][0], part)}
                payload.setdefault(key, []).append(item)
                return
    for key, (_, class_name, _) in SINGLES.rows.items():
        if part.names(key, class_name):
            payload[key] = create_result(get_class(class_name), part)
            return
    _check_unknown("WorkflowTask", part)
    item = {"Type": part.type, **_create_unknown(part)}
    payload.setdefault("MediaProcessResultSet", []).append(item)


def _create_activity(part: Part) -> dict[str, Any]:
    for mps_type, (_, class_name, field) in ACTIVITIES.rows.items():
        if part.names(mps_type, class_name):
            result = create_result(ACTIVITIES[mps_type][0], part)
            return {"ActivityType": mps_type, "ActivityResItem": {field: result}}
    for field, table in NESTED.items():
        for mps_type, (_, class_name, nested_field) in table.rows.items():
            if part.names(mps_type, class_name):
                item = {"Type": mps_type, nested_field: create_result(table[mps_type][0], part)}
                activity_type = next(key for key, row in ACTIVITIES.rows.items() if row[2] == field)
                result = create_fields(Part("")) | {"Input": {"Definition": 10}, "Output": [item]}
                return {"ActivityType": activity_type, "ActivityResItem": {field: result}}
    _check_unknown("ScheduleTask", part)
    return {"ActivityType": part.type, "ActivityResItem": _create_unknown(part)}


def _create_unknown(part: Part) -> dict[str, Any]:
    """Return the result of an unknown type, in the field that MPS would probably use."""
    return {f"{part.type.replace('.', '')}Task": create_fields(part) | {"Output": {}}}


def _check_unknown(name: str, part: Part) -> None:
    """Raise ValueError for a type that resembles a known one, or that other events have."""
    type_ = part.type
    known = {
        name.lower(): name for type_, classes in list_types().items() for name in (*classes, type_)
    }
    near = get_close_matches(type_.lower(), known, n=1, cutoff=MIN_SIMILARITY)
    if near:
        nearest = known[near[0]]
        hint = "" if nearest == type_ else f". Did you mean {nearest!r}?"
        raise ValueError(f"a {name} has no results of type {type_!r}{hint}")
