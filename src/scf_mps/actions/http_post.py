"""One HTTP POST, with a bound on everything: time, answer, where it goes, what an error says.

TLS is verified, a redirect is not followed as it would carry the content elsewhere, and no error shows more of an
address than its host: the rest of it may be a secret. What is posted, and whether an answer means success beyond its
status, is left to the caller.
"""

from __future__ import annotations

import re

from ..errors import ScfMpsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..context import Context

MAX_POST_SECONDS = 10.0
"""Seconds that a POST takes at most."""

MAX_RESPONSE_BYTES = 64 * 1024
"""Bytes that are read of an answer."""

_HERE = ("127.0.0.1", "localhost", "::1")
_FORM = "expected an address as https://host/path, without spaces"


class PostFailed(ScfMpsError):
    """A POST was not answered, or with a status that is no success.

    Attributes:
        status: of the answer; 0 if there was none.
        retryable: whether the same may be answered otherwise later.
        answer: the answer's text. Never part of the message, as servers repeat what they were asked for.
    """

    def __init__(
        self, message: str, status: int = 0, retryable: bool = True, answer: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retryable = retryable
        self.answer = answer


class Response:
    """What came back: status, headers by lower-case name, and at most `MAX_RESPONSE_BYTES` bytes of the body."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> dict[str, Any]:
        """The body as an object of JSON; an empty one if it is none."""
        import json

        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def retry_after(self) -> float:
        """Seconds of its ``Retry-After``, or 0."""
        from ..common.retry import parse_retry_after

        return parse_retry_after(self.headers.get("retry-after"))


class Address:
    """A URL to post to; ``str()`` shows its host alone.

    ``http://`` is for this machine only.

    Raises:
        ValueError: for any other text; it does not show it.
    """

    __slots__ = ("_target", "host", "port", "secure")

    def __init__(self, url: str) -> None:
        from urllib.parse import quote, urlsplit

        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ValueError(_FORM) from None
        if not host or re.search(r"[\x00-\x20\x7f\\]", url):
            raise ValueError(_FORM)
        if parts.username is not None or parts.fragment:
            raise ValueError("expected an address without user:password@ and without #")
        self.secure = parts.scheme == "https"
        if not self.secure and (parts.scheme != "http" or host not in _HERE):
            raise ValueError(
                "expected an address that begins with https:// (http:// for this machine)"
            )
        self.host = host
        self.port = port
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._target = quote(target, safe="/?%&=+,;:@!$'()*~-._[]")

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.port else self.host

    def __repr__(self) -> str:
        return f"<Address {self}>"

    @property
    def target(self) -> str:
        """Path and query: possibly a secret."""
        return self._target


def choose_timeout(context: Context) -> float:
    """Seconds that a POST may take in an invocation: at most half of what is left of it."""
    return min(MAX_POST_SECONDS, context.remaining() / 2)


def signed(content: bytes, secret: str, now: float) -> dict[str, str]:
    """The headers that prove who posts: HMAC-SHA256 of ``timestamp.content`` with a secret that both sides know.

    Args:
        content: what is posted, as it is posted.
        secret: of both sides.
        now: seconds since the epoch. Who receives it refuses what is minutes old, so that nobody can repeat it later.
    """
    import hmac

    timestamp = str(int(now))
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + content, "sha256").hexdigest()
    return {"X-Scf-Mps-Timestamp": timestamp, "X-Scf-Mps-Signature": f"sha256={digest}"}


def post(
    address: Address, content: bytes, headers: Mapping[str, str], seconds: float = MAX_POST_SECONDS
) -> Response:
    """`exchange`, of which only a status of success is an answer.

    Raises:
        PostFailed: without an answer in time, or for a status that is no success.
    """
    try:
        answer = exchange(address, content, headers, seconds)
    except Unreachable as error:
        raise PostFailed(str(error), retryable=error.retryable) from None
    if not 200 <= answer.status < 300:
        raise PostFailed(
            f"{address} answered with HTTP {answer.status}{_advice(answer.status)}",
            answer.status,
            is_transient(answer.status),
            answer.text,
        )
    return answer


def is_transient(status: int) -> bool:
    """Whether the same may be answered otherwise later."""
    return status in (408, 425, 429) or status >= 500


class Unreachable(Exception):
    """There was no answer.

    Attributes:
        sent: whether the request may have arrived all the same.
        retryable: whether the same may be answered later.
    """

    def __init__(self, message: str, sent: bool, retryable: bool = True) -> None:
        super().__init__(message)
        self.sent = sent
        self.retryable = retryable


def exchange(
    address: Address,
    content: bytes,
    headers: Mapping[str, str],
    seconds: float = MAX_POST_SECONDS,
    cafile: str | None = None,
) -> Response:
    """Post once and wait for the answer, whatever its status.

    Args:
        address: the receiver.
        content: the body.
        headers: besides those of HTTP itself; ``Content-Type`` is JSON unless it is among them.
        seconds: for all of it.
        cafile: certificates to trust, in place of the system's.

    Raises:
        Unreachable: without a whole answer in time.
    """
    from ..common.certificates import get_ssl_context
    from ..common.deadline import Deadline
    from ..cos.http1 import Connection, build_head

    if seconds <= 0:
        raise Unreachable(f"nothing was posted to {address}: no time is left", False)
    deadline = Deadline().within(seconds)
    sent = False
    try:
        host = address.host.encode("idna").decode()
        shown = f"[{host}]" if ":" in host else host
        all_headers = {
            "Host": f"{shown}:{address.port}" if address.port else shown,
            "Content-Type": "application/json; charset=utf-8",
            **headers,
            "Content-Length": str(len(content)),
            "Connection": "close",
            "User-Agent": "scf-mps",
        }
        head = build_head("POST", address.target, all_headers)
        port = address.port or (443 if address.secure else 80)
        tls = get_ssl_context(cafile) if address.secure else None
        connection = Connection(host, port, tls, seconds, deadline)
        sent = True
        try:
            response = connection.send("POST", head, content, seconds, deadline)
            body = b""
            while len(body) < MAX_RESPONSE_BYTES and (
                piece := response.read_piece(MAX_RESPONSE_BYTES - len(body))
            ):
                body += piece
        finally:
            connection.close()
    except (OSError, ValueError) as error:
        raise _unreachable(address, error, seconds, sent) from None
    return Response(response.status, response.headers, body)


def _unreachable(address: Address, error: Exception, seconds: float, sent: bool) -> Unreachable:
    """Return what an error says that cannot hold a part of the address or of the content."""
    from ..common.certificates import explain_distrust

    refusal = explain_distrust(error)
    reason = getattr(error, "strerror", None)
    if refusal:
        why = refusal
    elif isinstance(error, TimeoutError):
        why = f"no whole answer within {seconds:.1f} s"
    else:
        why = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
    return Unreachable(f"{address} did not answer: {why}", sent, not refusal)


def _advice(status: int) -> str:
    if 300 <= status < 400:
        return ", a redirect, which is not followed: write the address that it is at now"
    if status in (401, 403):
        return ": it refuses who posts; check the address and the secret"
    if status in (404, 405, 410):
        return ": nothing takes a POST there; check the address"
    if status == 413:
        return ": it takes nothing so large"
    return ""
