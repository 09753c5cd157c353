"""Uploads of files and copies of large objects, in one request or in parts.

A file is read twice, first for its checksums and then to send it, so that COS can compare them before the object
appears and memory stays at one piece. An unfinished upload of somebody else is never continued.
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
    from typing import TypeVar

    from ..events.files import CosObject
    from .client import Client
    from .metadata import Head

    P = TypeVar("P")

DEFAULT_PART_BYTES = 16 * 1024 * 1024
"""Bytes of a part, unless there would be more than 10,000. COS takes 1 MB to 5 GB (page 436/7750)."""
COPY_PART_BYTES = 1024**3
"""Bytes of a part of a copy."""

_MAX_PARTS = 10_000
_MAX_WORKERS = 4
"""Parts in progress at a time. One connection to COS is slower than a function's network."""


class FileSlice:
    """A slice of a file as a request body, which is read each time it is sent."""

    __slots__ = ("_file", "_start", "length")

    def __init__(self, file: int, start: int, length: int) -> None:
        self._file = file
        self._start = start
        self.length = length

    def __iter__(self) -> Iterator[bytes]:
        position, end = self._start, self._start + self.length
        while position < end:
            data = os.pread(self._file, min(MAX_READ_BYTES, end - position), position)
            if not data:
                raise OSError("the file became shorter during its upload")
            position += len(data)
            yield data

    def compute_checksums(self) -> tuple[str, int]:
        """Return the value of Content-MD5, and the CRC64."""
        md5, crc = hashlib.md5(usedforsecurity=False), 0
        for data in self:
            md5.update(data)
            crc = crc64.update(data, crc)
        return b64encode(md5.digest()).decode(), crc


class _SourceFile:
    """A file that is being uploaded."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._state = os.fstat(self.descriptor)
        self.size = self._state.st_size

    def check_unchanged(self, item: CosObject) -> None:
        """Raise Conflict if the file was changed since it was opened."""
        state = os.fstat(self.descriptor)
        if (state.st_size, state.st_mtime_ns) != (self.size, self._state.st_mtime_ns):
            raise Conflict(
                f"{os.fspath(self._path)!r} changed during its upload",
                code="FileChanged",
                object=item,
            )


class Uploader:
    """Uploads files. Each becomes visible complete or not at all.

    Args:
        client: sends the requests.
        count_bytes: called with the number of bytes of each piece that has arrived.
        part_bytes: size up to which a file is sent in one request, and of the parts of larger ones.
    """

    def __init__(
        self,
        client: Client,
        count_bytes: Callable[[int], None],
        part_bytes: int = DEFAULT_PART_BYTES,
    ) -> None:
        self._client = client
        self._count_bytes = count_bytes
        self._part_bytes = part_bytes

    def upload(
        self, path: str | os.PathLike[str], item: CosObject, headers: Mapping[str, str]
    ) -> None:
        """Upload a file.

        Raises:
            Conflict: the headers have ``x-cos-forbid-overwrite`` and the object exists, or the file changed meanwhile.
            CosError: the upload failed, and nothing of it is left.
        """
        file = _SourceFile(path)
        try:
            part_bytes = max(self._part_bytes, -(-file.size // _MAX_PARTS))
            if file.size > part_bytes:
                self._upload_in_parts(file, item, headers, part_bytes)
            else:
                # Read once, so that the checksums are those of the bytes that are sent.
                data = os.pread(file.descriptor, file.size, 0) if file.size else b""
                operations.put(self._client, item, data, headers)
                self._count_bytes(file.size)
        finally:
            os.close(file.descriptor)

    def _upload_in_parts(
        self, file: _SourceFile, item: CosObject, headers: Mapping[str, str], part_bytes: int
    ) -> None:
        client = self._client
        slices = [
            FileSlice(file.descriptor, start, min(part_bytes, file.size - start))
            for start in range(0, file.size, part_bytes)
        ]
        upload = operations.initiate_upload(client, item, headers)

        def send(number: int) -> tuple[str, int]:
            body = slices[number - 1]
            checksums = body.compute_checksums()
            etag = operations.upload_part(client, upload, number, body, checksums)
            self._count_bytes(body.length)
            return etag, checksums[1]

        try:
            parts = _send_parts(client, len(slices), send)
            file.check_unchanged(item)
            checksum = 0
            for body, (_, crc) in zip(slices, parts, strict=True):
                checksum = crc64.combine(checksum, crc, body.length)
            etags = [etag for etag, _ in parts]
            operations.complete_upload(client, upload, etags, file.size, str(checksum))
        except BaseException:
            operations.abort_upload(client, upload)
            raise


def copy_in_parts(
    client: Client,
    source: Head,
    target: CosObject,
    headers: Mapping[str, str],
    part_bytes: int = COPY_PART_BYTES,
) -> None:
    """Copy one version of an object that is too large for one copy (5 GB, page 436/10881).

    Parts bring no metadata along, so `headers` is all that is stored.

    Raises:
        CosError: the copy failed, and nothing of it is left.
    """
    origin = {
        "x-cos-copy-source": operations.build_copy_source(client, source.object),
        "x-cos-copy-source-if-match": f'"{source.etag}"',
    }
    upload = operations.initiate_upload(client, target, headers)

    def send(number: int) -> str:
        start = (number - 1) * part_bytes
        end = min(start + part_bytes, source.size) - 1
        part_headers = {**origin, "x-cos-copy-source-range": f"bytes={start}-{end}"}
        return operations.copy_part(client, upload, number, part_headers)

    try:
        etags = _send_parts(client, -(-source.size // part_bytes), send)
        operations.complete_upload(client, upload, etags, source.size, source.crc64)
    except BaseException:
        operations.abort_upload(client, upload)
        raise


def _send_parts(client: Client, count: int, send: Callable[[int], P]) -> list[P]:
    return bulk.run_all(client, range(1, count + 1), send, _MAX_WORKERS)
