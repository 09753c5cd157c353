"""Operations of the COS API, one function each, for one object or bucket.

A write is verified here, where the request and the response are both known.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
from typing import NamedTuple

from ..events.files import CosObject
from . import crc64, metadata, signature, xml
from .client import Client, build_corrupt_error
from .errors import Conflict, Corrupt, CosError, NotFound, Unavailable, find_error_class
from .http1 import parse_size
from .metadata import CHECKSUM_HEADER
from .request import Request, Response, Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from xml.etree.ElementTree import Element

    from .http1 import Body
    from .metadata import Entry, Head

FORBID_OVERWRITE = "x-cos-forbid-overwrite"

MAX_DELETE_KEYS = 1000
"""Keys of one batch delete."""

_XML = {"content-type": "application/xml"}


class WriteResult(NamedTuple):
    """Fields of the response to a write, ``""`` where it has none."""

    etag: str
    crc64: str


class Upload(NamedTuple):
    """A multipart upload in progress, and the headers of its completion."""

    item: CosObject
    upload_id: str
    headers: dict[str, str]


def _build_xml_request(
    target: CosObject | Target, method: str, subresource: str, body: bytes, kind: str = "write"
) -> Request:
    """Return a request with an XML document, checked by its MD5."""
    headers = {"content-md5": compute_content_md5(body), **_XML}
    return Request(target, method, {subresource: ""}, headers, body, kind)


def head(client: Client, item: CosObject, etag: str = "") -> Head:
    """Return the metadata of an object, of the version with an ETag if given (HEAD Object, page 436/7745)."""
    headers = {"if-match": f'"{etag}"'} if etag else {}
    return metadata.parse_head(item, client.call(Request(item, "HEAD", headers=headers)).headers)


def exists(client: Client, item: CosObject) -> bool:
    """Return True if the object exists. Raises `Denied` if the credentials may not find out."""
    try:
        head(client, item)
    except NotFound:
        return False
    return True


def put(client: Client, item: CosObject, data: bytes, headers: Mapping[str, str]) -> WriteResult:
    """Write bytes (PUT Object, page 436/7749).

    COS compares Content-MD5 before the object appears. Its CRC64 is compared here.

    Raises:
        Conflict: the headers have `FORBID_OVERWRITE` and the object exists.
        Corrupt: the bytes were damaged on their way, in each attempt.
    """
    checksum = str(crc64.update(data))
    headers = {**headers, "content-md5": compute_content_md5(data)}
    try:
        response = client.call(Request(item, "PUT", headers=headers, body=data, kind="write"))
    except Conflict as error:
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if not (error.maybe_applied and is_stored(client, item, len(data), checksum, etag)):
            raise
        return WriteResult("", checksum)
    return _verify_write(item, response, checksum)


def is_stored(client: Client, item: CosObject, size: int, checksum: str, etag: str = "") -> bool:
    """Return True if an object has certain bytes, which an unanswered write may have stored.

    If either side has no CRC64, the end of the ETag decides.
    """
    try:
        stored = head(client, item)
    except NotFound:
        return False
    if stored.crc64 and checksum:
        return stored.size == size and stored.crc64 == checksum
    return stored.size == size and stored.etag.endswith(etag)


def has_content(client: Client, item: CosObject, data: bytes) -> bool:
    """Return True if an object has these bytes, False if it is missing.

    Raises:
        Conflict: it has other bytes.
    """
    try:
        stored = head(client, item)
    except NotFound:
        return False
    if (stored.size, stored.crc64) != (len(data), str(crc64.update(data))):
        raise Conflict("other bytes exist there", code="FileAlreadyExists", object=item)
    return True


def _verify_write(item: CosObject, response: Response, checksum: str) -> WriteResult:
    stored = response.headers.get(CHECKSUM_HEADER, "")
    if stored and stored != checksum:
        raise build_corrupt_error(
            item,
            f"COS stored bytes with CRC64 {stored}, but {checksum} was sent",
            response.request_id,
        )
    return WriteResult(response.headers.get("etag", "").strip('"'), stored)


def copy(
    client: Client, source: CosObject, target: CosObject, headers: Mapping[str, str]
) -> WriteResult:
    """Copy an object (PUT Object - Copy, page 436/10881). The caller verifies it.

    Raises:
        Conflict: the source is archived or no longer has the ETag in `headers`, or the target exists and the headers
            have `FORBID_OVERWRITE`.
        CosError: also for an error in the body of a 200.
    """
    headers = {"x-cos-copy-source": build_copy_source(client, source), **headers}
    response = client.call(
        Request(target, "PUT", headers=headers, kind="write", expects_document=True, is_slow=True)
    )
    fields = xml.parse_fields(response.body)
    checksum = fields.get("CRC64", "") or response.headers.get(CHECKSUM_HEADER, "")
    return WriteResult(fields.get("ETag", ""), checksum)


def build_copy_source(client: Client, source: CosObject) -> str:
    """Return ``host/key``, which is COS's form, not S3's ``/bucket/key`` (page 436/10881)."""
    client.allowlist.check(source.bucket, source.region)
    host = client.transport.build_host(source.bucket, source.region)
    return f"{host}/{signature.encode_path(source.key)}"


def delete(client: Client, item: CosObject) -> None:
    """Delete an object (DELETE Object, page 436/7743). A missing one counts as deleted."""
    try:
        client.call(Request(item, "DELETE", kind="write"))
    except NotFound as error:
        if error.code == "NoSuchBucket":
            raise


def delete_batch(client: Client, items: Sequence[CosObject]) -> list[CosError]:
    """Delete at most `MAX_DELETE_KEYS` objects of one bucket (DELETE Multiple Objects, page 436/8289).

    Return the error of each object that was not deleted.
    """
    body = xml.build_delete(item.key for item in items)
    bucket = Target(items[0].bucket, items[0].region)
    request = _build_xml_request(bucket, "POST", "delete", body, "batch")
    response = client.call(request._replace(operation_count=len(items), expects_document=True))
    by_key = {item.key: item for item in items}
    failures = []
    for element in xml.parse_document(response.body, "DeleteResult").iterfind("Error"):
        code = xml.find_text(element, "Code")
        if code != "NoSuchKey":
            error_class = find_error_class(500 if code == "InternalError" else 400, code)
            failures.append(
                error_class(
                    xml.find_text(element, "Message"),
                    code=code,
                    request_id=response.request_id,
                    object=by_key.get(xml.find_text(element, "Key")),
                )
            )
    return failures


def list_objects(
    client: Client, target: Target, delimiter: str = "", max_pages: int = 0
) -> Iterator[Entry]:
    """Yield the objects whose keys begin with the target's, ordered by key (GET Bucket, page 436/7734).

    Keys with the delimiter after that prefix are left out. `max_pages` of 0 reads all pages.
    """
    bucket = Target(target.bucket, target.region)
    params = {"prefix": target.key, "max-keys": "1000", "encoding-type": "url"}
    if delimiter:
        params["delimiter"] = delimiter
    markers = {""}
    while True:
        response = client.call(Request(bucket, params=dict(params), expects_document=True))
        root = xml.parse_document(response.body, "ListBucketResult")
        for element in root.iterfind("Contents"):
            yield _parse_entry(bucket, element)
        if xml.find_text(root, "IsTruncated") != "true":
            return
        marker = _unquote(xml.find_text(root, "NextMarker"))
        if marker in markers:
            raise Corrupt(f"the list repeats the marker {marker!r}", code="InvalidAnswer")
        if len(markers) == max_pages:
            return
        markers.add(marker)
        params["marker"] = marker


def _parse_entry(bucket: Target, element: Element) -> Entry:
    """Return an entry of a list. Raises Corrupt without key or size."""
    key = _unquote(xml.find_text(element, "Key"))
    size = parse_size(xml.find_text(element, "Size"))
    if not key or size is None:
        raise Corrupt(f"an entry of the list has no key or size: {key!r}", code="InvalidAnswer")
    return metadata.Entry(
        CosObject.exact(bucket.bucket, bucket.region, key),
        size,
        xml.find_text(element, "ETag").strip('"'),
        metadata.parse_date(xml.find_text(element, "LastModified")),
        xml.find_text(element, "StorageClass") or "STANDARD",
    )


def get_versioning(client: Client, bucket: str, region: str) -> str:
    """Return ``Enabled``, ``Suspended``, or ``""`` for a bucket that never had versions (page 436/19888)."""
    request = Request(Target(bucket, region), params={"versioning": ""}, expects_document=True)
    root = xml.parse_document(client.call(request).body, "VersioningConfiguration")
    return xml.find_text(root, "Status")


def _unquote(text: str) -> str:
    from urllib.parse import unquote

    return unquote(text) if "%" in text else text


def get_tags(client: Client, item: CosObject) -> dict[str, str]:
    """Return the tags of an object (GET Object tagging, page 436/42998)."""
    try:
        return xml.parse_tags(client.call(Request(item, params={"tagging": ""})).body)
    except NotFound as error:
        if error.code == "NoSuchTagSet":
            return {}
        raise


def put_tags(client: Client, item: CosObject, tags: Mapping[str, str]) -> None:
    """Replace all tags of an object (PUT Object tagging, page 436/42997)."""
    client.call(_build_xml_request(item, "PUT", "tagging", xml.build_tagging(tags)))


def get_acl_headers(client: Client, item: CosObject) -> dict[str, str]:
    """Return the headers that give a copy the ACL of an object (GET Object acl, page 436/7744)."""
    response = client.call(Request(item, params={"acl": ""}))
    canned = response.headers.get("x-cos-acl", "")
    if canned:
        return {} if canned == "default" else {"x-cos-acl": canned}
    return xml.parse_grants(response.body)


def restore(client: Client, item: CosObject, days: int, tier: str) -> bool:
    """Restore an archived object (POST Object restore, page 436/12633). Return True if it can be read now."""
    request = _build_xml_request(item, "POST", "restore", xml.build_restore(days, tier))
    try:
        response = client.call(request)
    except Conflict as error:
        if error.code == "RestoreAlreadyInProgress":
            return False
        raise
    return response.status == 200


def compute_content_md5(data: bytes) -> str:
    """Return the value of Content-MD5."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def initiate_upload(client: Client, item: CosObject, headers: Mapping[str, str]) -> Upload:
    """Begin a multipart upload (Initiate Multipart Upload, page 436/7746).

    It is not repeated when its effect is unknown, because each upload is billed. `FORBID_OVERWRITE` applies to the
    completion.
    """
    stored = dict(headers)
    forbid = stored.pop(FORBID_OVERWRITE, "")
    request = Request(item, "POST", {"uploads": ""}, stored, kind="write")
    response = client.call(request._replace(is_repeatable=False, expects_document=True))
    upload_id = xml.parse_fields(response.body).get("UploadId", "")
    if not upload_id:
        raise Unavailable("COS sent no id of the upload", code="InvalidAnswer", object=item)
    return Upload(item, upload_id, {FORBID_OVERWRITE: forbid} if forbid else {})


def upload_part(
    client: Client, upload: Upload, number: int, body: Body, checksums: tuple[str, int]
) -> str:
    """Upload and verify a part, with its Content-MD5 and CRC64 (Upload Part, page 436/7750). Return its ETag."""
    md5, checksum = checksums
    params = {"partNumber": str(number), "uploadId": upload.upload_id}
    headers = {"content-md5": md5}
    response = client.call(Request(upload.item, "PUT", params, headers, body, kind="part"))
    return _check_part(upload, _verify_write(upload.item, response, str(checksum)).etag)


def copy_part(client: Client, upload: Upload, number: int, headers: Mapping[str, str]) -> str:
    """Copy a part (Upload Part - Copy, page 436/8287). Return its ETag."""
    params = {"partNumber": str(number), "uploadId": upload.upload_id}
    request = Request(upload.item, "PUT", params, headers, kind="part")
    response = client.call(request._replace(expects_document=True, is_slow=True))
    return _check_part(upload, xml.parse_fields(response.body).get("ETag", ""))


def _check_part(upload: Upload, etag: str) -> str:
    if not etag:
        raise Unavailable("COS sent no ETag of the part", code="InvalidAnswer", object=upload.item)
    return etag


def complete_upload(
    client: Client, upload: Upload, etags: Sequence[str], size: int, checksum: str
) -> None:
    """Complete a multipart upload and verify the object (Complete Multipart Upload, page 436/7742).

    Without a response it sends a HEAD for the object, and the request is not repeated.

    Raises:
        Conflict: overwriting is forbidden and the object exists.
        Corrupt: the object has another CRC64, or another size if a side has no CRC64.
    """
    item = upload.item
    try:
        response = client.call(
            Request(
                item,
                "POST",
                {"uploadId": upload.upload_id},
                {**upload.headers, **_XML},
                xml.build_complete(etags),
                kind="write",
                is_repeatable=False,
                expects_document=True,
                is_slow=True,
            )
        )
    except CosError as error:
        if error.maybe_applied and is_stored(client, item, size, checksum, f"-{len(etags)}"):
            return
        raise
    fields = xml.parse_fields(response.body)
    stored = fields.get("CRC64", "") or response.headers.get(CHECKSUM_HEADER, "")
    if stored and checksum:
        is_right = stored == checksum
    else:
        is_right = is_stored(client, item, size, checksum)
    if not is_right:
        raise build_corrupt_error(
            item, f"the upload has CRC64 {stored or '?'}, but {checksum or '?'} was sent"
        )


def abort_upload(client: Client, upload: Upload) -> None:
    """Abort a multipart upload, whose parts would be billed (Abort Multipart Upload, page 436/7740).

    Errors are ignored: the original error is being raised.
    """
    with contextlib.suppress(CosError):
        client.call(Request(upload.item, "DELETE", {"uploadId": upload.upload_id}, kind="part"))
