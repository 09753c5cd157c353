"""DeleteMultipleObjects: up to 1,000 keys in one request (page 436/8289)."""

from __future__ import annotations

from .. import xmlio
from ..call import Call, Cloud, Response, build_xml_response
from ..errors import CosError
from ..names import check_key
from ..records import Version

MAX_KEYS = 1000


async def delete_multiple_objects(cloud: Cloud, call: Call) -> Response:
    """Delete the listed keys. Each succeeds or fails independently, within one 200 response.

    Keys are literal: a leading slash belongs to the key, unlike in a URL.

    Raises:
        CosError: InvalidDigest without Content-MD5, MalformedXML for more than 1,000 keys.
    """
    if "content-md5" not in call.headers:
        raise CosError("InvalidDigest", "A batch delete needs Content-MD5.")
    root = xmlio.parse_document(await call.document(), "Delete")
    quiet = xmlio.get_text(root, "Quiet", "false").strip().lower() == "true"
    targets = [
        (xmlio.get_text(each, "Key"), xmlio.get_text(each, "VersionId", ""))
        for each in root.iterfind("Object")
    ]
    if not 1 <= len(targets) <= MAX_KEYS:
        raise CosError("MalformedXML", f"A batch delete has 1 to {MAX_KEYS} objects.")
    results: list[str] = []
    with cloud.database.change() as change:
        for key, version_id in targets:
            try:
                check_key(key)
                call.admit_key(key)
            except CosError as error:
                results.append(_build_error(key, version_id, error))
                continue
            removed = cloud.store.delete(change, call.bucket, key, version_id, cloud.clock())
            if not quiet:
                results.append(_build_deleted(key, version_id, removed))
    return build_xml_response(xmlio.document(xmlio.group("DeleteResult", *results)))


def _build_version(name: str, version_id: str) -> list[str]:
    return [xmlio.leaf(name, version_id)] if version_id else []


def _build_error(key: str, version_id: str, error: CosError) -> str:
    return xmlio.group(
        "Error",
        xmlio.leaf("Key", key),
        *_build_version("VersionId", version_id),
        xmlio.leaf("Code", error.code),
        xmlio.leaf("Message", error.message),
    )


def _build_deleted(key: str, version_id: str, removed: Version | None) -> str:
    marker: list[str] = []
    if removed is not None and removed.is_marker:
        marker = [
            xmlio.leaf("DeleteMarker", "true"),
            xmlio.leaf("DeleteMarkerVersionId", removed.version_id),
        ]
    return xmlio.group(
        "Deleted", xmlio.leaf("Key", key), *_build_version("VersionId", version_id), *marker
    )
