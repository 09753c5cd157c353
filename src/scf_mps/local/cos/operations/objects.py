"""Single objects: put, get, head, delete, append (pages 436/7749, 7753, 7745, 7743, 7741)."""

from __future__ import annotations

from .. import acl, conditions, metadata, tags
from ..blobs import CHUNK
from ..call import Call, Cloud, Response
from ..checksums import Checksums
from ..errors import CosError
from ..names import http_date
from ..records import ARCHIVE_CLASSES, Bucket, Version


def new_version(cloud: Cloud, call: Call) -> Version:
    """A version of the call's object with everything its headers say, without bytes."""
    return Version(
        call.bucket.name,
        call.key,
        modified=cloud.clock(),
        storage_class=metadata.storage_class(call.headers),
        acl=acl.from_headers(call.headers),
        tags=tags.from_headers(call.headers),
        headers=metadata.collect(call.headers),
    )


def with_bytes(version: Version, blob: str, sums: Checksums) -> Version:
    """The version with a written blob as its bytes."""
    return version._replace(blob=blob, size=sums.size, etag=sums.md5.hex(), crc64=str(sums.crc64))


def forbids_overwrite(call: Call) -> bool:
    """True when the request carries `x-cos-forbid-overwrite: true`."""
    return call.headers.get("x-cos-forbid-overwrite", "").lower() == "true"


def version_headers(bucket: Bucket, version_id: str) -> dict[str, str]:
    """`x-cos-version-id`, which COS sends once versioning was ever enabled."""
    return {"x-cos-version-id": version_id} if bucket.versioning else {}


def written_headers(bucket: Bucket, version: Version, version_id: str) -> dict[str, str]:
    """What COS answers every write of an object with."""
    headers = {"ETag": version.quoted_etag}
    if version.crc64:  # A symlink has no bytes of its own.
        headers["x-cos-hash-crc64ecma"] = version.crc64
    headers.update(version_headers(bucket, version_id))
    headers.update(metadata.encryption_of(version.headers))
    return headers


async def put_object(cloud: Cloud, call: Call) -> Response:
    """Store the body under the key; the object appears whole or not at all."""
    version = new_version(cloud, call)
    with cloud.blobs.create() as writer:
        await call.receive(writer)
        version = with_bytes(version, writer.name, writer.sums)
        with cloud.database.change() as change:
            version_id = cloud.store.put(
                change, call.bucket, version, forbid_overwrite=forbids_overwrite(call)
            )
        writer.keep()
    return Response(200, written_headers(call.bucket, version, version_id))


def find_readable(cloud: Cloud, bucket: Bucket, key: str, version_id: str) -> Version:
    """The version whose bytes a read gets: a symlink's target in its place, under its own name.

    Raises CosError NoSuchKey, NoSuchVersion or SymlinkTargetNotExist.
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
    """The headers of a GET, archived objects included."""
    version = find_readable(cloud, call.bucket, call.key, call.query.get("versionId", ""))
    conditions.check_read(call.headers, version)
    headers = _read_headers(cloud, call, version)
    return Response(200, headers, length=version.size)


async def get_object(cloud: Cloud, call: Call) -> Response:
    """An object or a range of it. Raises CosError InvalidObjectState for unrestored archives."""
    for _ in range(3):
        version = find_readable(cloud, call.bucket, call.key, call.query.get("versionId", ""))
        conditions.check_read(call.headers, version)
        if not version.is_readable(cloud.clock()):
            raise CosError("InvalidObjectState")
        try:
            return _content_answer(cloud, call, version)
        except FileNotFoundError:
            # Another process replaced the object between our look-up and our open: look again.
            continue
    raise CosError("InternalError", "The bytes of the object are missing.")


def _content_answer(cloud: Cloud, call: Call, version: Version) -> Response:
    headers = _read_headers(cloud, call, version)
    part = conditions.parse_range(call.headers.get("range"), version.size)
    offset, length = part or (0, version.size)
    answer = Response(200, headers)
    if part is not None:
        answer.status = 206
        headers["Content-Range"] = f"bytes {offset}-{offset + length - 1}/{version.size}"
        # A CRC64 is that of the whole object, so COS does not put it on a part.
        del headers["x-cos-hash-crc64ecma"]
    answer.content = cloud.blobs.open(version.blob, offset, length)
    if length <= CHUNK:
        answer.body = answer.content.read()
        answer.close()
    return answer


def _read_headers(cloud: Cloud, call: Call, version: Version) -> dict[str, str]:
    headers = {
        **metadata.parse(version.headers),
        "ETag": version.quoted_etag,
        "Last-Modified": http_date(int(version.modified)),
        "Accept-Ranges": "bytes",
        "x-cos-hash-crc64ecma": version.crc64,
    }
    headers.update(version_headers(call.bucket, version.version_id))
    if version.storage_class != "STANDARD":
        headers["x-cos-storage-class"] = version.storage_class
    if version.kind != "normal":
        headers["x-cos-object-type"] = version.kind
    if version.kind == "appendable":
        headers["x-cos-next-append-position"] = str(version.size)
    if version.tags:
        headers["x-cos-tagging-count"] = str(tags.count(version.tags))
    if version.storage_class in ARCHIVE_CLASSES:
        headers.update(_restore_header(version, cloud.clock()))
    headers.update(metadata.overrides(call.query))
    return headers


def _restore_header(version: Version, now: float) -> dict[str, str]:
    if now < version.restored_from:
        return {"x-cos-restore": 'ongoing-request="true"'}
    if now < version.restored_until:
        until = http_date(int(version.restored_until))
        return {"x-cos-restore": f'ongoing-request="false", expiry-date="{until}"'}
    return {}


async def delete_object(cloud: Cloud, call: Call) -> Response:
    """Delete a key or a version; what is not there is deleted successfully too."""
    version_id = call.query.get("versionId", "")
    with cloud.database.change() as change:
        removed = cloud.store.delete(change, call.bucket, call.key, version_id, cloud.clock())
    headers: dict[str, str] = {}
    if removed is not None:
        headers.update(version_headers(call.bucket, removed.version_id))
        if removed.is_marker:
            headers["x-cos-delete-marker"] = "true"
    return Response(204, headers)


async def append_object(cloud: Cloud, call: Call) -> Response:
    """Append the body at `position`, which must be the object's length.

    Blobs never change, so the object gets a new one: appending costs a copy of what was there.
    Raises CosError PositionNotEqualToLength or ObjectNotAppendable.
    """
    if not call.query.get("position"):
        raise CosError("InvalidArgument", "position is not a number.")
    position = call.number("position", 0)
    before = _appendable(cloud, call, position)
    version = before or new_version(cloud, call)._replace(kind="appendable")
    with cloud.blobs.create() as writer:
        if before is not None:
            cloud.blobs.append_to(writer, before.blob, 0, before.size)
        with cloud.blobs.create() as addition:
            # Its Content-MD5 is that of the addition alone, so that is received by itself.
            await call.receive(addition)
            cloud.blobs.append_to(writer, addition.name, 0, addition.sums.size)
            added = addition.sums
        version = with_bytes(version, writer.name, writer.sums)._replace(modified=cloud.clock())
        with cloud.database.change() as change:
            if _appendable(cloud, call, position) != before:
                raise CosError("PositionNotEqualToLength")
            version_id = cloud.store.put(change, call.bucket, version)
        writer.keep()
    headers = written_headers(call.bucket, version, version_id)
    headers["x-cos-next-append-position"] = str(version.size)
    headers["x-cos-content-md5"] = added.md5.hex()
    return Response(200, headers)


def _appendable(cloud: Cloud, call: Call, position: int) -> Version | None:
    """The object to append to, None when it is to be created."""
    version = cloud.store.find(call.bucket.name, call.key)
    if version is None or version.is_marker:
        version = None
    elif version.kind != "appendable":
        raise CosError("ObjectNotAppendable")
    if position != (version.size if version else 0):
        raise CosError("PositionNotEqualToLength")
    return version
