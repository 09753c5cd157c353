"""The requests COS knows, one function for each: what is sent, and what its answer means.

Every function takes the client that sends and one object. None of them decides what happens to several objects; that
a write did what it should is checked here, as only here both sides of it are at hand.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
from typing import NamedTuple

from ..events.files import CosObject
from . import crc64, metadata, signature, xml
from .client import Client, Response, Target, build_corrupt_error
from .errors import Conflict, Corrupt, CosError, NotFound, Unavailable, find_error_class
from .http1 import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from xml.etree.ElementTree import Element

    from .http1 import Body
    from .metadata import Entry, Head

FORBID_OVERWRITE = "x-cos-forbid-overwrite"


class WriteResult(NamedTuple):
    """What the answer to a write tells of the object that was written; ``""`` where it does not."""

    etag: str
    crc64: str
    version_id: str


def head(client: Client, item: CosObject, etag: str = "") -> Head:
    """HEAD Object (page 436/7745), of the version with an ETag if there is one."""
    said = {"if-match": f'"{etag}"'} if etag else {}
    return metadata.parse_head(item, client.call(item, "HEAD", headers=said).headers)


def put(client: Client, item: CosObject, data: bytes, headers: Mapping[str, str]) -> WriteResult:
    """PUT Object (page 436/7749) of bytes that are at hand.

    COS compares Content-MD5 before the object appears; its CRC64 is compared here.

    Raises:
        Conflict: with `FORBID_OVERWRITE` among the headers, if the object is there already.
        Corrupt: the bytes were damaged on their way, every time.
    """
    checksum = str(crc64.update(data))
    said = {**headers, "content-md5": compute_content_md5(data)}
    try:
        answer = client.call(item, "PUT", headers=said, body=data, kind="write")
    except Conflict as error:
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if not (error.maybe_applied and is_stored(client, item, len(data), checksum, etag)):
            raise
        return WriteResult("", checksum, "")
    return _written(item, answer, checksum)


def is_stored(client: Client, item: CosObject, size: int, checksum: str, etag: str = "") -> bool:
    """Return True if the object has these bytes: what a write that nobody answered may have done.

    Args:
        checksum: its CRC64, or ``""``. COS has none of some objects, and no checksum is not another checksum.
        etag: the end of its ETag, which decides where there are no checksums to compare.
    """
    try:
        found = head(client, item)
    except NotFound:
        return False
    if found.crc64 and checksum:
        return found.size == size and found.crc64 == checksum
    return found.size == size and found.etag.endswith(etag)


def has_content(client: Client, item: CosObject, data: bytes) -> bool:
    """Return True if an object has these bytes, False if there is none.

    Raises:
        Conflict: it has other bytes.
    """
    try:
        found = head(client, item)
    except NotFound:
        return False
    if (found.size, found.crc64) != (len(data), str(crc64.update(data))):
        raise Conflict("other bytes are there", code="FileAlreadyExists", object=item)
    return True


def _written(item: CosObject, answer: Response, checksum: str) -> WriteResult:
    headers = answer.headers
    stored = headers.get("x-cos-hash-crc64ecma", "")
    if stored and stored != checksum:
        raise build_corrupt_error(
            item,
            f"COS stored bytes with CRC64 {stored}, {checksum} was sent",
            headers.get("x-cos-request-id", ""),
        )
    return WriteResult(
        headers.get("etag", "").strip('"'), stored, headers.get("x-cos-version-id", "")
    )


def copy(
    client: Client, source: CosObject, target: CosObject, headers: Mapping[str, str]
) -> WriteResult:
    """PUT Object - Copy (page 436/10881); what was written is not compared here.

    Raises:
        Conflict: the source is archived or no longer has the ETag in `headers`; with `FORBID_OVERWRITE`, the target exists.
        CosError: an error in the body of a 200 is one like any other.
    """
    said = {"x-cos-copy-source": copy_source(client, source), **headers}
    answer = client.call(target, "PUT", headers=said, kind="write", document=True, patient=True)
    told = xml.fields(answer.body)
    return WriteResult(
        told.get("ETag", ""),
        told.get("CRC64", "") or answer.headers.get("x-cos-hash-crc64ecma", ""),
        answer.headers.get("x-cos-version-id", ""),
    )


def copy_source(client: Client, source: CosObject) -> str:
    """``host/key``: COS's form, not S3's ``/bucket/key`` (page 436/10881)."""
    client.allowed.check(source.bucket, source.region)
    host = client.transport.host(source.bucket, source.region)
    return f"{host}/{signature.encode_path(source.key)}"


def delete(client: Client, item: CosObject) -> None:
    """DELETE Object (page 436/7743); what is not there is deleted."""
    try:
        client.call(item, "DELETE", kind="write")
    except NotFound as error:
        if error.code == "NoSuchBucket":
            raise


MAX_DELETE_KEYS = 1000
"""Keys that a batch delete takes."""


def delete_batch(client: Client, items: Sequence[CosObject]) -> list[CosError]:
    """DELETE Multiple Objects (page 436/8289) of one bucket, at most `MAX_DELETE_KEYS`; returns what failed, by key."""
    bucket, region = items[0].bucket, items[0].region
    body = xml.build_delete(item.key for item in items)
    answer = client.call(
        Target(bucket, region),
        "POST",
        {"delete": ""},
        {"content-md5": compute_content_md5(body), "content-type": "application/xml"},
        body,
        kind="batch",
        count=len(items),
        document=True,
    )
    by_key = {item.key: item for item in items}
    failures = []
    for error in xml.parse(answer.body, "DeleteResult").iterfind("Error"):
        code = xml.text(error, "Code")
        if code != "NoSuchKey":
            failures.append(
                find_error_class(500 if code == "InternalError" else 400, code)(
                    xml.text(error, "Message"),
                    code=code,
                    request_id=answer.headers.get("x-cos-request-id", ""),
                    object=by_key.get(xml.text(error, "Key")),
                )
            )
    return failures


def list_objects(
    client: Client, bucket: str, region: str, prefix: str, delimiter: str = "", most: int = 0
) -> Iterator[Entry]:
    """GET Bucket (page 436/7734): the objects whose keys begin with `prefix`, in the order of their keys.

    Args:
        delimiter: leave out keys that have it behind the prefix.
        most: stop after that many pages; 0 for all.
    """
    marker = ""
    seen = {marker}
    while True:
        params = {"prefix": prefix, "max-keys": "1000", "encoding-type": "url"}
        if delimiter:
            params["delimiter"] = delimiter
        if marker:
            params["marker"] = marker
        root = xml.parse(
            client.call(Target(bucket, region), "GET", params, document=True).body,
            "ListBucketResult",
        )
        for item in root.iterfind("Contents"):
            yield _entry(bucket, region, item)
        if xml.text(root, "IsTruncated") != "true":
            return
        marker = _unquote(xml.text(root, "NextMarker"))
        if marker in seen:
            raise Corrupt(f"the list goes on behind {marker!r} again", code="InvalidAnswer")
        if len(seen) == most:
            return
        seen.add(marker)


def _entry(bucket: str, region: str, item: Element) -> Entry:
    """Return an entry of a list. Raises Corrupt without key or size."""
    key = _unquote(xml.text(item, "Key"))
    size = parse_size(xml.text(item, "Size"))
    if not key or size is None:
        raise Corrupt(f"an entry of the list has no key or size: {key!r}", code="InvalidAnswer")
    return metadata.Entry(
        CosObject.exact(bucket, region, key),
        size,
        xml.text(item, "ETag").strip('"'),
        metadata.parse_date(xml.text(item, "LastModified")),
        xml.text(item, "StorageClass") or "STANDARD",
    )


def get_versioning(client: Client, bucket: str, region: str) -> str:
    """GET Bucket versioning (page 436/19888): ``Enabled``, ``Suspended``, or ``""`` if it never had versions."""
    answer = client.call(Target(bucket, region), "GET", {"versioning": ""}, document=True)
    return xml.text(xml.parse(answer.body, "VersioningConfiguration"), "Status")


def _unquote(text: str) -> str:
    from urllib.parse import unquote

    return unquote(text) if "%" in text else text


def tags(client: Client, item: CosObject) -> dict[str, str]:
    """GET Object tagging (page 436/42998)."""
    try:
        return xml.parse_tags(client.call(item, "GET", {"tagging": ""}).body)
    except NotFound as error:
        if error.code == "NoSuchTagSet":
            return {}
        raise


def put_tags(client: Client, item: CosObject, values: Mapping[str, str]) -> None:
    """PUT Object tagging (page 436/42997): these tags and no others."""
    body = xml.build_tagging(values)
    said = {"content-md5": compute_content_md5(body), "content-type": "application/xml"}
    client.call(item, "PUT", {"tagging": ""}, said, body, kind="write")


def get_acl_headers(client: Client, item: CosObject) -> dict[str, str]:
    """The headers that give a copy the ACL this object has (GET Object acl, page 436/7744)."""
    answer = client.call(item, "GET", {"acl": ""})
    canned = answer.headers.get("x-cos-acl", "")
    if canned:
        return {} if canned == "default" else {"x-cos-acl": canned}
    return xml.parse_grants(answer.body)


def restore(client: Client, item: CosObject, days: int, tier: str) -> bool:
    """POST Object restore (page 436/12633); returns whether the object can be read now.

    One that is being restored already is no error.
    """
    body = xml.build_restore(days, tier)
    said = {"content-md5": compute_content_md5(body), "content-type": "application/xml"}
    try:
        answer = client.call(item, "POST", {"restore": ""}, said, body, kind="write")
    except Conflict as error:
        if error.code == "RestoreAlreadyInProgress":
            return False
        raise
    return answer.status == 200


def compute_content_md5(data: bytes) -> str:
    """The value of Content-MD5."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def initiate_upload(client: Client, item: CosObject, headers: Mapping[str, str]) -> str:
    """Initiate Multipart Upload (page 436/7746); returns the upload's id.

    It is not sent twice when nobody knows if it took effect: each time would leave an upload that is billed.
    """
    answer = client.call(
        item, "POST", {"uploads": ""}, dict(headers), kind="write", repeatable=False, document=True
    )
    upload = xml.fields(answer.body).get("UploadId", "")
    if not upload:
        raise Unavailable("COS sent no id of the upload", code="InvalidAnswer", object=item)
    return upload


def upload_part(
    client: Client, item: CosObject, upload: str, number: int, body: Body, md5: str, checksum: int
) -> str:
    """Upload Part (page 436/7750), compared; returns its ETag."""
    params = {"partNumber": str(number), "uploadId": upload}
    answer = client.call(item, "PUT", params, {"content-md5": md5}, body, kind="part")
    return _part_etag(item, _written(item, answer, str(checksum)).etag)


def copy_part(
    client: Client, item: CosObject, upload: str, number: int, headers: Mapping[str, str]
) -> str:
    """Upload Part - Copy (page 436/8287); returns its ETag."""
    params = {"partNumber": str(number), "uploadId": upload}
    answer = client.call(
        item, "PUT", params, dict(headers), kind="part", document=True, patient=True
    )
    return _part_etag(item, xml.fields(answer.body).get("ETag", ""))


def _part_etag(item: CosObject, etag: str) -> str:
    if not etag:
        raise Unavailable("COS sent no ETag of the part", code="InvalidAnswer", object=item)
    return etag


def complete(
    client: Client,
    item: CosObject,
    upload: str,
    etags: Sequence[str],
    headers: Mapping[str, str],
    size: int,
    checksum: str,
) -> None:
    """Complete Multipart Upload (page 436/7742), and compare size and CRC64 of what came out.

    When no answer tells, COS is asked what is there; it is not sent blindly again.

    Raises:
        Conflict: with `FORBID_OVERWRITE` among the headers, if the object is there already.
        Corrupt: the object has another CRC64, or another size if there is no CRC64 of both sides to compare.
    """
    body = xml.build_complete(etags)
    said = {**headers, "content-type": "application/xml"}
    try:
        answer = client.call(
            item,
            "POST",
            {"uploadId": upload},
            said,
            body,
            kind="write",
            repeatable=False,
            document=True,
            patient=True,
        )
    except CosError as error:
        if error.maybe_applied and is_stored(client, item, size, checksum, f"-{len(etags)}"):
            return
        raise
    told = xml.fields(answer.body)
    stored = told.get("CRC64", "") or answer.headers.get("x-cos-hash-crc64ecma", "")
    compared = (
        stored == checksum if stored and checksum else is_stored(client, item, size, checksum)
    )
    if not compared:
        raise build_corrupt_error(
            item, f"the upload's CRC64 is {stored or '?'}, {checksum or '?'} was sent"
        )


def abort(client: Client, item: CosObject, upload: str) -> None:
    """Abort Multipart Upload (page 436/7740): its parts would be billed. Failing is not told: something did already."""
    with contextlib.suppress(CosError):
        client.call(item, "DELETE", {"uploadId": upload}, kind="part")
