"""A generic webhook: JSON that a program reads, signed, with a key by which it can tell a repetition.

The signature is that of `..posting.signed`. ``Idempotency-Key`` is the same whenever the same message is sent again.
"""

from __future__ import annotations

from ...logs import as_json
from ..posting import Address, Answer, signed
from .layout import Style, composed
from .posting import Request, Sending, deliver, refusal

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
    """``https://host/path?secret=…&query=…``, where ``query=`` is the URL's own; ``http://`` on this machine alone."""

    options = ("query", "secret")
    channel = "webhook"

    def __init__(self, address: str, options: Mapping[str, str]) -> None:
        self._url = f"{address}?{options['query']}" if "query" in options else address
        self._secret = options.get("secret", "")
        path, _, query = Address(self._url).target.partition("?")
        # Parts of a path and values of a query are often all that keeps others out.
        parts = [*path.split("/"), *(pair.rpartition("=")[2] for pair in query.split("&"))]
        self._secrets = (self._secret, *(part for part in parts if len(part) >= 8))

    def send(self, message: Message, sending: Sending) -> None:
        """Raises NotifyError."""
        body = as_json(_body(message, sending.now()))

        def make() -> Request:
            headers = {"Idempotency-Key": sending.key}
            if self._secret:
                headers |= signed(body, self._secret, sending.now())
            return Request(self._url, body, headers)

        deliver(self.channel, make, self._judge, sending, self._secrets)

    def _judge(self, answer: Answer) -> NotifyError | None:
        return refusal(self.channel, answer, self._secrets, _ADVICE)


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
