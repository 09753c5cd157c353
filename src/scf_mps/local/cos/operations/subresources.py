"""What hangs on an object: ACL, tags, restore, symlink (436/7744, 42997, 12633, 90744)."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from .. import acl, metadata, tags, xmlio
from ..call import Call, Cloud, Response, xml_answer
from ..errors import CosError
from ..names import check_key, decode, http_date, parse_number
from ..records import ARCHIVE_CLASSES, Version
from .objects import forbids_overwrite, new_version, version_headers, written_headers

_SECONDS_PER_DAY = 86_400
_RESTORE_TIERS = frozenset({"Expedited", "Standard", "Bulk"})


def _version(cloud: Cloud, call: Call) -> Version:
    return cloud.store.get(call.bucket.name, call.key, call.query.get("versionId", ""))


async def put_object_acl(cloud: Cloud, call: Call) -> Response:
    """Replace the ACL from headers or a document."""
    body = await call.document()
    grants = acl.from_document(body) if body else acl.from_headers(call.headers)
    version = _version(cloud, call)
    with cloud.database.change() as change:
        cloud.store.update(change, version, acl=grants)
    return Response(200, version_headers(call.bucket, version.version_id))


async def get_object_acl(cloud: Cloud, call: Call) -> Response:
    """The ACL as a document, its canned name as a header."""
    version = _version(cloud, call)
    name = acl.canned_name(version.acl)
    return xml_answer(acl.to_document(version.acl), {"x-cos-acl": name} if name else {})


async def put_object_tagging(cloud: Cloud, call: Call) -> Response:
    """Replace all tags."""
    text = tags.from_document(await call.document())
    version = _version(cloud, call)
    with cloud.database.change() as change:
        cloud.store.update(change, version, tags=text)
    return Response(200, version_headers(call.bucket, version.version_id))


async def get_object_tagging(cloud: Cloud, call: Call) -> Response:
    """The tags; an empty set if there are none."""
    version = _version(cloud, call)
    return xml_answer(
        tags.to_document(version.tags), version_headers(call.bucket, version.version_id)
    )


async def delete_object_tagging(cloud: Cloud, call: Call) -> Response:
    """Remove all tags."""
    version = _version(cloud, call)
    with cloud.database.change() as change:
        cloud.store.update(change, version, tags="")
    return Response(204, version_headers(call.bucket, version.version_id))


async def restore_object(cloud: Cloud, call: Call) -> Response:
    """Make an archived object readable for some days.

    202 for a new restore, 200 to prolong one that is done. Raises CosError
    RestoreAlreadyInProgress, or InvalidObjectState for a class that is no archive.
    """
    root = xmlio.parse(await call.document(), "RestoreRequest")
    days = parse_number(xmlio.text_of(root, "Days").strip())
    if days is None or not 1 <= days <= 365:
        raise CosError("InvalidArgument", "Days is from 1 to 365.")
    if xmlio.text_of(root, "CASJobParameters/Tier", "Standard").strip() not in _RESTORE_TIERS:
        raise CosError("InvalidArgument", f"Tier is one of {', '.join(sorted(_RESTORE_TIERS))}.")
    now = cloud.clock()
    version = _version(cloud, call)
    if version.storage_class not in ARCHIVE_CLASSES:
        raise CosError("InvalidObjectState", "The object is not archived.")
    if now < version.restored_from:
        raise CosError("RestoreAlreadyInProgress")
    done = version.is_readable(now)
    start = version.restored_from if done else now + cloud.restore_seconds
    until = (now if done else start) + days * _SECONDS_PER_DAY
    with cloud.database.change() as change:
        cloud.store.update(change, version, restored_from=start, restored_until=until)
    return Response(200 if done else 202, version_headers(call.bucket, version.version_id))


async def put_symlink(cloud: Cloud, call: Call) -> Response:
    """Make the key point to another of the same bucket; the target need not exist."""
    target = decode(call.headers.get("x-cos-symlink-target", ""))
    if not target or target == call.key:
        raise CosError("InvalidArgument", "x-cos-symlink-target must be another key.")
    check_key(target)
    version = new_version(cloud, call)
    version = version._replace(
        kind="symlink",
        etag=hashlib.md5(target.encode(), usedforsecurity=False).hexdigest(),
        headers=metadata.with_header(version.headers, "x-cos-symlink-target", target),
    )
    with cloud.database.change() as change:
        version_id = cloud.store.put(
            change, call.bucket, version, forbid_overwrite=forbids_overwrite(call)
        )
    return Response(200, written_headers(call.bucket, version, version_id))


async def get_symlink(cloud: Cloud, call: Call) -> Response:
    """Where a symlink points. Raises CosError NotSymlink for other objects."""
    version = _version(cloud, call)
    if version.kind != "symlink":
        raise CosError("NotSymlink")
    headers = {
        "ETag": version.quoted_etag,
        "Last-Modified": http_date(int(version.modified)),
        "x-cos-symlink-target": quote(metadata.parse(version.headers)["x-cos-symlink-target"]),
        **version_headers(call.bucket, version.version_id),
    }
    return Response(200, headers)
