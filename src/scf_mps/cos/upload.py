"""Files and bytes to objects: in one request, or in parts that are given up as a whole if one fails.

A file is read twice, first for its checksums and then to be sent, so that COS can compare before anything appears
under the name and memory stays at one piece. An unfinished upload that is already there is somebody else's: it is
never taken up.
"""

from __future__ import annotations

import hashlib
import os
from base64 import b64encode

from . import bulk, crc64, operations
from .errors import Conflict
from .http1 import MAX_READ_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..events.files import CosObject
    from .client import Client

DEFAULT_PART_BYTES = 16 * 1024 * 1024
"""Bytes of a part, unless there would be more than 10,000; COS takes 1 MB to 5 GB (page 436/7750)."""

_MOST_PARTS = 10_000
_WORKERS = 4
"""Parts on their way at a time: one connection to COS is slower than a function's network."""


class FileSlice:
    """A stretch of a file as a request body: read while it is sent, again when it is sent again."""

    __slots__ = ("_file", "_start", "length")

    def __init__(self, file: int, start: int, length: int) -> None:
        self._file = file
        self._start = start
        self.length = length

    def __iter__(self) -> Iterator[bytes]:
        at, end = self._start, self._start + self.length
        while at < end:
            data = os.pread(self._file, min(MAX_READ_BYTES, end - at), at)
            if not data:
                raise OSError("the file became shorter while it was uploaded")
            at += len(data)
            yield data

    def checksums(self) -> tuple[str, int]:
        """The value of Content-MD5, and the CRC64."""
        md5, crc = hashlib.md5(usedforsecurity=False), 0
        for data in self:
            md5.update(data)
            crc = crc64.update(data, crc)
        return b64encode(md5.digest()).decode(), crc


def upload_file(
    client: Client,
    path: str | os.PathLike[str],
    item: CosObject,
    headers: Mapping[str, str],
    count: Callable[[int], None],
    part: int = DEFAULT_PART_BYTES,
) -> None:
    """Upload a file; it appears under its name whole or not at all.

    Args:
        count: is told the bytes that have arrived.

    Raises:
        Conflict: with ``x-cos-forbid-overwrite``, the object is there; or the file changed meanwhile.
        CosError: it could not be done; nothing of it is left.
    """
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        before = os.fstat(file)
        size = before.st_size
        part = max(part, -(-size // _MOST_PARTS))

        def unchanged() -> None:
            after = os.fstat(file)
            if (after.st_size, after.st_mtime_ns) != (size, before.st_mtime_ns):
                raise Conflict(
                    f"{os.fspath(path)!r} changed while it was uploaded",
                    code="FileChanged",
                    object=item,
                )

        if size > part:
            _in_parts(client, file, size, part, item, headers, count, unchanged)
        else:
            # Small enough to be at hand: what is sent is what was counted.
            operations.put(client, item, os.pread(file, size, 0) if size else b"", headers)
            count(size)
    finally:
        os.close(file)


def _in_parts(
    client: Client,
    file: int,
    size: int,
    part: int,
    item: CosObject,
    headers: Mapping[str, str],
    count: Callable[[int], None],
    unchanged: Callable[[], None],
) -> None:
    forbidden = {name: headers[name] for name in (operations.FORBID_OVERWRITE,) if name in headers}
    kept = {name: value for name, value in headers.items() if name not in forbidden}
    slices = [FileSlice(file, at, min(part, size - at)) for at in range(0, size, part)]
    upload = operations.initiate_upload(client, item, kept)

    def send(number: int) -> tuple[str, int]:
        body = slices[number - 1]
        md5, crc = body.checksums()
        etag = operations.upload_part(client, item, upload, number, body, md5, crc)
        count(body.length)
        return etag, crc

    try:
        sent = bulk.run_all(client, range(1, len(slices) + 1), send, _WORKERS)
        unchanged()
        whole = 0
        for body, (_, crc) in zip(slices, sent, strict=True):
            whole = crc64.combine(whole, crc, body.length)
        etags = [etag for etag, _ in sent]
        operations.complete(client, item, upload, etags, forbidden, size, str(whole))
    except BaseException:
        operations.abort(client, item, upload)
        raise


def copy_in_parts(
    client: Client,
    source: CosObject,
    target: CosObject,
    size: int,
    checksum: str,
    source_etag: str,
    headers: Mapping[str, str],
    part: int = 1024 * 1024 * 1024,
) -> None:
    """Copy an object that is too large for one copy (5 GB, page 436/10881), all of it from one version.

    Args:
        headers: all that is to be stored: parts bring no metadata along.

    Raises:
        CosError: it could not be done; nothing of it is left.
    """
    forbidden = {name: headers[name] for name in (operations.FORBID_OVERWRITE,) if name in headers}
    kept = {name: value for name, value in headers.items() if name not in forbidden}
    origin = {
        "x-cos-copy-source": operations.copy_source(client, source),
        "x-cos-copy-source-if-match": f'"{source_etag}"',
    }
    upload = operations.initiate_upload(client, target, kept)

    def send(number: int) -> str:
        start = (number - 1) * part
        end = min(start + part, size) - 1
        said = {**origin, "x-cos-copy-source-range": f"bytes={start}-{end}"}
        return operations.copy_part(client, target, upload, number, said)

    try:
        etags = bulk.run_all(client, range(1, -(-size // part) + 1), send, _WORKERS)
        operations.complete(client, target, upload, etags, forbidden, size, checksum)
    except BaseException:
        operations.abort(client, target, upload)
        raise
