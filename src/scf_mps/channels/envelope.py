"""How a notification arrives: from what SCF passes to `main_handler` to the notifications of MPS in it.

The MPS trigger passes the notification itself. Behind a function URL or an API gateway it is the body of an HTTP
request (``NotifyType`` URL), from CMQ the text of a message, of which one invocation may have several. What SCF put
into a dead-letter queue holds the event of the delivery that failed. Any of them may come as JSON text. Who sent an
HTTP request is `channels/signature.py`'s question; what it is answered, `channels/http.py`'s.
"""

from __future__ import annotations

from ..errors import InvalidEvent, RequestRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MAX_ENVELOPES = 4
"""One in another: a dead letter in a message, of a delivery that was a message itself."""

MAX_DEPTH = 100
"""Levels of JSON in a text; MPS's deepest notification has about 15. What follows walks them by recursion."""


def unwrap(event: object, clock: Callable[[], float] | None = None) -> list[object]:
    """The notifications in an event of SCF.

    Of several messages, one that cannot be read keeps no other from its turn: an InvalidEvent is in its place.

    Args:
        event: what SCF passes; as text or bytes too.
        clock: tells the time in seconds since the epoch, by which signatures expire.

    Raises:
        InvalidEvent: if the envelope cannot be opened; `RequestRefused` for an HTTP request that MPS did not sign, or whose
            method is not POST.
    """
    event = decode_text(event)
    if is_http_request(event):
        return [_of_request(event, clock)]
    return _opened(event, MAX_ENVELOPES)


def decode_text(event: object) -> object:
    """The event in a JSON text; any other event as it is. Raises InvalidEvent."""
    if not isinstance(event, str | bytes | bytearray):
        return event
    try:
        return _value(event)
    except (ValueError, RecursionError) as error:
        name = type(event).__name__
        raise InvalidEvent(
            f"expected an MPS notification, a JSON object, but a {name} of length {len(event)} came that is no JSON: "
            f"{error}"
        ) from None


def is_http_request(event: object) -> bool:
    """Whether it is a request that a function URL or an API gateway passes on."""
    return (
        isinstance(event, dict)
        and ("body" in event or "httpMethod" in event)
        and ("headers" in event or "requestContext" in event)
        and not _is_notification(event)
    )


def _is_notification(event: dict[str, Any]) -> bool:
    return "EventType" in event or "NotificationType" in event


def _of_request(event: Any, clock: Callable[[], float] | None) -> object:
    from .signature import check_signature

    method = event.get("httpMethod")
    if method is not None and str(method).upper() != "POST":
        raise RequestRefused(
            f"expected a POST with a notification of MPS, but a {str(method)[:20]} came", 405
        )
    notification = _parsed(_body(event), "the body of the HTTP request", _unique)
    check_signature(notification, clock)
    return notification


def _body(event: dict[str, Any]) -> object:
    body = event.get("body")
    if str(event.get("isBase64Encoded")).lower() != "true":
        return body
    import base64
    import binascii

    try:
        return base64.b64decode(body or "", validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise InvalidEvent("expected the body of the HTTP request in base64, as it says") from None


def _opened(event: object, envelopes: int) -> list[object]:
    """The notifications in what is no HTTP request, within so many envelopes."""
    if not isinstance(event, dict) or _is_notification(event):
        return [event]
    if is_http_request(event):
        raise InvalidEvent(
            "an HTTP request came inside of a message or a dead letter, where its Sign proves nothing any more: "
            'send {"TaskId": …}, and MPS itself is asked'
        )
    for name in ("Records", "msgInfoList"):
        messages = event.get(name)
        if isinstance(messages, list) and messages:
            found: list[object] = []
            for index, message in enumerate(messages):
                try:
                    found += _of_message(message, name, index, envelopes)
                except InvalidEvent as error:
                    found.append(error)
            return found
    if "msgBody" in event:
        return _inside(_unescaped(event["msgBody"]), "msgBody", envelopes)
    if "Body" in event and "RequestId" in event:
        body = event["Body"]
        delivery = _parsed(body, "the Body of the dead letter") if isinstance(body, str) else body
        if not isinstance(delivery, dict) or "ClientContext" not in delivery:
            raise InvalidEvent(
                "expected a dead letter of SCF, with the event in Body.ClientContext"
            )
        text = delivery["ClientContext"]
        return _inside(text, "Body.ClientContext of the dead letter", envelopes)
    if "ClientContext" in event and "InvocationType" in event:
        return _inside(event["ClientContext"], "ClientContext of the dead letter", envelopes)
    return [event]


def _of_message(message: object, name: str, index: int, envelopes: int) -> list[object]:
    """The notifications in one message: of a topic, as SCF passes it, or of a queue, as CMQ's API gives it."""
    place = f"{name}[{index}]"
    if name == "Records":
        message = message.get("CMQ") if isinstance(message, dict) else None
    if not isinstance(message, dict) or "msgBody" not in message:
        raise InvalidEvent(f"expected a CMQ message with a msgBody at {place}")
    place = f"{place}.CMQ.msgBody" if name == "Records" else f"{place}.msgBody"
    return _inside(_unescaped(message["msgBody"]), place, envelopes)


def _inside(text: object, where: str, envelopes: int) -> list[object]:
    if not envelopes:
        raise InvalidEvent(
            f"expected a notification in {where}, but there are more than {MAX_ENVELOPES} envelopes around it"
        )
    return _opened(_parsed(text, where), envelopes - 1)


def _unescaped(text: object) -> object:
    """The text of a message that was escaped as for a URL; any other text as it is.

    ``+`` is a space to those who escape a form and itself to those who escape a path; the latter let ``:`` stand,
    which is in every JSON object.
    """
    if not isinstance(text, str) or text[:3].upper() != "%7B":
        return text
    from urllib.parse import unquote_to_bytes

    plain = text if ":" in text else text.replace("+", " ")
    return unquote_to_bytes(plain.encode("utf-8", "surrogatepass"))


def _parsed(text: object, where: str, pairs: Callable[[Any], Any] | None = None) -> object:
    if not isinstance(text, str | bytes | bytearray):
        raise InvalidEvent(f"expected JSON text in {where}, but a {type(text).__name__} came")
    try:
        return _value(text, pairs)
    except (ValueError, RecursionError) as error:
        raise InvalidEvent(f"expected JSON text in {where}: {error}") from None


def _value(text: str | bytes | bytearray, pairs: Callable[[Any], Any] | None = None) -> object:
    """The value of a JSON text in UTF-8. Raises ValueError or RecursionError."""
    import json

    if not isinstance(text, str):
        text = text.decode("utf-8-sig")
    value: object = json.loads(text, object_pairs_hook=pairs, parse_constant=_no_constant)
    if is_too_deep(value):
        raise ValueError(f"it has more than {MAX_DEPTH} levels")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys differ: whoever looked at the request before might have seen another one of two."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has the same key twice")
    return found


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def is_too_deep(value: object) -> bool:
    """Whether a JSON value has more than `MAX_DEPTH` levels."""
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
