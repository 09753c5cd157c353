"""HTTP/1.1 over one socket.

Python's own `http.client` reads headers with the mail parser and costs twice the CPU per request (measured).
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
        """A request body that is sent in pieces. It can be sent again from its start."""

        length: int

        def __iter__(self) -> Iterator[bytes]: ...


MAX_READ_BYTES = 256 * 1024
"""Bytes of one piece of a body."""

MAX_DOCUMENT_BYTES = 64 * 1024 * 1024
"""Bytes of the largest body that is read at once. A list of 1,000 keys has at most 5 MB."""

_MAX_LINE_BYTES = 64 * 1024
_MAX_HEADERS = 200
_MAX_INTERIM_RESPONSES = 20


class MalformedResponse(OSError):
    """The received bytes are not a complete HTTP response: the connection ended early, or they are malformed."""


class MinThroughput:
    """Minimum throughput of a body. A socket's timeout counts from byte to byte, so one byte per second never ends it.

    Args:
        seconds: length of a period.
        min_bytes: bytes that must arrive in each period, unless the body ends.
    """

    __slots__ = ("_bytes", "_min_bytes", "_seconds", "_start")

    def __init__(self, seconds: float, min_bytes: int = 16 * 1024) -> None:
        self._seconds = seconds
        self._min_bytes = min_bytes
        self._start = monotonic()
        self._bytes = 0

    def count(self, length: int) -> None:
        """Count received bytes. Raises TimeoutError if they arrived too slowly."""
        self._bytes += length
        now = monotonic()
        if now - self._start > self._seconds:
            if self._bytes < self._min_bytes:
                raise TimeoutError(f"only {self._bytes} bytes in {now - self._start:.1f} seconds")
            self._start, self._bytes = now, 0


class StreamedResponse:
    """A response whose head has been read and whose body is still arriving.

    Attributes:
        status: e.g. 200.
        headers: by lower-case name. Values of repeated ones are joined by commas.
        length: Content-Length in bytes, also of a HEAD. None if it is missing or the body is chunked.
        chunked: True for a chunked body.
        delimited: True if the end of the body proves that it is complete. A body that lasts until the connection closes
            may be truncated.
    """

    __slots__ = (
        "_connection",
        "_left",
        "_throughput",
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
        self._throughput: MinThroughput | None = None
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
                raise connection.abort(f"unknown transfer encoding {coding[:40]!r}")
            if self.length is not None:  # possibly request smuggling (RFC 9112, 6.3)
                self.length = None
                connection.reusable = False
        self.delimited = self.chunked or empty or self.length is not None
        # Bytes left of the current chunk, or of the body.
        self._left = 0 if self.chunked or empty else self.length
        if not self.delimited or headers.get("connection", "").lower() == "close":
            connection.reusable = False
        if self._left == 0 and not self.chunked:
            connection.busy = False

    def read_piece(self, max_bytes: int = MAX_READ_BYTES) -> bytes:
        """Return the next available bytes of the body, ``b""`` at its end.

        Raises:
            OSError: the connection broke. `MalformedResponse` if it ended early, TimeoutError if it is too slow.
        """
        connection = self._connection
        if self.chunked and self._left == 0 and connection.busy:
            self._left = self._read_chunk_size()
        if not connection.busy:
            return b""
        reader = connection.get_reader()
        data = reader.read1(max_bytes if self._left is None else min(max_bytes, self._left))
        if self._left is None:
            if not data:
                connection.busy = False
                return data
        elif not data:
            raise connection.abort(f"the connection ended {self._left} bytes early")
        else:
            self._left -= len(data)
        if self._left == 0:
            if self.chunked:
                if reader.readline(_MAX_LINE_BYTES) not in (b"\r\n", b"\n"):
                    raise connection.abort("invalid end of a chunk")
            else:
                connection.busy = False
                return data
        if self._throughput is None:
            self._throughput = MinThroughput(connection.timeout)
        self._throughput.count(len(data))
        return data

    def _read_chunk_size(self) -> int:
        connection = self._connection
        line = connection.get_reader().readline(_MAX_LINE_BYTES)
        size = re.match(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\n]*)?\r?\n\Z", line)
        if size is None:
            raise connection.abort(f"invalid chunk {line[:40]!r}")
        length = int(size[1], 16)
        if length == 0:
            connection.read_headers()  # the trailers
            connection.busy = False
        return length

    def read(self, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
        """Return the rest of the body.

        Raises:
            OSError: as `read_piece`. `MalformedResponse` also for a body of more than `limit` bytes.
        """
        pieces = []
        size = 0
        while data := self.read_piece():
            size += len(data)
            if size > limit:
                raise self._connection.abort(f"the body has more than {limit} bytes")
            pieces.append(data)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class Connection:
    """A socket to one host, for one request at a time, in the process that made it. Encrypted if `tls` is given.

    Attributes:
        busy: True while a response is arriving.
        reusable: True if the peer keeps the connection open.
        idle_since: monotonic seconds of the last use.
        timeout: seconds without a byte after which a request ends.

    Raises:
        OSError: the connection failed.
    """

    __slots__ = ("_process", "_reader", "_socket", "busy", "idle_since", "reusable", "timeout")

    def __init__(
        self, host: str, port: int, tls: SSLContext | None, timeout: float, deadline: Deadline
    ) -> None:
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
        """True in a fork of the process that made it. That process may read from it at any time."""
        return self._process != os.getpid()

    def get_reader(self) -> BufferedReader:
        """Return the buffered bytes of the socket. Raises MalformedResponse in a fork of the process that made it."""
        if self.is_inherited:
            raise self.abort("a fork cannot read the connections of its parent")
        return self._reader

    @property
    def is_quiet(self) -> bool:
        """True if nothing arrived after the last response. It would be mistaken for the response to the next request."""
        self._socket.deadline = Deadline()
        self._socket.settimeout(0.0)
        self.timeout = 0.0  # the next request sets it anew
        try:
            return not self._reader.peek(1)
        except OSError as error:
            return type(error).__name__ == "SSLWantReadError"  # TLS has nothing to read

    def close(self) -> None:
        """Close the connection in any state."""
        self.reusable = self.busy = False
        self._reader.close()
        self._socket.close()

    def abort(self, reason: str) -> MalformedResponse:
        """Close the connection. Return the error to raise."""
        self.close()
        return MalformedResponse(reason)

    def send(
        self, method: str, head: bytes, body: bytes | Body, timeout: float, deadline: Deadline
    ) -> StreamedResponse:
        """Send a request and read the head of its response.

        It ends after `timeout` seconds without a byte, which also bound the head of the response.

        Raises:
            OSError: the connection broke. `MalformedResponse` if the received bytes are not a response.
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
            # A server may refuse before it has read the whole body. The response names the reason.
            self.reusable = False
        sock.deadline = deadline.within(timeout)
        response = self._read_response(method)
        sock.deadline = deadline
        return response

    def _read_response(self, method: str) -> StreamedResponse:
        for _ in range(_MAX_INTERIM_RESPONSES):
            version, _, rest = self._read_line().partition(" ")
            code = rest[:3]
            if not (version.startswith("HTTP/1.") and len(code) == 3 and code.isdecimal()):
                raise self.abort(f"invalid HTTP response {(version + rest)[:40]!r}")
            headers = self.read_headers()
            if not code.startswith("1"):  # 100 Continue precedes the response
                if version == "HTTP/1.0" and headers.get("connection", "").lower() != "keep-alive":
                    self.reusable = False
                return StreamedResponse(self, int(code), headers, method)
        raise self.abort(f"more than {_MAX_INTERIM_RESPONSES} interim responses")

    def _read_line(self) -> str:
        # User metadata is usually UTF-8. Other bytes are kept.
        return self.get_reader().readline(_MAX_LINE_BYTES).decode("utf-8", "surrogateescape")

    def read_headers(self) -> dict[str, str]:
        """Return headers, or the trailers of a body, up to an empty line. Raises OSError."""
        headers: dict[str, str] = {}
        for _ in range(_MAX_HEADERS):
            line = self._read_line()
            if line in ("\r\n", "\n"):
                return headers
            name, colon, value = line.partition(":")
            if not (colon and line.endswith("\n")):
                raise self.abort(f"invalid header {line[:40]!r}")
            name = name.lower()
            value = value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        raise self.abort(f"more than {_MAX_HEADERS} headers")


def build_head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """Return the head of a request. Raises ValueError for a value that would begin another header."""
    text = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if text.count("\n") + text.count("\r") != 2 * len(headers) or "\0" in text:
        raise ValueError("a header value must not contain a line break or NUL")
    return f"{method} {target} HTTP/1.1\r\n{text}\r\n".encode("utf-8", "surrogateescape")


def _parse_length(connection: Connection, value: str) -> int:
    """Return the value of Content-Length. Repeated values must be equal."""
    values = {part.strip() for part in value.split(",")}
    length = parse_size(values.pop())
    if values or length is None:
        raise connection.abort(f"invalid content length {value[:40]!r}")
    return length


def parse_size(text: str) -> int | None:
    """Return a number of bytes, or None for an invalid text. No object has a size of more than 18 digits."""
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None
