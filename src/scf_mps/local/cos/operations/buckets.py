"""Bucket operations: list, create, head, delete, versioning, ACL, configuration documents.

Documents such as lifecycle or CORS rules are stored and returned. The emulator does not apply them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping

from .. import acl, tags, xmlio
from ..call import Call, Cloud, Response, build_xml_response
from ..errors import CosError
from ..names import format_iso_date
from ..records import Bucket

DOCUMENTS: Mapping[str, tuple[str, str]] = {
    "tagging": ("Tagging", "NoSuchTagSet"),
    "lifecycle": ("LifecycleConfiguration", "NoSuchLifecycleConfiguration"),
    "cors": ("CORSConfiguration", "NoSuchCORSConfiguration"),
    "policy": ("", "NoSuchBucketPolicy"),
    "website": ("WebsiteConfiguration", "NoSuchWebsiteConfiguration"),
    "replication": ("ReplicationConfiguration", "ReplicationConfigurationNotFoundError"),
    "encryption": ("ServerSideEncryptionConfiguration", "NoSuchEncryptionConfiguration"),
    "logging": ("BucketLoggingStatus", ""),
    "referer": ("RefererConfiguration", ""),
    "domain": ("DomainConfiguration", ""),
    "origin": ("OriginConfiguration", ""),
    "accelerate": ("AccelerateConfiguration", ""),
    "intelligenttiering": ("IntelligentTieringConfiguration", ""),
    "inventory": ("InventoryConfiguration", "NoSuchConfiguration"),
}
"""Bucket sub-resource to (root element, error code if never put).

An empty root stands for JSON. With an empty code COS returns an empty document instead.
"""


MAX_BUCKETS = 2000
"""Most buckets in one page of the service's list (page 436/8291)."""

_COMPARISONS = {"lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge}


async def get_service(cloud: Cloud, call: Call) -> Response:
    """List buckets by region, tag and creation time, in pages (page 436/8291)."""
    query = call.query
    marker, limit = (
        query.get("marker", ""),
        call.number("max-keys", MAX_BUCKETS, maximum=MAX_BUCKETS),
    )
    selects = _build_bucket_filter(cloud, call)
    buckets = [
        bucket for bucket in cloud.store.buckets() if bucket.name > marker and selects(bucket)
    ]
    page, truncated = buckets[:limit], len(buckets) > limit
    elements = (
        xmlio.group(
            "Bucket",
            xmlio.leaf("Name", bucket.name),
            xmlio.leaf("Location", bucket.region),
            # No milliseconds, unlike the dates in lists of objects.
            xmlio.leaf("CreationDate", format_iso_date(int(bucket.created)).replace(".000Z", "Z")),
            xmlio.leaf("BucketType", "cos"),
        )
        for bucket in page
    )
    body = xmlio.group(
        "ListAllMyBucketsResult",
        acl.build_owner(),
        xmlio.group("Buckets", *elements),
        xmlio.leaf("Marker", marker),
        xmlio.leaf("NextMarker", page[-1].name if truncated and page else ""),
        xmlio.leaf("IsTruncated", "true" if truncated else "false"),
    )
    return build_xml_response(xmlio.document(body))


def _build_bucket_filter(cloud: Cloud, call: Call) -> Callable[[Bucket], bool]:
    """Return the predicate of the query: region, tagkey with tagvalue, create-time with range.

    Raises:
        CosError: InvalidArgument for half a pair or an invalid value.
    """
    query = call.query
    region = query.get("region") or call.address.region
    for first, second in (("tagkey", "tagvalue"), ("create-time", "range")):
        if (first in query) != (second in query):
            raise CosError("InvalidArgument", f"{first} and {second} belong together.")
    created, compare = call.number("create-time", 0), _COMPARISONS.get(query.get("range", "gte"))
    if compare is None:
        raise CosError("InvalidArgument", f"range is one of {', '.join(_COMPARISONS)}.")
    tag = (query["tagkey"], query["tagvalue"]) if "tagkey" in query else None

    def selects(bucket: Bucket) -> bool:
        return (
            region in ("", bucket.region)
            and compare(int(bucket.created), created)
            and (
                tag is None
                or tag in tags.parse_tag_set(cloud.store.bucket_document(bucket.name, "tagging"))
            )
        )

    return selects


async def put_bucket(cloud: Cloud, call: Call) -> Response:
    """Create the bucket in the region of its host."""
    # The body may configure multi-AZ storage, which the emulator only reads.
    await call.document()
    address = call.address
    grants = acl.parse_headers(call.headers)
    cloud.store.create_bucket(address.bucket, address.region, grants, cloud.clock())
    return Response(200, {"Location": f"/{address.bucket}"})


async def head_bucket(cloud: Cloud, call: Call) -> Response:
    """Return 200 with the bucket's region."""
    return Response(200, {"x-cos-bucket-region": call.bucket.region})


async def get_bucket_location(cloud: Cloud, call: Call) -> Response:
    """Return the bucket's region (page 436/8275)."""
    return build_xml_response(xmlio.document(xmlio.leaf("LocationConstraint", call.bucket.region)))


async def delete_bucket(cloud: Cloud, call: Call) -> Response:
    """Delete an empty bucket."""
    cloud.store.delete_bucket(call.bucket.name)
    return Response(204)


async def put_bucket_versioning(cloud: Cloud, call: Call) -> Response:
    """Enable or suspend versioning (page 436/19889)."""
    root = xmlio.parse_document(await call.document(), "VersioningConfiguration")
    status = xmlio.get_text(root, "Status").strip()
    if status not in ("Enabled", "Suspended"):
        raise CosError("MalformedXML", "Status is Enabled or Suspended.")
    cloud.store.set_versioning(call.bucket.name, status)
    return Response(200)


async def get_bucket_versioning(cloud: Cloud, call: Call) -> Response:
    """Return the status, or an empty document if versioning was never enabled."""
    status = call.bucket.versioning
    children = [xmlio.leaf("Status", status)] if status else []
    return build_xml_response(xmlio.document(xmlio.group("VersioningConfiguration", *children)))


async def put_bucket_acl(cloud: Cloud, call: Call) -> Response:
    """Replace the ACL from headers or a document."""
    body = await call.document()
    grants = acl.parse_document(body) if body else acl.parse_headers(call.headers)
    cloud.store.set_bucket_acl(call.bucket.name, grants)
    return Response(200)


async def get_bucket_acl(cloud: Cloud, call: Call) -> Response:
    """Return the ACL as a document and its canned name as a header."""
    name = acl.find_canned_name(call.bucket.acl)
    # A bucket's default is private, because it inherits no ACL.
    headers = {"x-cos-acl": "private" if name == "default" else name} if name else {}
    return build_xml_response(acl.build_document(call.bucket.acl), headers)


def _find_document(call: Call) -> tuple[str, str, str]:
    """Return (name in the store, root element, error code) of the call's document."""
    name = next(name for name in DOCUMENTS if name in call.query)
    root, missing = DOCUMENTS[name]
    identity = call.query.get("id", "")
    return f"{name}/{identity}" if identity else name, root, missing


async def put_bucket_document(cloud: Cloud, call: Call) -> Response:
    """Store a configuration document. Raises CosError MalformedXML for another root."""
    name, root, _ = _find_document(call)
    body = await call.document()
    if root:
        xmlio.parse_document(body, root)
    cloud.store.put_bucket_document(call.bucket.name, name, body)
    return Response(200 if root else 204)


async def get_bucket_document(cloud: Cloud, call: Call) -> Response:
    """Return a configuration document."""
    name, root, missing = _find_document(call)
    body = cloud.store.bucket_document(call.bucket.name, name)
    if body is None:
        if missing:
            raise CosError(missing, "The bucket has no such configuration.", status=404)
        body = xmlio.document(xmlio.group(root))
    if not root:
        return Response(200, {"Content-Type": "application/json"}, body)
    return build_xml_response(body)


async def delete_bucket_document(cloud: Cloud, call: Call) -> Response:
    """Delete a configuration document, if any."""
    name, _, _ = _find_document(call)
    cloud.store.put_bucket_document(call.bucket.name, name, None)
    return Response(204)
