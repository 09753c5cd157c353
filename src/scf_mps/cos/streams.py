"""The bytes of an object, whole and from one version of it, however often the connection breaks.

What arrived stays arrived: a broken answer is taken up again by a range that must match the ETag. CRC64 is counted on
the way and compared before the last bytes are handed over. Where the bytes go is left to `download.py` and `helper.py`.
"""

from __future__ import annotations

import hashlib
import io

from . import crc64
from .client import Client, corrupt
from .errors import Corrupt, CosError, Unavailable
from .http1 import PIECE
from .metadata import Head, head_of, is_md5

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..events.files import CosObject
    from .transport import Exchange


class Stream:
    """One pass over the bytes of an object.

    Args:
        start: the first byte wanted.
        etag: the version wanted; the one that is there by default.

    Attributes:
        head: what the first answer told; read a piece first.
        position: of the next byte.
    """

    def __init__(self, client: Client, item: CosObject, start: int = 0, etag: str = "") -> None:
        self.head: Head | None = None
        self.position = start
        self._client = client
        self._item = item
        self._etag = etag
        self._exchange: Exchange | None = None
        self._fruitless = 0
        self._whole = start == 0
        self._crc = 0
        self._md5 = hashlib.md5(usedforsecurity=False)

    def open(self) -> Head:
        """Ask for the object, if that was not done; returns what the answer's head tells.

        Raises:
            Conflict: it was replaced meanwhile, or is archived.
        """
        if self._exchange is None:
            self._ask()
        assert self.head is not None
        return self.head

    def piece(self, most: int = PIECE) -> bytes:
        """The next bytes, as many as are there; ``b""`` behind the last.

        Raises:
            Corrupt: all bytes came, and are not those of the object; the last of them are kept back.
            CosError: they cannot be had.
        """
        while True:
            if self.head is not None and self.position >= self.head.size:
                self.close()
                return b""
            if self._client.clock.left() <= 0:
                self.close()
                raise Unavailable(
                    "the invocation has no time left for the rest of it",
                    code="DeadlineExceeded",
                    object=self._item,
                )
            head = self.open()
            assert self._exchange is not None
            if not head.size:
                continue
            try:
                data = self._exchange.response.piece(most)
                if data:
                    self._fruitless = 0
                    self._count(data, head)
                    return data
                raise OSError(f"the answer ended at byte {self.position} of {head.size}")
            except OSError as error:
                self._recover(error)

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

    def _ask(self) -> None:
        headers = {}
        if self.position:
            headers["range"] = f"bytes={self.position}-"
        if self._etag:
            headers["if-match"] = f'"{self._etag}"'
        exchange = self._client.stream(self._item, headers)
        response = exchange.response
        begins = response.headers.get("content-range", "bytes 0-").split("-")[0].split()[-1]
        if int(begins) != self.position:
            exchange.end()
            raise Unavailable(
                f"asked for bytes from {self.position}, got them from {begins}", object=self._item
            )
        self._exchange = exchange
        if self.head is None:
            self.head = head_of(self._item, response.headers)
            self._etag = self._etag or self.head.etag

    def _count(self, data: bytes, head: Head) -> None:
        self.position += len(data)
        if not self._whole:
            return
        if head.crc64:
            self._crc = crc64.update(data, self._crc)
        else:
            self._md5.update(data)
        if self.position < head.size:
            return
        self.close()
        if head.crc64:
            expected, found = head.crc64, str(self._crc)
        elif is_md5(head.etag) and not head.encryption:
            expected, found = head.etag, self._md5.hexdigest()
        else:  # an old multipart object: its length is all there is to compare
            return
        if found != expected:
            raise corrupt(
                self._item,
                f"received bytes with checksum {found}, COS has {expected}",
                head.request_id,
            )

    def _recover(self, error: OSError) -> None:
        self.close()
        self._fruitless += 1
        client = self._client
        if self._fruitless < client.retry.attempts and client.clock.sleep(
            client.retry.wait(self._fruitless)
        ):
            return
        raise Unavailable(
            f"the connection broke at byte {self.position}: {error}",
            code="ConnectionBroken",
            object=self._item,
        ) from error


def passes(client: Client) -> Iterator[bool]:
    """Numbers the passes over an object that come out corrupt: yields whether it is the last one."""
    yield client.clock.left() <= 0
    yield client.clock.left() <= 0
    yield True


def read(client: Client, item: CosObject, limit: int) -> bytes:
    """All bytes of an object of at most `limit` bytes; nothing is returned that is not verified.

    Raises:
        ValueError: it is larger.
        CosError: it cannot be had, `Corrupt` if what came was damaged thrice.
    """
    for last in passes(client):  # pragma: no branch - the last pass returns or raises
        stream = Stream(client, item)
        try:
            size = stream.open().size
            if size > limit:
                raise ValueError(
                    f"{item} has {size} bytes, more than limit={limit}: use open() or download()"
                )
            return b"".join(stream)
        except Corrupt:
            if last:
                raise
        finally:
            stream.close()
    raise AssertionError("the last pass returns or raises")  # pragma: no cover - for type checkers


class Reader(io.RawIOBase):
    """An object as a binary file for reading, as `Cos.open` gives it; seeking costs a request.

    Reading from the first byte to the last verifies CRC64 and raises `Corrupt` before the last bytes are returned. The
    ETag of the first answer binds all others: a replaced object raises `Conflict`.
    """

    def __init__(self, client: Client, item: CosObject) -> None:
        super().__init__()
        self._client = client
        self._item = item
        self._stream = Stream(client, item)
        self.head = self._stream.open()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._stream.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self.head.size}[whence]
        position = start + offset
        if position < 0:
            raise ValueError(f"negative position {position}")
        if position != self._stream.position:
            self._stream.close()
            self._stream = Stream(self._client, self._item, position, self.head.etag)
            self._stream.head = self.head
        return position

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
