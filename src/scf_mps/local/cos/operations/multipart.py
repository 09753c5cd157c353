"""Multipart uploads: initiate, parts, lists, complete, abort (page 436/7742 and related pages)."""

from __future__ import annotations

from collections.abc import Sequence

from .. import acl, metadata, tags, xmlio
from ..blobs import Writer
from ..call import Call, Cloud, Response, build_xml_response, run_in_thread
from ..errors import CosError
from ..names import encode, format_iso_date, parse_number
from ..pages import PageRequest, paginate
from ..records import Part, Upload, Version
from ..uploads import MAX_PART_NUMBER, choose_parts, compute_multipart_etag
from .objects import build_write_headers, forbids_overwrite

_MAX_PAGE = 1000


async def initiate_multipart_upload(cloud: Cloud, call: Call) -> Response:
    """Start an upload. Storage class, ACL, tags and metadata are set here, not at completion."""
    upload = cloud.uploads.initiate(
        bucket=call.bucket.name,
        key=call.key,
        initiated=cloud.clock(),
        storage_class=metadata.parse_storage_class(call.headers),
        acl=acl.parse_headers(call.headers),
        tags=tags.parse_headers(call.headers),
        headers=metadata.collect_metadata(call.headers),
    )
    body = xmlio.group(
        "InitiateMultipartUploadResult",
        xmlio.leaf("Bucket", upload.bucket),
        xmlio.leaf("Key", upload.key),
        xmlio.leaf("UploadId", upload.upload_id),
    )
    return build_xml_response(xmlio.document(body), metadata.get_encryption(upload.headers))


def parse_part_number(call: Call) -> int:
    """Return the partNumber parameter. Raises CosError InvalidArgument outside 1…10,000."""
    number = parse_number(call.query.get("partNumber", ""))
    if number is None or not 1 <= number <= MAX_PART_NUMBER:
        raise CosError("InvalidArgument", f"partNumber is from 1 to {MAX_PART_NUMBER}.")
    return number


def store_part(cloud: Cloud, upload: Upload, number: int, writer: Writer) -> Part:
    """Store the written bytes as a part, in place of an earlier one with the same number."""
    part = Part(
        upload.upload_id,
        number,
        writer.name,
        writer.sums.size,
        writer.sums.md5.hex(),
        str(writer.sums.crc64),
        cloud.clock(),
    )
    cloud.uploads.put_part(part)
    writer.keep()
    return part


async def upload_part(cloud: Cloud, call: Call) -> Response:
    """Store one part, in place of an earlier one with the same number."""
    number = parse_part_number(call)
    upload = cloud.uploads.get(call.bucket.name, call.key, call.query["uploadId"])
    with cloud.blobs.create() as writer:
        await call.receive(writer)
        part = store_part(cloud, upload, number, writer)
    headers = {"ETag": f'"{part.etag}"', "x-cos-hash-crc64ecma": part.crc64}
    return Response(200, {**headers, **metadata.get_encryption(upload.headers)})


async def list_parts(cloud: Cloud, call: Call) -> Response:
    """List the parts of an upload by number (page 436/7747)."""
    upload = cloud.uploads.get(call.bucket.name, call.key, call.query["uploadId"])
    limit = call.number("max-parts", _MAX_PAGE, maximum=_MAX_PAGE)
    marker = call.number("part-number-marker", 0)
    parts = cloud.uploads.parts(upload.upload_id, marker, limit + 1)
    page, truncated = parts[:limit], len(parts) > limit and limit > 0
    url = call.query.get("encoding-type", "")
    elements = [
        xmlio.leaf("Bucket", upload.bucket),
        *([xmlio.leaf("Encoding-type", url)] if url else []),
        xmlio.leaf("Key", encode(upload.key) if url else upload.key),
        xmlio.leaf("UploadId", upload.upload_id),
        acl.build_owner("Initiator"),
        acl.build_owner(),
        xmlio.leaf("StorageClass", upload.storage_class),
        xmlio.leaf("PartNumberMarker", marker),
        *([xmlio.leaf("NextPartNumberMarker", page[-1].number)] if truncated else []),
        xmlio.leaf("MaxParts", limit),
        xmlio.leaf("IsTruncated", "true" if truncated else "false"),
        *(_build_part(part) for part in page),
    ]
    return build_xml_response(xmlio.document(xmlio.group("ListPartsResult", *elements)))


def _build_part(part: Part) -> str:
    return xmlio.group(
        "Part",
        xmlio.leaf("PartNumber", part.number),
        xmlio.leaf("LastModified", format_iso_date(int(part.modified))),
        xmlio.leaf("ETag", f'"{part.etag}"'),
        xmlio.leaf("Size", part.size),
    )


async def list_multipart_uploads(cloud: Cloud, call: Call) -> Response:
    """List the unfinished uploads of a bucket (page 436/7736)."""
    query = call.query
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    key_marker, id_marker = query.get("key-marker", ""), query.get("upload-id-marker", "")
    limit = call.number("max-uploads", _MAX_PAGE, maximum=_MAX_PAGE)
    page = paginate(
        cloud.uploads.in_progress(call.bucket.name, prefix, key_marker, id_marker),
        lambda upload: upload.key,
        PageRequest(prefix, delimiter, key_marker, limit),
    )
    url = query.get("encoding-type", "")

    def text(value: str) -> str:
        return encode(value) if url else value

    following: list[str] = []
    if page.truncated:
        last = page.last
        key, upload_id = (last.key, last.upload_id) if isinstance(last, Upload) else (last, "")
        following = [
            xmlio.leaf("NextKeyMarker", text(key or "")),
            xmlio.leaf("NextUploadIdMarker", upload_id),
        ]
    elements = [
        xmlio.leaf("Bucket", call.bucket.name),
        *([xmlio.leaf("Encoding-Type", url)] if url else []),
        xmlio.leaf("KeyMarker", text(key_marker)),
        xmlio.leaf("UploadIdMarker", id_marker),
        *following,
        xmlio.leaf("MaxUploads", limit),
        xmlio.leaf("IsTruncated", "true" if page.truncated else "false"),
        xmlio.leaf("Prefix", text(prefix)),
        xmlio.leaf("Delimiter", text(delimiter)),
        *(_build_upload(upload, text(upload.key)) for upload in page.items),
        *(
            xmlio.group("CommonPrefixes", xmlio.leaf("Prefix", text(each)))
            for each in page.prefixes
        ),
    ]
    return build_xml_response(xmlio.document(xmlio.group("ListMultipartUploadsResult", *elements)))


def _build_upload(upload: Upload, key: str) -> str:
    return xmlio.group(
        "Upload",
        xmlio.leaf("Key", key),
        xmlio.leaf("UploadId", upload.upload_id),
        xmlio.leaf("StorageClass", upload.storage_class),
        acl.build_owner("Initiator"),
        acl.build_owner(),
        xmlio.leaf("Initiated", format_iso_date(int(upload.initiated))),
    )


async def complete_multipart_upload(cloud: Cloud, call: Call) -> Response:
    """Join the named parts to the object. A second completion fails with NoSuchUpload."""
    requested = _parse_part_list(await call.document())
    upload = cloud.uploads.get(call.bucket.name, call.key, call.query["uploadId"])
    parts = choose_parts(cloud.uploads.parts(upload.upload_id), requested)
    with cloud.blobs.create() as writer:
        await run_in_thread(_join_parts, cloud, writer, parts)
        version = Version(
            upload.bucket,
            upload.key,
            blob=writer.name,
            size=writer.sums.size,
            etag=compute_multipart_etag(parts),
            crc64=str(writer.sums.crc64),
            modified=cloud.clock(),
            storage_class=upload.storage_class,
            acl=upload.acl,
            tags=upload.tags,
            headers=upload.headers,
        )
        with cloud.database.change() as change:
            cloud.uploads.remove(change, upload.upload_id)
            version_id = cloud.put(change, call, version, forbid_overwrite=forbids_overwrite(call))
        writer.keep()
    headers = build_write_headers(call.bucket, version, version_id)
    etag = headers.pop("ETag")
    body = xmlio.group(
        "CompleteMultipartUploadResult",
        xmlio.leaf("Location", f"http://{call.resource}"),
        xmlio.leaf("Bucket", upload.bucket),
        xmlio.leaf("Key", upload.key),
        xmlio.leaf("ETag", etag),
    )
    return build_xml_response(xmlio.document(body), headers)


def _join_parts(cloud: Cloud, writer: Writer, parts: Sequence[Part]) -> None:
    for part in parts:
        cloud.blobs.append_to(writer, part.blob, 0, part.size)


def _parse_part_list(body: bytes) -> list[tuple[int, str]]:
    """Return (number, ETag) of each part in a `<CompleteMultipartUpload>` document."""
    requested: list[tuple[int, str]] = []
    for element in xmlio.parse_document(body, "CompleteMultipartUpload").iterfind("Part"):
        text = xmlio.get_text(element, "PartNumber").strip()
        number = parse_number(text)
        if number is None:
            raise CosError("MalformedXML", f"{text!r} is not a part number.")
        requested.append((number, xmlio.get_text(element, "ETag").strip()))
    return requested


async def abort_multipart_upload(cloud: Cloud, call: Call) -> Response:
    """Delete an upload and its parts."""
    upload = cloud.uploads.get(call.bucket.name, call.key, call.query["uploadId"])
    with cloud.database.change() as change:
        cloud.uploads.remove(change, upload.upload_id)
    return Response(204)
