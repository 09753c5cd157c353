"""Parsing of notifications: `parse_event` makes an `Event` with all its subtasks from a plain dict.

Unknown keys, types and event types are no errors: they become `UnknownEvent` and `UnknownSubtask`. Only a structure
in which results cannot be identified raises `InvalidEvent`.
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
    from collections.abc import Iterable
    from typing import Any

_NO_TYPES = TypeTable({})
_MAX_TYPE_CHARACTERS = 100  # the longest event type of MPS has 21
_MAX_SHOWN_KEYS = 8
_MAX_SHOWN_CHARACTERS = 40


def parse_event(notification: object) -> Event:
    """Return the event of a notification.

    Args:
        notification: an object with ``EventType``, or with ``NotificationType`` for live streams. An `InvalidEvent`
            of an earlier step is raised.

    Raises:
        InvalidEvent: the notification has no type, or its payload or a result has another structure than MPS sends.
    """
    if not isinstance(notification, dict):
        if isinstance(notification, InvalidEvent):
            raise notification
        raise InvalidEvent(
            f"expected an MPS notification, a JSON object, got {_describe_value(notification)}"
        )
    type_ = notification.get("EventType")
    table = EVENTS
    if type_ is None and "NotificationType" in notification:
        type_ = notification["NotificationType"]
        table = LIVE_EVENTS
    if not (isinstance(type_, str) and 0 < len(type_) <= _MAX_TYPE_CHARACTERS):
        raise InvalidEvent(_explain_missing_type(notification, type_))
    kind: type[Event]
    try:
        kind, field = table[type_]
    except KeyError:
        kind, field = UnknownEvent, _find_payload_field(notification, type_)
    payload = notification.get(field, {} if kind is UnknownEvent else None)
    if not isinstance(payload, dict):
        raise InvalidEvent(
            f"expected an object at {field!r} of a {type_} notification, got {_describe_value(payload)}"
        )
    event = kind(notification, payload, type_, field)
    if kind is UnknownEvent:
        event._set_subtasks(_parse_unknown(event, payload))
    else:
        event._set_subtasks(_SubtaskParser(event).parse(payload))
    return event


def check_finite(notification: dict[str, Any]) -> None:
    """Check that no number in a notification is infinite or NaN. Python's JSON parser reads ``1e999`` as infinity.

    Raises:
        InvalidEvent: a number is.
    """
    stack: list[Iterable[Any]] = [notification.values()]
    for values in stack:
        for value in values:
            kind = type(value)
            if kind is str or kind is int or value is None:
                continue
            if kind is dict:
                stack.append(value.values())
            elif kind is list:
                stack.append(value)
            elif kind is float and value - value != 0:
                raise InvalidEvent(
                    f"expected an MPS notification, a JSON object, got the number {value}, which JSON does not have"
                )


def _parse_unknown(event: Event, payload: dict[str, Any]) -> tuple[Subtask, ...]:
    """Return the subtasks of an unknown event, none if it has another structure. Callbacks can handle the event."""
    from .vod import VOD_EVENT_TYPES

    if event.type in VOD_EVENT_TYPES:
        return ()
    try:
        return _SubtaskParser(event).parse(payload)
    except InvalidEvent:
        return ()


class _SubtaskParser:
    """Parser for the results in the payload of one event."""

    def __init__(self, event: Event) -> None:
        self._event = event
        self._subtasks: list[Subtask] = []

    def parse(self, payload: dict[str, Any]) -> tuple[Subtask, ...]:
        """Return the subtasks in the order of the payload."""
        is_batch = self._event.type == "BatchTask"
        for name, value in payload.items():
            if not value or name in OTHER_FIELDS:
                continue
            if is_batch:
                (self._add_batch if name in BATCH.rows else self._add_unknown)(name, value)
            elif name in SETS:
                self._add_set(name, value, SETS[name])
            elif name == "ActivityResultSet":
                self._add_activities(name, value)
            elif name in SINGLES.rows:
                body = self._check_object(name, value)
                kind, _ = SINGLES[name]
                self._subtasks.append(kind(body, self._event, (name, ""), body, kind.mps_type))
            else:
                self._add_unknown(name, value)
        return tuple(self._subtasks)

    def _add_set(self, name: str, items: object, table: TypeTable) -> None:
        event, append = self._event, self._subtasks.append
        for index, item in enumerate(self._check_list(name, items)):
            place = f"{name}[{index}]"
            try:  # the fast path for known types
                type_ = item["Type"]
                kind, field = table[type_]
                body = item[field]
            except (KeyError, TypeError):
                pass
            else:
                if type(body) is dict:
                    append(kind(body, event, (place, field), item, type_))
                    continue
            if item is not None:
                item = self._check_object(place, item)
                append(self._create_subtask(place, item, item.get("Type"), table))

    def _add_activities(self, name: str, items: object) -> None:
        for index, item in enumerate(self._check_list(name, items)):
            if item is None:
                continue
            place = f"{name}[{index}]"
            item = self._check_object(place, item)
            holder = item.get("ActivityResItem")
            holder = (
                {} if holder is None else self._check_object(f"{place}.ActivityResItem", holder)
            )
            type_ = item.get("ActivityType")
            activity = self._create_subtask(place, item, type_, ACTIVITIES, holder)
            self._add_activity(activity)

    def _add_activity(self, activity: Subtask) -> None:
        """Add the nested results of an activity. Add the activity if it has none, or did not succeed."""
        output = activity.raw.get("Output")
        table = NESTED.get(activity._name.removeprefix("ActivityResItem."))
        position = len(self._subtasks)
        if table is not None and output:
            self._add_set(f"{activity.place}.{activity._name}.Output", output, table)
        if len(self._subtasks) == position or activity.status != "SUCCESS":
            self._subtasks.insert(position, activity)

    def _add_batch(self, name: str, value: object) -> None:
        kind, _ = BATCH[name]
        holder = self._check_object(name, value)
        for index, item in enumerate(
            self._check_list(f"{name}.Outputs", holder.get("Outputs") or [])
        ):
            if item is not None:
                place = f"{name}.Outputs[{index}]"
                item = self._check_object(place, item)
                self._subtasks.append(kind(item, self._event, (place, ""), item, kind.mps_type))

    def _add_unknown(self, name: str, value: object) -> None:
        """Add the results of an unknown field if they have the structure of known ones."""
        if isinstance(value, dict) and "Status" in value:
            self._subtasks.append(UnknownSubtask(value, self._event, (name, ""), value, name))
        elif isinstance(value, dict) and isinstance(value.get("Outputs"), list):
            for index, item in enumerate(value["Outputs"]):
                if isinstance(item, dict):
                    place = f"{name}.Outputs[{index}]"
                    self._subtasks.append(
                        UnknownSubtask(item, self._event, (place, ""), item, name)
                    )
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, dict) and "Type" in item:
                    place = f"{name}[{index}]"
                    subtask = self._create_subtask(place, item, item["Type"], _NO_TYPES)
                    self._subtasks.append(subtask)

    def _create_subtask(
        self,
        place: str,
        item: dict[str, Any],
        type_: object,
        table: TypeTable,
        activity_result: dict[str, Any] | None = None,
    ) -> Subtask:
        """Return the subtask of an entry of a set.

        The result is in a field of the entry, or of the ``ActivityResItem`` of an activity. The type determines the
        field.
        """
        step = "" if activity_result is None else "ActivityResItem."
        holder = item if activity_result is None else activity_result
        name = type_ if isinstance(type_, str) else ""
        kind, field = table[name] if name in table.rows else _find_by_field(holder, table)
        body = holder.get(field)
        if body is None:
            body = {} if kind is not UnknownSubtask else item
            field = step = ""
        else:
            body = self._check_object(f"{place}.{step}{field}", body)
        return kind(body, self._event, (place, step + field), item, name or kind.mps_type)

    def _check_list(self, place: str, value: object) -> list[Any]:
        if not isinstance(value, list):
            raise InvalidEvent(
                f"expected a list at {self._event._name}.{place}, got {_describe_value(value)}"
            )
        return value

    def _check_object(self, place: str, value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise InvalidEvent(
                f"expected an object at {self._event._name}.{place}, got {_describe_value(value)}"
            )
        return value


def _find_by_field(holder: dict[str, Any], table: TypeTable) -> tuple[type[Subtask], str]:
    """Return class and field of an entry without a known type, from the field that has a value."""
    for type_, (_, _, field) in table.rows.items():
        if isinstance(holder.get(field), dict):
            return table[type_]
    results = [
        name for name, value in holder.items() if isinstance(value, dict) and "Status" in value
    ]
    return UnknownSubtask, results[0] if len(results) == 1 else ""


def _find_payload_field(notification: dict[str, Any], type_: str) -> str:
    """Return the field of an unknown event's payload: ``<EventType>Event``, or the only object."""
    conventional = f"{type_}Event"
    if isinstance(notification.get(conventional), dict):
        return conventional
    objects = [name for name, value in notification.items() if isinstance(value, dict)]
    return objects[0] if len(objects) == 1 else ""


def _explain_missing_type(notification: dict[str, Any], type_: object) -> str:
    expected = 'expected an MPS notification with an "EventType" such as "WorkflowTask"'
    if type_ is not None:
        shown = _describe_value(type_)
        if isinstance(type_, str) and type_:
            shown = f"{type_[:_MAX_SHOWN_CHARACTERS]!r}…"
        return f"{expected}, got {shown}"
    keys = [repr(str(key)[:_MAX_SHOWN_CHARACTERS]) for key in list(notification)[:_MAX_SHOWN_KEYS]]
    hint = ""
    if "TaskId" in notification and "Status" in notification:
        hint = '. Send the payload in its envelope: {"EventType": …, "<EventType>Event": {…}}'
    return f"{expected}, got an object with the keys {', '.join(keys) or '(none)'}{hint}"


def _describe_value(value: object) -> str:
    """Return the type of a value and its length: a short text for any value."""
    if value is None:
        return "null"
    name = type(value).__name__
    if isinstance(value, str | bytes | list):
        return f"a {name} of length {len(value)}" if value else f"an empty {name}"
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
