"""Deliveries: the notifications that one invocation received, and the reply to them."""

from __future__ import annotations

from .. import logs
from ..errors import InvalidEvent
from ..events.base import UnknownEvent
from ..events.parser import check_finite, parse_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Any

    from ..context import Context
    from ..events.base import Event


class Outcome:
    """The result of dispatching one event.

    Attributes:
        summary: the event's summary, None if the event could not be read.
        error: the reason why the event was not handled, None if it was.
    """

    __slots__ = ("error", "summary")

    def __init__(self, summary: dict[str, Any] | None, error: Exception | None = None) -> None:
        self.summary = summary
        self.error = error


class Delivery:
    """The notifications of one invocation. Base class: its summary is returned and its error is raised unchanged.

    Args:
        notifications: the notifications. An InvalidEvent stands for one that could not be unwrapped.
        context: SCF's context.
        named_types: types of events that callbacks are registered for by name.

    Attributes:
        lookback: seconds for which a timer trigger asks to reconcile, None for other channels.
    """

    __slots__ = ("_context", "_named_types", "_notifications")

    lookback: float | None = None

    def __init__(
        self, notifications: Sequence[object], context: Context, named_types: Collection[str]
    ) -> None:
        self._notifications = notifications
        self._context = context
        self._named_types = named_types

    @property
    def count(self) -> int:
        """The number of notifications."""
        return len(self._notifications)

    def read(self, index: int, *, verify: bool = True) -> Event:
        """Parse a notification. Fetch the event first if the notification is a reference.

        From now on, log lines have the event's task id and hide its secrets.

        Args:
            index: the number of the notification, from 0.
            verify: verify the event as far as its channel requires it.

        Raises:
            InvalidEvent: it is not a notification of MPS. `RequestRefused` if it cannot be verified.
            CosError, MpsError: the event of a reference cannot be fetched.
        """
        notification = self._notifications[index]
        event = None
        if (
            isinstance(notification, dict)
            and "EventType" not in notification
            and ("TaskId" in notification or "ArchivedEvent" in notification)
        ):
            from .claim_check import fetch_event, is_reference

            if is_reference(notification):
                logs.bind_task(str(notification.get("TaskId") or ""))
                event = fetch_event(notification, self._context)
        if event is None:
            event = parse_event(notification)
        raw = event.raw
        logs.bind_event(event.task_id, raw)
        check_finite(raw)
        if isinstance(event, UnknownEvent) and event.type not in self._named_types:
            from ..events.vod import VOD_EVENT_TYPES, describe_vod_event

            if event.type in VOD_EVENT_TYPES:
                raise InvalidEvent(describe_vod_event(event.type))
        return event


class ReplyingDelivery(Delivery):
    """A delivery with a reply to the outcomes of its notifications. `main_handler` raises none of their errors itself."""

    __slots__ = ()

    def report(self, error: Exception) -> None:
        """Log why an event was not handled, unless the reply says so."""

    if TYPE_CHECKING:

        def reply(self, outcomes: Sequence[Outcome]) -> dict[str, Any]:
            """Return what `main_handler` returns for the outcomes of all events, or raise what it raises."""
            raise NotImplementedError


def receive(event: object, context: Context, named_types: Collection[str] = ()) -> Delivery:
    """Return the delivery of an event of SCF, from any channel.

    Args:
        event: what SCF passes to `main_handler`.
        context: SCF's context.
        named_types: types of events that callbacks are registered for by name.

    Raises:
        InvalidEvent: the envelope cannot be opened. The delivery of an HTTP request raises it when it is read.
    """
    if isinstance(event, dict) and "EventType" in event:  # the MPS trigger has no envelope
        return Delivery((event,), context, named_types)
    from .envelope import decode_text, is_http_request, unwrap

    event = decode_text(event)
    if is_http_request(event):
        from .http import HttpDelivery

        return HttpDelivery(event, context, named_types)
    if isinstance(event, dict) and event.get("Type") == "Timer" and "TriggerName" in event:
        from .timer import TimerDelivery

        return TimerDelivery(event, context)
    notifications = unwrap(event)
    if len(notifications) == 1:
        return Delivery(notifications, context, named_types)
    from .messages import MessageBatch

    is_queue = isinstance(event, dict) and "msgInfoList" in event
    field = "msgInfoList" if is_queue else "Records"
    return MessageBatch(notifications, context, named_types, field)


def replace_depth_error(error: BaseException, event: object) -> BaseException:
    """Return an InvalidEvent if an event nested too deep can have caused an error, otherwise the error."""
    from .envelope import MAX_DEPTH, is_too_deep

    if not is_too_deep(event):
        return error
    return InvalidEvent(
        f"expected an MPS notification, but the event has more than {MAX_DEPTH} levels"
    )
