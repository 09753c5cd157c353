"""Events to try an application with: the one of MPS's documentation, and any that is asked for.

An event is generated from the schema of the views, so that a type has the fields MPS sends for it: names like those
of real outputs, the values plausible and the same each time. This is for desks and tests; it is never deployed.
"""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

from scf_mps.events.kinds import class_named
from scf_mps.events.result import Event, LiveEvent
from scf_mps.events.sets import ACTIVITIES, BATCH, EVENTS, LIVE_EVENTS, MEDIA, NESTED, SETS, SINGLES
from scf_mps.events.view import View, model_named, schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

DOCUMENTATION = "documentation"

_TASK_IDS = "1250000000-{}-0123456789abcdef0123456789abcdeftt0"
_IN = {"Bucket": "in-1250000000", "Region": "ap-guangzhou", "Object": "/videos/demo.mp4"}
_OUT = {"Type": "COS", "CosOutputStorage": {"Bucket": "out-1250000000", "Region": "ap-guangzhou"}}
_INPUT = {"Type": "COS", "CosInputInfo": _IN, "UrlInputInfo": None, "S3InputInfo": None}


def names() -> dict[str, str]:
    """The samples there are: name to a line about it."""
    found = {
        DOCUMENTATION: "the sample event of MPS's documentation: three successes and a failure"
    }
    for type_ in EVENTS.rows:
        found[type_] = f"a {type_} notification, with the results asked for"
    for type_ in LIVE_EVENTS.rows:
        found[type_] = f"a {type_} notification of a live stream"
    return found


def sample(
    name: str = DOCUMENTATION,
    results: Iterable[tuple[str, str]] = (),
    *,
    status: str = "FINISH",
    session_context: str = "",
    **more: str,
) -> dict[str, Any]:
    """A notification as MPS would send it, a new dict each time.

    Args:
        name: ``documentation``, or an ``EventType`` or ``NotificationType``.
        results: pairs of a type (as MPS writes it, or a class's name) and ``SUCCESS``, ``FAIL`` or ``PROCESSING``,
            in order. Without any, every type MPS processes media by succeeds.
        status: the event's ``Status``; ``FAIL`` makes it the error of a whole task: finished, with an ``ErrCode``.
        session_context: what the submitter of the task wanted echoed.
        more: further results, by keyword: ``Transcode="SUCCESS", ImageSprites="FAIL"``.

    Raises:
        ValueError: for a name or a result that there is not.
    """
    pairs = [*results, *more.items()]
    if name == DOCUMENTATION:
        if pairs:
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
        if pairs:
            raise ValueError(f"a {name} notification of a live stream has no results to choose")
        return _live(name, session_context)
    raise ValueError(f"there is no sample {name!r}; there are {', '.join(names())}")


def _payload(
    kind: type[Event], name: str, status: str, pairs: list[tuple[str, str]]
) -> dict[str, Any]:
    failed = status == "FAIL"
    payload: dict[str, Any] = {
        "TaskId": _TASK_IDS.format(name),
        "Status": "FINISH" if failed else status,
        "ErrCode": 30010 if failed else 0,
        "Message": "source file error" if failed else "SUCCESS",
    }
    fields = {mps: model for mps, _, model in schema(kind).values()}
    if name == "BatchTask":
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
        payload |= {"Type": "blind-basic", "IsDetected": True, "Result": "sample"}
    elif not pairs and not failed:
        pairs = [(type_, "SUCCESS" if status == "FINISH" else status) for type_ in _usual(name)]
    for type_, outcome in pairs:
        _add(payload, name, type_, outcome)
    return payload


def _usual(name: str) -> list[str]:
    if name == "BatchTask":
        return [row[1] for row in BATCH.rows.values()]
    return list(MEDIA.rows)


def _add(payload: dict[str, Any], name: str, type_: str, outcome: str) -> None:
    """Put a result where MPS puts results of its type."""
    if outcome not in ("SUCCESS", "FAIL", "PROCESSING"):
        raise ValueError(f"{type_}={outcome}: a result is SUCCESS, FAIL or PROCESSING")
    if name == "ScheduleTask":
        activities = payload.setdefault("ActivityResultSet", [])
        activities.append(_activity(type_, outcome))
        return
    if name == "BatchTask":
        (key, (_, kind_name, _)), *_ = BATCH.rows.items()
        if type_ != kind_name:
            raise ValueError(f"the results of a BatchTask are {kind_name}, not {type_}")
        holder = payload.setdefault(key, {"Input": {"Definition": 122}, "Outputs": []})
        holder["Outputs"].append(_result(class_named(kind_name), outcome))
        return
    if name != "WorkflowTask":
        raise ValueError(f"a {name} has no results to choose: it is one task; use its status")
    for key, kinds in SETS.items():
        for mps_type, (_, kind_name, field) in kinds.rows.items():
            if type_ in (mps_type, kind_name):
                item = {"Type": mps_type, field: _result(kinds[mps_type][0], outcome)}
                payload.setdefault(key, []).append(item)
                return
    for key, (_, kind_name, _) in SINGLES.rows.items():
        if type_ in (key, kind_name):
            payload[key] = _result(class_named(kind_name), outcome)
            return
    # A type that no SDK knows of yet: what MPS would be expected to send.
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
    body = _common(outcome) | {"Output": {}}
    return {"ActivityType": type_, "ActivityResItem": {f"{type_.replace('.', '')}Task": body}}


def _result(kind: type[Any], outcome: str) -> dict[str, Any]:
    """The result of a class: its input, and on success its output, as its schema has them."""
    body = _common(outcome)
    for name, is_list, model in schema(kind).values():
        if name == "Input" and model:
            body[name] = _input(model, kind.mps_type)
        elif model and not is_list:
            body[name] = _object(model, kind.mps_type) if outcome == "SUCCESS" else None
        elif is_list:
            body[name] = [] if outcome == "SUCCESS" else None
        elif name in ("BeginProcessTime", "FinishTime"):
            body[name] = "2026-01-01T00:00:09Z"
    known = {name for name, _, _ in schema(kind).values()} | {"Status"}
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
    fields = {name for name, _, _ in schema(model_named(model)).values()}
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
    for name, is_list, below in schema(model_named(model or "")).values():
        value: object
        if below:
            value = _object(below, type_, depth - 1) if depth else None
        else:
            value = _scalar(_annotation(model_named(model or ""), name), name, type_)
        found[name] = [value] if is_list and value is not None else [] if is_list else value
    return found


def _annotation(view: type[View], name: str) -> str:
    """The scalar type that a view class declares for an MPS field."""
    for attribute, (mps_name, _, _) in schema(view).items():
        if mps_name == name:
            return str(view.__annotations__[attribute]).removeprefix("list[").removesuffix("]")
    raise KeyError(name)


_EXTENSIONS = {
    "AnimatedGraphics": "gif",
    "SnapshotByTimeOffset": "jpg",
    "SampleSnapshot": "jpg",
    "ImageSprites": "jpg",
    "Cover": "jpg",
    "AdaptiveDynamicStreaming": "m3u8",
}

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
    if name.endswith(("Path", "PathSet", "Paths")):
        return f"/videos/demo_{type_}_{_definition(type_)}.{_extension(name, type_)}"
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
    for mps_name, is_list, model in schema(kind).values():
        value = _object(model, name) if model else 0
        payload[mps_name] = [value] if is_list else value
    return {
        "NotificationType": name,
        "TaskId": "1250000000-procedure-live-0123456789t0",
        field: payload,
        "SessionId": "",
        "SessionContext": session_context,
    }
