"""What COS knows of an object beside its bytes, and the headers that say it again.

A copy that replaces metadata replaces all of it, so that changing one value means repeating the rest: that is
`Head.headers`. Asking COS is left to `client.py`.
"""

from __future__ import annotations

from calendar import timegm
from typing import NamedTuple

from ..events.files import CosObject
from .errors import Unavailable
from .http1 import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypedDict

    class WriteOptions(TypedDict, total=False):
        """What is said of objects that are written, by keywords: the fields of `ObjectSettings`."""

        content_type: str | None
        cache_control: str | None
        content_disposition: str | None
        metadata: Mapping[str, str | int | None] | None
        storage_class: str | None
        acl: str | None
        encryption: str | None


STORED_HEADERS = (
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
    "x-cos-website-redirect-location",
)
"""Headers that are stored with an object (page 436/7749), beside ``x-cos-meta-*``."""

METADATA_PREFIX = "x-cos-meta-"
CLASS = "x-cos-storage-class"
ENCRYPTION_HEADER = "x-cos-server-side-encryption"

ARCHIVE_CLASSES = frozenset({"ARCHIVE", "DEEP_ARCHIVE"})
"""Classes whose objects must be restored before they are read."""

_TYPES = {
    "m3u8": "application/vnd.apple.mpegurl",
    "ts": "video/mp2t",
    "m4s": "video/iso.segment",
    "mp4": "video/mp4",
    "m4a": "audio/mp4",
    "aac": "audio/aac",
    "mp3": "audio/mpeg",
    "flv": "video/x-flv",
    "webm": "video/webm",
    "mpd": "application/dash+xml",
    "vtt": "text/vtt",
    "srt": "application/x-subrip",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "json": "application/json",
    "txt": "text/plain; charset=utf-8",
    "html": "text/html; charset=utf-8",
}


_MEDIA = frozenset(
    {*_TYPES, "ass", "bmp", "flac", "m4v", "mkv", "mov", "ogg", "ttml", "wav"}
    - {"m3u8", "mpd", "vtt", "txt", "html"}
)


def is_media_name(key: str) -> bool:
    """Return True if a name ends as that of media, pictures or other files that never name more files."""
    return key.rpartition(".")[2].lower() in _MEDIA


def guess_content_type(key: str) -> str:
    """The content type by the name's ending, ``application/octet-stream`` if it is not a known one."""
    return _TYPES.get(key.rpartition(".")[2].lower(), "application/octet-stream")


class Head(NamedTuple):
    """What a HEAD of an object tells.

    Attributes:
        size: in bytes.
        etag: without quotes: the MD5 of the bytes, unless it holds a ``-`` (a multipart upload's).
        crc64: the CRC-64/XZ of the bytes in decimal; ``""`` where COS has none.
        last_modified: in seconds since the epoch.
        metadata: ``x-cos-meta-*`` by lower-case name, without that prefix.
        headers: the other stored headers, by lower-case name.
        storage_class: e.g. ``STANDARD``.
        encryption: ``x-cos-server-side-encryption``, or ``""``.
        version_id: ``""`` in a bucket without versions.
        restore: ``x-cos-restore`` of an archived object, or ``""``.
        request_id: of the answer that told all this.
    """

    object: CosObject
    size: int
    etag: str
    crc64: str
    last_modified: float
    metadata: dict[str, str]
    headers: dict[str, str]
    storage_class: str
    encryption: str
    version_id: str
    restore: str
    request_id: str

    @property
    def content_type(self) -> str:
        """``Content-Type``, or ``""``."""
        return self.headers.get("content-type", "")

    @property
    def cache_control(self) -> str:
        """``Cache-Control``, or ``""``."""
        return self.headers.get("cache-control", "")

    @property
    def is_readable(self) -> bool:
        """Whether a GET will be answered: False for an archived object that is not restored."""
        return (
            self.storage_class not in ARCHIVE_CLASSES or 'ongoing-request="false"' in self.restore
        )

    def stored(self) -> dict[str, str]:
        """The request headers that store the same metadata again, class and encryption included."""
        said = {
            **self.headers,
            **{METADATA_PREFIX + name: value for name, value in self.metadata.items()},
        }
        if self.storage_class != "STANDARD":
            said[CLASS] = self.storage_class
        if self.encryption:
            said[ENCRYPTION_HEADER] = self.encryption
        return said


def parse_head(item: CosObject, headers: Mapping[str, str]) -> Head:
    """Return the `Head` in the headers of the response to a HEAD, by lower-case name.

    Raises:
        Unavailable: there is no size among them.
    """
    size = parse_size(headers.get("content-length", ""))
    if size is None:
        raise Unavailable(
            "COS sent no size of the object",
            code="InvalidAnswer",
            request_id=headers.get("x-cos-request-id", ""),
            object=item,
        )
    return Head(
        item,
        size,
        headers.get("etag", "").strip('"'),
        headers.get("x-cos-hash-crc64ecma", ""),
        parse_date(headers.get("last-modified", "")),
        {
            name[len(METADATA_PREFIX) :]: value
            for name, value in headers.items()
            if name.startswith(METADATA_PREFIX)
        },
        {name: headers[name] for name in STORED_HEADERS if name in headers},
        headers.get(CLASS, "STANDARD"),
        headers.get(ENCRYPTION_HEADER, ""),
        headers.get("x-cos-version-id", ""),
        headers.get("x-cos-restore", ""),
        headers.get("x-cos-request-id", ""),
    )


class Entry(NamedTuple):
    """What a list tells of an object; see `Head`."""

    object: CosObject
    size: int
    etag: str
    last_modified: float
    storage_class: str


class ObjectSettings(NamedTuple):
    """What a caller wants a written object to be; None leaves it as it is, or to COS's default.

    Attributes:
        content_type, cache_control, content_disposition: the headers of these names.
        metadata: ``x-cos-meta-*`` without that prefix; a value of None takes one away.
        storage_class: e.g. ``STANDARD_IA``.
        acl: a canned ACL, e.g. ``public-read``; ``"keep"`` takes the source's, at one more request an object.
        encryption: ``AES256``.
    """

    content_type: str | None = None
    cache_control: str | None = None
    content_disposition: str | None = None
    metadata: Mapping[str, str | int | None] | None = None
    storage_class: str | None = None
    acl: str | None = None
    encryption: str | None = None

    @property
    def replaces(self) -> bool:
        """Whether stored headers change, so that a copy has to repeat the others."""
        return any(value is not None for value in self[:4])

    def over(self, stored: Mapping[str, str]) -> dict[str, str]:
        """The stored headers with what is given put over them.

        Raises:
            ValueError: for a name of metadata that is no header name.
        """
        said = dict(stored)
        wanted = {
            "content-type": self.content_type,
            "cache-control": self.cache_control,
            "content-disposition": self.content_disposition,
            CLASS: self.storage_class,
            ENCRYPTION_HEADER: self.encryption,
            "x-cos-acl": None if self.acl == "keep" else self.acl,
        }
        said.update({name: value for name, value in wanted.items() if value is not None})
        for name, value in (self.metadata or {}).items():
            key = METADATA_PREFIX + name.lower().removeprefix(METADATA_PREFIX)
            if not key.replace("-", "").replace("_", "").isalnum() or not key.isascii():
                raise ValueError(f"{name!r} is no name for x-cos-meta-*")
            if value is None:
                said.pop(key, None)
            else:
                said[key] = str(value)
        return said


_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


def parse_date(date: str) -> float:
    """Seconds since the epoch of an HTTP date or a date in COS's XML; 0 for anything else.

    A list has one for each entry, and `time.strptime` would take longer than everything else about it.
    """
    try:
        if date[10:11] == "T":  # 2026-11-22T06:40:37.000Z
            day, month, year, clock = date[8:10], int(date[5:7]), date[:4], date[11:19]
        else:  # Sun, 22 Nov 2026 06:40:37 GMT
            month = _MONTHS.index(date[8:11]) // 3 + 1
            day, year, clock = date[5:7], date[12:16], date[17:25]
        hour, minute, second = clock.split(":")
        return float(timegm((int(year), month, int(day), int(hour), int(minute), int(second))))
    except ValueError:
        return 0.0


def is_md5(etag: str) -> bool:
    """Whether an ETag is the MD5 of the bytes: not that of a multipart upload."""
    return len(etag) == 32 and "-" not in etag
