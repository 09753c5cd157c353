"""A generic webhook: JSON that a program reads, signed, with a key by which it can tell a repetition.

``X-MPS-Signature`` is ``sha256=`` and the HMAC-SHA256, in hexadecimal digits, of ``X-MPS-Timestamp``, a dot and the body.
``Idempotency-Key`` is the same whenever the same message is sent again.
"""

from __future__ import annotations

from .layout import Style, composed
from .posting import Answer, Request, Sending, as_json, base_of, deliver, refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ...events.result import TaskError
    from .errors import NotifyError
    from .message import Message, Row

_TEXT = 16_000
_ADVICE = {
    401: "is secret= the receiver's?",
    403: "is secret= the receiver's?",
    404: "is the address right?",
    410: "the receiver wants no more",
}


class Webhook:
    """``https://host/path?secret=…``; ``http://`` on this machine alone."""

    options = ("secret",)
    channel = "webhook"

    def __init__(self, address: str, options: Mapping[str, str]) -> None:
        from urllib.parse import quote, urlsplit

        scheme, _, rest = address.partition("://")
        end = min((rest.index(sign) for sign in "/?" if sign in rest), default=len(rest))
        try:
            base = base_of(f"{scheme}://{rest[:end]}")
        except ValueError:
            raise ValueError(
                "expected https://host/path without a password, or http:// on 127.0.0.1"
            ) from None
        self._url = base + quote(rest[end:], "!#$%&'()*+,/:;=?@~[]")
        self._secret = options.get("secret", "")
        url = urlsplit(self._url)
        # Parts of a path and values of a query are often all that keeps others out.
        parts = [*url.path.split("/"), *(pair.rpartition("=")[2] for pair in url.query.split("&"))]
        self._secrets = (self._secret, *(part for part in parts if len(part) >= 8))

    def send(self, message: Message, sending: Sending) -> None:
        """Raises NotifyError."""
        body = as_json(_body(message, sending.now()))

        def make() -> Request:
            headers = {"Idempotency-Key": sending.key}
            if self._secret:
                headers |= _signature(self._secret, str(int(sending.now())), body)
            return Request(self._url, body, headers)

        deliver(self.channel, make, self._judge, sending, self._secrets)

    def _judge(self, answer: Answer) -> NotifyError | None:
        return refusal(self.channel, answer, self._secrets, _ADVICE)


def _signature(secret: str, moment: str, body: bytes) -> dict[str, str]:
    import hmac

    digest = hmac.digest(secret.encode(), moment.encode() + b"." + body, "sha256").hex()
    return {"X-MPS-Timestamp": moment, "X-MPS-Signature": f"sha256={digest}"}


def _body(message: Message, now: float) -> dict[str, Any]:
    event = message.event
    return {
        "title": message.title,
        "text": composed(message, Style(message.words), _TEXT, now),
        "outcome": message.outcome,
        "event_type": event.type,
        "task_id": event.task_id,
        "status": event.status,
        "session_id": event.session_id,
        "session_context": event.session_context,
        "sources": [str(source) for source in event.sources],
        "error": _error(event.error),
        "results": [_result(row) for row in message.rows],
        "notes": message.notes,
    }


def _result(row: Row) -> dict[str, Any]:
    result = row.result
    return {
        "type": result.type,
        "definition": getattr(result, "definition", None),
        "place": result.place,
        "status": result.status,
        "outcome": {"on": "succeeded", "on_failure": "failed"}.get(result.verb, "unknown"),
        "details": row.details,
        "files": [str(file) for file in result.files],
        "links": [link.url for link in row.links],
        "picture": row.picture.url if row.picture else None,
        "error": _error(row.error),
    }


def _error(error: TaskError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {
        "code": error.code,
        "name": error.name,
        "message": error.message,
        "retryable": error.retryable,
    }
