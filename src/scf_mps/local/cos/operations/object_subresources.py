"""Sub-resources of objects: ACL, tags, restore, symlink (pages 436/7744, 42997, 12633, 90744)."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from .. import acl, metadata, tags, xmlio
from ..call import Call, Cloud, Response, build_xml_response
from ..errors import CosError
from ..names import check_key, decode, format_http_date, parse_number
from ..records import ARCHIVE_CLASSES, Version
from .objects import build_version, build_version_headers, build_write_headers, forbids_overwrite

_SECONDS_PER_DAY = 86_400
_RESTORE_TIERS = frozenset({"Expedited", "Standard", "Bulk"})


def _get_version(cloud: Cloud, call: Call) -> Version:
    return cloud.store.get(call.bucket.name, call.key, call.query.get("versionId", ""))


async def put_object_acl(cloud: Cloud, call: Call) -> Response:
    """Replace the ACL from headers or a document."""
    body = await call.document()
    grants = acl.parse_document(body) if body else acl.parse_headers(call.headers)
    version = _get_version(cloud, call)
    with cloud.database.change() as change:
        cloud.store.update(change, version, acl=grants)
    return Response(200, build_version_headers(call.bucket, version.version_id))


async def get_object_acl(cloud: Cloud, call: Call) -> Response:
    """Return the ACL as a document and its canned name as a header."""
    version = _get_version(cloud, call)
    name = acl.find_canned_name(version.acl)
    return build_xml_response(acl.build_document(version.acl), {"x-cos-acl": name} if name else {})


async def put_object_tagging(cloud: Cloud, call: Call) -> Response:
    """Replace all tags."""
    text = tags.parse_document(await call.document())
    version = _get_version(cloud, call)
    with cloud.database.change() as change:
        cloud.store.update(change, version, tags=text)
    return Response(200, build_version_headers(call.bucket, version.version_id))


async def get_object_tagging(cloud: Cloud, call: Call) -> Response:
    """Return the tags, possibly none."""
    version = _get_version(cloud, call)
    return build_xml_response(
        tags.build_document(version.tags), build_version_headers(call.bucket, version.version_id)
    )


async def delete_object_tagging(cloud: Cloud, call: Call) -> Response:
    """Remove all tags."""
    version = _get_version(cloud, call)
    with cloud.database.change() as change:
        cloud.store.update(change, version, tags="")
    return Response(204, build_version_headers(call.bucket, version.version_id))


async def restore_object(cloud: Cloud, call: Call) -> Response:
    """Make an archived object readable for some days.

    The status is 202 for a new restore, 200 to prolong a finished one.

    Raises:
        CosError: RestoreAlreadyInProgress, or InvalidObjectState for a class that is not an archive.
    """
    root = xmlio.parse_document(await call.document(), "RestoreRequest")
    days = parse_number(xmlio.get_text(root, "Days").strip())
    if days is None or not 1 <= days <= 365:
        raise CosError("InvalidArgument", "Days is from 1 to 365.")
    if xmlio.get_text(root, "CASJobParameters/Tier", "Standard").strip() not in _RESTORE_TIERS:
        raise CosError("InvalidArgument", f"Tier is one of {', '.join(sorted(_RESTORE_TIERS))}.")
    now = cloud.clock()
    version = _get_version(cloud, call)
    if version.storage_class not in ARCHIVE_CLASSES:
        raise CosError("InvalidObjectState", "The object is not archived.")
    if now < version.restored_from:
        raise CosError("RestoreAlreadyInProgress")
    is_restored = version.is_readable(now)
    start = version.restored_from if is_restored else now + cloud.restore_seconds
    until = (now if is_restored else start) + days * _SECONDS_PER_DAY
    with cloud.database.change() as change:
        cloud.store.update(change, version, restored_from=start, restored_until=until)
    return Response(
        200 if is_restored else 202, build_version_headers(call.bucket, version.version_id)
    )


async def put_symlink(cloud: Cloud, call: Call) -> Response:
    """Create a symlink to another key of the bucket. The target need not exist."""
    target = decode(call.headers.get("x-cos-symlink-target", ""))
    if not target or target == call.key:
        raise CosError("InvalidArgument", "x-cos-symlink-target must be another key.")
    check_key(target)
    version = build_version(cloud, call)
    version = version._replace(
        kind="symlink",
        etag=hashlib.md5(target.encode(), usedforsecurity=False).hexdigest(),
        headers=metadata.add_header(version.headers, "x-cos-symlink-target", target),
    )
    with cloud.database.change() as change:
        version_id = cloud.store.put(
            change, call.bucket, version, forbid_overwrite=forbids_overwrite(call)
        )
    return Response(200, build_write_headers(call.bucket, version, version_id))


async def get_symlink(cloud: Cloud, call: Call) -> Response:
    """Return the target of a symlink. Raises CosError NotSymlink for other objects."""
    version = _get_version(cloud, call)
    if version.kind != "symlink":
        raise CosError("NotSymlink")
    headers = {
        "ETag": version.quoted_etag,
        "Last-Modified": format_http_date(int(version.modified)),
        "x-cos-symlink-target": quote(metadata.parse(version.headers)["x-cos-symlink-target"]),
        **build_version_headers(call.bucket, version.version_id),
    }
    return Response(200, headers)
