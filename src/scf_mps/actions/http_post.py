"""One HTTP POST with limits on time, response size and redirects.

TLS is verified. Redirects are not followed, because they would carry the content elsewhere. Errors show only the host
of a URL, because the rest may be a secret.
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
"""Bytes of a response that are read."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_INVALID_URL = "invalid URL: use https://host/path, without spaces"


class PostFailed(ScfMpsError):
    """A POST without a response, or with an unsuccessful status.

    Attributes:
        status: HTTP status, or 0 without a response.
        retryable: True if the same request may succeed later.
        response_text: text of the response. Never part of the message, because servers repeat what they receive.
    """

    def __init__(
        self, message: str, status: int = 0, retryable: bool = True, response_text: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retryable = retryable
        self.response_text = response_text


class Response:
    """An HTTP response: status, headers by lower-case name, and up to `MAX_RESPONSE_BYTES` of the body."""

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
        """The body as a JSON object, or an empty dict."""
        import json

        try:
            content = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}

    @property
    def retry_after(self) -> float:
        """Seconds of ``Retry-After``, or 0."""
        from ..common.retry import parse_retry_after

        return parse_retry_after(self.headers.get("retry-after"))


class Address:
    """A URL to post to. ``str()`` shows only its host.

    ``http://`` is allowed for this machine only.

    Raises:
        ValueError: the URL is invalid. The message does not show it.
    """

    __slots__ = ("_target", "host", "port", "secure")

    def __init__(self, url: str) -> None:
        from urllib.parse import quote, urlsplit

        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ValueError(_INVALID_URL) from None
        if not host or re.search(r"[\x00-\x20\x7f\\]", url):
            raise ValueError(_INVALID_URL)
        if parts.username is not None or parts.fragment:
            raise ValueError("invalid URL: remove user:password@ and #")
        self.secure = parts.scheme == "https"
        if not self.secure and (parts.scheme != "http" or host not in _LOOPBACK):
            raise ValueError("invalid URL: use https:// (http:// for this machine only)")
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
        """Path and query, which may hold a secret."""
        return self._target


def choose_timeout(context: Context) -> float:
    """Return the seconds that a POST may take: at most half of the remaining time of the invocation."""
    return min(MAX_POST_SECONDS, context.remaining() / 2)


def sign_content(content: bytes, secret: str, now: float) -> dict[str, str]:
    """Return headers with the HMAC-SHA256 of ``timestamp.content`` under a shared secret.

    Args:
        content: the posted bytes.
        secret: secret shared with the receiver.
        now: seconds since the epoch. Receivers refuse old timestamps to prevent replays.
    """
    import hmac

    timestamp = str(int(now))
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + content, "sha256").hexdigest()
    return {"X-Scf-Mps-Timestamp": timestamp, "X-Scf-Mps-Signature": f"sha256={digest}"}


def post(
    address: Address, content: bytes, headers: Mapping[str, str], seconds: float = MAX_POST_SECONDS
) -> Response:
    """Post once and require a successful status. Arguments are those of `exchange`.

    Raises:
        PostFailed: no response in time, or an unsuccessful status.
    """
    try:
        response = exchange(address, content, headers, seconds)
    except Unreachable as error:
        raise PostFailed(str(error), retryable=error.retryable) from None
    if not 200 <= response.status < 300:
        raise PostFailed(
            f"{address} returned HTTP {response.status}{_advise(response.status)}",
            response.status,
            is_transient(response.status),
            response.text,
        )
    return response


def is_transient(status: int) -> bool:
    """Return True if a request with this response status may succeed later."""
    return status in (408, 425, 429) or status >= 500


class Unreachable(Exception):
    """A request without a response.

    Attributes:
        sent: True if the request may have arrived.
        retryable: True if the same request may succeed later.
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
    """Post once and return the response, whatever its status.

    Args:
        address: the receiver.
        content: the body.
        headers: additional headers. ``Content-Type`` defaults to JSON.
        seconds: limit for the whole exchange.
        cafile: certificates to trust instead of the system's.

    Raises:
        Unreachable: no complete response in time.
    """
    from ..common.operations import Operation

    if seconds <= 0:
        raise Unreachable(f"no time left to post to {address}", False)
    with Operation("post", str(address)) as operation:
        response = _exchange(address, content, headers, seconds, cafile)
        operation["status"] = response.status
        return response


def _exchange(
    address: Address, content: bytes, headers: Mapping[str, str], seconds: float, cafile: str | None
) -> Response:
    from ..common.certificates import get_ssl_context
    from ..common.deadline import Deadline
    from ..cos.http1 import Connection, build_head

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
        raise _build_unreachable(address, error, seconds, sent) from None
    return Response(response.status, response.headers, body)


def _build_unreachable(
    address: Address, error: Exception, seconds: float, sent: bool
) -> Unreachable:
    """Build the error from parts that cannot contain the URL or the content."""
    from ..common.certificates import explain_distrust

    distrust = explain_distrust(error)
    reason = getattr(error, "strerror", None)
    if distrust:
        cause = distrust
    elif isinstance(error, TimeoutError):
        cause = f"no complete response within {seconds:.1f} s"
    else:
        cause = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
    return Unreachable(f"no response from {address}: {cause}", sent, not distrust)


def _advise(status: int) -> str:
    if 300 <= status < 400:
        return ": redirects are not followed. Use the new URL"
    if status in (401, 403):
        return ": access denied. Check the URL and the secret"
    if status in (404, 405, 410):
        return ": no receiver at this path. Check the URL"
    if status == 413:
        return ": the content is too large for the receiver"
    return ""
