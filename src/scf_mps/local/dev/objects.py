"""Objects of the COS emulator over the console's own origin: bytes with ranges, headers and lists.

The emulator's operations read its directory directly. So what the page shows neither counts as a request nor
meets an injected fault. Only media are shown by the browser: any other object is a download in a sandbox, since a
developer's bucket may hold HTML or SVG with scripts of strangers.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, cast
from urllib.parse import quote

from aiohttp import hdrs, web

from ..cos import metadata
from ..cos.call import Body, Call, Cloud
from ..cos.database import Database
from ..cos.errors import CosError
from ..cos.names import Address
from ..cos.operations.objects import find_readable, get_object, head_object
from ..cos.pages import PageRequest, paginate, walk_current
from ..cos.records import Version
from ..mps.model import Location
from .request_guard import Refusal

MEDIA_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".ts": "video/mp2t",
    ".m4s": "video/iso.segment",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".aac": "audio/aac",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".wav": "audio/wav",
    ".gif": "image/gif",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".vtt": "text/vtt; charset=utf-8",
}
"""Content types that a browser shows without running anything. The stored type is never sent."""

OTHER_TYPE = "application/octet-stream"

MAX_LIST = 1000
"""Objects and prefixes of one page of a list."""

_NO_BODY = cast("Body", None)
"""Reads have no body."""

_CONDITIONS = ("range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since")
_COPIED_HEADERS = ("ETag", "Last-Modified", "Accept-Ranges", "Content-Range")


def build_object_url(bucket: str, region: str, key: str) -> str:
    """Return the path of an object on the console."""
    return f"/cos/{bucket}/{region}/{quote(key)}"


def build_file(location: Location, role: str, size: int | None) -> dict[str, Any]:
    """Return the File of the console's API.

    Args:
        location: of the object.
        role: of the engine's results, such as ``main`` or ``segment``.
        size: in bytes, if known.
    """
    bucket, region, key = location.bucket, location.region, location.key
    return {
        "url": build_object_url(bucket, region, key),
        "cos": f"cos://{bucket}.{region}/{key}",
        "name": key.rpartition("/")[2],
        "role": role,
        "size": size,
    }


def find_media_type(key: str) -> str | None:
    """Return the content type of a media file by its suffix, or None for any other file."""
    return MEDIA_TYPES.get(PurePosixPath(key).suffix.lower())


class Objects:
    """The objects below a directory of a COS emulator. Use it in one event loop.

    Args:
        directory: of the emulator, which may be running.
    """

    def __init__(self, directory: Path) -> None:
        self._cloud = Cloud(Database(directory), time.time)

    def close(self) -> None:
        """Close the database."""
        self._cloud.database.close()

    def list_buckets(self) -> list[dict[str, str]]:
        """Return the buckets by name, with their regions."""
        return [
            {"name": bucket.name, "region": bucket.region} for bucket in self._cloud.store.buckets()
        ]

    def list_objects(self, bucket: str, prefix: str, after: str) -> dict[str, Any]:
        """Return one page of the objects and folders below a prefix.

        Args:
            bucket: its name.
            prefix: of the keys, mostly with a slash at its end.
            after: ``next`` of the page before, or ``""``.

        Raises:
            Refusal: 404 for an unknown bucket.
        """
        regions = {row["name"]: row["region"] for row in self.list_buckets()}
        if bucket not in regions:
            raise Refusal(404, f"no bucket {bucket!r}. Use one of {', '.join(regions) or 'none'}")
        page = paginate(
            walk_current(self._cloud.database, bucket, prefix, "/", after),
            lambda version: version.key,
            PageRequest(prefix, "/", after, MAX_LIST),
        )
        last = page.last.key if isinstance(page.last, Version) else page.last
        return {
            "prefixes": page.prefixes,
            "objects": [_describe_version(each, regions[bucket]) for each in page.items],
            "next": last if page.truncated else None,
        }

    def find_version(self, location: Location) -> Version:
        """Return the current version of an object. Raises Refusal 404."""
        try:
            bucket = self._cloud.store.bucket(location.bucket, location.region)
            return find_readable(self._cloud, bucket, location.key, "")
        except CosError as error:
            raise _build_refusal(error, location) from None

    def find_path(self, version: Version) -> Path:
        """Return the file with the bytes of a version, which is never written again."""
        return self._cloud.blobs.path(version.blob)

    async def read_headers(self, location: Location) -> dict[str, str]:
        """Return the headers with which COS would send an object. Raises Refusal 404."""
        call = Call(
            "HEAD", Address(location.bucket, location.region), location.key, {}, {}, _NO_BODY
        )
        try:
            call.bucket = self._cloud.store.bucket(location.bucket, location.region)
            response = await head_object(self._cloud, call)
        except CosError as error:
            raise _build_refusal(error, location) from None
        return {**response.headers, hdrs.CONTENT_LENGTH: str(response.length)}

    async def send(self, request: web.BaseRequest, location: Location) -> web.StreamResponse:
        """Send an object, or the range of it that the client asks for.

        Raises:
            Refusal: 404 for a missing object, 412 for a failed condition, 416 for a range after its end.
        """
        is_head = request.method == hdrs.METH_HEAD
        try:
            call = self._build_call(request, location)
            response = await (head_object if is_head else get_object)(self._cloud, call)
        except CosError as error:
            if error.status == 304:
                caching = {**error.headers, hdrs.CACHE_CONTROL: "no-cache"}
                return web.Response(status=304, headers=caching)
            raise _build_refusal(error, location) from None
        headers = _build_headers(response.headers, location.key)
        content = response.content
        if content is None:
            length = response.length if is_head else len(response.body)
            return web.Response(
                status=response.status,
                headers={**headers, hdrs.CONTENT_LENGTH: str(length)},
                body=None if is_head else response.body,
            )
        stream = web.StreamResponse(status=response.status, headers=headers)
        stream.content_length = content.length
        try:
            await stream.prepare(request)
            while chunk := content.read():
                await stream.write(chunk)
        finally:
            response.close()
        return stream

    def _build_call(self, request: web.BaseRequest, location: Location) -> Call:
        """Return the emulator's call. A range of another version is not a range of this one (RFC 9110, If-Range)."""
        headers = {name: request.headers[name] for name in _CONDITIONS if name in request.headers}
        bucket = self._cloud.store.bucket(location.bucket, location.region)
        expected = request.headers.get(hdrs.IF_RANGE)
        if expected is not None:
            version = find_readable(self._cloud, bucket, location.key, "")
            if expected != version.quoted_etag:
                headers.pop("range", None)
        address = Address(location.bucket, location.region)
        call = Call(request.method, address, location.key, {}, headers, _NO_BODY)
        call.bucket = bucket
        return call


def _build_headers(stored: Mapping[str, str], key: str) -> dict[str, str]:
    headers: dict[str, str] = {name: stored[name] for name in _COPIED_HEADERS if name in stored}
    headers[hdrs.CACHE_CONTROL] = "no-cache"
    media_type = find_media_type(key)
    headers[hdrs.CONTENT_TYPE] = media_type or OTHER_TYPE
    if media_type is None:
        name = quote(key.rpartition("/")[2], safe="")
        headers[hdrs.CONTENT_DISPOSITION] = f"attachment; filename*=UTF-8''{name}"
        headers["Content-Security-Policy"] = "sandbox"
    return headers


def _describe_version(version: Version, region: str) -> dict[str, Any]:
    location = Location(version.bucket, region, version.key)
    return {
        **build_file(location, "main", version.size),
        "modified": version.modified,
        "etag": version.etag,
        "content_type": metadata.parse(version.headers).get(hdrs.CONTENT_TYPE),
    }


def _build_refusal(error: CosError, location: Location) -> Refusal:
    where = f"cos://{location.bucket}.{location.region}/{location.key}"
    headers = {name: value for name, value in error.headers.items() if name in _COPIED_HEADERS}
    return Refusal(error.status, f"{error.code} for {where}: {error.message}", headers)
