"""Operations on one object: put, get, head, delete, append (pages 436/7749, 7753, 7745, 7743, 7741)."""

from __future__ import annotations

from .. import acl, conditions, metadata, tags
from ..blobs import CHUNK
from ..call import Call, Cloud, Response
from ..checksums import Checksums
from ..errors import CosError
from ..names import format_http_date
from ..records import ARCHIVE_CLASSES, Bucket, Version


def build_version(cloud: Cloud, call: Call) -> Version:
    """Return a version of the call's object with the properties in its headers, without bytes."""
    return Version(
        call.bucket.name,
        call.key,
        modified=cloud.clock(),
        storage_class=metadata.parse_storage_class(call.headers),
        acl=acl.parse_headers(call.headers),
        tags=tags.parse_headers(call.headers),
        headers=metadata.collect_metadata(call.headers),
    )


def set_bytes(version: Version, blob: str, sums: Checksums) -> Version:
    """Return the version with a written blob as its bytes."""
    return version._replace(blob=blob, size=sums.size, etag=sums.md5.hex(), crc64=str(sums.crc64))


def forbids_overwrite(call: Call) -> bool:
    """Return True if the request has `x-cos-forbid-overwrite: true`."""
    return call.headers.get("x-cos-forbid-overwrite", "").lower() == "true"


def build_version_headers(bucket: Bucket, version_id: str) -> dict[str, str]:
    """Return `x-cos-version-id`, which COS sends once versioning was enabled."""
    return {"x-cos-version-id": version_id} if bucket.versioning else {}


def build_write_headers(bucket: Bucket, version: Version, version_id: str) -> dict[str, str]:
    """Return the headers of the response to a write."""
    headers = {"ETag": version.quoted_etag}
    if version.crc64:  # A symlink has no bytes.
        headers["x-cos-hash-crc64ecma"] = version.crc64
    headers.update(build_version_headers(bucket, version_id))
    headers.update(metadata.get_encryption(version.headers))
    return headers


async def put_object(cloud: Cloud, call: Call) -> Response:
    """Store the body under the key. The object becomes visible when it is complete."""
    version = build_version(cloud, call)
    with cloud.blobs.create() as writer:
        await call.receive(writer)
        version = set_bytes(version, writer.name, writer.sums)
        with cloud.database.change() as change:
            version_id = cloud.put(change, call, version, forbid_overwrite=forbids_overwrite(call))
        writer.keep()
    return Response(200, build_write_headers(call.bucket, version, version_id))


def find_readable(cloud: Cloud, bucket: Bucket, key: str, version_id: str) -> Version:
    """Return the version whose bytes a read returns: for a symlink its target, under the link's name.

    Raises:
        CosError: NoSuchKey, NoSuchVersion or SymlinkTargetNotExist.
    """
    version = cloud.store.get(bucket.name, key, version_id)
    if version.kind != "symlink":
        return version
    target_key = metadata.parse(version.headers)["x-cos-symlink-target"]
    target = cloud.store.find(bucket.name, target_key)
    if target is None or target.kind in ("delete-marker", "symlink"):
        raise CosError("SymlinkTargetNotExist")
    return target._replace(kind="symlink", version_id=version.version_id)


async def head_object(cloud: Cloud, call: Call) -> Response:
    """Return the headers of a GET, also for archived objects."""
    version = find_readable(cloud, call.bucket, call.key, call.query.get("versionId", ""))
    conditions.check_read(call.headers, version)
    headers = _build_read_headers(cloud, call, version)
    return Response(200, headers, length=version.size)


async def get_object(cloud: Cloud, call: Call) -> Response:
    """Return an object or a range of it. Raises CosError InvalidObjectState for unrestored archives."""
    for _ in range(3):
        version = find_readable(cloud, call.bucket, call.key, call.query.get("versionId", ""))
        conditions.check_read(call.headers, version)
        if not version.is_readable(cloud.clock()):
            raise CosError("InvalidObjectState")
        try:
            return _build_content_response(cloud, call, version)
        except FileNotFoundError:
            # Another process replaced the object after the lookup.
            continue
    raise CosError("InternalError", "The bytes of the object are missing.")


def _build_content_response(cloud: Cloud, call: Call, version: Version) -> Response:
    headers = _build_read_headers(cloud, call, version)
    part = conditions.parse_range(call.headers.get("range"), version.size)
    offset, length = part or (0, version.size)
    response = Response(200, headers)
    if part is not None:
        response.status = 206
        headers["Content-Range"] = f"bytes {offset}-{offset + length - 1}/{version.size}"
        # The CRC64 covers the whole object, so COS omits it for a range.
        del headers["x-cos-hash-crc64ecma"]
    response.content = cloud.blobs.open(version.blob, offset, length)
    if length <= CHUNK:
        response.body = response.content.read()
        response.close()
    return response


def _build_read_headers(cloud: Cloud, call: Call, version: Version) -> dict[str, str]:
    headers = {
        **metadata.parse(version.headers),
        "ETag": version.quoted_etag,
        "Last-Modified": format_http_date(int(version.modified)),
        "Accept-Ranges": "bytes",
        "x-cos-hash-crc64ecma": version.crc64,
    }
    headers.update(build_version_headers(call.bucket, version.version_id))
    if version.storage_class != "STANDARD":
        headers["x-cos-storage-class"] = version.storage_class
    if version.kind != "normal":
        headers["x-cos-object-type"] = version.kind
    if version.kind == "appendable":
        headers["x-cos-next-append-position"] = str(version.size)
    if version.tags:
        headers["x-cos-tagging-count"] = str(tags.count(version.tags))
    if version.storage_class in ARCHIVE_CLASSES:
        headers.update(_build_restore_header(version, cloud.clock()))
    headers.update(metadata.parse_overrides(call.query))
    return headers


def _build_restore_header(version: Version, now: float) -> dict[str, str]:
    if now < version.restored_from:
        return {"x-cos-restore": 'ongoing-request="true"'}
    if now < version.restored_until:
        until = format_http_date(int(version.restored_until))
        return {"x-cos-restore": f'ongoing-request="false", expiry-date="{until}"'}
    return {}


async def delete_object(cloud: Cloud, call: Call) -> Response:
    """Delete a key or a version. A missing one is a success too."""
    version_id = call.query.get("versionId", "")
    with cloud.database.change() as change:
        removed = cloud.store.delete(change, call.bucket, call.key, version_id, cloud.clock())
    headers: dict[str, str] = {}
    if removed is not None:
        headers.update(build_version_headers(call.bucket, removed.version_id))
        if removed.is_marker:
            headers["x-cos-delete-marker"] = "true"
    return Response(204, headers)


async def append_object(cloud: Cloud, call: Call) -> Response:
    """Append the body at `position`, which must be the object's length.

    Blobs are immutable, so the object gets a new one with a copy of the earlier bytes.

    Raises:
        CosError: PositionNotEqualToLength or ObjectNotAppendable.
    """
    if not call.query.get("position"):
        raise CosError("InvalidArgument", "position is not a number.")
    position = call.number("position", 0)
    before = _find_appendable(cloud, call, position)
    version = before or build_version(cloud, call)._replace(kind="appendable")
    with cloud.blobs.create() as writer:
        if before is not None:
            cloud.blobs.append_to(writer, before.blob, 0, before.size)
        with cloud.blobs.create() as part_writer:
            # The Content-MD5 covers the appended bytes alone.
            await call.receive(part_writer)
            cloud.blobs.append_to(writer, part_writer.name, 0, part_writer.sums.size)
            appended = part_writer.sums
        version = set_bytes(version, writer.name, writer.sums)._replace(modified=cloud.clock())
        with cloud.database.change() as change:
            if _find_appendable(cloud, call, position) != before:
                raise CosError("PositionNotEqualToLength")
            version_id = cloud.put(change, call, version)
        writer.keep()
    headers = build_write_headers(call.bucket, version, version_id)
    headers["x-cos-next-append-position"] = str(version.size)
    headers["x-cos-content-md5"] = appended.md5.hex()
    return Response(200, headers)


def _find_appendable(cloud: Cloud, call: Call, position: int) -> Version | None:
    """Return the object to append to, or None if it must be created."""
    version = cloud.store.find(call.bucket.name, call.key)
    if version is None or version.is_marker:
        version = None
    elif version.kind != "appendable":
        raise CosError("ObjectNotAppendable")
    if position != (version.size if version else 0):
        raise CosError("PositionNotEqualToLength")
    return version
