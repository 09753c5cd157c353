"""HTTP/1.1 over one socket: a request out, a response in, its body piece by piece.

Python's own `http.client` reads headers with the mail parser and costs twice the CPU per request (measured). This
module knows bytes and sockets only: `transport.py` decides on the requests, `client.py` interprets the responses.
"""

from __future__ import annotations

import os
import re
import socket
from io import BufferedReader
from time import monotonic

from ..common.deadline import Deadline, connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from ssl import SSLContext
    from typing import Protocol

    class Body(Protocol):
        """A request body that is sent in pieces; it can be sent again from its start."""

        length: int

        def __iter__(self) -> Iterator[bytes]: ...


MAX_READ_BYTES = 256 * 1024
"""Bytes that a read returns at most."""

MAX_DOCUMENT_BYTES = 64 * 1024 * 1024
"""Bytes of a body that is read as a whole: a list of 1,000 keys has at most 5 MB."""

_MAX_LINE_BYTES = 64 * 1024
_MAX_HEADERS = 200
_MAX_INTERIM_RESPONSES = 20


class MalformedResponse(OSError):
    """The bytes received are no whole HTTP response: the connection ended inside it, or it is malformed."""


class MinThroughput:
    """Refuses a body that drips: each period of `seconds` has to bring `least` bytes, or the end of the body.

    A socket's time limit counts from one byte to the next, so that one byte a second never ends it.
    """

    __slots__ = ("_bytes", "_least", "_mark", "_seconds")

    def __init__(self, seconds: float, least: int = 16 * 1024) -> None:
        self._seconds = seconds
        self._least = least
        self._mark = monotonic()
        self._bytes = 0

    def count(self, length: int) -> None:
        """Count received bytes. Raises TimeoutError if they came too slowly."""
        self._bytes += length
        now = monotonic()
        if now - self._mark > self._seconds:
            if self._bytes < self._least:
                raise TimeoutError(f"only {self._bytes} bytes in {now - self._mark:.1f} seconds")
            self._mark, self._bytes = now, 0


class StreamedResponse:
    """A response whose head was read; its body is still on the way.

    Attributes:
        status: e.g. 200.
        headers: by lower-case name; values of repeated ones are joined by a comma.
        length: Content-Length in bytes, also of a HEAD. None if there is none, or the body comes in chunks.
        delimited: whether the end of the body shows that it is whole. A body that lasts until the connection closes
            may have been cut.
    """

    __slots__ = (
        "_connection",
        "_left",
        "_pace",
        "chunked",
        "delimited",
        "headers",
        "length",
        "status",
    )

    def __init__(
        self, connection: Connection, status: int, headers: dict[str, str], method: str
    ) -> None:
        self._connection = connection
        self._pace: MinThroughput | None = None
        self.status = status
        self.headers = headers
        self.length: int | None = None
        if "content-length" in headers:
            self.length = _parse_length(connection, headers["content-length"])
            headers["content-length"] = str(self.length)
        coding = headers.get("transfer-encoding", "").lower()
        empty = method == "HEAD" or status in (204, 304)
        self.chunked = bool(coding) and not empty
        if self.chunked:
            if coding != "chunked":
                raise connection.broken(f"the transfer encoding {coding[:40]!r}")
            if self.length is not None:  # RFC 9112, 6.3: it may be an attempt at smuggling
                self.length = None
                connection.reusable = False
        self.delimited = self.chunked or empty or self.length is not None
        # Of the current chunk, or of the body.
        self._left = 0 if self.chunked or empty else self.length
        if not self.delimited or headers.get("connection", "").lower() == "close":
            connection.reusable = False
        if self._left == 0 and not self.chunked:
            connection.busy = False

    def piece(self, most: int = MAX_READ_BYTES) -> bytes:
        """Return the next bytes of the body, as many as are there; ``b""`` at its end.

        Raises:
            OSError: the connection broke, `MalformedResponse` if it ended early, TimeoutError if it is too slow.
        """
        connection = self._connection
        if self.chunked and self._left == 0 and connection.busy:
            self._left = self._next_chunk()
        if not connection.busy:
            return b""
        reader = connection.live_reader()
        data = reader.read1(most if self._left is None else min(most, self._left))
        if self._left is None:
            if not data:
                connection.busy = False
                return data
        elif not data:
            raise connection.broken(f"the connection ended {self._left} bytes early")
        else:
            self._left -= len(data)
        if self._left == 0:
            if self.chunked:
                if reader.readline(_MAX_LINE_BYTES) not in (b"\r\n", b"\n"):
                    raise connection.broken("no end of a chunk")
            else:
                connection.busy = False
                return data
        if self._pace is None:
            self._pace = MinThroughput(connection.timeout)
        self._pace.count(len(data))
        return data

    def _next_chunk(self) -> int:
        connection = self._connection
        line = connection.live_reader().readline(_MAX_LINE_BYTES)
        size = re.match(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\n]*)?\r?\n\Z", line)
        if size is None:
            raise connection.broken(f"no chunk but {line[:40]!r}")
        length = int(size[1], 16)
        if length == 0:
            connection.read_headers()  # the trailers
            connection.busy = False
        return length

    def read(self, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
        """Return the rest of the body, kept in memory.

        Raises:
            OSError: as `piece`, `MalformedResponse` also for a body of more than `limit` bytes.
        """
        pieces = []
        size = 0
        while data := self.piece():
            size += len(data)
            if size > limit:
                raise self._connection.broken(f"a body of more than {limit} bytes")
            pieces.append(data)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class Connection:
    """A socket to one host, for one request at a time, in the process that made it.

    Attributes:
        busy: whether a response is still on the way.
        reusable: whether the other side keeps it open.
        idle_since: time of the last use, by the monotonic clock.
        timeout: seconds without a byte that end a request.
    """

    __slots__ = ("_process", "_reader", "_socket", "busy", "idle_since", "reusable", "timeout")

    def __init__(
        self, host: str, port: int, tls: SSLContext | None, timeout: float, deadline: Deadline
    ) -> None:
        """Connect, over TLS if there are settings for it. Raises OSError."""
        self.busy = False
        self.reusable = True
        self.idle_since = 0.0
        self.timeout = timeout
        self._process = os.getpid()
        self._socket = connect(host, port, timeout, deadline)
        if tls is not None:
            self._socket.secure(tls, host)
        self._reader: BufferedReader = BufferedReader(socket.SocketIO(self._socket, "r"), 16 * 1024)  # type: ignore[arg-type]

    @property
    def is_inherited(self) -> bool:
        """Whether another process made it, of which this one is a fork: that one may read from it at any time."""
        return self._process != os.getpid()

    def live_reader(self) -> BufferedReader:
        """Return the buffered bytes of the socket. Raises BrokenAnswer in a fork of the process that made it."""
        if self.is_inherited:
            raise self.broken("a fork cannot read the connections of its parent")
        return self._reader

    @property
    def is_quiet(self) -> bool:
        """Whether nothing came after the last response: it would be taken for the response to the next request."""
        self._socket.deadline = Deadline()
        self._socket.settimeout(0.0)
        self.timeout = 0.0  # the next request sets it anew
        try:
            return not self._reader.peek(1)
        except OSError as error:
            return type(error).__name__ == "SSLWantReadError"  # TLS has nothing to read

    def close(self) -> None:
        """End the connection in any state."""
        self.reusable = self.busy = False
        self._reader.close()
        self._socket.close()

    def broken(self, reason: str) -> MalformedResponse:
        """End the connection. Return the error that says why."""
        self.close()
        return MalformedResponse(reason)

    def ask(
        self, method: str, head: bytes, body: bytes | Body, timeout: float, deadline: Deadline
    ) -> StreamedResponse:
        """Send a request and read the head of its response.

        Args:
            head: request line and headers with their empty line.
            timeout: seconds without a byte that end it, and in which the response's head has to come.
            deadline: the bound of the request and of its response.

        Raises:
            OSError: the connection broke, `MalformedResponse` if what came is no response.
        """
        sock = self._socket
        sock.deadline = deadline
        if timeout != self.timeout:
            sock.settimeout(timeout)
            self.timeout = timeout
        self.busy = True
        try:
            if isinstance(body, bytes):
                sock.sendall(head + body if body else head)
            else:
                sock.sendall(head)
                for piece in body:
                    sock.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            # A server may refuse before it has read the whole body: the response says why.
            self.reusable = False
        sock.deadline = deadline.within(timeout)
        response = self._read_response(method)
        sock.deadline = deadline
        return response

    def _read_response(self, method: str) -> StreamedResponse:
        for _ in range(_MAX_INTERIM_RESPONSES):
            version, _, rest = self._line().partition(" ")
            code = rest[:3]
            if not (version.startswith("HTTP/1.") and len(code) == 3 and code.isdecimal()):
                raise self.broken(f"no HTTP answer but {(version + rest)[:40]!r}")
            headers = self.read_headers()
            if not code.startswith("1"):  # 100 Continue is no answer yet
                if version == "HTTP/1.0" and headers.get("connection", "").lower() != "keep-alive":
                    self.reusable = False
                return StreamedResponse(self, int(code), headers, method)
        raise self.broken("interim answers without an end")

    def _line(self) -> str:
        # User metadata is UTF-8 as a rule; other bytes are kept.
        return self.live_reader().readline(_MAX_LINE_BYTES).decode("utf-8", "surrogateescape")

    def read_headers(self) -> dict[str, str]:
        """Read headers, or the trailers of a body, and the empty line behind them. Raises OSError."""
        headers: dict[str, str] = {}
        for _ in range(_MAX_HEADERS):
            line = self._line()
            if line in ("\r\n", "\n"):
                return headers
            name, colon, value = line.partition(":")
            if not (colon and line.endswith("\n")):
                raise self.broken(f"no header but {line[:40]!r}")
            name = name.lower()
            value = value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        raise self.broken(f"more than {_MAX_HEADERS} headers")


def build_head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """Return the head of a request. Raises ValueError for a value that would begin another header."""
    text = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if text.count("\n") + text.count("\r") != 2 * len(headers) or "\0" in text:
        raise ValueError("a header's value cannot hold a line break or NUL")
    return f"{method} {target} HTTP/1.1\r\n{text}\r\n".encode("utf-8", "surrogateescape")


def _parse_length(connection: Connection, value: str) -> int:
    """Return the bytes that Content-Length promises; it may be repeated, not contradicted."""
    values = {part.strip() for part in value.split(",")}
    length = parse_size(values.pop())
    if values or length is None:
        raise connection.broken(f"the content length {value[:40]!r}")
    return length


def parse_size(text: str) -> int | None:
    """Return a number of bytes, or None if the text is none. No object has a size of more than 18 digits."""
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None
