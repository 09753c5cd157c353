"""Access control lists of buckets and objects: canned names, XML documents, anonymous access.

An ACL is a list of grants. The owner's full control is implied. The emulator has one account, so an
ACL decides only about anonymous requests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from xml.etree import ElementTree

from . import xmlio
from .errors import CosError

OWNER_ID = "qcs::cam::uin/100000000001:uin/100000000001"
OWNER_NAME = "100000000001"

ALL_USERS = "http://cam.qcloud.com/groups/global/AllUsers"
_PERMISSIONS = frozenset({"READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"})
_CANNED = {
    "default": [],
    "private": [],
    "public-read": ["READ"],
    "public-read-write": ["READ", "WRITE"],
    "authenticated-read": [],
}
_GRANT_HEADERS = {
    "x-cos-grant-read": "READ",
    "x-cos-grant-write": "WRITE",
    "x-cos-grant-read-acp": "READ_ACP",
    "x-cos-grant-write-acp": "WRITE_ACP",
    "x-cos-grant-full-control": "FULL_CONTROL",
}

Grants = list[tuple[str, str]]
"""Pairs (grantee, permission) besides the owner's. The grantee is a CAM id or a group URI."""


def parse_headers(headers: Mapping[str, str]) -> str:
    """Return the ACL requested by `x-cos-acl` and `x-cos-grant-*` as JSON text, "" for the default.

    Raises:
        CosError: InvalidArgument for an unknown canned name or a malformed grant.
    """
    canned = headers.get("x-cos-acl", "default")
    if canned not in _CANNED:
        raise CosError("InvalidArgument", f"Canned ACL {canned!r} does not exist.")
    grants: Grants = [(ALL_USERS, permission) for permission in _CANNED[canned]]
    for header, permission in _GRANT_HEADERS.items():
        for grantee in filter(None, headers.get(header, "").split(",")):
            name, equals, identity = grantee.strip().partition("=")
            if name not in ("id", "uri") or not equals:
                raise CosError("InvalidArgument", f'{header}: expected id="…".')
            grants.append((identity.strip('"'), permission))
    # Private is not the default: a private object stays private in a public bucket.
    return "" if canned == "default" and not grants else json.dumps(grants)


def parse_document(body: bytes) -> str:
    """Return the ACL of an AccessControlPolicy document as JSON text (page 436/7748).

    Raises:
        CosError: MalformedXML or InvalidArgument.
    """
    root = xmlio.parse_document(body, "AccessControlPolicy")
    grants: Grants = []
    for grant in root.iterfind("AccessControlList/Grant"):
        permission = xmlio.get_text(grant, "Permission")
        if permission not in _PERMISSIONS:
            raise CosError("InvalidArgument", f"Permission {permission!r} does not exist.")
        grantee = _parse_grantee(grant)
        if grantee != OWNER_ID:
            grants.append((grantee, permission))
    return json.dumps(grants)


def _parse_grantee(grant: ElementTree.Element) -> str:
    uri = xmlio.get_text(grant, "Grantee/URI", "")
    return uri or xmlio.get_text(grant, "Grantee/ID")


def build_document(acl: str) -> bytes:
    """Build the AccessControlPolicy document of an ACL, the owner's full control first."""
    grants: Grants = [(OWNER_ID, "FULL_CONTROL"), *_load_grants(acl)]
    return xmlio.document(
        xmlio.group(
            "AccessControlPolicy",
            build_owner(),
            xmlio.group("AccessControlList", *(_build_grant(*grant) for grant in grants)),
        )
    )


def find_canned_name(acl: str) -> str:
    """Return the canned name of an ACL for the x-cos-acl header, or "" if it has none."""
    if not acl:
        return "default"
    names = {(): "private", ("READ",): "public-read", ("READ", "WRITE"): "public-read-write"}
    grants = _load_grants(acl)
    if any(grantee != ALL_USERS for grantee, _ in grants):
        return ""
    return names.get(tuple(sorted(permission for _, permission in grants)), "")


def allows_anonymous(acl: str, permission: str) -> bool:
    """Return True if the ACL grants `permission` (READ, WRITE, …) to all users."""
    return any(
        grantee.endswith("/AllUsers") and granted in (permission, "FULL_CONTROL")
        for grantee, granted in _load_grants(acl)
    )


def build_owner(name: str = "Owner") -> str:
    """Build the owner's XML element."""
    return xmlio.group(name, xmlio.leaf("ID", OWNER_ID), xmlio.leaf("DisplayName", OWNER_NAME))


def _load_grants(acl: str) -> Grants:
    return [(grantee, permission) for grantee, permission in json.loads(acl)] if acl else []


def _build_grant(grantee: str, permission: str) -> str:
    is_group = grantee.startswith("http")
    kind = "Group" if is_group else "CanonicalUser"
    attributes = f' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="{kind}"'
    identity = xmlio.leaf("URI" if is_group else "ID", grantee)
    if not is_group:
        identity += xmlio.leaf("DisplayName", grantee.rpartition("/")[2])
    return xmlio.group(
        "Grant",
        xmlio.group("Grantee", identity, attributes=attributes),
        xmlio.leaf("Permission", permission),
    )
