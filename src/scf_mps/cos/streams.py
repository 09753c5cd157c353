"""Streams of the bytes of an object, verified and from one version of it.

A broken response is continued by a range that must match the ETag. CRC64 is computed on the way and compared before
the last bytes are returned.
"""

from __future__ import annotations

import hashlib
import io
import re

from . import crc64, operations
from .client import Client, build_corrupt_error
from .errors import Corrupt, Unavailable
from .http1 import MAX_READ_BYTES
from .metadata import CHECKSUM_HEADER, ENCRYPTION_HEADER, is_md5

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..events.files import CosObject
    from .http1 import StreamedResponse
    from .transport import Exchange

_MAX_PASSES = 3


class Stream:
    """A pass over the bytes of an object. Its size may be unknown until the end, but is always compared.

    Attributes:
        position: of the next byte.
        etag: of the version to read; by default the current one, known after `open`.
        size: bytes of that version, or None until COS sends it.
    """

    def __init__(
        self,
        client: Client,
        item: CosObject,
        start: int = 0,
        etag: str = "",
        size: int | None = None,
    ) -> None:
        self.position = start
        self.etag = etag
        self.size = size
        self._client = client
        self._item = item
        self._exchange: Exchange | None = None
        self._headers: Mapping[str, str] | None = None  # of the first response
        self._failed_attempts = 0
        self._is_whole = start == 0
        self._is_ended = False
        self._crc = 0
        self._md5 = hashlib.md5(usedforsecurity=False)

    def open(self) -> None:
        """Request the object, unless that is done.

        Raises:
            Conflict: it was replaced meanwhile, or is archived.
        """
        if self._exchange is None:
            self._request()

    def read(self, max_bytes: int = MAX_READ_BYTES) -> bytes:
        """Return the next available bytes, ``b""`` at the end.

        Raises:
            Corrupt: all bytes have arrived and differ from those of the object. If the size is known, the last of them
                are not returned.
            CosError: the bytes are unavailable.
        """
        while not self._is_ended and (
            self.size is None or self.position < self.size or self._is_whole
        ):
            if self._client.deadline.remaining() <= 0:
                self.close()
                raise Unavailable(
                    "the invocation has no time left for the rest of it",
                    code="DeadlineExceeded",
                    object=self._item,
                )
            self.open()
            try:
                data = self._receive(max_bytes)
            except OSError as error:
                self._recover(error)
                continue
            if not data or self.position == self.size:
                self._finish()
            return data
        self.close()
        return b""

    def close(self) -> None:
        """Discard the rest."""
        if self._exchange is not None:
            self._exchange.end()
            self._exchange = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            while data := self.read():
                yield data
        finally:
            self.close()

    def _request(self) -> None:
        headers = {}
        if self.position:
            headers["range"] = f"bytes={self.position}-"
        if self.etag:
            headers["if-match"] = f'"{self.etag}"'
        exchange = self._client.stream(self._item, headers)
        response = exchange.response
        if response.status not in (200, 206):  # its body was read
            raise self._build_invalid_error(f"COS responded to a GET with status {response.status}")
        size = response.length
        if self.position or response.status == 206:
            start, size = _parse_range(response)
            if start != self.position:
                exchange.end()
                raise self._build_invalid_error(
                    f"COS sent {response.headers.get('content-range', 'all bytes')!r:.80} "
                    f"instead of bytes from {self.position}"
                )
        if self.size not in (None, size) and size is not None:
            exchange.end()
            raise self._build_invalid_error(f"the size changed from {self.size} to {size} bytes")
        self._exchange = exchange
        self.size = self.size if size is None else size
        if self._headers is None:
            self._headers = response.headers
            self.etag = self.etag or response.headers.get("etag", "").strip('"')

    def _build_invalid_error(self, message: str) -> Unavailable:
        headers = self._headers or {}
        return Unavailable(
            message,
            code="InvalidAnswer",
            request_id=headers.get("x-cos-request-id", ""),
            object=self._item,
        )

    def _receive(self, max_bytes: int) -> bytes:
        """Return the next bytes of the response, none at its end. Raises OSError if it ends early."""
        assert self._exchange is not None
        if self.size is not None:
            max_bytes = min(max_bytes, self.size - self.position)
        data = self._exchange.response.read_piece(max_bytes) if max_bytes else b""
        if data:
            self._failed_attempts = 0
            self.position += len(data)
            if self._is_whole and not self._checksum:
                self._md5.update(data)
            elif self._is_whole:
                self._crc = crc64.update(data, self._crc)
        elif self.size is not None and self.position < self.size:
            raise OSError(f"the response ended at byte {self.position} of {self.size}")
        return data

    @property
    def _checksum(self) -> str:
        assert self._headers is not None
        return self._headers.get(CHECKSUM_HEADER, "")

    def _finish(self) -> None:
        """Compare checksums. Raises Corrupt, or Unavailable if nothing proves that all bytes arrived."""
        assert self._exchange is not None
        assert self._headers is not None
        response = self._exchange.response
        self.close()
        self._is_ended = True
        if self._is_whole and self._checksum:
            expected, received = self._checksum, str(self._crc)
        elif self._is_whole and is_md5(self.etag) and ENCRYPTION_HEADER not in self._headers:
            expected, received = self.etag, self._md5.hexdigest()
        elif self.size is not None or (response.delimited and response.status == 200):
            return  # only the length of a part, or of an old multipart object, can be compared
        else:
            raise self._build_invalid_error(
                "neither a length nor a checksum proves that all bytes arrived"
            )
        if received != expected:
            raise build_corrupt_error(
                self._item,
                f"received bytes with checksum {received}, but COS has {expected}",
                self._headers.get("x-cos-request-id", ""),
            )

    def _recover(self, error: OSError) -> None:
        """Wait before the next attempt. Raises Unavailable after the last one."""
        self.close()
        self._failed_attempts += 1
        client = self._client
        wait = client.retry.next_wait(self._failed_attempts)
        if wait is not None and client.deadline.sleep(wait):
            return
        raise Unavailable(
            f"the connection broke at byte {self.position}: {error}",
            code="ConnectionBroken" if client.deadline.remaining() > 0 else "DeadlineExceeded",
            object=self._item,
        ) from error


def _parse_range(response: StreamedResponse) -> tuple[int, int | None]:
    """Return the first byte of a partial response and the size of the whole; -1 if it is not partial or malformed."""
    value = response.headers.get("content-range", "")
    match = re.fullmatch(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", value)
    if match is None or response.status != 206:
        return -1, None
    return int(match[1]), None if match[3] == "*" else int(match[3])


def iterate_passes(client: Client) -> Iterator[bool]:
    """Yield, for each pass over an object that arrives damaged, True if it is the last one."""
    for _ in range(_MAX_PASSES - 1):
        yield client.deadline.remaining() <= 0
    yield True


def read_object(client: Client, item: CosObject, limit: int) -> bytes:
    """Return all bytes of an object, verified.

    Raises:
        ValueError: it has more than `limit` bytes.
        CosError: it is unavailable, `Corrupt` if it was damaged three times.
    """
    for is_last in iterate_passes(client):  # pragma: no branch - the last one returns or raises
        stream = Stream(client, item)
        pieces: list[bytes] = []
        try:
            stream.open()
            while (stream.size or stream.position) <= limit:
                data = stream.read()
                if not data:
                    return b"".join(pieces)
                pieces.append(data)
            raise ValueError(f"{item} has more than limit={limit} bytes. Use open() or download()")
        except Corrupt:
            if is_last:
                raise
        finally:
            stream.close()
    raise AssertionError("the last pass returns or raises")  # pragma: no cover - for type checkers


class Reader(io.RawIOBase):
    """A binary file for reading an object, as `Cos.open` returns it. Seeking costs a request.

    Reading from the first byte to the last verifies the checksum and raises `Corrupt` before the last bytes are
    returned. All responses must match the ETag of the first one: a replaced object raises `Conflict`.
    """

    def __init__(self, client: Client, item: CosObject) -> None:
        super().__init__()
        self._client = client
        self._item = item
        self._stream = Stream(client, item)
        self._stream.open()

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position of the next byte."""
        return self._stream.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Change the position. From the end it takes a HEAD if COS has not sent the size yet."""
        get_start = {io.SEEK_SET: lambda: 0, io.SEEK_CUR: self.tell, io.SEEK_END: self._find_size}
        position = get_start[whence]() + offset
        if position < 0:
            raise ValueError(f"negative position {position}")
        if position != self._stream.position:
            self._stream.close()
            before = self._stream
            self._stream = Stream(self._client, self._item, position, before.etag, before.size)
        return position

    def _find_size(self) -> int:
        if self._stream.size is None:
            self._stream.size = operations.head(self._client, self._item, self._stream.etag).size
        return self._stream.size

    def readinto(self, buffer: object) -> int:
        """Read bytes into a buffer. Return their number."""
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self._stream.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._stream.close()
        super().close()
