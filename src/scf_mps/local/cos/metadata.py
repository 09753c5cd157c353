"""Object metadata in headers, stored as JSON text.

Content-Type, Cache-Control and similar headers, `x-cos-meta-*`, and the requested encryption. Storage
class, ACL and tags have their own columns.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from .errors import CosError
from .records import STORAGE_CLASSES

DEFAULT_CONTENT_TYPE = "application/octet-stream"

_STORED_HEADERS = {
    "content-type": "Content-Type",
    "cache-control": "Cache-Control",
    "content-disposition": "Content-Disposition",
    "content-encoding": "Content-Encoding",
    "content-language": "Content-Language",
    "expires": "Expires",
    "x-cos-website-redirect-location": "x-cos-website-redirect-location",
}
_ENCRYPTION = "x-cos-server-side-encryption"
_USER_METADATA = "x-cos-meta-"
_MAX_USER_METADATA = 2048
"""Most bytes of user metadata of one object, names and values together (page 436/13326)."""
_OVERRIDES = {
    "response-content-type": "Content-Type",
    "response-content-language": "Content-Language",
    "response-expires": "Expires",
    "response-cache-control": "Cache-Control",
    "response-content-disposition": "Content-Disposition",
    "response-content-encoding": "Content-Encoding",
}


def collect_metadata(headers: Mapping[str, str]) -> str:
    """Return the metadata of a request (headers by lower-case name) as JSON text.

    Raises:
        CosError: EntityTooLarge for more than 2 KB of `x-cos-meta-*`, InvalidArgument for an encryption
            other than AES256.
    """
    stored: dict[str, str] = {}
    size = 0
    for name, value in headers.items():
        if name in _STORED_HEADERS:
            stored[_STORED_HEADERS[name]] = value
        elif name.startswith(_USER_METADATA):
            stored[name] = value
            size += len(name) - len(_USER_METADATA) + len(value.encode("utf-8", "surrogateescape"))
    if size > _MAX_USER_METADATA:
        raise CosError("EntityTooLarge", "User metadata has at most 2 KB.")
    stored.setdefault("Content-Type", DEFAULT_CONTENT_TYPE)
    return json.dumps({**stored, **_parse_encryption(headers)})


def copy_metadata(text: str, headers: Mapping[str, str]) -> str:
    """Return stored metadata for a copy, with the encryption that the request asks for and no other."""
    encryption = _parse_encryption(headers)
    if not encryption and _ENCRYPTION not in text:
        return text
    stored = {name: value for name, value in parse(text).items() if name != _ENCRYPTION}
    return json.dumps({**stored, **encryption})


def add_header(text: str, name: str, value: str) -> str:
    """Return stored metadata with one more header."""
    return json.dumps({**parse(text), name: value})


def _parse_encryption(headers: Mapping[str, str]) -> dict[str, str]:
    encryption = headers.get(_ENCRYPTION)
    if encryption is None:
        return {}
    if encryption == "cos/kms":
        raise CosError("NotImplemented", "The emulator does not implement SSE-KMS.")
    if encryption != "AES256":
        raise CosError("InvalidArgument", f"{_ENCRYPTION}: only AES256 is known.")
    return {_ENCRYPTION: encryption}


def parse(text: str) -> dict[str, str]:
    """Return the headers of stored metadata."""
    headers: dict[str, str] = json.loads(text) if text else {}
    return headers


def get_encryption(text: str) -> dict[str, str]:
    """Return the encryption header of stored metadata, if any. Responses to writes repeat it."""
    if _ENCRYPTION not in text:  # The usual case, found without parsing the JSON.
        return {}
    stored = parse(text)
    return {_ENCRYPTION: stored[_ENCRYPTION]} if _ENCRYPTION in stored else {}


def parse_overrides(query: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that `response-*` parameters of a GET replace (page 436/7753)."""
    return {_OVERRIDES[name]: query[name] for name in _OVERRIDES if name in query}


def parse_storage_class(headers: Mapping[str, str]) -> str:
    """Return the requested storage class, STANDARD by default.

    Raises:
        CosError: InvalidStorageClass for a name that COS does not have.
    """
    name = headers.get("x-cos-storage-class", "STANDARD").upper()
    if name not in STORAGE_CLASSES:
        raise CosError("InvalidStorageClass", f"Storage class {name} does not exist.")
    return name
