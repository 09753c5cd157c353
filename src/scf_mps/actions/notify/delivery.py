"""Delivery of one message over HTTP, with retries where a channel asks for them."""

from __future__ import annotations

from ...logs import encode_json
from ..http_post import MAX_POST_SECONDS, Address, Response, Unreachable, exchange, is_transient
from .errors import NotifyError, Refusals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ...context import Context

_MAX_ATTEMPTS = 3
_MAX_WAIT_SECONDS = 10.0
_RECONNECT_SECONDS = 0.3  # wait if the previous attempt could not connect


class SendContext:
    """The context in which one message is sent.

    Attributes:
        key: idempotency key of the message, equal when it is sent again.
        context: context of the invocation.
        deadline: limit for the whole delivery.
        now: returns seconds since the epoch.
        cafile: certificates to trust instead of the system's.
    """

    __slots__ = ("cafile", "context", "deadline", "key", "now")

    def __init__(
        self, key: str, context: Context, now: Callable[[], float], cafile: str | None = None
    ) -> None:
        from ...common.deadline import Deadline

        self.key = key
        self.context = context
        self.deadline = Deadline.before_end(context)
        self.now = now
        self.cafile = cafile


class PostRequest:
    """A POST: address, headers and body."""

    __slots__ = ("address", "body", "headers")

    def __init__(self, url: str, body: Any, headers: Mapping[str, str] | None = None) -> None:
        self.address = Address(url)
        self.body = body if isinstance(body, bytes) else encode_json(body)
        self.headers = headers or {}


def parse_endpoint(endpoint: str) -> str:
    """Return the base URL of requests: ``https://host``, or ``http://`` on this machine only.

    Raises:
        ValueError: the endpoint has another form. It is not shown, because it may contain a password.
    """
    try:
        address = Address(endpoint)
        valid = address.target == "/" and is_host(address.host) and not endpoint.endswith("/")
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(
            "invalid endpoint=: use https://host:port without a path, or http:// on 127.0.0.1, because requests "
            "contain secrets"
        )
    return endpoint


def is_host(name: str) -> bool:
    """Return True for a host name or an IP address."""
    import re

    label = "[A-Za-z0-9_-]{1,63}"
    return re.fullmatch(rf"(?:{label}\.)*{label}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*", name) is not None


def deliver(
    refusals: Refusals,
    make: Callable[[], PostRequest],
    judge: Callable[[Response], NotifyError | None],
    sending: SendContext,
) -> None:
    """Post a message until the channel accepts it.

    A retry follows only if the channel refused the message and named a wait, or could not be connected to. A request
    without a response may have arrived, and is not repeated.

    Args:
        refusals: the refusals of the channel.
        make: creates the request of each attempt, because signatures contain the time.
        judge: returns the error in a response, or None if the message was accepted.
        sending: the context of the message.

    Raises:
        NotifyError: the message was refused, or its arrival is unknown.
    """
    from ...common.retry import call_with_retry

    def send() -> None:
        left = sending.deadline.remaining()
        if left <= 0:
            raise NotifyError(refusals.channel, "no time left to send the message", retryable=True)
        request = make()
        seconds = min(MAX_POST_SECONDS, left)
        try:
            response = exchange(
                request.address, request.body, request.headers, seconds, sending.cafile
            )
        except Unreachable as error:
            wait = None if error.sent or not error.retryable else _RECONNECT_SECONDS
            raise NotifyError(
                refusals.channel, str(error), retryable=error.retryable, wait=wait
            ) from None
        refusal = judge(response)
        if refusal is not None:
            raise refusal

    def compute_wait(error: Exception, attempt: int) -> float | None:
        wait = error.wait if isinstance(error, NotifyError) else None
        is_too_long = wait is not None and wait > _MAX_WAIT_SECONDS
        return None if is_too_long or attempt == _MAX_ATTEMPTS else wait

    call_with_retry(send, sending.deadline, compute_wait)


def explain_status(refusals: Refusals, response: Response) -> NotifyError | None:
    """Return the error of an unsuccessful HTTP status, or None for 2xx."""
    status = response.status
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return NotifyError(
            refusals.channel,
            "redirects are not followed, because the request contains secrets. Check the address",
            status,
        )
    return refusals.explain(
        status, response.text, transient=is_transient(status), retry_after=response.retry_after
    )


def check_error_code(
    refusals: Refusals, response: Response, fields: tuple[tuple[str, str], ...]
) -> NotifyError | None:
    """Return the error of a response with an error code in its body, or None for code 0.

    Args:
        refusals: the refusals of the channel.
        response: the response.
        fields: names of the fields with the code and its message. The first pair that is present counts.
    """
    body = response.json
    code, message = next(
        ((body[code], body.get(message)) for code, message in fields if code in body), (None, None)
    )
    if type(code) is int and code == 0:
        return None
    if code is None:
        missing = NotifyError(
            refusals.channel, f"missing {fields[0][0]} in the response", response.status
        )
        return explain_status(refusals, response) or missing
    return refusals.explain(
        code,
        str(message or ""),
        transient=is_transient(response.status),
        retry_after=response.retry_after,
    )
