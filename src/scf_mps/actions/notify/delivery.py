"""One message over HTTP: sent, judged by what was answered, and sent again where the channel asks for a moment.

The request itself is `..posting`'s. What an answer means is left to the channels.
"""

from __future__ import annotations

from ...logs import encode_json
from ..http_post import MAX_POST_SECONDS, Address, Response, Unreachable, exchange, is_transient
from .errors import NotifyError, explain_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ...context import Context
    from .errors import Codes

_ATTEMPTS = 3
_LONGEST_WAIT = 10.0
_MOMENT = 0.3  # seconds before another try, where nothing was sent in the one before


class SendContext:
    """What belongs to the sending of one message.

    Attributes:
        key: names the message; the same when it is sent again.
        context: the invocation's.
        deadline: the bound of all that is done for it.
        now: tells the seconds since the epoch.
        cafile: certificates to trust, in place of the system's.
    """

    __slots__ = ("cafile", "context", "deadline", "key", "now")

    def __init__(
        self,
        key: str,
        context: Context,
        now: Callable[[], float],
        cafile: str | None = None,
    ) -> None:
        from ...common.deadline import Deadline

        self.key = key
        self.context = context
        self.deadline = Deadline.before_end(context)
        self.now = now
        self.cafile = cafile


class PostRequest:
    """What is posted: to which URL, with which headers and body."""

    __slots__ = ("address", "body", "headers")

    def __init__(self, url: str, body: Any, headers: Mapping[str, str] | None = None) -> None:
        self.address = Address(url)
        self.body = body if isinstance(body, bytes) else encode_json(body)
        self.headers = headers or {}


def parse_endpoint(endpoint: str) -> str:
    """Where requests go: ``https://host``, or ``http://`` on this machine alone, as there are secrets in them.

    Raises:
        ValueError: for anything else. It is not shown: there may be a password in it.
    """
    try:
        has_more = Address(endpoint).target != "/" or not is_host(Address(endpoint).host)
    except ValueError:
        has_more = True
    if has_more or endpoint.endswith("/"):
        raise ValueError(
            "endpoint= expects https://host:port and no more, or http:// on 127.0.0.1: what is sent has secrets in it"
        )
    return endpoint


def is_host(name: str) -> bool:
    """Whether a text is the name of a host, or its address."""
    import re

    label = "[A-Za-z0-9_-]{1,63}"
    return re.fullmatch(rf"(?:{label}\.)*{label}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*", name) is not None


def deliver(
    channel: str,
    make: Callable[[], PostRequest],
    judge: Callable[[Response], NotifyError | None],
    sending: SendContext,
    secrets: tuple[str, ...],
) -> None:
    """Post a message until it is taken.

    It is sent again only if the channel said that it did not take it and for how long to wait, or could not be
    connected to: a request without an answer may have arrived.

    Args:
        make: makes the request, for each try (signatures have a time in them).
        judge: what is wrong with an answer; None if the message was taken.
        secrets: are in no error.

    Raises:
        NotifyError: it was not taken, or nobody knows.
    """
    attempt = 0
    while True:
        attempt += 1
        left = sending.deadline.left()
        if left <= 0:
            raise NotifyError(channel, "no time is left to send the message", retryable=True)
        try:
            request = make()
            answer = exchange(
                request.address,
                request.body,
                request.headers,
                min(MAX_POST_SECONDS, left),
                sending.cafile,
            )
            error = judge(answer)
        except Unreachable as reason:
            wait = None if reason.sent or not reason.retryable else _MOMENT
            error = NotifyError(channel, str(reason), retryable=reason.retryable, wait=wait)
        if error is None:
            return
        wait = error.wait
        if wait is None or wait > _LONGEST_WAIT or attempt == _ATTEMPTS:
            raise error
        if not sending.deadline.sleep(wait):
            raise error


def explain_status(
    channel: str, answer: Response, secrets: tuple[str, ...], codes: Codes | None = None
) -> NotifyError | None:
    """Return what is wrong with an answer by its HTTP status alone, or None for 2xx."""
    status = answer.status
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return NotifyError(
            channel,
            "the answer is a redirect, which is not followed as there are secrets in the request: is the address right?",
            status,
        )
    return explain_refusal(
        channel,
        status,
        answer.text,
        codes or {},
        secrets,
        transient=is_transient(status),
        retry_after=answer.retry_after,
    )


def check_error_code(
    channel: str,
    answer: Response,
    fields: tuple[tuple[str, str], ...],
    codes: Codes,
    secrets: tuple[str, ...],
) -> NotifyError | None:
    """Return what is wrong with an answer that has an error code in its body, or None for code 0.

    Args:
        fields: names of the code and of the message that goes with it, the first that is there counts.
        codes: the channel's. What is not among them is judged by the message and the HTTP status.
    """
    body = answer.json
    code, message = next(
        ((body[code], body.get(message)) for code, message in fields if code in body), (None, None)
    )
    if type(code) is int and code == 0:
        return None
    if code is None:
        nothing = NotifyError(channel, f"the answer has no {fields[0][0]}", answer.status)
        return explain_status(channel, answer, secrets) or nothing
    return explain_refusal(
        channel,
        code,
        str(message or ""),
        codes,
        secrets,
        transient=is_transient(answer.status),
        retry_after=answer.retry_after,
    )
