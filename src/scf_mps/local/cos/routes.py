"""Which request is which operation.

One table from (what the host and path name, method, sub-resource) to an operation: its name as the
API documentation titles it (what fault rules and the request log use), its coroutine, and what a
stranger needs to be granted to call it without a signature.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from .call import Call, Cloud, Response
from .errors import CosError
from .names import parse_number
from .operations import buckets, copy, delete, list, multipart, objects, subresources

Handler = Callable[[Cloud, Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """An operation. `stranger` is the permission that opens it to anonymous requests, if any."""

    operation: str
    handler: Handler
    writes: bool = False
    stranger: str = ""
    needs_bucket: bool = True


_SERVICE = Route("GetService", buckets.get_service, needs_bucket=False)
_COPY = Route("CopyObject", copy.copy_object, writes=True)
_PART_COPY = Route("UploadPartCopy", copy.upload_part_copy, writes=True)

# Sub-resource (a query parameter) to route; the first that is present decides, "" is none.
_Table = Mapping[str, Mapping[str, Route]]

_BUCKET: _Table = {
    "GET": {
        "acl": Route("GetBucketAcl", buckets.get_bucket_acl, stranger="READ_ACP"),
        "location": Route("GetBucketLocation", buckets.get_bucket_location),
        "versioning": Route("GetBucketVersioning", buckets.get_bucket_versioning),
        "versions": Route("ListObjectVersions", list.list_object_versions, stranger="READ"),
        "uploads": Route("ListMultipartUploads", multipart.list_multipart_uploads, stranger="READ"),
        **{
            name: Route("GetBucketConfiguration", buckets.get_bucket_document)
            for name in buckets.DOCUMENTS
        },
        "": Route("ListObjects", list.list_objects, stranger="READ"),
    },
    "HEAD": {"": Route("HeadBucket", buckets.head_bucket, stranger="READ")},
    "PUT": {
        "acl": Route("PutBucketAcl", buckets.put_bucket_acl, writes=True),
        "versioning": Route("PutBucketVersioning", buckets.put_bucket_versioning, writes=True),
        **{
            name: Route("PutBucketConfiguration", buckets.put_bucket_document, writes=True)
            for name in buckets.DOCUMENTS
        },
        "": Route("PutBucket", buckets.put_bucket, writes=True, needs_bucket=False),
    },
    "POST": {
        "delete": Route("DeleteMultipleObjects", delete.delete_multiple_objects, writes=True),
    },
    "DELETE": {
        **{
            name: Route("DeleteBucketConfiguration", buckets.delete_bucket_document, writes=True)
            for name in buckets.DOCUMENTS
        },
        "": Route("DeleteBucket", buckets.delete_bucket, writes=True),
    },
}

_OBJECT: _Table = {
    "GET": {
        "acl": Route("GetObjectAcl", subresources.get_object_acl, stranger="READ_ACP"),
        "tagging": Route("GetObjectTagging", subresources.get_object_tagging),
        "symlink": Route("GetSymlink", subresources.get_symlink, stranger="READ"),
        "uploadId": Route("ListParts", multipart.list_parts),
        "": Route("GetObject", objects.get_object, stranger="READ"),
    },
    "HEAD": {"": Route("HeadObject", objects.head_object, stranger="READ")},
    "PUT": {
        "acl": Route("PutObjectAcl", subresources.put_object_acl, writes=True),
        "tagging": Route("PutObjectTagging", subresources.put_object_tagging, writes=True),
        "symlink": Route("PutSymlink", subresources.put_symlink, writes=True),
        "uploadId": Route("UploadPart", multipart.upload_part, writes=True),
        "": Route("PutObject", objects.put_object, writes=True, stranger="WRITE"),
    },
    "POST": {
        "uploads": Route(
            "InitiateMultipartUpload", multipart.initiate_multipart_upload, writes=True
        ),
        "uploadId": Route(
            "CompleteMultipartUpload", multipart.complete_multipart_upload, writes=True
        ),
        "append": Route("AppendObject", objects.append_object, writes=True),
        "restore": Route("RestoreObject", subresources.restore_object, writes=True),
    },
    "DELETE": {
        "tagging": Route("DeleteObjectTagging", subresources.delete_object_tagging, writes=True),
        "uploadId": Route("AbortMultipartUpload", multipart.abort_multipart_upload, writes=True),
        "": Route("DeleteObject", objects.delete_object, writes=True, stranger="WRITE"),
    },
}

_ELSEWHERE = frozenset({"ci-process", "select", "image_process"})
"""Processing that real COS offers on reads; to ignore it would be a lie."""

_UNSUPPORTED_HEADERS = (
    "x-cos-server-side-encryption-customer-",
    "x-cos-server-side-encryption-cos-kms-",
    "x-cos-copy-source-server-side-encryption-",
    "x-cos-callback",
    "pic-operations",
)
"""Beginnings of headers whose meaning the emulator does not have: SSE-C and SSE-KMS (page 436/7728),
callbacks after uploads, image processing. An object stored without them would look as if they worked."""

MIN_TRAFFIC_LIMIT, MAX_TRAFFIC_LIMIT = 819_200, 838_860_800
"""Bits per second that `x-cos-traffic-limit` can ask for (page 436/34072). Checked, not enforced."""

_NO_SUBRESOURCES = frozenset(
    {"prefix", "delimiter", "marker", "max-keys", "encoding-type"}
    | {"list-type", "continuation-token", "start-after", "fetch-owner"}
)
"""Parameters of plain requests that may be empty without being a sub-resource."""


def route(call: Call) -> Route:
    """The operation of a call. Raises CosError NotImplemented or MethodNotAllowed."""
    _check_headers(call)
    if not call.address.bucket:
        if call.method == "GET" and not call.key:
            return _SERVICE
        raise CosError("MethodNotAllowed", "The service endpoint lists buckets and nothing else.")
    for name, found in (_OBJECT if call.key else _BUCKET).get(call.method, {}).items():
        if not name:
            _refuse_unknown_subresources(call)
        if not name or name in call.query:
            return _or_copy(found, call)
    raise CosError("MethodNotAllowed")


def _check_headers(call: Call) -> None:
    """Raise CosError for headers (or parameters in their place) that are not supported or valid."""
    for name in (*call.headers, *map(str.lower, call.query)):
        if name.startswith(_UNSUPPORTED_HEADERS):
            raise CosError("NotImplemented", f"The emulator does not implement {name}.")
    name = "x-cos-traffic-limit"
    for text in (call.headers.get(name), call.query.get(name)):
        if text is None:
            continue
        if not MIN_TRAFFIC_LIMIT <= (parse_number(text) or 0) <= MAX_TRAFFIC_LIMIT:
            raise CosError(
                "InvalidArgument",
                f"{name} is from {MIN_TRAFFIC_LIMIT} to {MAX_TRAFFIC_LIMIT} bit/s.",
            )


def _refuse_unknown_subresources(call: Call) -> None:
    """Before a plain request: `PUT /?unknown` must not create a bucket, nor DELETE one.

    Reads of objects ignore unknown parameters, as COS does (people append them against caches).
    """
    reads_object = call.key and call.method in ("GET", "HEAD")
    for name, value in call.query.items():
        known = name in _NO_SUBRESOURCES or name.startswith(("q-", "x-cos-", "response-"))
        if name in _ELSEWHERE or not (value or known or reads_object):
            raise CosError("NotImplemented", f"The emulator does not implement ?{name}.")


def _or_copy(found: Route, call: Call) -> Route:
    if call.method == "PUT" and "x-cos-copy-source" in call.headers:
        return {"PutObject": _COPY, "UploadPart": _PART_COPY}.get(found.operation, found)
    return found
