"""HTTP/1.1 over one socket, as much of it as COS speaks: a request out, an answer in, its body piece by piece.

Python's own `http.client` reads headers with the mail parser and costs twice the CPU per request (measured). Only
bytes and sockets are known here: what to send is `transport.py`'s work, what an answer means `client.py`'s.
"""

from __future__ import annotations

import socket
from functools import cache
from io import BufferedReader
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from ssl import SSLContext
    from typing import Protocol

    class Body(Protocol):
        """A request body that is sent in pieces; it can be sent again from its start."""

        length: int

        def __iter__(self) -> Iterator[bytes]: ...


PIECE = 256 * 1024
"""Most bytes that a read returns."""

_LONGEST_LINE = 64 * 1024
_MOST_HEADERS = 200


class BrokenAnswer(OSError):
    """What came is no whole HTTP answer: the connection ended inside it, or it is malformed."""


class Pace:
    """Refuses a body that drips: an attempt of `seconds` has to bring `least` bytes, or its end.

    A socket's time limit counts from one byte to the next, so that one byte a second never ends it.
    """

    __slots__ = ("_bytes", "_least", "_mark", "_seconds")

    def __init__(self, seconds: float, least: int = 16 * 1024) -> None:
        self._seconds = seconds
        self._least = least
        self._mark = monotonic()
        self._bytes = 0

    def count(self, length: int) -> None:
        """Count bytes that came. Raises TimeoutError if they came too slowly."""
        self._bytes += length
        now = monotonic()
        if now - self._mark > self._seconds:
            if self._bytes < self._least:
                raise TimeoutError(f"only {self._bytes} bytes in {now - self._mark:.1f} seconds")
            self._mark, self._bytes = now, 0


class Response:
    """An answer whose head was read; its body is still on the way.

    Attributes:
        status: e.g. 200.
        headers: by lower-case name; values of repeated ones are joined by a comma.
    """

    __slots__ = ("_connection", "_left", "_pace", "chunked", "headers", "status")

    def __init__(
        self, connection: Connection, status: int, headers: dict[str, str], method: str
    ) -> None:
        self._connection = connection
        self._pace: Pace | None = None
        self.status = status
        self.headers = headers
        self.chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        length = headers.get("content-length", "")
        self._left: int | None = int(length) if length.isdecimal() else None
        if method == "HEAD" or status in (204, 304):
            self._left, self.chunked = 0, False
        elif self.chunked:
            self._left = 0  # of the chunk at hand
        if not (self.chunked or self._left is not None):
            connection.reusable = False
        if headers.get("connection", "").lower() == "close":
            connection.reusable = False
        if self._left == 0 and not self.chunked:
            connection.busy = False

    def piece(self, most: int = PIECE) -> bytes:
        """The next bytes of the body, as many as are there; ``b""`` at its end.

        Raises:
            OSError: the connection broke, `BrokenAnswer` if it ended early, TimeoutError if it is too slow.
        """
        connection = self._connection
        if self.chunked and self._left == 0 and connection.busy:
            self._left = self._next_chunk()
        if not connection.busy:
            return b""
        wanted = most if self._left is None else min(most, self._left)
        data = connection.reader.read1(wanted)
        if self._left is None:
            if not data:
                connection.busy = False
            return data
        if not data:
            connection.close()
            raise BrokenAnswer(f"the connection ended {self._left} bytes early")
        if self._pace is None:
            self._pace = Pace(connection.timeout)
        self._pace.count(len(data))
        self._left -= len(data)
        if self._left == 0:
            if self.chunked:
                connection.reader.readline(_LONGEST_LINE)
            else:
                connection.busy = False
        return data

    def _next_chunk(self) -> int:
        line = self._connection.reader.readline(_LONGEST_LINE)
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            self._connection.close()
            raise BrokenAnswer(f"no chunk but {line[:40]!r}") from None
        if size == 0:
            while self._connection.reader.readline(_LONGEST_LINE).strip():
                pass
            self._connection.busy = False
        return size

    def read(self) -> bytes:
        """The rest of the body. For documents: it is kept in memory."""
        first = self.piece()
        if not self._connection.busy:
            return first
        pieces = [first]
        while data := self.piece():
            pieces.append(data)
        return b"".join(pieces)


class Connection:
    """A socket to one host, for one request at a time.

    Attributes:
        busy: whether an answer is still on the way.
        reusable: whether the other side keeps it open.
        idle_since: when it was last used, by the monotonic clock.
    """

    __slots__ = ("_socket", "busy", "idle_since", "reader", "reusable", "timeout")

    def __init__(self, host: str, port: int, tls: bool, timeout: float) -> None:
        self.busy = False
        self.reusable = True
        self.idle_since = 0.0
        self.timeout = timeout
        connection = socket.create_connection((host, port), timeout)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                connection = _wrap(connection, host)
        except BaseException:
            connection.close()
            raise
        self._socket = connection
        self.reader = BufferedReader(socket.SocketIO(connection, "r"), 16 * 1024)

    def close(self) -> None:
        """End the connection, whatever it is doing."""
        self.reusable = self.busy = False
        self.reader.close()
        self._socket.close()

    def ask(self, method: str, head: bytes, body: bytes | Body, timeout: float) -> Response:
        """Send a request and read the head of its answer.

        Args:
            head: request line and headers with their empty line.
            timeout: seconds without a byte that end it.

        Raises:
            OSError: the connection broke, `BrokenAnswer` if what came is no answer.
        """
        if timeout != self.timeout:
            self._socket.settimeout(timeout)
            self.timeout = timeout
        self.busy = True
        try:
            if isinstance(body, bytes):
                self._socket.sendall(head + body if body else head)
            else:
                self._socket.sendall(head)
                for piece in body:
                    self._socket.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            # A server may refuse before it has read the whole body: the answer says why.
            self.reusable = False
            return self._answer(method)
        return self._answer(method)

    def _answer(self, method: str) -> Response:
        while True:
            version, _, rest = self._line().partition(" ")
            code = rest[:3]
            if not version.startswith("HTTP/1.") or not code.isdecimal():
                raise BrokenAnswer(f"no HTTP answer but {(version + rest)[:40]!r}")
            headers = self._headers()
            if not code.startswith("1"):  # 100 Continue is no answer yet
                break
        if version == "HTTP/1.0" and headers.get("connection", "").lower() != "keep-alive":
            self.reusable = False
        return Response(self, int(code), headers, method)

    def _line(self) -> str:
        # User metadata is UTF-8 as a rule; what is not keeps its bytes.
        return self.reader.readline(_LONGEST_LINE).decode("utf-8", "surrogateescape")

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        for _ in range(_MOST_HEADERS):
            line = self._line()
            if line in ("\r\n", "\n"):
                return headers
            name, colon, value = line.partition(":")
            if not (colon and line.endswith("\n")):
                raise BrokenAnswer(f"no header but {line[:40]!r}")
            name = name.lower()
            value = value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        raise BrokenAnswer(f"more than {_MOST_HEADERS} headers")


def _wrap(connection: socket.socket, host: str) -> socket.socket:
    return _tls().wrap_socket(connection, server_hostname=host)


@cache
def _tls() -> SSLContext:
    """The TLS settings, made once: reading the certificates takes 20 ms."""
    import ssl

    return ssl.create_default_context()
