"""Whether MPS sent an HTTP request: its ``Sign``, and the variables that say how strictly that is asked.

Anybody can call a URL. ``Sign`` is MD5(``Timestamp`` + NotifyKey), where ``Timestamp`` is when it expires (the model
TaskNotifyConfig of MPS's SDK): it proves that who sent the request has one that MPS signed, and nothing about the
rest of the body. For that, see `channels/confirm.py`.
"""

from __future__ import annotations

import os

from ..errors import ConfigurationError, RequestRefused
from ..events.parser import VOD_EVENT_TYPES, describe_vod_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_SIGNATURE_AGE = 3600
"""Seconds from now to the farthest ``Timestamp`` that is taken. MPS's is ten minutes away; who saw one that is years
away, of a test or of a key that leaked, could use it for years."""

SWITCH_VARIABLES = ("MPS_ALLOW_UNSIGNED", "MPS_REREAD")
LIST_VARIABLES = {"MPS_BUCKETS": "bucket", "MPS_NOTIFY_KEY": "key"}
"""Variables whose values are lists, and what is in them. One that names nothing is a mistake: MPS_BUCKETS without a
bucket would allow all of them."""

_LONGEST_TIMESTAMP = 12  # digits; it has ten until the year 2286


def check_variables() -> None:
    """Raises ConfigurationError, with all that is wrong, for values of the variables here that could not be meant."""
    wrong = find_mistakes(os.environ)
    if wrong:
        raise ConfigurationError.listing(wrong)


def find_mistakes(environment: Mapping[str, str]) -> list[str]:
    """What is wrong with the values of the variables here."""
    wrong = [
        f"{name}: expected 1, 0 or nothing, not {environment[name]!r}"
        for name in SWITCH_VARIABLES
        if environment.get(name, "") not in ("", "0", "1")
    ]
    for name, item in LIST_VARIABLES.items():
        if environment.get(name) and not _parts(environment, name):
            wrong.append(f"{name}: expected a {item}, or several with commas between")
    return wrong


def is_reread_enabled() -> bool:
    """Whether what comes over HTTP is asked of MPS again: unless ``MPS_REREAD`` is 0, empty or not set."""
    return os.environ.get("MPS_REREAD", "") not in ("", "0")


def check_signature(notification: object, clock: Callable[[], float] | None = None) -> None:
    """Let a notification pass that MPS signed, with any of the keys in ``MPS_NOTIFY_KEY``.

    Without a key, everything passes if ``MPS_ALLOW_UNSIGNED`` is 1, and nothing otherwise.

    Args:
        notification: the parsed body.
        clock: tells the time in seconds since the epoch.

    Raises:
        Refused: with status 401.
    """
    why = _why_not(notification if isinstance(notification, dict) else {}, clock)
    if why:
        type_ = notification.get("EventType") if isinstance(notification, dict) else None
        vod = (
            f"; {describe_vod_event(type_)}"
            if isinstance(type_, str) and type_ in VOD_EVENT_TYPES
            else ""
        )
        raise RequestRefused(f"refused an HTTP request{why}{vod}", 401)


def _parts(environment: Mapping[str, str], name: str) -> list[str]:
    from ..common.lists import split_list

    return split_list(environment[name])


def _why_not(fields: dict[str, object], clock: Callable[[], float] | None) -> str:
    if not os.environ.get("MPS_NOTIFY_KEY"):
        if os.environ.get("MPS_ALLOW_UNSIGNED") == "1":
            return ""
        return (
            ", as nothing tells whether MPS sent it: set MPS_NOTIFY_KEY to the NotifyKey of the task's "
            "TaskNotifyConfig (or MPS_ALLOW_UNSIGNED=1 where something else keeps others out)"
        )
    import hashlib
    import hmac
    import time

    timestamp, sign = fields.get("Timestamp"), fields.get("Sign")
    if type(timestamp) is int:
        timestamp = str(timestamp) if 0 <= timestamp < 10**_LONGEST_TIMESTAMP else ""
    if not (isinstance(timestamp, str) and timestamp.isascii() and timestamp.isdigit()):
        timestamp = ""
    sign = sign.lower() if isinstance(sign, str) and sign.isascii() else ""
    signed = False
    for key in _parts(os.environ, "MPS_NOTIFY_KEY"):  # all of them: how long it takes tells nothing
        text = (timestamp + key).encode("utf-8", "surrogateescape")
        expected = hashlib.md5(text, usedforsecurity=False).hexdigest()
        signed = hmac.compare_digest(expected, sign) or signed
    if not (signed and timestamp and len(timestamp) <= _LONGEST_TIMESTAMP):
        return ": its Sign is not MD5(Timestamp + MPS_NOTIFY_KEY)"
    ahead = int(timestamp) - (clock or time.time)()
    if ahead < 0:
        return f": its signature expired at {timestamp}"
    if ahead > MAX_SIGNATURE_AGE:
        return f": its signature is to expire at {timestamp} only, more than {MAX_SIGNATURE_AGE} seconds ahead"
    return ""
