"""One HTTP POST, with a bound on everything: time, answer, where it goes, what an error says.

TLS is verified, a redirect is not followed as it would carry the content elsewhere, and no error shows more of an
address than its host: the rest of it may be a secret. What is posted, and whether an answer means success beyond its
status, is left to the caller.
"""

from __future__ import annotations

import re
import threading
from time import monotonic

from ..errors import ScfMpsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from http.client import HTTPConnection

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
    """What came back.

    Attributes:
        status: 200 to 299.
        text: of the body, at most `LARGEST` bytes of it.
    """

    __slots__ = ("status", "text")

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self.text = text


class Address:
    """A URL to post to; ``str()`` shows its host alone.

    ``http://`` is for this machine only.

    Raises:
        ValueError: for any other text; it does not show it.
    """

    __slots__ = ("_secure", "_target", "host", "port")

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
        self._secure = parts.scheme == "https"
        if not self._secure and (parts.scheme != "http" or host not in _HERE):
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

    def connection(self, seconds: float) -> HTTPConnection:
        """A connection to be opened, each wait of which ends after some seconds."""
        from http.client import HTTPConnection, HTTPSConnection

        if not self._secure:
            return HTTPConnection(self.host, self.port, timeout=seconds)
        import ssl

        context = ssl.create_default_context()
        return HTTPSConnection(self.host, self.port, timeout=seconds, context=context)

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
    """Post once and wait for the answer.

    Args:
        address: where to.
        content: the body.
        headers: beside those of HTTP itself; ``Content-Type`` is JSON unless it is among them.
        seconds: for all of it, from the name's looking up, which nothing can end, on. Where it has several addresses
            and nobody is at the first ones, each of these takes as long.

    Raises:
        PostFailed: without an answer in time, or for a status that is no success.
    """
    import http.client

    if seconds <= 0:
        raise PostFailed(f"nothing was posted to {address}: no time is left")
    all_headers = {"Content-Type": "application/json; charset=utf-8", **headers}
    all_headers |= {"Connection": "close", "User-Agent": "scf-mps"}
    connection = address.connection(seconds)
    cut = threading.Event()
    watch = None
    end = monotonic() + seconds
    try:
        connection.connect()
        watch = threading.Timer(end - monotonic(), _cut, [connection.sock, cut])
        watch.daemon = True
        watch.start()
        connection.request("POST", address.target, content, all_headers)
        response = connection.getresponse()
        with response:
            body = response.read(LARGEST)
    except (OSError, ValueError, http.client.HTTPException) as error:
        late = cut.is_set() or isinstance(error, TimeoutError)
        why = f"no answer within {seconds:.1f} s" if late else _told(error)
        raise PostFailed(f"{address} did not answer: {why}") from None
    finally:
        if watch is not None:
            watch.cancel()
        connection.close()
    if cut.is_set():
        raise PostFailed(f"{address} did not answer: no whole answer within {seconds:.1f} s")
    text = body.decode("utf-8", "replace")
    if not 200 <= response.status < 300:
        retryable = response.status in (408, 425, 429) or response.status >= 500
        advice = _advice(response.status)
        raise PostFailed(
            f"{address} answered with HTTP {response.status}{advice}",
            response.status,
            retryable,
            text,
        )
    return Answer(response.status, text)


def _cut(sock: socket.socket, cut: threading.Event) -> None:
    """End a connection whose time is over, so that whoever waits for it goes on."""
    import socket
    from contextlib import suppress

    cut.set()
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _told(error: Exception) -> str:
    """What an error says that cannot hold a part of the address or of the content."""
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not to be trusted ({error.verify_message})"
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
