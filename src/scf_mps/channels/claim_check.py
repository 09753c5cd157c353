"""References to events that were too large to be passed on.

``{"TaskId": …}`` refers to a task of MPS, ``{"ArchivedEvent": "cos://bucket.region/key"}`` to an object in COS.
"""

from __future__ import annotations

from ..errors import InvalidEvent
from ..events.parser import parse_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..context import Context
    from ..events.base import Event

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""Maximum size of an archived event. SCF passes events of up to a hundredth of it."""

_KEYS = frozenset({"ArchivedEvent", "TaskId", "Timestamp", "Sign"})


class InvalidReference(InvalidEvent):
    """A reference to something that is not an event, or must not be read.

    Its text names the content, for the log only: an HTTP response with it would show callers the content of objects.
    """


def is_reference(notification: dict[str, Any]) -> bool:
    """Return True for a reference and nothing else. One that arrived over HTTP also has a signature."""
    return notification.keys() <= _KEYS and (
        "ArchivedEvent" in notification or isinstance(notification.get("TaskId"), str)
    )


def fetch_event(reference: dict[str, Any], context: Context) -> Event:
    """Return the event that a reference refers to.

    Raises:
        InvalidEvent: the address is invalid. `InvalidReference` if ``MPS_BUCKETS`` does not allow it, or if there is
            no object, no notification, or that of another task.
        MpsError: MPS cannot be reached.
        CosError: COS cannot be read.
    """
    if "ArchivedEvent" in reference:
        return _fetch_archived_event(reference, context)
    from ..tencent.mps import Mps

    return parse_event(Mps(context=context).notification(reference["TaskId"]))


def _fetch_archived_event(reference: dict[str, Any], context: Context) -> Event:
    from .envelope import decode_text

    address = reference["ArchivedEvent"]
    if not isinstance(address, str):
        raise InvalidEvent(
            f"invalid 'ArchivedEvent': {type(address).__name__}. Use cos://bucket.region/key"
        )
    text = _read_object(address, context)
    try:
        notification = decode_text(text)
        if isinstance(notification, dict) and is_reference(notification):
            raise InvalidEvent("it is another reference")
        event = parse_event(notification)
    except InvalidEvent as error:
        raise _create_error(address, error) from None
    task_id = reference.get("TaskId")
    if task_id and event.task_id != task_id:
        raise _create_error(address, "it is the event of another task")
    return event


def _read_object(address: str, context: Context) -> bytes:
    from ..cos import Cos
    from ..cos.errors import Denied, NotFound
    from ..events.files import CosObject

    cos = Cos(context=context)
    try:
        return cos.read(CosObject.parse(address), limit=MAX_EVENT_BYTES)
    except Denied as error:
        if error.code not in ("BucketNotAllowed", "InvalidBucketName"):
            raise
        raise _create_error(address, error) from error
    except (ValueError, NotFound) as error:
        raise _create_error(address, error) from error


def _create_error(address: str, problem: object) -> InvalidReference:
    return InvalidReference(f"invalid archived event {address[:200]!r}: {problem}")
