"""Metadata of COS objects, and the headers that store it."""

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

    from .progress import ProgressCallback

    class HeaderKeywords(TypedDict, total=False):
        """Keyword options of `Cos.set_metadata`."""

        content_type: str | None
        cache_control: str | None
        content_disposition: str | None

    class WriteOptions(HeaderKeywords, total=False):
        """Keyword options of calls that write objects: the fields of `ObjectSettings`."""

        metadata: Mapping[str, str | int | None] | None
        storage_class: str | None
        acl: str | None
        encryption: str | None

    class UploadKeywords(WriteOptions, total=False):
        """Keyword options of `Cos.upload`."""

        overwrite: bool
        progress: ProgressCallback | None

    class CopyKeywords(UploadKeywords, total=False):
        """Keyword options of `Cos.copy` and `Cos.move`."""

        resume: bool
        base: str | None


STORED_HEADERS = (
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
    "x-cos-website-redirect-location",
)
"""Headers that are stored with an object (page 436/7749), besides ``x-cos-meta-*``."""

METADATA_PREFIX = "x-cos-meta-"
CLASS_HEADER = "x-cos-storage-class"
ENCRYPTION_HEADER = "x-cos-server-side-encryption"
CHECKSUM_HEADER = "x-cos-hash-crc64ecma"

ARCHIVE_CLASSES = frozenset({"ARCHIVE", "DEEP_ARCHIVE"})
"""Classes whose objects must be restored before they are read."""

_CONTENT_TYPES = {
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


_MEDIA_SUFFIXES = frozenset(
    {*_CONTENT_TYPES, "ass", "bmp", "flac", "m4v", "mkv", "mov", "ogg", "ttml", "wav"}
    - {"m3u8", "mpd", "vtt", "txt", "html"}
)


def is_media_name(key: str) -> bool:
    """Return True if a name has the suffix of media, pictures or other files that never name more files."""
    return key.rpartition(".")[2].lower() in _MEDIA_SUFFIXES


def guess_content_type(key: str) -> str:
    """Return the content type of a suffix, ``application/octet-stream`` for an unknown one."""
    return _CONTENT_TYPES.get(key.rpartition(".")[2].lower(), "application/octet-stream")


class Head(NamedTuple):
    """Size and metadata of an object.

    Attributes:
        object: the object.
        size: in bytes.
        etag: without quotes: the MD5 of the bytes, unless it holds a ``-`` (a multipart upload's).
        crc64: CRC-64/XZ of the bytes in decimal; ``""`` if COS has none.
        last_modified: seconds since the epoch.
        metadata: ``x-cos-meta-*`` by lower-case name, without that prefix.
        headers: the other stored headers, by lower-case name.
        storage_class: e.g. ``STANDARD``.
        encryption: ``x-cos-server-side-encryption``, or ``""``.
        version_id: ``""`` in a bucket without versions.
        restore: ``x-cos-restore`` of an archived object, or ``""``.
        request_id: of the response.
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
        """True if a GET succeeds. False for an archived object that is not restored."""
        return (
            self.storage_class not in ARCHIVE_CLASSES or 'ongoing-request="false"' in self.restore
        )

    def build_headers(self) -> dict[str, str]:
        """Return the request headers that store the same metadata again, with class and encryption."""
        metadata = {METADATA_PREFIX + name: value for name, value in self.metadata.items()}
        headers = {**self.headers, **metadata}
        if self.storage_class != "STANDARD":
            headers[CLASS_HEADER] = self.storage_class
        if self.encryption:
            headers[ENCRYPTION_HEADER] = self.encryption
        return headers


def parse_head(item: CosObject, headers: Mapping[str, str]) -> Head:
    """Return the `Head` of the headers, by lower-case name, of a response to HEAD.

    Raises:
        Unavailable: the size is missing.
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
        headers.get(CHECKSUM_HEADER, ""),
        parse_date(headers.get("last-modified", "")),
        {
            name[len(METADATA_PREFIX) :]: value
            for name, value in headers.items()
            if name.startswith(METADATA_PREFIX)
        },
        {name: headers[name] for name in STORED_HEADERS if name in headers},
        headers.get(CLASS_HEADER, "STANDARD"),
        headers.get(ENCRYPTION_HEADER, ""),
        headers.get("x-cos-version-id", ""),
        headers.get("x-cos-restore", ""),
        headers.get("x-cos-request-id", ""),
    )


class Entry(NamedTuple):
    """An object in a list. See `Head`."""

    object: CosObject
    size: int
    etag: str
    last_modified: float
    storage_class: str


class ObjectSettings(NamedTuple):
    """Metadata for written objects. None keeps the source's, or uses COS's default. See `Cos.copy`."""

    content_type: str | None = None
    cache_control: str | None = None
    content_disposition: str | None = None
    metadata: Mapping[str, str | int | None] | None = None
    storage_class: str | None = None
    acl: str | None = None
    encryption: str | None = None

    @property
    def changes_headers(self) -> bool:
        """True if stored headers change, so that a copy must repeat the others."""
        return any(value is not None for value in self[:4])

    def merge_into(self, stored: Mapping[str, str]) -> dict[str, str]:
        """Return the stored headers with these settings applied.

        Raises:
            ValueError: a name of metadata is not valid in a header.
        """
        headers = dict(stored)
        settings = {
            "content-type": self.content_type,
            "cache-control": self.cache_control,
            "content-disposition": self.content_disposition,
            CLASS_HEADER: self.storage_class,
            ENCRYPTION_HEADER: self.encryption,
            "x-cos-acl": None if self.acl == "keep" else self.acl,
        }
        headers.update({name: value for name, value in settings.items() if value is not None})
        for name, value in (self.metadata or {}).items():
            key = METADATA_PREFIX + name.lower().removeprefix(METADATA_PREFIX)
            if not key.replace("-", "").replace("_", "").isalnum() or not key.isascii():
                raise ValueError(
                    f"invalid metadata name {name!r}. Use letters, digits, hyphens and underscores"
                )
            if value is None:
                headers.pop(key, None)
            else:
                headers[key] = str(value)
        return headers


_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


def parse_date(date: str) -> float:
    """Return the seconds since the epoch of an HTTP date or a date in COS's XML, 0 for anything else.

    `time.strptime` would take longer than everything else about an entry of a list.
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
    """Return True if an ETag is the MD5 of the bytes. That of a multipart upload is not."""
    return len(etag) == 32 and "-" not in etag
