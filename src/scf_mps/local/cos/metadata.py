"""Object metadata in headers: what of a request is kept and comes back with the object.

Content-Type, Cache-Control and their kind, `x-cos-meta-*`, and the requested encryption. Storage
class, ACL and tags are columns of their own and have their own rules.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from .errors import CosError
from .records import STORAGE_CLASSES

DEFAULT_CONTENT_TYPE = "application/octet-stream"

_KEPT = {
    "content-type": "Content-Type",
    "cache-control": "Cache-Control",
    "content-disposition": "Content-Disposition",
    "content-encoding": "Content-Encoding",
    "content-language": "Content-Language",
    "expires": "Expires",
    "x-cos-website-redirect-location": "x-cos-website-redirect-location",
}
_ENCRYPTION = "x-cos-server-side-encryption"
_META = "x-cos-meta-"
_MAX_META = 2048
"""User metadata of one object, names and values together, in bytes (page 436/13326)."""
_OVERRIDES = {
    "response-content-type": "Content-Type",
    "response-content-language": "Content-Language",
    "response-expires": "Expires",
    "response-cache-control": "Cache-Control",
    "response-content-disposition": "Content-Disposition",
    "response-content-encoding": "Content-Encoding",
}


def collect(headers: Mapping[str, str]) -> str:
    """The metadata of a request (headers by lower-case name) as JSON text for the store.

    Raises CosError EntityTooLarge for more than 2 KB of `x-cos-meta-*`, InvalidArgument for an
    encryption that is not AES256.
    """
    kept: dict[str, str] = {}
    size = 0
    for name, value in headers.items():
        if name in _KEPT:
            kept[_KEPT[name]] = value
        elif name.startswith(_META):
            kept[name] = value
            size += len(name) - len(_META) + len(value.encode("utf-8", "surrogateescape"))
    if size > _MAX_META:
        raise CosError("EntityTooLarge", "User metadata has at most 2 KB.")
    kept.setdefault("Content-Type", DEFAULT_CONTENT_TYPE)
    return json.dumps({**kept, **_encryption(headers)})


def copied(text: str, headers: Mapping[str, str]) -> str:
    """Stored metadata for a copy: with the encryption the request asks for, and no other."""
    encryption = _encryption(headers)
    if not encryption and _ENCRYPTION not in text:
        return text
    kept = {name: value for name, value in parse(text).items() if name != _ENCRYPTION}
    return json.dumps({**kept, **encryption})


def with_header(text: str, name: str, value: str) -> str:
    """Stored metadata with one more header."""
    return json.dumps({**parse(text), name: value})


def _encryption(headers: Mapping[str, str]) -> dict[str, str]:
    encryption = headers.get(_ENCRYPTION)
    if encryption is None:
        return {}
    if encryption == "cos/kms":
        raise CosError("NotImplemented", "The emulator does not implement SSE-KMS.")
    if encryption != "AES256":
        raise CosError("InvalidArgument", f"{_ENCRYPTION}: only AES256 is known.")
    return {_ENCRYPTION: encryption}


def parse(text: str) -> dict[str, str]:
    """The headers behind the store's JSON text."""
    headers: dict[str, str] = json.loads(text) if text else {}
    return headers


def encryption_of(text: str) -> dict[str, str]:
    """The encryption header of stored metadata, if it has one: writes answer with it."""
    if _ENCRYPTION not in text:  # Most often; a look at the text is cheaper than parsing it.
        return {}
    kept = parse(text)
    return {_ENCRYPTION: kept[_ENCRYPTION]} if _ENCRYPTION in kept else {}


def overrides(query: Mapping[str, str]) -> dict[str, str]:
    """Headers that `response-*` parameters of a GET replace (page 436/7753)."""
    return {_OVERRIDES[name]: query[name] for name in _OVERRIDES if name in query}


def storage_class(headers: Mapping[str, str]) -> str:
    """The storage class a request asks for, STANDARD by default.

    Raises CosError InvalidStorageClass for a name COS does not have.
    """
    name = headers.get("x-cos-storage-class", "STANDARD").upper()
    if name not in STORAGE_CLASSES:
        raise CosError("InvalidStorageClass", f"There is no storage class {name}.")
    return name
