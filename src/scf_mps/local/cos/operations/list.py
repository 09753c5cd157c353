"""Lists of objects (both forms) and of versions (pages 436/7734, 436/35521)."""

from __future__ import annotations

from collections.abc import Callable

from .. import acl, xmlio
from ..call import Call, Cloud, Response, xml_answer
from ..errors import CosError
from ..names import encode, iso_date
from ..pages import Page, paginate, walk_current, walk_versions
from ..records import Version

_MAX_KEYS = 1000


def _coder(call: Call) -> Callable[[str], str]:
    """How keys are written: as they are, or percent-coded with `encoding-type=url`."""
    kind = call.query.get("encoding-type", "")
    if kind not in ("", "url"):
        raise CosError("InvalidArgument", "encoding-type is url.")
    return encode if kind else str


def _leaves(*pairs: tuple[str, str | int | None]) -> list[str]:
    """One element per pair that has a value."""
    return [xmlio.leaf(name, value) for name, value in pairs if value is not None]


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _contents(version: Version, code: Callable[[str], str], *, owner: bool = True) -> list[str]:
    """What lists say of one object or version."""
    return [
        xmlio.leaf("Key", code(version.key)),
        xmlio.leaf("LastModified", iso_date(int(version.modified))),
        xmlio.leaf("ETag", version.quoted_etag),
        xmlio.leaf("Size", version.size),
        *([acl.owner_element()] if owner else []),
        xmlio.leaf("StorageClass", version.storage_class),
    ]


def _prefix_elements(page: Page[Version], code: Callable[[str], str]) -> list[str]:
    return [
        xmlio.group("CommonPrefixes", xmlio.leaf("Prefix", code(prefix)))
        for prefix in page.prefixes
    ]


def _last_key(page: Page[Version]) -> str:
    last = page.last
    return last.key if isinstance(last, Version) else last or ""


async def list_objects(cloud: Cloud, call: Call) -> Response:
    """Objects in key order; `list-type=2` pages with tokens, otherwise with markers."""
    query = call.query
    code = _coder(call)
    second = query.get("list-type") == "2"
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    token, start_after = query.get("continuation-token"), query.get("start-after", "")
    marker = (token or start_after) if second else query.get("marker", "")
    limit = call.number("max-keys", _MAX_KEYS, most=_MAX_KEYS)
    page = paginate(
        walk_current(cloud.database, call.bucket.name, prefix, delimiter, marker),
        lambda version: version.key,
        prefix=prefix,
        delimiter=delimiter,
        marker=marker,
        limit=limit,
    )
    following = _last_key(page) if page.truncated else None
    head = _leaves(
        ("Name", call.bucket.name),
        ("EncodingType", query.get("encoding-type") or None),
        ("Prefix", code(prefix)),
        ("Delimiter", code(delimiter) if delimiter else None),
        ("MaxKeys", limit),
        ("IsTruncated", _boolean(page.truncated)),
    )
    if second:
        head += _leaves(
            ("StartAfter", code(start_after) if start_after else None),
            ("ContinuationToken", token),
            ("KeyCount", len(page.items) + len(page.prefixes)),
            ("NextContinuationToken", following),
        )
    else:
        head += _leaves(
            ("Marker", code(marker)),
            ("NextMarker", None if following is None else code(following)),
        )
    owner = not second or query.get("fetch-owner") == "true"
    contents = (xmlio.group("Contents", *_contents(each, code, owner=owner)) for each in page.items)
    body = xmlio.group("ListBucketResult", *head, *contents, *_prefix_elements(page, code))
    return xml_answer(xmlio.document(body))


async def list_object_versions(cloud: Cloud, call: Call) -> Response:
    """Versions and delete markers, newest first within a key."""
    query = call.query
    code = _coder(call)
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    key_marker, id_marker = query.get("key-marker", ""), query.get("version-id-marker", "")
    limit = call.number("max-keys", _MAX_KEYS, most=_MAX_KEYS)
    page = paginate(
        walk_versions(cloud.database, call.bucket.name, prefix, key_marker, id_marker),
        lambda version: version.key,
        prefix=prefix,
        delimiter=delimiter,
        marker=key_marker,
        limit=limit,
    )
    last = page.last if page.truncated else None
    head = _leaves(
        ("Name", call.bucket.name),
        ("EncodingType", query.get("encoding-type") or None),
        ("Prefix", code(prefix)),
        ("Delimiter", code(delimiter) if delimiter else None),
        ("KeyMarker", code(key_marker)),
        ("VersionIdMarker", id_marker),
        ("MaxKeys", limit),
        ("IsTruncated", _boolean(page.truncated)),
        ("NextKeyMarker", code(_last_key(page)) if page.truncated else None),
        ("NextVersionIdMarker", last.version_id if isinstance(last, Version) else None),
    )
    versions = (_version_element(each, code) for each in page.items)
    body = xmlio.group("ListVersionsResult", *head, *versions, *_prefix_elements(page, code))
    return xml_answer(xmlio.document(body))


def _version_element(version: Version, code: Callable[[str], str]) -> str:
    identity = [
        xmlio.leaf("VersionId", version.version_id),
        xmlio.leaf("IsLatest", _boolean(bool(version.current))),
    ]
    if version.is_marker:
        return xmlio.group(
            "DeleteMarker",
            xmlio.leaf("Key", code(version.key)),
            *identity,
            xmlio.leaf("LastModified", iso_date(int(version.modified))),
            acl.owner_element(),
        )
    return xmlio.group("Version", *_contents(version, code), *identity)
