"""A generic webhook: JSON that a program reads, signed, with a key by which it can tell a repetition.

The signature is that of `..posting.signed`. ``Idempotency-Key`` is the same whenever the same message is sent again.
"""

from __future__ import annotations

from ...common.truncation import truncate_bytes
from ...logs import encode_json
from ..http_post import Address, Response, signed
from .delivery import PostRequest, SendContext, deliver, explain_status
from .layout import Style, render_message
from .size_limit import take

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ...events.base import TaskError
    from .errors import Codes, NotifyError
    from .message import Message, Row

LIMIT = 500_000
"""Bytes of the body at most: half of what nginx takes by default (``client_max_body_size``)."""

MAX_RESULTS = 100
"""Results in a message; ``result_count`` has the number of all."""

_TEXT = 16_000
_LISTED = 8_000  # bytes of the files of a result, and of the sources
_VALUE = 4_000  # bytes of a text: a SessionContext has 1,000 characters at most
_CODES: Codes = {
    "401": ("is secret= the receiver's?", None),
    "403": ("is secret= the receiver's?", None),
    "404": ("is the address right?", None),
    "410": ("the receiver wants no more", None),
    "413": ("the receiver does not take a message of this length", None),
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

    def send(self, message: Message, sending: SendContext) -> None:
        """Raises NotifyError."""
        body = encode_json(_body(message, sending.now()))

        def make() -> PostRequest:
            headers = {"Idempotency-Key": sending.key}
            if self._secret:
                headers |= signed(body, self._secret, sending.now())
            return PostRequest(self._url, body, headers)

        deliver(self.channel, make, self._judge, sending, self._secrets)

    def _judge(self, answer: Response) -> NotifyError | None:
        return explain_status(self.channel, answer, self._secrets, _CODES)


def _body(message: Message, now: float) -> dict[str, Any]:
    event = message.event
    body = {
        "title": message.title,
        "text": render_message(message, Style(message.words), _TEXT, now),
        "outcome": message.outcome,
        "held": message.outcome == "held",
        "event_type": _value(event.type),
        "task_id": _value(event.task_id),
        "status": _value(event.status),
        "session_id": _value(event.session_id),
        "session_context": _value(event.session_context),
        "sources": _listed(event.inputs),
        "error": _error(event.error),
        "result_count": len(message.rows),
        "notes": list(message.notes),
    }
    more = message.words.and_more.format(count=len(message.rows))
    room = LIMIT - _size(body) - _size(more)
    results = take(map(_result, message.rows[:MAX_RESULTS]), room, _size)
    if len(results) < len(message.rows):
        left_out = len(message.rows) - len(results)
        body["notes"] = [message.words.and_more.format(count=left_out), *message.notes]
    return {**body, "results": results}


def _result(row: Row) -> dict[str, Any]:
    result = row.result
    outcomes = {"on": "succeeded", "on_failure": "failed"}
    return {
        "type": _value(result.type),
        "definition": getattr(result, "definition", None),
        "place": _value(result.place),
        "status": _value(result.status),
        "outcome": "held" if row.held else outcomes.get(result.verb, "unknown"),
        "details": row.details,
        # Moderation moves what it holds: the event's addresses are dead.
        "files": [] if row.held else _listed(result.files),
        "links": [link.url for link in row.links],
        "picture": row.picture.url if row.picture else None,
        "error": _error(row.error),
    }


def _error(error: TaskError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {
        "code": error.code,
        "name": _value(error.name),
        "message": _value(error.message),
        "retryable": error.retryable,
    }


def _value(text: str) -> str:
    """Return a text for programs: as it came, unless it is longer than any that MPS documents."""
    return truncate_bytes(text, _VALUE)


def _listed(values: Iterable[object]) -> list[str]:
    """Return the first addresses, in as much room as a list has."""
    return take((_value(str(value)) for value in values), _LISTED, _size)


def _size(value: object) -> int:
    return len(encode_json(value)) + 2
