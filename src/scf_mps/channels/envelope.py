"""Extraction of MPS notifications from the envelopes of SCF events.

The MPS trigger passes the notification itself. From a function URL or an API gateway it is the body of an HTTP request
(``NotifyType`` URL). From CMQ it is the text of a message, and one invocation may have several. A dead letter of SCF
holds the event of the failed delivery. Any of them may be JSON text.
"""

from __future__ import annotations

from ..errors import InvalidEvent, RequestRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MAX_ENVELOPES = 4
"""Maximum envelopes around a notification: a dead letter in a message, for a delivery that was a message itself."""

MAX_DEPTH = 100
"""Maximum levels of JSON in a text. MPS's deepest notification has about 15. Later steps are recursive."""


def unwrap(event: object, clock: Callable[[], float] | None = None) -> list[object]:
    """Return the notifications in an event of SCF. For a message that cannot be read, the list has an InvalidEvent.

    Args:
        event: what SCF passes, or its JSON text.
        clock: returns the seconds since the epoch, by which signatures expire.

    Raises:
        InvalidEvent: the envelope cannot be opened. `RequestRefused` for an HTTP request that MPS did not sign, or
            whose method is not POST.
    """
    event = decode_text(event)
    if is_http_request(event):
        return [_unwrap_request(event, clock)]
    return _unwrap_value(event, MAX_ENVELOPES)


def decode_text(event: object) -> object:
    """Return the value of a JSON text. Return anything else unchanged.

    Raises:
        InvalidEvent: the text is not JSON.
    """
    if not isinstance(event, str | bytes | bytearray):
        return event
    try:
        return _parse_json(event)
    except (ValueError, RecursionError) as error:
        name = type(event).__name__
        raise InvalidEvent(
            f"expected an MPS notification, a JSON object, but got a {name} of length {len(event)} that is not JSON: "
            f"{error}"
        ) from None


def is_http_request(event: object) -> bool:
    """Return True for a request that a function URL or an API gateway passes."""
    return (
        isinstance(event, dict)
        and ("body" in event or "httpMethod" in event)
        and ("headers" in event or "requestContext" in event)
        and not _is_notification(event)
    )


def is_too_deep(value: object) -> bool:
    """Return True if a JSON value has more than `MAX_DEPTH` levels."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return False
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return bool(level)


def _is_notification(event: dict[str, Any]) -> bool:
    return "EventType" in event or "NotificationType" in event


def _unwrap_request(event: Any, clock: Callable[[], float] | None) -> object:
    from .signature import check_signature

    method = event.get("httpMethod")
    if method is not None and str(method).upper() != "POST":
        raise RequestRefused(
            f"invalid method {str(method)[:20]}: send notifications of MPS by POST", 405
        )
    notification = _parse_text(_decode_body(event), "the body of the HTTP request", _reject_repeats)
    check_signature(notification, clock)
    return notification


def _decode_body(event: dict[str, Any]) -> object:
    body = event.get("body")
    if str(event.get("isBase64Encoded")).lower() != "true":
        return body
    import base64
    import binascii

    try:
        return base64.b64decode(body or "", validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise InvalidEvent("the body of the HTTP request is not base64") from None


def _unwrap_value(event: object, envelopes: int) -> list[object]:
    """Return the notifications in anything but an HTTP request, within at most so many envelopes."""
    if not isinstance(event, dict) or _is_notification(event):
        return [event]
    if is_http_request(event):
        raise InvalidEvent(
            "an HTTP request in a message or a dead letter: its Sign may have expired. "
            'Send {"TaskId": …} instead, to read the event from MPS'
        )
    for name in ("Records", "msgInfoList"):
        messages = event.get(name)
        if isinstance(messages, list) and messages:
            return _unwrap_messages(messages, name, envelopes)
    if "msgBody" in event:
        return _unwrap_text(_unescape(event["msgBody"]), "msgBody", envelopes)
    if "Body" in event and "RequestId" in event:
        return _unwrap_dead_letter(event["Body"], envelopes)
    if "ClientContext" in event and "InvocationType" in event:
        place = "ClientContext of the dead letter"
        return _unwrap_text(event["ClientContext"], place, envelopes)
    return [event]


def _unwrap_messages(messages: list[object], name: str, envelopes: int) -> list[object]:
    notifications: list[object] = []
    for index, message in enumerate(messages):
        try:
            notifications += _unwrap_message(message, name, index, envelopes)
        except InvalidEvent as error:
            notifications.append(error)
    return notifications


def _unwrap_message(message: object, name: str, index: int, envelopes: int) -> list[object]:
    """Return the notifications in a message: of a topic, as SCF passes it, or of a queue, as CMQ's API returns it."""
    place = f"{name}[{index}]"
    if name == "Records":
        message = message.get("CMQ") if isinstance(message, dict) else None
    if not isinstance(message, dict) or "msgBody" not in message:
        raise InvalidEvent(f"missing msgBody in the CMQ message at {place}")
    place = f"{place}.CMQ.msgBody" if name == "Records" else f"{place}.msgBody"
    return _unwrap_text(_unescape(message["msgBody"]), place, envelopes)


def _unwrap_dead_letter(body: object, envelopes: int) -> list[object]:
    delivery = _parse_text(body, "the Body of the dead letter") if isinstance(body, str) else body
    if not isinstance(delivery, dict) or "ClientContext" not in delivery:
        raise InvalidEvent("missing Body.ClientContext in the dead letter of SCF")
    place = "Body.ClientContext of the dead letter"
    return _unwrap_text(delivery["ClientContext"], place, envelopes)


def _unwrap_text(text: object, place: str, envelopes: int) -> list[object]:
    if not envelopes:
        raise InvalidEvent(
            f"more than {MAX_ENVELOPES} envelopes around the notification in {place}"
        )
    return _unwrap_value(_parse_text(text, place), envelopes - 1)


def _unescape(text: object) -> object:
    """Return a message's text without its URL escapes, if it has any.

    ``+`` is a space if a form was escaped, and itself if a path was. The latter keeps ``:``, which every JSON object
    has.
    """
    if not isinstance(text, str) or text[:3].upper() != "%7B":
        return text
    from urllib.parse import unquote_to_bytes

    plain = text if ":" in text else text.replace("+", " ")
    return unquote_to_bytes(plain.encode("utf-8", "surrogatepass"))


def _parse_text(text: object, place: str, pairs: Callable[[Any], Any] | None = None) -> object:
    if not isinstance(text, str | bytes | bytearray):
        raise InvalidEvent(f"expected JSON text in {place}, not a {type(text).__name__}")
    try:
        return _parse_json(text, pairs)
    except (ValueError, RecursionError) as error:
        raise InvalidEvent(f"invalid JSON in {place}: {error}") from None


def _parse_json(text: str | bytes | bytearray, pairs: Callable[[Any], Any] | None = None) -> object:
    """Return the value of a JSON text in UTF-8. Raise ValueError or RecursionError."""
    import json

    if not isinstance(text, str):
        text = text.decode("utf-8-sig")
    value: object = json.loads(text, object_pairs_hook=pairs, parse_constant=_reject_constant)
    if is_too_deep(value):
        raise ValueError(f"it has more than {MAX_DEPTH} levels")
    return value


def _reject_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object with distinct keys. A component before us may have checked the other of two values."""
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("an object has the same key twice")
    return value


def _reject_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
