"""An event of which only a reference arrived, as it was too large to be passed on: where it is, or whose it is.

``{"TaskId": …}`` is a task that MPS is asked about, ``{"ArchivedEvent": "cos://bucket.region/key"}`` an object in COS.
"""

from __future__ import annotations

from .errors import InvalidEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .context import Context

LARGEST = 16 * 1024 * 1024
"""Bytes of an archived event that are taken into memory: about a hundred times what SCF passes to a function."""

_KEYS = frozenset({"ArchivedEvent", "TaskId", "Timestamp", "Sign"})


def is_reference(notification: dict[str, Any]) -> bool:
    """Whether it is a reference and nothing else; one that came over HTTP is signed."""
    return notification.keys() <= _KEYS and (
        "ArchivedEvent" in notification or isinstance(notification.get("TaskId"), str)
    )


def resolved(reference: dict[str, Any], context: Context) -> dict[str, Any]:
    """The notification that a reference is about.

    Raises:
        InvalidEvent: for an address that is none or not allowed by ``MPS_BUCKETS``, where there is no object, or
            one that is no notification or another task's.
        MpsError: if MPS does not tell.
        CosError: if COS cannot be read now.
    """
    if "ArchivedEvent" in reference:
        return _archived(reference, context)
    from .mps import Mps

    return Mps(context=context).notification(reference["TaskId"])


def _archived(reference: dict[str, Any], context: Context) -> dict[str, Any]:
    from .cos import Cos
    from .cos.errors import Denied, NotFound
    from .envelope import unpacked
    from .events.files import CosObject

    address = reference["ArchivedEvent"]
    if not isinstance(address, str):
        raise InvalidEvent(
            f"expected cos://bucket.region/key under 'ArchivedEvent', but a {type(address).__name__} came"
        )
    cos = Cos(context=context)
    try:
        text = cos.read(CosObject.parse(address), limit=LARGEST)
    except Denied as error:
        if error.code not in ("BucketNotAllowed", "InvalidBucketName"):
            raise
        raise _invalid(address, error) from error
    except (ValueError, NotFound) as error:
        raise _invalid(address, error) from error
    try:
        notification = unpacked(text)
    except InvalidEvent as error:
        raise _invalid(address, error) from None
    if not isinstance(notification, dict):
        raise _invalid(address, f"a {type(notification).__name__} is there")
    if is_reference(notification):
        raise _invalid(address, "another reference is there")
    told = reference.get("TaskId")
    from .events.reading import read

    if told and read(notification).task_id != told:
        raise _invalid(address, "the event of another task is there")
    return notification


def _invalid(address: str, why: object) -> InvalidEvent:
    return InvalidEvent(f"expected an archived event at {address[:200]!r}: {why}")
