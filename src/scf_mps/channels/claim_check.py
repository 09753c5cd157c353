"""An event of which only a reference arrived, as it was too large to be passed on: where it is, or whose it is.

``{"TaskId": …}`` is a task that MPS is asked about, ``{"ArchivedEvent": "cos://bucket.region/key"}`` an object in COS.
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
"""Bytes of an archived event that are taken into memory: about a hundred times what SCF passes to a function."""

_KEYS = frozenset({"ArchivedEvent", "TaskId", "Timestamp", "Sign"})


class InvalidReference(InvalidEvent):
    """Where a reference points, there is no event that may be read. Its text tells what is there instead: it is for
    the log alone, as over HTTP the function would read for others what they may not.
    """


def is_reference(notification: dict[str, Any]) -> bool:
    """Whether it is a reference and nothing else; one that came over HTTP is signed."""
    return notification.keys() <= _KEYS and (
        "ArchivedEvent" in notification or isinstance(notification.get("TaskId"), str)
    )


def fetch_event(reference: dict[str, Any], context: Context) -> Event:
    """The event that a reference is about.

    Raises:
        InvalidEvent: for an address that is none; `InvalidReference` for one not allowed by ``MPS_BUCKETS``, where there is
            no object, or one that is no notification or another task's.
        MpsError: if MPS does not tell.
        CosError: if COS cannot be read now.
    """
    if "ArchivedEvent" in reference:
        return _archived(reference, context)
    from ..tencent.mps import Mps

    return parse_event(Mps(context=context).notification(reference["TaskId"]))


def _archived(reference: dict[str, Any], context: Context) -> Event:
    from ..cos import Cos
    from ..cos.errors import Denied, NotFound
    from ..events.files import CosObject
    from .envelope import decode_text

    address = reference["ArchivedEvent"]
    if not isinstance(address, str):
        raise InvalidEvent(
            f"expected cos://bucket.region/key under 'ArchivedEvent', but a {type(address).__name__} came"
        )
    cos = Cos(context=context)
    try:
        text = cos.read(CosObject.parse(address), limit=MAX_EVENT_BYTES)
    except Denied as error:
        if error.code not in ("BucketNotAllowed", "InvalidBucketName"):
            raise
        raise _invalid(address, error) from error
    except (ValueError, NotFound) as error:
        raise _invalid(address, error) from error
    try:
        notification = decode_text(text)
        if isinstance(notification, dict) and is_reference(notification):
            raise InvalidEvent("another reference is there")
        event = parse_event(notification)
    except InvalidEvent as error:
        raise _invalid(address, error) from None
    told = reference.get("TaskId")
    if told and event.task_id != told:
        raise _invalid(address, "the event of another task is there")
    return event


def _invalid(address: str, why: object) -> InvalidReference:
    return InvalidReference(f"expected an archived event at {address[:200]!r}: {why}")
