"""Signatures of HTTP requests.

Anybody can call a URL. ``Sign`` is MD5(``Timestamp`` + NotifyKey), where ``Timestamp`` is when it expires (the model
TaskNotifyConfig of MPS's SDK). It proves that the sender has a callback that MPS signed, and nothing about the rest of
the body. `confirm.py` verifies the body.
"""

from __future__ import annotations

import os

from ..common.lists import split_list
from ..errors import RequestRefused
from ..events.vod import VOD_EVENT_TYPES, describe_vod_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MAX_SIGNATURE_AGE = 3600
"""Maximum seconds until a signature expires. MPS signs for ten minutes. One that is valid for years, from a test or a
leaked key, could be replayed for years."""

_MAX_TIMESTAMP_DIGITS = 12
"""Timestamps have ten digits until the year 2286."""


def is_reread_enabled() -> bool:
    """Return True if HTTP requests are verified with MPS, by ``MPS_REREAD``."""
    return os.environ.get("MPS_REREAD", "") not in ("", "0")


def check_signature(notification: object, clock: Callable[[], float] | None = None) -> None:
    """Check that MPS signed a notification with one of the keys in ``MPS_NOTIFY_KEY``.

    Without a key, accept everything if ``MPS_ALLOW_UNSIGNED`` is 1, and nothing otherwise.

    Args:
        notification: the parsed body.
        clock: returns the time in seconds since the epoch.

    Raises:
        RequestRefused: the signature is invalid. The status is 401.
    """
    fields = notification if isinstance(notification, dict) else {}
    problem = _find_problem(fields, clock)
    if problem:
        kind = fields.get("EventType")
        hint = ""
        if isinstance(kind, str) and kind in VOD_EVENT_TYPES:
            hint = f"; {describe_vod_event(kind)}"
        raise RequestRefused(f"HTTP request refused: {problem}{hint}", 401)


def _find_problem(fields: dict[str, object], clock: Callable[[], float] | None) -> str:
    if not os.environ.get("MPS_NOTIFY_KEY"):
        if os.environ.get("MPS_ALLOW_UNSIGNED") == "1":
            return ""
        return (
            "MPS_NOTIFY_KEY is not set. Set it to the NotifyKey of the task's TaskNotifyConfig, or set "
            "MPS_ALLOW_UNSIGNED=1 if other senders cannot reach the function"
        )
    import time

    timestamp, sign = _read_timestamp(fields.get("Timestamp")), fields.get("Sign")
    sign = sign.lower() if isinstance(sign, str) and sign.isascii() else ""
    if not (_is_signed(timestamp, sign) and timestamp):
        return "Sign is not MD5(Timestamp + MPS_NOTIFY_KEY)"
    remaining = int(timestamp) - (clock or time.time)()
    if remaining < 0:
        return f"the signature expired at {timestamp}"
    if remaining > MAX_SIGNATURE_AGE:
        return f"the signature expires at {timestamp}, more than {MAX_SIGNATURE_AGE} seconds ahead"
    return ""


def _read_timestamp(timestamp: object) -> str:
    """Return the digits of a timestamp, which is a number or text, or ``""`` if it is invalid."""
    if type(timestamp) is int:
        return str(timestamp) if 0 <= timestamp < 10**_MAX_TIMESTAMP_DIGITS else ""
    if isinstance(timestamp, str) and timestamp.isascii() and timestamp.isdigit():
        return timestamp if len(timestamp) <= _MAX_TIMESTAMP_DIGITS else ""
    return ""


def _is_signed(timestamp: str, sign: str) -> bool:
    """Return True if the signature is that of any key. The time it takes does not depend on which one."""
    import hashlib
    import hmac

    is_signed = False
    for key in split_list(os.environ["MPS_NOTIFY_KEY"]):
        text = (timestamp + key).encode("utf-8", "surrogateescape")
        expected = hashlib.md5(text, usedforsecurity=False).hexdigest()
        is_signed = hmac.compare_digest(expected, sign) or is_signed
    return is_signed
