"""Lists of objects (both forms) and of versions (pages 436/7734, 436/35521)."""

from __future__ import annotations

from collections.abc import Callable

from .. import acl, xmlio
from ..call import Call, Cloud, Response, build_xml_response
from ..errors import CosError
from ..names import encode, format_iso_date
from ..pages import Page, PageRequest, paginate, walk_current, walk_versions
from ..records import Version

_MAX_KEYS = 1000


def _choose_encoder(call: Call) -> Callable[[str], str]:
    """Return the encoder of keys: percent-encoding for `encoding-type=url`, else none."""
    kind = call.query.get("encoding-type", "")
    if kind not in ("", "url"):
        raise CosError("InvalidArgument", "encoding-type is url.")
    return encode if kind else str


def _build_leaves(*pairs: tuple[str, str | int | None]) -> list[str]:
    """Build one element per pair that has a value."""
    return [xmlio.leaf(name, value) for name, value in pairs if value is not None]


def _format_boolean(value: bool) -> str:
    return "true" if value else "false"


def _build_contents(
    version: Version, encode_key: Callable[[str], str], *, owner: bool = True
) -> list[str]:
    """Build the elements that describe one object or version."""
    return [
        xmlio.leaf("Key", encode_key(version.key)),
        xmlio.leaf("LastModified", format_iso_date(int(version.modified))),
        xmlio.leaf("ETag", version.quoted_etag),
        xmlio.leaf("Size", version.size),
        *([acl.build_owner()] if owner else []),
        xmlio.leaf("StorageClass", version.storage_class),
    ]


def _build_prefixes(page: Page[Version], encode_key: Callable[[str], str]) -> list[str]:
    return [
        xmlio.group("CommonPrefixes", xmlio.leaf("Prefix", encode_key(prefix)))
        for prefix in page.prefixes
    ]


def _get_last_key(page: Page[Version]) -> str:
    last = page.last
    return last.key if isinstance(last, Version) else last or ""


async def list_objects(cloud: Cloud, call: Call) -> Response:
    """List objects in key order, with tokens for `list-type=2` and with markers otherwise."""
    query = call.query
    encode_key = _choose_encoder(call)
    is_v2 = query.get("list-type") == "2"
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    token, start_after = query.get("continuation-token"), query.get("start-after", "")
    marker = (token or start_after) if is_v2 else query.get("marker", "")
    limit = call.number("max-keys", _MAX_KEYS, maximum=_MAX_KEYS)
    page = paginate(
        walk_current(cloud.database, call.bucket.name, prefix, delimiter, marker),
        lambda version: version.key,
        PageRequest(prefix, delimiter, marker, limit),
    )
    following = _get_last_key(page) if page.truncated else None
    head = _build_leaves(
        ("Name", call.bucket.name),
        ("EncodingType", query.get("encoding-type") or None),
        ("Prefix", encode_key(prefix)),
        ("Delimiter", encode_key(delimiter) if delimiter else None),
        ("MaxKeys", limit),
        ("IsTruncated", _format_boolean(page.truncated)),
    )
    if is_v2:
        head += _build_leaves(
            ("StartAfter", encode_key(start_after) if start_after else None),
            ("ContinuationToken", token),
            ("KeyCount", len(page.items) + len(page.prefixes)),
            ("NextContinuationToken", following),
        )
    else:
        head += _build_leaves(
            ("Marker", encode_key(marker)),
            ("NextMarker", None if following is None else encode_key(following)),
        )
    owner = not is_v2 or query.get("fetch-owner") == "true"
    contents = (
        xmlio.group("Contents", *_build_contents(each, encode_key, owner=owner))
        for each in page.items
    )
    body = xmlio.group("ListBucketResult", *head, *contents, *_build_prefixes(page, encode_key))
    return build_xml_response(xmlio.document(body))


async def list_object_versions(cloud: Cloud, call: Call) -> Response:
    """List versions and delete markers, newest first within a key."""
    query = call.query
    encode_key = _choose_encoder(call)
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    key_marker, id_marker = query.get("key-marker", ""), query.get("version-id-marker", "")
    limit = call.number("max-keys", _MAX_KEYS, maximum=_MAX_KEYS)
    page = paginate(
        walk_versions(cloud.database, call.bucket.name, prefix, key_marker, id_marker),
        lambda version: version.key,
        PageRequest(prefix, delimiter, key_marker, limit),
    )
    last = page.last if page.truncated else None
    head = _build_leaves(
        ("Name", call.bucket.name),
        ("EncodingType", query.get("encoding-type") or None),
        ("Prefix", encode_key(prefix)),
        ("Delimiter", encode_key(delimiter) if delimiter else None),
        ("KeyMarker", encode_key(key_marker)),
        ("VersionIdMarker", id_marker),
        ("MaxKeys", limit),
        ("IsTruncated", _format_boolean(page.truncated)),
        ("NextKeyMarker", encode_key(_get_last_key(page)) if page.truncated else None),
        ("NextVersionIdMarker", last.version_id if isinstance(last, Version) else None),
    )
    versions = (_build_version(each, encode_key) for each in page.items)
    body = xmlio.group("ListVersionsResult", *head, *versions, *_build_prefixes(page, encode_key))
    return build_xml_response(xmlio.document(body))


def _build_version(version: Version, encode_key: Callable[[str], str]) -> str:
    identity = [
        xmlio.leaf("VersionId", version.version_id),
        xmlio.leaf("IsLatest", _format_boolean(bool(version.current))),
    ]
    if version.is_marker:
        return xmlio.group(
            "DeleteMarker",
            xmlio.leaf("Key", encode_key(version.key)),
            *identity,
            xmlio.leaf("LastModified", format_iso_date(int(version.modified))),
            acl.build_owner(),
        )
    return xmlio.group("Version", *_build_contents(version, encode_key), *identity)
