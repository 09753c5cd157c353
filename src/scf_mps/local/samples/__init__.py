"""Sample events: the one of MPS's documentation, and any other with chosen results.

An event is generated from the schema of the views, so that a type has the fields MPS sends for it: names like those
of real outputs, the values plausible and the same each time. This is for desks and tests; it is never deployed.
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
from scf_mps.routing.type_names import list_types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

DOCUMENTATION = "documentation"

_WITH_RESULTS = ("WorkflowTask", "ScheduleTask", "BatchTask")
_STATUSES = ("FINISH", "PROCESSING", "WAITING", "FAIL")
_OUTCOMES = ("SUCCESS", "FAIL", "PROCESSING")
_CLOSE = 0.85  # as in names.py: so alike, a name is taken for a slip

_TASK_IDS = "1250000000-{}-{}tt0"
_MAX_SESSION_ID_CHARACTERS = 50
_SAME_ID = "0123456789abcdef0123456789abcdef"
_IN = {"Bucket": "in-1250000000", "Region": "ap-guangzhou", "Object": "/videos/demo.mp4"}
_OUT = {"Type": "COS", "CosOutputStorage": {"Bucket": "out-1250000000", "Region": "ap-guangzhou"}}
_INPUT = {"Type": "COS", "CosInputInfo": _IN, "UrlInputInfo": None, "S3InputInfo": None}


def names() -> dict[str, str]:
    """Return the names of the samples, with a line about each."""
    found = {
        DOCUMENTATION: "the sample event of MPS's documentation: three successes and a failure"
    }
    for type_ in EVENTS.rows:
        what = "with the results you name" if type_ in _WITH_RESULTS else "as one task"
        found[type_] = f"the notification {type_}, {what}"
    for type_ in LIVE_EVENTS.rows:
        found[type_] = f"the notification {type_} of a live stream"
    return found


def sample(
    name: str = DOCUMENTATION,
    results: Iterable[tuple[str, str]] = (),
    *,
    status: str = "FINISH",
    session_context: str = "",
    task_id: str = "",
    **more: str,
) -> dict[str, Any]:
    """A notification as MPS would send it, a new dict each time.

    Args:
        name: ``documentation``, or an ``EventType`` or ``NotificationType``.
        results: pairs of a type (as MPS writes it, or a class's name) and ``SUCCESS``, ``FAIL`` or ``PROCESSING``,
            in order. Without any, every type MPS processes media by succeeds. A type that there is not, and is not
            like one there is, is one MPS may add.
        status: the event's ``Status``: ``FINISH``, ``PROCESSING`` or ``WAITING``; ``FAIL`` makes it the error of a
            whole task: finished, with an ``ErrCode``.
        session_context: what the submitter of the task wanted echoed.
        task_id: ``TaskId``, the same one each time by default. A BatchTask has
            none: it becomes its ``SessionId``.
        more: further results, by keyword: ``Transcode="SUCCESS", ImageSprites="FAIL"``.

    Raises:
        ValueError: for a name or a result that there is not, or a choice that the named one does not leave.
    """
    notification = _make(name, [*results, *more.items()], status, session_context)
    if task_id:
        identified = [
            part
            for part in (notification, *notification.values())
            if isinstance(part, dict) and "TaskId" in part
        ]
        for part in identified:
            part["TaskId"] = task_id
        if not identified:
            notification["SessionId"] = task_id[-_MAX_SESSION_ID_CHARACTERS:]
    return notification


def new_task_id(name: str) -> str:
    """Return a task id like MPS's that no other sample has.

    Args:
        name: of the sample.
    """
    type_ = "WorkflowTask" if name == DOCUMENTATION else name
    return _TASK_IDS.format(type_, uuid4().hex)


def _make(
    name: str, pairs: list[tuple[str, str]], status: str, session_context: str
) -> dict[str, Any]:
    if status not in _STATUSES:
        raise ValueError(f"the status of an event is one of {', '.join(_STATUSES)}, not {status!r}")
    if name == DOCUMENTATION:
        if pairs or status != "FINISH" or session_context:
            raise ValueError(
                "the documentation's event is as it is; name an event type to choose results"
            )
        text = Path(__file__).with_name("documentation.json").read_text("utf-8")
        notification: dict[str, Any] = json.loads(text)
        return notification
    if name in EVENTS.rows:
        kind, field = EVENTS[name]
        notification = {"EventType": name, field: _payload(kind, name, status, pairs)}
        notification |= {"SessionId": "", "SessionContext": session_context}
        return deepcopy(notification)  # constants of this module are in it
    if name in LIVE_EVENTS.rows:
        if pairs or status != "FINISH":
            raise ValueError(
                f"{name} is of a live stream: it has no results and no status to choose"
            )
        return _live(name, session_context)
    raise ValueError(f"there is no sample {name!r}; there are {', '.join(names())}")


def _payload(
    kind: type[Event], name: str, status: str, pairs: list[tuple[str, str]]
) -> dict[str, Any]:
    failed = status == "FAIL"
    payload: dict[str, Any] = {
        "TaskId": _TASK_IDS.format(name, _SAME_ID),
        "Status": "FINISH" if failed else status,
        "ErrCode": 30010 if failed else 0,
        "Message": "source file error" if failed else "SUCCESS",
    }
    fields = {mps: model for mps, _, model in get_schema(kind).values()}
    if name == "BatchTask":
        if status != "FINISH":
            raise ValueError("a BatchTask has no status of its own: choose those of its results")
        payload = {"InputInfos": [_INPUT], "Metadatas": []}
    if "InputInfo" in fields:
        payload["InputInfo"] = _INPUT
    if "MetaData" in fields:
        payload["MetaData"] = None if failed else _object("MediaMetaData", "")
    if name == "EditMediaTask":
        payload["Input"] = {"FileInfoSet": [{"InputInfo": _INPUT, "StartTimeOffset": 0}]}
        payload["Output"] = (
            None if failed or status != "FINISH" else _object(fields["Output"], name)
        )
    elif name == "ExtractBlindWatermark":
        detected = status == "FINISH"
        payload |= {"Type": "blind-basic", "IsDetected": detected}
        payload["Result"] = "sample" if detected else ""
    elif not pairs and not failed:
        outcome = "SUCCESS" if status == "FINISH" else "PROCESSING"
        pairs = [(type_, outcome) for type_ in _usual(name)]
    for type_, outcome in pairs:
        _add(payload, name, type_, outcome)
    return payload


def _usual(name: str) -> list[str]:
    if name == "BatchTask":
        return [row[1] for row in BATCH.rows.values()]
    return list(MEDIA.rows)


def _add(payload: dict[str, Any], name: str, type_: str, outcome: str) -> None:
    """Put a result where MPS puts results of its type."""
    if name not in _WITH_RESULTS:
        raise ValueError(f"{name} is one task and has no results to choose: use its status")
    if outcome not in _OUTCOMES:
        raise ValueError(f"{type_}={outcome}: a result is one of {', '.join(_OUTCOMES)}")
    if name == "ScheduleTask":
        activities = payload.setdefault("ActivityResultSet", [])
        activities.append(_activity(type_, outcome))
        return
    if name == "BatchTask":
        (key, (_, kind_name, _)), *_ = BATCH.rows.items()
        if type_ != kind_name:
            raise ValueError(f"the results of a BatchTask are {kind_name}, not {type_}")
        holder = payload.setdefault(key, {"Input": {"Definition": 122}, "Outputs": []})
        holder["Outputs"].append(_result(get_class(kind_name), outcome))
        return
    for key, kinds in SETS.items():
        for mps_type, (_, kind_name, field) in kinds.rows.items():
            if type_ in (mps_type, kind_name):
                item = {"Type": mps_type, field: _result(kinds[mps_type][0], outcome)}
                payload.setdefault(key, []).append(item)
                return
    for key, (_, kind_name, _) in SINGLES.rows.items():
        if type_ in (key, kind_name):
            payload[key] = _result(get_class(kind_name), outcome)
            return
    # A type that no SDK knows of yet: what MPS would be expected to send.
    _check_no_slip(name, type_)
    item = {"Type": type_, f"{type_.replace('.', '')}Task": _common(outcome) | {"Output": {}}}
    payload.setdefault("MediaProcessResultSet", []).append(item)


def _activity(type_: str, outcome: str) -> dict[str, Any]:
    for mps_type, (_, kind_name, field) in ACTIVITIES.rows.items():
        if type_ in (mps_type, kind_name):
            result = _result(ACTIVITIES[mps_type][0], outcome)
            return {"ActivityType": mps_type, "ActivityResItem": {field: result}}
    for field, kinds in NESTED.items():
        for mps_type, (_, kind_name, inner) in kinds.rows.items():
            if type_ in (mps_type, kind_name):
                item = {"Type": mps_type, inner: _result(kinds[mps_type][0], outcome)}
                holder = next(row for row in ACTIVITIES.rows.items() if row[1][2] == field)
                result = _common("SUCCESS") | {"Input": {"Definition": 10}, "Output": [item]}
                return {"ActivityType": holder[0], "ActivityResItem": {field: result}}
    _check_no_slip("ScheduleTask", type_)
    body = _common(outcome) | {"Output": {}}
    return {"ActivityType": type_, "ActivityResItem": {f"{type_.replace('.', '')}Task": body}}


def _check_no_slip(name: str, type_: str) -> None:
    """Refuse a type that is close to one there is, or is one of other events."""
    known = {one.lower(): one for type_, kinds in list_types().items() for one in (*kinds, type_)}
    near = get_close_matches(type_.lower(), known, n=1, cutoff=_CLOSE)
    if near:
        meant = known[near[0]]
        hint = "" if meant == type_ else f"; did you mean {meant!r}?"
        raise ValueError(f"a {name} has no results of type {type_!r}{hint}")


def _result(kind: type[Any], outcome: str) -> dict[str, Any]:
    """The result of a class: its input, and on success its output, as its schema has them."""
    body = _common(outcome)
    for name, is_list, model in get_schema(kind).values():
        if name == "Input" and model:
            body[name] = _input(model, kind.mps_type)
        elif model and not is_list:
            body[name] = _object(model, kind.mps_type) if outcome == "SUCCESS" else None
        elif is_list:
            body[name] = [] if outcome == "SUCCESS" else None
        elif name in ("BeginProcessTime", "FinishTime"):
            body[name] = "2026-01-01T00:00:09Z"
    known = {name for name, _, _ in get_schema(kind).values()} | {"Status"}
    return {name: value for name, value in body.items() if name in known}


def _common(outcome: str) -> dict[str, Any]:
    failed = outcome == "FAIL"
    return {
        "Status": outcome,
        "ErrCode": 30010 if failed else 0,
        "ErrCodeExt": "InternalError" if failed else "",
        "Message": "internal error" if failed else "SUCCESS",
        "Progress": 42 if outcome == "PROCESSING" else 100,
    }


def _input(model: str, type_: str) -> dict[str, Any]:
    fields = {name for name, _, _ in get_schema(get_model(model)).values()}
    given = {
        "Definition": _definition(type_),
        "OutputStorage": _OUT,
        "OutputObjectPath": f"/videos/demo_{type_}_{{number}}",
    }
    return {name: value for name, value in given.items() if name in fields}


def _object(model: str | None, type_: str, depth: int = 4) -> dict[str, Any]:
    """An object of a model: every field of it, lists with one item."""
    if model == "TaskOutputStorage":
        return dict(_OUT)
    found: dict[str, Any] = {}
    view = get_model(model or "")
    for attribute, (name, is_list, below) in get_schema(view).items():
        value: object
        if below:
            value = _object(below, type_, depth - 1) if depth else None
        else:
            value = _scalar(_annotation(view, attribute), name, type_)
        found[name] = [value] if is_list and value is not None else [] if is_list else value
    return found


def _annotation(view: type[View], attribute: str) -> str:
    """The scalar type that a view class declares for a field, or for the items of a list."""
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


def _definition(type_: str) -> int:
    return _DEFINITIONS.get(type_, 10)


def _scalar(annotation: str, name: str, type_: str) -> object:
    if annotation == "bool":
        return True
    if annotation in ("int", "float"):
        number = _definition(type_) if name == "Definition" else _NUMBERS.get(name, 1)
        return float(number) if annotation == "float" else number
    if name.endswith(_PATHS):
        # Each file of a result has a name of its own.
        part = "" if name in _MAIN_PATHS else f"_{name.removesuffix('Path')}"
        return f"/videos/demo_{type_}_{_definition(type_)}{part}.{_extension(name, type_)}"
    if name.endswith("Url"):
        return "https://out-1250000000.cos.ap-guangzhou.myqcloud.com/videos/demo"
    return _STRINGS.get(name, "sample")


def _extension(name: str, type_: str) -> str:
    if "Vtt" in name or "Subtitle" in name:
        return "vtt"
    return _EXTENSIONS.get(type_, "mp4")


def _live(name: str, session_context: str) -> dict[str, Any]:
    kind: type[LiveEvent]
    kind, field = LIVE_EVENTS[name]
    payload: dict[str, Any] = {}
    for attribute, (mps_name, is_list, model) in get_schema(kind).items():
        if model:
            payload[mps_name] = [_object(model, name)] if is_list else _object(model, name)
        else:
            payload[mps_name] = 0 if _annotation(kind, attribute) == "int" else "sample"
    return {
        "NotificationType": name,
        "TaskId": "1250000000-procedure-live-0123456789t0",
        field: payload,
        "SessionId": "",
        "SessionContext": session_context,
    }
