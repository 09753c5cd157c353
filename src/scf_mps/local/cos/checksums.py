"""Checksums of bytes: MD5, and the CRC64 that COS puts on everything.

No other module imports the library that computes CRC64.
"""

from __future__ import annotations

import base64
import hashlib

from fastcrc import crc64 as _crc64

from .errors import CosError


def crc64(data: bytes, crc: int = 0) -> int:
    """Return the CRC-64/XZ of `data`, continued from `crc`, as sent in x-cos-hash-crc64ecma.

    Source: documentation page 436/43317. The check value of b"123456789" is 11051210869376104954.
    """
    return _crc64.xz(data, crc)


class Checksums:
    """Size, MD5 and CRC64 of a stream, updated chunk by chunk."""

    __slots__ = ("_md5", "crc64", "size")

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self.crc64 = 0
        self.size = 0

    def update(self, chunk: bytes) -> None:
        """Add the next bytes of the stream."""
        self._md5.update(chunk)
        self.crc64 = crc64(chunk, self.crc64)
        self.size += len(chunk)

    @property
    def md5(self) -> bytes:
        """The 16 bytes of the MD5 so far."""
        return self._md5.digest()


def parse_content_md5(text: str | None) -> bytes | None:
    """Return the 16 bytes of a Content-MD5 header, or None without one.

    Raises:
        CosError: InvalidDigest if the header is not the base64 of 16 bytes.
    """
    if text is None:
        return None
    try:
        digest = base64.b64decode(text, validate=True)
    except ValueError:
        digest = b""
    if len(digest) != 16:
        raise CosError("InvalidDigest")
    return digest


def check_content_md5(expected: bytes | None, actual: bytes) -> None:
    """Raise CosError BadDigest if an expected MD5 differs from the actual one."""
    if expected is not None and expected != actual:
        raise CosError("BadDigest")
