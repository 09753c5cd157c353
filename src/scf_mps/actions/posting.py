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
    import socket
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Any

    from typing_extensions import Self

    from ..context import Context

LONGEST = 10.0
"""Seconds that a POST takes at most."""

LARGEST = 64 * 1024
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


class Answer:
    """What came back: status, headers by lower-case name, and at most `LARGEST` bytes of the body."""

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
        from ..cos.retry import retry_after

        return retry_after(self.headers.get("retry-after"))


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


def seconds_for(context: Context) -> float:
    """Seconds that a POST may take in an invocation: at most half of what is left of it."""
    return min(LONGEST, context.remaining() / 2)


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
    address: Address, content: bytes, headers: Mapping[str, str], seconds: float = LONGEST
) -> Answer:
    """`exchange`, of which only a status of success is an answer.

    Raises:
        PostFailed: without an answer in time, or for a status that is no success.
    """
    try:
        answer = exchange(address, content, headers, seconds)
    except Unreachable as error:
        raise PostFailed(str(error)) from None
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
    """There was no answer. `sent`: whether the request may have arrived all the same."""

    def __init__(self, message: str, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


def exchange(
    address: Address,
    content: bytes,
    headers: Mapping[str, str],
    seconds: float = LONGEST,
    cafile: str | None = None,
) -> Answer:
    """Post once and wait for the answer, whatever its status.

    Args:
        address: where to.
        content: the body.
        headers: beside those of HTTP itself; ``Content-Type`` is JSON unless it is among them.
        seconds: for all of it, from the name's looking up, which nothing can end, on. Where it has several addresses
            and nobody is at the first ones, each of these takes as long.
        cafile: certificates to trust, in place of the system's.

    Raises:
        Unreachable: without a whole answer in time.
    """
    import socket
    import ssl
    from http.client import HTTPConnection, HTTPException, IncompleteRead

    if seconds <= 0:
        raise Unreachable(f"nothing was posted to {address}: no time is left", False)
    all_headers = {"Content-Type": "application/json; charset=utf-8", **headers}
    all_headers |= {"Connection": "close", "User-Agent": "scf-mps"}
    port = address.port or (443 if address.secure else 80)
    connection = HTTPConnection(address.host, port, timeout=seconds)
    sent = False
    held: socket.socket | None = None  # a connection forgets its socket with the last answer
    with Limit(seconds, lambda: held) as limit:
        try:
            connection.sock = held = socket.create_connection((address.host, port), seconds)
            if address.secure:
                context = ssl.create_default_context(cafile=cafile)
                secured = context.wrap_socket(
                    held, server_hostname=address.host, do_handshake_on_connect=False
                )
                connection.sock = held = secured
                secured.do_handshake()
            sent = True
            connection.request("POST", address.target, content, all_headers)
            response = connection.getresponse()
            body = response.read(LARGEST)
            if response.length and len(body) < LARGEST:
                raise IncompleteRead(body, response.length)
            if limit.over:
                raise TimeoutError
        except (OSError, ValueError, HTTPException) as error:
            late = limit.over or isinstance(error, TimeoutError)
            why = f"no whole answer within {seconds:.1f} s" if late else _told(error)
            raise Unreachable(f"{address} did not answer: {why}", sent) from None
        finally:
            connection.close()
    found = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, found, body)


class Limit:
    """Ends what is done with a socket when its seconds are over, however it drips.

    Attributes:
        over: whether they are.
    """

    def __init__(self, seconds: float, find: Callable[[], socket.socket | None]) -> None:
        from threading import Event, Timer

        self._find = find
        self._ended = Event()
        self._timer = Timer(seconds, self._end)
        self._timer.daemon = True
        self.over = False

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._ended.set()

    def _end(self) -> None:
        import contextlib
        import socket

        self.over = True
        while (found := self._find()) is None:  # it is being connected
            if self._ended.wait(0.05):
                return
        with contextlib.suppress(OSError):  # it is closed
            socket.socket.shutdown(found, socket.SHUT_RDWR)


def _told(error: Exception) -> str:
    """What an error says that cannot hold a part of the address or of the content."""
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not to be trusted ({error.verify_message}); behind a proxy of your own, name its "
            f"certificates in SSL_CERT_FILE"
        )
    reason = getattr(error, "strerror", None)
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__


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
