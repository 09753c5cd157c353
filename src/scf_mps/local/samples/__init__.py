"""Sample events: the example of MPS's documentation, and events with chosen results.

They are generated from the schema of the views, so that each type has the fields that MPS sends. Names resemble those
of real outputs, values are plausible and the same each time. Samples are for development and tests.
"""

from __future__ import annotations

import json
from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path
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
from scf_mps.events.view import View, get_model, get_schema
from scf_mps.routing.type_names import MIN_SIMILARITY, list_types

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
_MAX_OBJECT_DEPTH = 4
_IN = {"Bucket": "in-1250000000", "Region": "ap-guangzhou", "Object": "/videos/demo.mp4"}
_OUT = {"Type": "COS", "CosOutputStorage": {"Bucket": "out-1250000000", "Region": "ap-guangzhou"}}
_INPUT = {"Type": "COS", "CosInputInfo": _IN, "UrlInputInfo": None, "S3InputInfo": None}


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
    notification = _create(name, [*results, *more.items()], status, session_context)
    if task_id:
        parts = [
            part
            for part in (notification, *notification.values())
            if isinstance(part, dict) and "TaskId" in part
        ]
        for part in parts:
            part["TaskId"] = task_id
        if not parts:
            notification["SessionId"] = task_id[-_MAX_SESSION_ID_CHARACTERS:]
    return notification


def create_task_id(name: str) -> str:
    """Return a unique task id in the format of MPS.

    Args:
        name: the sample.
    """
    type_ = "WorkflowTask" if name == DOCUMENTATION else name
    return _TASK_ID_FORMAT.format(type_, uuid4().hex)


def _create(
    name: str, pairs: list[tuple[str, str]], status: str, session_context: str
) -> dict[str, Any]:
    if status not in _STATUSES:
        raise ValueError(f"invalid status {status!r} of an event. Use {', '.join(_STATUSES)}")
    if name == DOCUMENTATION:
        if pairs or status != "FINISH" or session_context:
            raise ValueError(
                f"the sample {name!r} is fixed. Use an event type to choose results and status"
            )
        text = Path(__file__).with_name("documentation.json").read_text("utf-8")
        notification: dict[str, Any] = json.loads(text)
        return notification
    if name in EVENTS.rows:
        kind, field = EVENTS[name]
        notification = {"EventType": name, field: _create_payload(kind, name, status, pairs)}
        notification |= {"SessionId": "", "SessionContext": session_context}
        return deepcopy(notification)  # it contains constants of this module
    if name in LIVE_EVENTS.rows:
        if pairs or status != "FINISH":
            raise ValueError(f"{name} is of a live stream: it has no results and no status")
        return _create_live(name, session_context)
    raise ValueError(f"unknown sample {name!r}. Use one of {', '.join(list_samples())}")


def _create_payload(
    kind: type[Event], name: str, status: str, pairs: list[tuple[str, str]]
) -> dict[str, Any]:
    failed = status == "FAIL"
    payload: dict[str, Any] = {
        "TaskId": _TASK_ID_FORMAT.format(name, _DEFAULT_TASK_ID),
        "Status": "FINISH" if failed else status,
        "ErrCode": 30010 if failed else 0,
        "Message": "source file error" if failed else "SUCCESS",
    }
    fields = {mps: model for mps, _, model in get_schema(kind).values()}
    if name == "BatchTask":
        if status != "FINISH":
            raise ValueError("a BatchTask has no status. Choose the status of its results")
        payload = {"InputInfos": [_INPUT], "Metadatas": []}
    if "InputInfo" in fields:
        payload["InputInfo"] = _INPUT
    if "MetaData" in fields:
        payload["MetaData"] = None if failed else _create_object("MediaMetaData", "")
    if name == "EditMediaTask":
        payload["Input"] = {"FileInfoSet": [{"InputInfo": _INPUT, "StartTimeOffset": 0}]}
        payload["Output"] = (
            None if failed or status != "FINISH" else _create_object(fields["Output"], name)
        )
    elif name == "ExtractBlindWatermark":
        detected = status == "FINISH"
        payload |= {"Type": "blind-basic", "IsDetected": detected}
        payload["Result"] = "sample" if detected else ""
    elif not pairs and not failed:
        outcome = "SUCCESS" if status == "FINISH" else "PROCESSING"
        pairs = [(type_, outcome) for type_ in _list_default_types(name)]
    for type_, outcome in pairs:
        _add_result(payload, name, type_, outcome)
    return payload


def _list_default_types(name: str) -> list[str]:
    if name == "BatchTask":
        return [row[1] for row in BATCH.rows.values()]
    return list(MEDIA.rows)


def _add_result(payload: dict[str, Any], name: str, type_: str, outcome: str) -> None:
    """Add a result to a payload, in the field for its type."""
    if name not in _EVENTS_WITH_RESULTS:
        raise ValueError(f"{name} is one task without results. Use its status")
    if outcome not in _OUTCOMES:
        raise ValueError(f"invalid result {type_}={outcome}. Use {', '.join(_OUTCOMES)}")
    if name == "ScheduleTask":
        payload.setdefault("ActivityResultSet", []).append(_create_activity(type_, outcome))
    elif name == "BatchTask":
        (key, (_, class_name, _)), *_ = BATCH.rows.items()
        if type_ != class_name:
            raise ValueError(f"invalid result {type_} of a BatchTask. Use {class_name}")
        holder = payload.setdefault(key, {"Input": {"Definition": 122}, "Outputs": []})
        holder["Outputs"].append(_create_result(get_class(class_name), outcome))
    else:
        _add_workflow_result(payload, type_, outcome)


def _add_workflow_result(payload: dict[str, Any], type_: str, outcome: str) -> None:
    for key, table in SETS.items():
        for mps_type, (_, class_name, field) in table.rows.items():
            if type_ in (mps_type, class_name):
                item = {"Type": mps_type, field: _create_result(table[mps_type][0], outcome)}
                payload.setdefault(key, []).append(item)
                return
    for key, (_, class_name, _) in SINGLES.rows.items():
        if type_ in (key, class_name):
            payload[key] = _create_result(get_class(class_name), outcome)
            return
    _check_unknown("WorkflowTask", type_)
    item = {"Type": type_, **_create_unknown(type_, outcome)}
    payload.setdefault("MediaProcessResultSet", []).append(item)


def _create_activity(type_: str, outcome: str) -> dict[str, Any]:
    for mps_type, (_, class_name, field) in ACTIVITIES.rows.items():
        if type_ in (mps_type, class_name):
            result = _create_result(ACTIVITIES[mps_type][0], outcome)
            return {"ActivityType": mps_type, "ActivityResItem": {field: result}}
    for field, table in NESTED.items():
        for mps_type, (_, class_name, nested_field) in table.rows.items():
            if type_ in (mps_type, class_name):
                item = {"Type": mps_type, nested_field: _create_result(table[mps_type][0], outcome)}
                activity_type = next(key for key, row in ACTIVITIES.rows.items() if row[2] == field)
                result = _create_fields("SUCCESS") | {"Input": {"Definition": 10}, "Output": [item]}
                return {"ActivityType": activity_type, "ActivityResItem": {field: result}}
    _check_unknown("ScheduleTask", type_)
    return {"ActivityType": type_, "ActivityResItem": _create_unknown(type_, outcome)}


def _create_unknown(type_: str, outcome: str) -> dict[str, Any]:
    """Return the result of an unknown type, in the field that MPS would probably use."""
    return {f"{type_.replace('.', '')}Task": _create_fields(outcome) | {"Output": {}}}


def _check_unknown(name: str, type_: str) -> None:
    """Raise ValueError for a type that resembles a known one, or that other events have."""
    known = {
        name.lower(): name for type_, classes in list_types().items() for name in (*classes, type_)
    }
    near = get_close_matches(type_.lower(), known, n=1, cutoff=MIN_SIMILARITY)
    if near:
        nearest = known[near[0]]
        hint = "" if nearest == type_ else f". Did you mean {nearest!r}?"
        raise ValueError(f"a {name} has no results of type {type_!r}{hint}")


def _create_result(kind: type[Any], outcome: str) -> dict[str, Any]:
    """Return a result of a class: its input and, after a success, its output."""
    body = _create_fields(outcome)
    for name, is_list, model in get_schema(kind).values():
        if name == "Input" and model:
            body[name] = _create_input(model, kind.mps_type)
        elif model and not is_list:
            body[name] = _create_object(model, kind.mps_type) if outcome == "SUCCESS" else None
        elif is_list:
            body[name] = [] if outcome == "SUCCESS" else None
        elif name in ("BeginProcessTime", "FinishTime"):
            body[name] = "2026-01-01T00:00:09Z"
    known = {name for name, _, _ in get_schema(kind).values()} | {"Status"}
    return {name: value for name, value in body.items() if name in known}


def _create_fields(outcome: str) -> dict[str, Any]:
    """Return the fields that all results have."""
    failed = outcome == "FAIL"
    return {
        "Status": outcome,
        "ErrCode": 30010 if failed else 0,
        "ErrCodeExt": "InternalError" if failed else "",
        "Message": "internal error" if failed else "SUCCESS",
        "Progress": 42 if outcome == "PROCESSING" else 100,
    }


def _create_input(model: str, type_: str) -> dict[str, Any]:
    known = {name for name, _, _ in get_schema(get_model(model)).values()}
    fields = {
        "Definition": _get_definition(type_),
        "OutputStorage": _OUT,
        "OutputObjectPath": f"/videos/demo_{type_}_{{number}}",
    }
    return {name: value for name, value in fields.items() if name in known}


def _create_object(model: str | None, type_: str, depth: int = _MAX_OBJECT_DEPTH) -> dict[str, Any]:
    """Return an object of a model with every field. Lists have one item."""
    if model == "TaskOutputStorage":
        return dict(_OUT)
    fields: dict[str, Any] = {}
    view = get_model(model or "")
    for attribute, (name, is_list, child) in get_schema(view).items():
        value: object
        if child:
            value = _create_object(child, type_, depth - 1) if depth else None
        else:
            value = _create_scalar(_read_annotation(view, attribute), name, type_)
        fields[name] = [value] if is_list and value is not None else [] if is_list else value
    return fields


def _read_annotation(view: type[View], attribute: str) -> str:
    """Return the scalar type of a field or of its items."""
    return str(view.__annotations__[attribute]).removeprefix("list[").removesuffix("]")


_EXTENSIONS = {
    "AnimatedGraphics": "gif",
    "SnapshotByTimeOffset": "jpg",
    "SampleSnapshot": "jpg",
    "ImageSprites": "jpg",
    "Cover": "jpg",
    "AdaptiveDynamicStreaming": "m3u8",
}

_PATHS = ("Path", "PathSet", "Paths", "VoiceClonedVideo", "VoiceClonedMarkFile")
_MAIN_PATHS = ("Path", "ImagePathSet", "WebVttPath")

_DEFINITIONS = {"Transcode": 100030, "AnimatedGraphics": 20000, "AdaptiveDynamicStreaming": 12}

_STRINGS = {
    "Status": "SUCCESS",
    "Suggestion": "pass",
    "Codec": "h264",
    "Md5": "31dcf904c03d0cd78346a12c25c0acc9",
    "Package": "HLS",
    "Container": "mov,mp4,m4a,3gp,3g2,mj2",
}

_NUMBERS = {"Width": 1280, "Height": 720, "Bitrate": 1_000_000, "Size": 401_637, "Duration": 11.26}


def _get_definition(type_: str) -> int:
    return _DEFINITIONS.get(type_, 10)


def _create_scalar(annotation: str, name: str, type_: str) -> object:
    if annotation == "bool":
        return True
    if annotation in ("int", "float"):
        number = _get_definition(type_) if name == "Definition" else _NUMBERS.get(name, 1)
        return float(number) if annotation == "float" else number
    if name.endswith(_PATHS):
        # Each file of a result has another name.
        part = "" if name in _MAIN_PATHS else f"_{name.removesuffix('Path')}"
        return f"/videos/demo_{type_}_{_get_definition(type_)}{part}.{_get_extension(name, type_)}"
    if name.endswith("Url"):
        return "https://out-1250000000.cos.ap-guangzhou.myqcloud.com/videos/demo"
    return _STRINGS.get(name, "sample")


def _get_extension(name: str, type_: str) -> str:
    if "Vtt" in name or "Subtitle" in name:
        return "vtt"
    return _EXTENSIONS.get(type_, "mp4")


def _create_live(name: str, session_context: str) -> dict[str, Any]:
    kind: type[LiveEvent]
    kind, field = LIVE_EVENTS[name]
    payload: dict[str, Any] = {}
    for attribute, (mps_name, is_list, model) in get_schema(kind).items():
        if model:
            payload[mps_name] = (
                [_create_object(model, name)] if is_list else _create_object(model, name)
            )
        else:
            payload[mps_name] = 0 if _read_annotation(kind, attribute) == "int" else "sample"
    return {
        "NotificationType": name,
        "TaskId": "1250000000-procedure-live-0123456789t0",
        field: payload,
        "SessionId": "",
        "SessionContext": session_context,
    }
