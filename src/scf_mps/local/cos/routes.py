"""Table of the operations: which request runs which operation.

To add an operation, add a row to `ROUTES`. Rows with the same target and method are tried in order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from .call import Call, Cloud, Response
from .errors import CosError
from .names import parse_number
from .operations import buckets, copy, delete, multipart, object_subresources, objects
from .operations import list as lists

Handler = Callable[[Cloud, Call], Awaitable[Response]]
Target = Literal["service", "bucket", "object"]


@dataclass(frozen=True, slots=True)
class Route:
    """A row of the table.

    Attributes:
        method: the HTTP method.
        target: the resource that host and path name.
        parameter: the sub-resource, a query parameter that must be present. "" for a plain request.
        operation: the name in COS's API documentation, for fault rules and the request log.
        handler: the coroutine.
        anonymous: the permission by which an ACL opens the operation to anonymous requests.
        header: a header that must be present.
        needs_bucket: whether the bucket must exist.
    """

    method: str
    target: Target
    parameter: str
    operation: str
    handler: Handler
    anonymous: str = ""
    header: str = ""
    needs_bucket: bool = True

    @property
    def writes(self) -> bool:
        """True for operations that count as writes."""
        return self.method not in ("GET", "HEAD")


_COPY = "x-cos-copy-source"

# fmt: off
ROUTES: tuple[Route, ...] = (
    Route("GET", "service", "", "GetService", buckets.get_service, needs_bucket=False),

    Route("GET", "bucket", "acl", "GetBucketAcl", buckets.get_bucket_acl, "READ_ACP"),
    Route("GET", "bucket", "location", "GetBucketLocation", buckets.get_bucket_location),
    Route("GET", "bucket", "versioning", "GetBucketVersioning", buckets.get_bucket_versioning),
    Route("GET", "bucket", "versions", "ListObjectVersions", lists.list_object_versions, "READ"),
    Route("GET", "bucket", "uploads", "ListMultipartUploads", multipart.list_multipart_uploads, "READ"),
    *(Route("GET", "bucket", name, "GetBucketConfiguration", buckets.get_bucket_document) for name in buckets.DOCUMENTS),
    Route("GET", "bucket", "", "ListObjects", lists.list_objects, "READ"),
    Route("HEAD", "bucket", "", "HeadBucket", buckets.head_bucket, "READ"),
    Route("PUT", "bucket", "acl", "PutBucketAcl", buckets.put_bucket_acl),
    Route("PUT", "bucket", "versioning", "PutBucketVersioning", buckets.put_bucket_versioning),
    *(Route("PUT", "bucket", name, "PutBucketConfiguration", buckets.put_bucket_document) for name in buckets.DOCUMENTS),
    Route("PUT", "bucket", "", "PutBucket", buckets.put_bucket, needs_bucket=False),
    Route("POST", "bucket", "delete", "DeleteMultipleObjects", delete.delete_multiple_objects),
    *(Route("DELETE", "bucket", name, "DeleteBucketConfiguration", buckets.delete_bucket_document) for name in buckets.DOCUMENTS),
    Route("DELETE", "bucket", "", "DeleteBucket", buckets.delete_bucket),

    Route("GET", "object", "acl", "GetObjectAcl", object_subresources.get_object_acl, "READ_ACP"),
    Route("GET", "object", "tagging", "GetObjectTagging", object_subresources.get_object_tagging),
    Route("GET", "object", "symlink", "GetSymlink", object_subresources.get_symlink, "READ"),
    Route("GET", "object", "uploadId", "ListParts", multipart.list_parts),
    Route("GET", "object", "", "GetObject", objects.get_object, "READ"),
    Route("HEAD", "object", "", "HeadObject", objects.head_object, "READ"),
    Route("PUT", "object", "acl", "PutObjectAcl", object_subresources.put_object_acl),
    Route("PUT", "object", "tagging", "PutObjectTagging", object_subresources.put_object_tagging),
    Route("PUT", "object", "symlink", "PutSymlink", object_subresources.put_symlink),
    Route("PUT", "object", "uploadId", "UploadPartCopy", copy.upload_part_copy, header=_COPY),
    Route("PUT", "object", "uploadId", "UploadPart", multipart.upload_part),
    Route("PUT", "object", "", "CopyObject", copy.copy_object, header=_COPY),
    Route("PUT", "object", "", "PutObject", objects.put_object, "WRITE"),
    Route("POST", "object", "uploads", "InitiateMultipartUpload", multipart.initiate_multipart_upload),
    Route("POST", "object", "uploadId", "CompleteMultipartUpload", multipart.complete_multipart_upload),
    Route("POST", "object", "append", "AppendObject", objects.append_object),
    Route("POST", "object", "restore", "RestoreObject", object_subresources.restore_object),
    Route("DELETE", "object", "tagging", "DeleteObjectTagging", object_subresources.delete_object_tagging),
    Route("DELETE", "object", "uploadId", "AbortMultipartUpload", multipart.abort_multipart_upload),
    Route("DELETE", "object", "", "DeleteObject", objects.delete_object, "WRITE"),
)
# fmt: on

_BY_TARGET: dict[tuple[str, Target], list[Route]] = {}
for _route in ROUTES:
    _BY_TARGET.setdefault((_route.method, _route.target), []).append(_route)

_PROCESSING = frozenset({"ci-process", "select", "image_process"})
"""Processing that COS offers on reads. To ignore it would return wrong bytes."""

_UNSUPPORTED_HEADERS = (
    "x-cos-server-side-encryption-customer-",
    "x-cos-server-side-encryption-cos-kms-",
    "x-cos-copy-source-server-side-encryption-",
    "x-cos-callback",
    "pic-operations",
)
"""Prefixes of headers that are not implemented: SSE-C and SSE-KMS (page 436/7728), callbacks after uploads, image
processing. Ignoring them would look as if they worked."""

MIN_TRAFFIC_LIMIT, MAX_TRAFFIC_LIMIT = 819_200, 838_860_800
"""Bounds of `x-cos-traffic-limit` in bit/s (page 436/34072). The limit is checked, not enforced."""

_PLAIN_PARAMETERS = frozenset(
    {"prefix", "delimiter", "marker", "max-keys", "encoding-type"}
    | {"list-type", "continuation-token", "start-after", "fetch-owner"}
)
"""Parameters of plain requests that may be empty without being a sub-resource."""


def find_route(call: Call) -> Route:
    """Return the route of a call.

    Raises:
        CosError: NotImplemented, MethodNotAllowed, or InvalidArgument for an invalid header.
    """
    _check_headers(call)
    target: Target = "object" if call.key else "bucket"
    if not call.address.bucket:
        if call.method != "GET" or call.key:
            raise CosError("MethodNotAllowed", "The service endpoint only lists buckets.")
        target = "service"
    for route in _BY_TARGET.get((call.method, target), ()):
        if not route.parameter and target != "service":
            _check_no_subresource(call)
        has_parameter = not route.parameter or route.parameter in call.query
        if has_parameter and (not route.header or route.header in call.headers):
            return route
    raise CosError("MethodNotAllowed")


def _check_headers(call: Call) -> None:
    """Raise CosError for headers (or parameters in their place) that are unsupported or invalid."""
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


def _check_no_subresource(call: Call) -> None:
    """Raise CosError for an unknown sub-resource: `DELETE /?unknown` must not delete the bucket.

    Reads of objects ignore unknown parameters, as COS does, because clients add them against caches.
    """
    reads_object = call.key and call.method in ("GET", "HEAD")
    for name, value in call.query.items():
        is_known = name in _PLAIN_PARAMETERS or name.startswith(("q-", "x-cos-", "response-"))
        if name in _PROCESSING or not (value or is_known or reads_object):
            raise CosError("NotImplemented", f"The emulator does not implement ?{name}.")
