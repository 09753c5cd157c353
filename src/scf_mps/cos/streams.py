"""The bytes of an object, whole and from one version of it, however often the connection breaks.

What arrived stays arrived: a broken answer is taken up again by a range that must match the ETag. CRC64 is counted on
the way and compared before the last bytes are handed over. Where the bytes go is left to `download.py` and `helper.py`.
"""

from __future__ import annotations

import hashlib
import io
import re

from . import crc64, operations
from .client import Client, build_corrupt_error
from .errors import Corrupt, CosError, Unavailable
from .http1 import MAX_READ_BYTES
from .metadata import ENCRYPTION_HEADER, is_md5

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..events.files import CosObject
    from .http1 import StreamedResponse
    from .transport import Exchange


class Stream:
    """One pass over the bytes of an object. The size may be unknown until the end: it is compared then, always.

    Args:
        start: the first byte wanted.
        etag: the version wanted; the current one by default.
        size: bytes of that version, if known.

    Attributes:
        position: of the next byte.
        etag: the version, once `open` returned.
        size: bytes of the object, or None while COS has not sent it.
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
        self._fruitless = 0
        self._whole = start == 0
        self._ended = False
        self._crc = 0
        self._md5 = hashlib.md5(usedforsecurity=False)

    def open(self) -> None:
        """Request the object, if that was not done.

        Raises:
            Conflict: it was replaced meanwhile, or is archived.
        """
        if self._exchange is None:
            self._request()

    def piece(self, most: int = MAX_READ_BYTES) -> bytes:
        """Return the next bytes, as many as are there; ``b""`` behind the last.

        Raises:
            Corrupt: all bytes came, and are not those of the object. The last of them are kept back if the size is
                known, so that nobody who needs all of them has them.
            CosError: they cannot be had.
        """
        while not self._ended and (self.size is None or self.position < self.size or self._whole):
            if self._client.deadline.left() <= 0:
                self.close()
                raise Unavailable(
                    "the invocation has no time left for the rest of it",
                    code="DeadlineExceeded",
                    object=self._item,
                )
            self.open()
            try:
                data = self._receive(most)
            except OSError as error:
                self._recover(error)
                continue
            if not data or self.position == self.size:
                self._end()
            return data
        self.close()
        return b""

    def close(self) -> None:
        """Give up the rest."""
        if self._exchange is not None:
            self._exchange.end()
            self._exchange = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            while data := self.piece():
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
            raise self._nonsense(f"a GET was answered with status {response.status}")
        size = response.length
        if self.position or response.status == 206:
            begin, size = _parse_range(response)
            if begin != self.position:
                exchange.end()
                raise self._nonsense(
                    f"bytes from {self.position} were requested, COS sent "
                    f"{response.headers.get('content-range', 'all')!r:.80}"
                )
        if self.size not in (None, size) and size is not None:
            exchange.end()
            raise self._nonsense(f"an object of {self.size} bytes became one of {size}")
        self._exchange = exchange
        self.size = self.size if size is None else size
        if self._headers is None:
            self._headers = response.headers
            self.etag = self.etag or response.headers.get("etag", "").strip('"')

    def _nonsense(self, message: str) -> Unavailable:
        headers = self._headers or {}
        return Unavailable(
            message,
            code="InvalidAnswer",
            request_id=headers.get("x-cos-request-id", ""),
            object=self._item,
        )

    def _receive(self, most: int) -> bytes:
        """Return the next bytes of the response, counted; none at its end. Raises OSError if it ends early."""
        assert self._exchange is not None
        if self.size is not None:
            most = min(most, self.size - self.position)
        data = self._exchange.response.piece(most) if most else b""
        if data:
            self._fruitless = 0
            self.position += len(data)
            if self._whole and not self._checksum:
                self._md5.update(data)
            elif self._whole:
                self._crc = crc64.update(data, self._crc)
        elif self.size is not None and self.position < self.size:
            raise OSError(f"the answer ended at byte {self.position} of {self.size}")
        return data

    @property
    def _checksum(self) -> str:
        assert self._headers is not None
        return self._headers.get("x-cos-hash-crc64ecma", "")

    def _end(self) -> None:
        """Compare. Raises `Corrupt`, or `Unavailable` if nothing shows that all bytes came."""
        assert self._exchange is not None
        assert self._headers is not None
        response = self._exchange.response
        self.close()
        self._ended = True
        if self._whole and self._checksum:
            expected, found = self._checksum, str(self._crc)
        elif self._whole and is_md5(self.etag) and ENCRYPTION_HEADER not in self._headers:
            expected, found = self.etag, self._md5.hexdigest()
        elif self.size is not None or (response.delimited and response.status == 200):
            return  # of an old multipart object, or of a part of one, the length is all there is to compare
        else:
            raise self._nonsense("neither a length nor a checksum shows that all bytes came")
        if found != expected:
            raise build_corrupt_error(
                self._item,
                f"received bytes with checksum {found}, COS has {expected}",
                self._headers.get("x-cos-request-id", ""),
            )

    def _recover(self, error: OSError) -> None:
        self.close()
        self._fruitless += 1
        client = self._client
        if self._fruitless < client.retry.attempts and client.deadline.sleep(
            client.retry.wait(self._fruitless)
        ):
            return
        raise Unavailable(
            f"the connection broke at byte {self.position}: {error}",
            code="ConnectionBroken" if client.deadline.left() > 0 else "DeadlineExceeded",
            object=self._item,
        ) from error


def _parse_range(response: StreamedResponse) -> tuple[int, int | None]:
    """Return the first byte of a partial response and the size of the whole; -1 if it is not partial or malformed."""
    value = response.headers.get("content-range", "")
    found = re.fullmatch(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", value)
    if found is None or response.status != 206:
        return -1, None
    return int(found[1]), None if found[3] == "*" else int(found[3])


def iterate_passes(client: Client) -> Iterator[bool]:
    """Numbers the passes over an object that come out corrupt: yields whether it is the last one."""
    yield client.deadline.left() <= 0
    yield client.deadline.left() <= 0
    yield True


def read(client: Client, item: CosObject, limit: int) -> bytes:
    """Return all bytes of an object of at most `limit` bytes, verified.

    Raises:
        ValueError: it is larger.
        CosError: it cannot be had, `Corrupt` if it came damaged three times.
    """
    for last in iterate_passes(client):  # pragma: no branch - the last pass returns or raises
        stream = Stream(client, item)
        pieces: list[bytes] = []
        try:
            stream.open()
            while (stream.size or stream.position) <= limit:
                data = stream.piece()
                if not data:
                    return b"".join(pieces)
                pieces.append(data)
            raise ValueError(f"{item} has more than limit={limit} bytes: use open() or download()")
        except Corrupt:
            if last:
                raise
        finally:
            stream.close()
    raise AssertionError("the last pass returns or raises")  # pragma: no cover - for type checkers


class Reader(io.RawIOBase):
    """An object as a binary file for reading, as `Cos.open` returns it; seeking costs a request.

    Reading from the first byte to the last verifies the checksum and raises `Corrupt` before the last bytes are
    returned. The ETag of the first response binds all others: a replaced object raises `Conflict`.
    """

    def __init__(self, client: Client, item: CosObject) -> None:
        super().__init__()
        self._client = client
        self._item = item
        self._stream = Stream(client, item)
        self._stream.open()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._stream.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Change the position. From the end it takes a HEAD if COS has not sent the size yet."""
        start = {io.SEEK_SET: lambda: 0, io.SEEK_CUR: self.tell, io.SEEK_END: self._find_size}[
            whence
        ]()
        position = start + offset
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
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self._stream.piece(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


__all__ = ["CosError", "Reader", "Stream", "read"]
