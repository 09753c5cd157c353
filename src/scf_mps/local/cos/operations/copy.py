"""CopyObject and UploadPartCopy (pages 436/10881, 436/8287)."""

from __future__ import annotations

from .. import acl, conditions, metadata, tags, xmlio
from ..call import MAX_OBJECT_SIZE, Call, Cloud, Response, build_xml_response, run_in_thread
from ..errors import CosError
from ..names import format_iso_date, parse_copy_source
from ..records import Version
from .multipart import parse_part_number, store_part
from .objects import build_write_headers, find_readable, forbids_overwrite, set_bytes


def _find_source(cloud: Cloud, call: Call) -> Version:
    """Return the version that x-cos-copy-source names, if its conditions hold and it is readable."""
    source = parse_copy_source(call.headers["x-cos-copy-source"])
    bucket = call.bucket
    if (source.bucket, source.region) != (bucket.name, bucket.region):
        bucket = cloud.store.bucket(source.bucket, source.region)
    version = find_readable(cloud, bucket, source.key, source.version_id)
    conditions.check_copy(call.headers, version)
    if not version.is_readable(cloud.clock()):
        raise CosError("InvalidObjectState")
    return version


def _parse_directive(call: Call, name: str) -> bool:
    """Return True for Replaced, False for Copy (the default)."""
    value = call.headers.get(name, "Copy").lower()
    if value not in ("copy", "replaced"):
        raise CosError("InvalidArgument", f"{name} is Copy or Replaced.")
    return value == "replaced"


async def copy_object(cloud: Cloud, call: Call) -> Response:
    """Copy an object. The copy shares the bytes of its source.

    For either directive the storage class is STANDARD, the ACL the default, and encryption off, unless the
    request asks for them (page 436/10881).
    """
    replace_metadata = _parse_directive(call, "x-cos-metadata-directive")
    replace_tags = _parse_directive(call, "x-cos-tagging-directive")
    with cloud.database.change() as change:
        source = _find_source(cloud, call)
        if source.size > MAX_OBJECT_SIZE:
            raise CosError("InvalidRequest", "A copy's source has at most 5 GB.")
        if not replace_metadata:
            _check_not_pointless(call, source)
        version = Version(
            call.bucket.name,
            call.key,
            blob=source.blob,
            size=source.size,
            etag=source.etag,
            crc64=source.crc64,
            modified=cloud.clock(),
            storage_class=metadata.parse_storage_class(call.headers),
            acl=acl.parse_headers(call.headers),
            tags=tags.parse_headers(call.headers) if replace_tags else source.tags,
            headers=metadata.collect_metadata(call.headers)
            if replace_metadata
            else metadata.copy_metadata(source.headers, call.headers),
        )
        if call.damage_copy:
            version = _damage(cloud, version)
        version_id = cloud.put(change, call, version, forbid_overwrite=forbids_overwrite(call))
    headers = build_write_headers(call.bucket, version, version_id)
    etag = headers.pop("ETag")
    parts = [
        xmlio.leaf("ETag", etag),
        xmlio.leaf("LastModified", format_iso_date(int(version.modified))),
        xmlio.leaf("CRC64", version.crc64),
    ]
    if call.bucket.versioning:
        parts.append(xmlio.leaf("VersionId", version_id))
    return build_xml_response(xmlio.document(xmlio.group("CopyObjectResult", *parts)), headers)


def _check_not_pointless(call: Call, source: Version) -> None:
    """Raise CosError for a copy of an object onto itself that changes nothing (page 436/10881).

    The page names no error code, so InvalidRequest is a guess. A change of the storage class and restoring
    an old version are allowed.
    """
    same = (source.bucket, source.key) == (call.bucket.name, call.key) and source.current
    if same and "x-cos-storage-class" not in call.headers:
        raise CosError("InvalidRequest", "Copying an object onto itself needs Replaced.")


def _damage(cloud: Cloud, version: Version) -> Version:
    """Return the version with one bit of its bytes changed, for a fault.

    The blob is kept before the commit. If the commit fails, the next start removes it.
    """
    with cloud.blobs.create() as writer:
        source = cloud.blobs.open(version.blob, 0, version.size)
        first = source.read()
        if first:
            writer.write(bytes([first[0] ^ 1]) + first[1:])
        source.close()
        cloud.blobs.append_to(writer, version.blob, len(first), version.size - len(first))
        writer.keep()
        return set_bytes(version, writer.name, writer.sums)


async def upload_part_copy(cloud: Cloud, call: Call) -> Response:
    """Create a part from an object or a range of it (`x-cos-copy-source-range: bytes=a-b`)."""
    number = parse_part_number(call)
    upload = cloud.uploads.get(call.bucket.name, call.key, call.query["uploadId"])
    source = _find_source(cloud, call)
    offset, length = _parse_source_range(call, source)
    with cloud.blobs.create() as writer:
        await run_in_thread(cloud.blobs.append_to, writer, source.blob, offset, length)
        part = store_part(cloud, upload, number, writer)
    body = xmlio.group(
        "CopyPartResult",
        xmlio.leaf("ETag", f'"{part.etag}"'),
        xmlio.leaf("LastModified", format_iso_date(int(part.modified))),
        xmlio.leaf("CRC64", part.crc64),
    )
    return build_xml_response(xmlio.document(body), {"x-cos-hash-crc64ecma": part.crc64})


def _parse_source_range(call: Call, source: Version) -> tuple[int, int]:
    text = call.headers.get("x-cos-copy-source-range")
    if not text:  # The official Python client sends an empty range for the whole object.
        return 0, source.size
    part = conditions.parse_range(text, source.size)
    if part is None or text.endswith("-") or "=-" in text:
        raise CosError("InvalidArgument", "x-cos-copy-source-range is bytes=<first>-<last>.")
    return part
