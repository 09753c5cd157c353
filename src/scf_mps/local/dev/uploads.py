"""Videos that the page sends, streamed into the COS emulator as any client would store them."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import aiohttp
from aiohttp import hdrs
from yarl import URL

from scf_mps.events.files import CosObject

from ..cos.checksums import crc64
from ..cos.names import MAX_KEY_BYTES
from ..mps.model import Location
from .objects import OTHER_TYPE, find_media_type
from .request_guard import Refusal

if TYPE_CHECKING:
    from scf_mps.cos import Cos

MAX_VIDEO_BYTES = 2 * 1024**3

DEFAULT_NAME = "video.mp4"

_FILE_CHUNK = 256 * 1024


class Content(Protocol):
    """The content of a request, such as aiohttp's."""

    def iter_any(self) -> AsyncIterator[bytes]:
        """Yield the bytes as they arrive."""
        ...


def build_key(prefix: str, name: str) -> str:
    """Return the key of an uploaded file: its name without folders, control characters and invisible ones.

    Args:
        prefix: of the key, with a slash at its end or empty.
        name: as the browser sends it.
    """
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    plain = "".join(char for char in last if char.isprintable()).strip(" .") or DEFAULT_NAME
    stem, dot, suffix = plain.rpartition(".")
    if not stem:
        stem, dot, suffix = plain, "", ""
    room = MAX_KEY_BYTES - len(f"{prefix}{dot}{suffix}".encode())
    if room <= 0:  # the whole name is one suffix
        room, stem, dot, suffix = MAX_KEY_BYTES - len(prefix.encode()), plain, "", ""
    return f"{prefix}{stem.encode()[:room].decode(errors='ignore')}{dot}{suffix}"


def check_size(length: int | None) -> None:
    """Raise Refusal 413 for a video over 2 GiB, 400 for an empty one. None is an unknown length."""
    if length == 0:
        raise Refusal(400, "the video is empty")
    if length is not None and length > MAX_VIDEO_BYTES:
        raise Refusal(
            413,
            f"the video has {length} bytes, more than {MAX_VIDEO_BYTES} (2 GiB) that the engine reads. "
            "Upload a shorter one",
        )


class LimitedContent:
    """The bytes of an upload, at most 2 GiB.

    Attributes:
        crc64: of the bytes so far.
        refusal: the reason why the upload was stopped, if it was.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self.crc64 = 0
        self.refusal: Refusal | None = None

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the bytes. Raises Refusal, which the HTTP client replaces by its own error."""
        size = 0
        try:
            async for chunk in self._content.iter_any():
                size += len(chunk)
                check_size(size)
                self.crc64 = crc64(chunk, self.crc64)
                yield chunk
            check_size(size)
        except Refusal as refusal:
            self.refusal = refusal
            raise


class FileContent:
    """The bytes of a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def iter_any(self) -> AsyncIterator[bytes]:
        """Yield the bytes in pieces."""
        with self._path.open("rb") as file:
            while chunk := file.read(_FILE_CHUNK):
                yield chunk


async def store_video(cos: Cos, proxy: str, location: Location, content: Content) -> None:
    """Store a video by one signed PUT. At most a chunk of it is in memory.

    Args:
        cos: a client with the developer's key.
        proxy: ``http://host:port`` of the COS emulator.
        location: of the object.
        content: its bytes.

    Raises:
        Refusal: 413 for more than 2 GiB, 502 if COS refuses or damages the object, as with an injected fault.
    """
    item = CosObject.exact(location.bucket, location.region, location.key)
    url = URL(cos.url(item, method="PUT"), encoded=True)
    limited = LimitedContent(content)
    headers = {hdrs.CONTENT_TYPE: find_media_type(location.key) or OTHER_TYPE}
    # The page decides how long it waits: when it is closed, the upload is cancelled.
    timeout = aiohttp.ClientTimeout(total=None)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.put(url, data=limited.chunks(), headers=headers, proxy=proxy) as response,
        ):
            text = await response.text(errors="replace")
    except aiohttp.ClientError as error:
        if limited.refusal is not None:
            raise limited.refusal from None
        raise Refusal(502, f"COS ended the upload of {item}: {error}") from None
    if response.status != 200:
        code = text.partition("<Code>")[2].partition("<")[0]
        raise Refusal(502, f"COS refused the upload of {item}: {response.status} {code}")
    # The HTTP client may repeat a request whose connection was lost, without the bytes that it has read.
    if response.headers.get("x-cos-hash-crc64ecma") != str(limited.crc64):
        raise Refusal(502, f"COS stored other bytes of {item} than were sent. Upload it again")
