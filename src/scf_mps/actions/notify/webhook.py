"""Generic webhooks: signed JSON for programs, with an idempotency key.

The signature is `http_post.sign_content`. ``Idempotency-Key`` is equal whenever the same message is sent again.
"""

from __future__ import annotations

from ...common.truncation import truncate_bytes
from ...logs import encode_json
from ..http_post import Address, Response, sign_content
from .delivery import PostRequest, SendContext, deliver, explain_status
from .errors import Refusals
from .layout import Style, render_message
from .size_limit import take_within

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ...events.base import TaskError
    from .errors import Codes, NotifyError
    from .message import Message, Row

MAX_BODY_BYTES = 500_000
"""Bytes of the body: half of nginx's default limit (``client_max_body_size``)."""

MAX_RESULTS = 100
"""Results in a message. ``result_count`` is the number of all results."""

_MAX_TEXT_BYTES = 16_000
_MAX_LIST_BYTES = 8_000  # files of a result, and sources
_MAX_VALUE_BYTES = 4_000  # a SessionContext has at most 1,000 characters
_MIN_SECRET_CHARACTERS = 8
_CODES: Codes = {
    "401": ("check secret=", None),
    "403": ("check secret=", None),
    "404": ("check the address", None),
    "410": ("the receiver is gone", None),
    "413": ("the message is too long for the receiver", None),
}


class Webhook:
    """``https://host/path?secret=…&query=…``, where ``query=`` is the URL's own. ``http://`` on this machine only."""

    options = ("query", "secret")
    channel = "webhook"

    def __init__(self, address: str, options: Mapping[str, str]) -> None:
        self._url = f"{address}?{options['query']}" if "query" in options else address
        self._secret = options.get("secret", "")
        path, _, query = Address(self._url).target.partition("?")
        # Parts of the path and values of the query often are the only access control.
        parts = [*path.split("/"), *(pair.rpartition("=")[2] for pair in query.split("&"))]
        secrets = [part for part in parts if len(part) >= _MIN_SECRET_CHARACTERS]
        self._refusals = Refusals(self.channel, _CODES, (self._secret, *secrets))

    def send(self, message: Message, sending: SendContext) -> None:
        """Send a message. Raise NotifyError."""
        body = encode_json(_build_body(message, sending.now()))

        def make() -> PostRequest:
            headers = {"Idempotency-Key": sending.key}
            if self._secret:
                headers |= sign_content(body, self._secret, sending.now())
            return PostRequest(self._url, body, headers)

        deliver(self._refusals, make, self._judge, sending)

    def _judge(self, response: Response) -> NotifyError | None:
        return explain_status(self._refusals, response)


def _build_body(message: Message, now: float) -> dict[str, Any]:
    event = message.event
    body = {
        "title": message.title,
        "text": render_message(message, Style(message.locale), _MAX_TEXT_BYTES, now),
        "outcome": message.outcome,
        "held": message.outcome == "held",
        "event_type": _truncate(event.type),
        "task_id": _truncate(event.task_id),
        "status": _truncate(event.status),
        "session_id": _truncate(event.session_id),
        "session_context": _truncate(event.session_context),
        "sources": _list_texts(event.inputs),
        "error": _build_error(event.error),
        "result_count": len(message.rows),
        "notes": list(message.notes),
    }
    and_more = message.locale.and_more
    room = MAX_BODY_BYTES - _count_bytes(body)
    room -= _count_bytes(and_more.format(count=len(message.rows)))
    results = take_within(map(_build_result, message.rows[:MAX_RESULTS]), room, _count_bytes)
    if len(results) < len(message.rows):
        omitted = len(message.rows) - len(results)
        body["notes"] = [and_more.format(count=omitted), *message.notes]
    return {**body, "results": results}


def _build_result(row: Row) -> dict[str, Any]:
    result = row.result
    outcomes = {"on": "succeeded", "on_failure": "failed"}
    return {
        "type": _truncate(result.type),
        "definition": getattr(result, "definition", None),
        "place": _truncate(result.place),
        "status": _truncate(result.status),
        "outcome": "held" if row.held else outcomes.get(result.verb, "unknown"),
        "details": row.details,
        # Moderation moves held files: their addresses in the event are invalid.
        "files": [] if row.held else _list_texts(result.files),
        "links": [link.url for link in row.links],
        "picture": row.picture.url if row.picture else None,
        "error": _build_error(row.error),
    }


def _build_error(error: TaskError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {
        "code": error.code,
        "name": _truncate(error.name),
        "message": _truncate(error.message),
        "retryable": error.retryable,
    }


def _truncate(text: str) -> str:
    """Return a text for programs: unchanged unless it is longer than MPS documents."""
    return truncate_bytes(text, _MAX_VALUE_BYTES)


def _list_texts(values: Iterable[object]) -> list[str]:
    """Return the first values as texts, within the limit of a list."""
    return take_within((_truncate(str(value)) for value in values), _MAX_LIST_BYTES, _count_bytes)


def _count_bytes(value: object) -> int:
    return len(encode_json(value)) + 2
