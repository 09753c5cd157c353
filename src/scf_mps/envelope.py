"""How a notification arrives: from what SCF passes to `main_handler` to the notifications of MPS in it.

The MPS trigger passes the notification itself. Behind a function URL or an API gateway it is the body of an HTTP
request (``NotifyType`` URL), from a CMQ topic it is the text of a message, of which one invocation may have several.
What SCF put into a dead-letter queue holds the event of the delivery that failed.
"""

from __future__ import annotations

import os

from .errors import InvalidEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def open_envelope(event: object, clock: Callable[[], float] | None = None) -> list[object]:
    """The notifications in an event of SCF.

    Of several messages, one that cannot be read keeps no other from its turn: an InvalidEvent is in its place.

    Raises:
        InvalidEvent: if the envelope cannot be opened, or an HTTP request is not signed by MPS.
    """
    if not isinstance(event, dict) or "EventType" in event or "NotificationType" in event:
        return [event]
    if "body" in event and ("headers" in event or "requestContext" in event):
        notification = _parsed(_body(event), "the body of the HTTP request")
        _check_sign(notification, clock)
        return [notification]
    records = event.get("Records")
    if isinstance(records, list) and records:
        return [_message(record, index) for index, record in enumerate(records)]
    if "Body" in event and "RequestId" in event:
        return open_envelope(_dead_letter(event["Body"]), clock)
    return [event]


def _body(event: dict[str, Any]) -> object:
    body = event["body"]
    if not event.get("isBase64Encoded"):
        return body
    import base64
    import binascii

    try:
        return base64.b64decode(body, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise InvalidEvent("expected the body of the HTTP request in base64, as it says") from None


def _message(record: object, index: int) -> object:
    cmq = record.get("CMQ") if isinstance(record, dict) else None
    if not isinstance(cmq, dict) or "msgBody" not in cmq:
        return InvalidEvent(f"expected a CMQ message with a msgBody at Records[{index}]")
    try:
        return _parsed(cmq["msgBody"], f"Records[{index}].CMQ.msgBody")
    except InvalidEvent as error:
        return error


def _dead_letter(body: object) -> object:
    """The event in the ``Body`` of a dead letter, an object or its text (product page 583/39851)."""
    delivery = _parsed(body, "the Body of the dead letter") if isinstance(body, str) else body
    if not isinstance(delivery, dict) or "ClientContext" not in delivery:
        raise InvalidEvent("expected a dead letter of SCF, with the event in Body.ClientContext")
    return _parsed(delivery["ClientContext"], "Body.ClientContext of the dead letter")


def _parsed(text: object, where: str) -> object:
    import json

    if not isinstance(text, str | bytes):
        raise InvalidEvent(f"expected JSON text in {where}, but a {type(text).__name__} came")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidEvent(f"expected JSON text in {where}: {error}") from None


def _check_sign(notification: object, clock: Callable[[], float] | None) -> None:
    """Refuse what MPS did not sign: anybody can call a URL. ``Sign`` is MD5(``Timestamp`` + NotifyKey)."""
    key = os.environ.get("MPS_NOTIFY_KEY")
    if not key:
        if os.environ.get("MPS_ALLOW_UNSIGNED") == "1":
            return
        raise InvalidEvent(
            "refused an HTTP request, as nothing tells whether MPS sent it: set MPS_NOTIFY_KEY to the NotifyKey of "
            "the task's TaskNotifyConfig (or MPS_ALLOW_UNSIGNED=1 where something else keeps others out)"
        )
    import hashlib
    import hmac
    import time

    fields = notification if isinstance(notification, dict) else {}
    timestamp, sign = _word(fields.get("Timestamp")), _word(fields.get("Sign"))
    signed = f"{timestamp}{key}".encode("utf-8", "surrogatepass")
    expected = hashlib.md5(signed, usedforsecurity=False).hexdigest()
    if not hmac.compare_digest(expected.encode(), sign.lower().encode("utf-8", "surrogatepass")):
        raise InvalidEvent(
            "refused an HTTP request: its Sign is not MD5(Timestamp + MPS_NOTIFY_KEY)"
        )
    if not timestamp.isdecimal() or int(timestamp) < (clock or time.time)():
        raise InvalidEvent(f"refused an HTTP request: its signature expired at {timestamp}")


def _word(value: object) -> str:
    return str(value) if isinstance(value, str | int) else ""
