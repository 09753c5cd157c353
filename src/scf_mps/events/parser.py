"""From a notification, a plain dict, to an `Event` with all its subtasks; the tables it walks by are in `sets.py`.

The world is open: unknown keys, types and event types are no error, they become `UnknownEvent` and `UnknownSubtask`.
Only a shape that leaves no way to tell the results apart is an `InvalidEvent`.
"""

from __future__ import annotations

from ..errors import InvalidEvent
from .base import Event, Subtask, UnknownEvent, UnknownSubtask
from .generated.type_tables import (
    ACTIVITIES,
    BATCH,
    EVENTS,
    LIVE_EVENTS,
    NESTED,
    OTHER_FIELDS,
    SETS,
    SINGLES,
)
from .registry import TypeTable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VOD_EVENT_TYPES = frozenset(
    {
        "NewFileUpload",
        "ProcedureStateChanged",
        "FileDeleted",
        "RestoreMediaComplete",
        "PullComplete",
        "EditMediaComplete",
        "SplitMediaComplete",
        "ComposeMediaComplete",
        "WechatPublishComplete",
        "WechatMiniProgramPublishComplete",
        "RemoveWatermark",
        "RebuildMediaComplete",
        "ReviewAudioVideoComplete",
        "ExtractTraceWatermarkComplete",
        "ExtractCopyRightWatermarkComplete",
        "DescribeFileAttributesComplete",
        "QualityInspectComplete",
        "QualityEnhanceComplete",
        "MediaCastStatusChanged",
        "PersistenceComplete",
        "ComplexAdaptiveDynamicStreamingComplete",
        "ProcessMediaByMPSComplete",
        "AigcImageTaskComplete",
        "AigcVideoTaskComplete",
        "AigcHunyuan3DTaskComplete",
        "DescribeAigcFaceInfoAsyncComplete",
        "TranscodeComplete",
        "ConcatComplete",
        "ClipComplete",
        "CreateImageSpriteComplete",
        "CreateSnapshotByTimeOffsetComplete",
    }
)
"""Notifications of VOD, Tencent's other video product (266): alike to look at, but their outputs are URLs. Those that
EventContent names, a model of tencentcloud-sdk-python-vod 3.1.194."""

_NO_KINDS = TypeTable({})
_LONGEST_TYPE = 100  # characters; the longest event type MPS has is 21 characters long


def parse_event(notification: object) -> Event:
    """The event of a notification.

    Raises:
        InvalidEvent: if it is not an object with an ``EventType`` (``NotificationType`` for live streams), or a
            payload or result in it is of another shape than MPS sends; the message says what was expected.
    """
    if not isinstance(notification, dict):
        if isinstance(
            notification, InvalidEvent
        ):  # what `channels/envelope.py` could not read, among others
            raise notification
        raise InvalidEvent(
            f"expected an MPS notification, a JSON object, but {_kind(notification)} came"
        )
    type_ = notification.get("EventType")
    known = EVENTS
    if type_ is None and "NotificationType" in notification:
        type_ = notification["NotificationType"]
        known = LIVE_EVENTS
    if not (isinstance(type_, str) and 0 < len(type_) <= _LONGEST_TYPE):
        raise InvalidEvent(_no_type(notification, type_))
    kind: type[Event]
    try:
        kind, field = known[type_]
    except KeyError:
        kind, field = UnknownEvent, _payload_field(notification, type_)
    payload = notification.get(field, {} if kind is UnknownEvent else None)
    if not isinstance(payload, dict):
        raise InvalidEvent(
            f"expected an object under {field!r} of a {type_} notification, but {_kind(payload)} came"
        )
    event = kind(notification, payload, type_, field)
    subtasks: tuple[Subtask, ...] = ()
    if type_ not in VOD_EVENT_TYPES:
        try:
            subtasks = _subtasks(event, payload)
        except InvalidEvent:
            if kind is not UnknownEvent:
                raise
            # What this package does not know may be of any shape: the event itself is there to be handled.
    event._hold(subtasks)
    return event


def check_finite(event: Event) -> None:
    """Raise InvalidEvent if a number is infinite or NaN, which Python's parser makes of ``1e999`` and JSON has not."""
    stack: list[Any] = [event.raw]
    for outer in stack:
        for value in outer.values() if type(outer) is dict else outer:
            kind = type(value)
            if kind is str or kind is int:
                continue
            if kind is dict or kind is list:
                stack.append(value)
            elif kind is float and value - value != 0:
                raise InvalidEvent(
                    f"expected an MPS notification, a JSON object, but {value} is no number of JSON"
                )


def describe_vod_event(type_: str) -> str:
    """What to tell of a notification of VOD, and to do about it."""
    return (
        f"{type_} is a notification of VOD (product 266), not of MPS: its outputs are URLs, not in COS; take it with "
        f"VOD's own SDK (PullEvents), or raw, with a callback that is registered for it by name: on({type_!r})"
    )


def _subtasks(event: Event, payload: dict[str, Any]) -> tuple[Subtask, ...]:
    found: list[Subtask] = []
    for name, value in payload.items():
        if not value or name in OTHER_FIELDS:
            continue
        if event.type == "BatchTask":
            if name in BATCH.rows:
                _read_batch(event, name, value, found)
            else:
                _read_unknown(event, name, value, found)
        elif name in SETS:
            _read_set(event, name, value, SETS[name], found)
        elif name == "ActivityResultSet":
            _read_activities(event, name, value, found)
        elif name in SINGLES.rows:
            body = _object(event, name, value)
            kind, _ = SINGLES[name]
            found.append(kind(body, event, name, "", body, kind.mps_type))
        else:
            _read_unknown(event, name, value, found)
    return tuple(found)


def _read_set(
    event: Event, name: str, items: object, kinds: TypeTable, found: list[Subtask]
) -> None:
    for index, item in enumerate(_list(event, name, items)):
        place = f"{name}[{index}]"
        try:  # the usual case, without a detour
            type_ = item["Type"]
            kind, field = kinds[type_]
            body = item[field]
        except (KeyError, TypeError):
            pass
        else:
            if type(body) is dict:
                found.append(kind(body, event, place, field, item, type_))
                continue
        if item is not None:
            item = _object(event, place, item)
            found.append(_subtask(event, place, "", item, item, item.get("Type"), kinds))


def _read_activities(event: Event, name: str, items: object, found: list[Subtask]) -> None:
    for index, item in enumerate(_list(event, name, items)):
        if item is None:
            continue
        place = f"{name}[{index}]"
        item = _object(event, place, item)
        holder = item.get("ActivityResItem")
        holder = {} if holder is None else _object(event, f"{place}.ActivityResItem", holder)
        type_ = item.get("ActivityType")
        activity = _subtask(event, place, "ActivityResItem.", item, holder, type_, ACTIVITIES)
        nested: list[Subtask] = []
        kinds = NESTED.get(activity._name.removeprefix("ActivityResItem."))
        output = activity.raw.get("Output")
        if kinds is not None and output:
            _read_set(event, f"{place}.{activity._name}.Output", output, kinds, nested)
        # The results inside stand for the activity, unless it has a word of its own to say.
        if not nested or activity.status != "SUCCESS":
            found.append(activity)
        found += nested


def _read_batch(event: Event, name: str, value: object, found: list[Subtask]) -> None:
    kind, _ = BATCH[name]
    holder = _object(event, name, value)
    for index, item in enumerate(_list(event, f"{name}.Outputs", holder.get("Outputs") or [])):
        if item is not None:
            place = f"{name}.Outputs[{index}]"
            item = _object(event, place, item)
            found.append(kind(item, event, place, "", item, kind.mps_type))


def _read_unknown(event: Event, name: str, value: object, found: list[Subtask]) -> None:
    """A field that no SDK knows of yet: results, if it looks like those that are known."""
    if isinstance(value, dict) and "Status" in value:
        found.append(UnknownSubtask(value, event, name, "", value, name))
    elif isinstance(value, dict) and isinstance(value.get("Outputs"), list):
        for index, item in enumerate(value["Outputs"]):
            if isinstance(item, dict):
                place = f"{name}.Outputs[{index}]"
                found.append(UnknownSubtask(item, event, place, "", item, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict) and "Type" in item:
                found.append(
                    _subtask(event, f"{name}[{index}]", "", item, item, item["Type"], _NO_KINDS)
                )


def _subtask(
    event: Event,
    place: str,
    step: str,
    item: dict[str, Any],
    holder: dict[str, Any],
    type_: object,
    kinds: TypeTable,
) -> Subtask:
    """The subtask of one entry of a set: `holder` has its result, under the field that its type tells."""
    name = type_ if isinstance(type_, str) else ""
    kind, field = kinds[name] if name in kinds.rows else _by_field(holder, kinds)
    body = holder.get(field)
    if body is None:
        body = {} if kind is not UnknownSubtask else item
        field = step = ""
    else:
        body = _object(event, f"{place}.{step}{field}", body)
    return kind(body, event, place, step + field, item, name or kind.mps_type)


def _by_field(holder: dict[str, Any], kinds: TypeTable) -> tuple[type[Subtask], str]:
    """Class and field of an entry whose type is unknown or missing: the field that is filled tells them."""
    for type_, (_, _, field) in kinds.rows.items():
        if isinstance(holder.get(field), dict):
            return kinds[type_]
    filled = [
        name for name, value in holder.items() if isinstance(value, dict) and "Status" in value
    ]
    return UnknownSubtask, filled[0] if len(filled) == 1 else ""


def _payload_field(notification: dict[str, Any], type_: str) -> str:
    """Where an unknown event has its payload: MPS's custom is ``<EventType>Event``; or the only object there is."""
    custom = f"{type_}Event"
    if isinstance(notification.get(custom), dict):
        return custom
    objects = [name for name, value in notification.items() if isinstance(value, dict)]
    return objects[0] if len(objects) == 1 else ""


def _list(event: Event, name: str, items: object) -> list[Any]:
    if not isinstance(items, list):
        raise InvalidEvent(f"expected a list at {event._name}.{name}, but {_kind(items)} came")
    return items


def _object(event: Event, place: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidEvent(f"expected an object at {event._name}.{place}, but {_kind(value)} came")
    return value


def _no_type(notification: dict[str, Any], type_: object) -> str:
    expected = 'expected an MPS notification with an "EventType" such as "WorkflowTask"'
    if type_ is not None:
        shown = repr(type_[:40]) + "…" if isinstance(type_, str) and type_ else _kind(type_)
        return f"{expected}, but it is {shown}"
    keys = ", ".join(repr(str(key)[:40]) for key in list(notification)[:8]) or "none"
    hint = ""
    if "TaskId" in notification and "Status" in notification:
        hint = '; this looks like a payload without its envelope: {"EventType": …, "<EventType>Event": {…}}'
    return f"{expected}, but an object with these keys came: {keys}{hint}"


def _kind(value: object) -> str:
    """What a value is, for a message that stays short whatever came."""
    if value is None:
        return "null"
    name = type(value).__name__
    if isinstance(value, str | bytes | list):
        return f"a {name} of length {len(value)}" if value else f"an empty {name}"
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
