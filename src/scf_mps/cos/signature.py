"""COS request signatures, version 5, for a header and for a URL (documentation page 436/7778).

A signature covers the host, all parameters and every header that COS acts on.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..tencent.credentials import Credentials

TOKEN_HEADER = "x-cos-security-token"

_SLOT_SECONDS = 300
"""Signatures of one slot share their period, so that the key is derived once for all of them."""
_MARGIN_SECONDS = 900
"""Validity before and after the slot, for clocks that differ."""

_find_plain = re.compile(r"[A-Za-z0-9\-_.~]*\Z").match
_find_plain_path = re.compile(r"[A-Za-z0-9\-_.~/]*\Z").match


class SignedParts(NamedTuple):
    """The decoded parts of a request that its signature covers. The headers include ``host``."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]


def encode(text: str) -> str:
    """Return the text percent-encoded, slashes included."""
    return text if _find_plain(text) else quote(text, safe="-_.~", errors="surrogateescape")


def encode_path(text: str) -> str:
    """Return the text percent-encoded, slashes excluded."""
    return text if _find_plain_path(text) else quote(text, safe="-_.~/", errors="surrogateescape")


def encode_query(params: Mapping[str, str]) -> str:
    """Return the query string of parameters."""
    return "&".join([f"{encode(name)}={encode(value)}" for name, value in params.items()])


def compute_sign_time(now: float) -> str:
    """Return the validity ``start;end`` of a signature made at `now`, in seconds since the epoch."""
    slot = int(now) // _SLOT_SECONDS * _SLOT_SECONDS
    return f"{slot - _MARGIN_SECONDS};{slot + _SLOT_SECONDS + _MARGIN_SECONDS}"


def sign_request(credentials: Credentials, parts: SignedParts, sign_time: str) -> str:
    """Return the value of the ``Authorization`` header."""
    param_list, params = _canonicalize(parts.params)
    header_list, headers = _canonicalize(parts.headers)
    request = f"{parts.method.lower()}\n{parts.path}\n{params}\n{headers}\n".encode(
        "utf-8", "surrogateescape"
    )
    digest = hashlib.sha1(request, usedforsecurity=False).hexdigest()
    key = _derive_key(credentials.secret_key, sign_time)
    signature = hmac.digest(key, f"sha1\n{sign_time}\n{digest}\n".encode(), "sha1").hex()
    return (
        f"q-sign-algorithm=sha1&q-ak={credentials.secret_id}&q-sign-time={sign_time}"
        f"&q-key-time={sign_time}&q-header-list={header_list}&q-url-param-list={param_list}"
        f"&q-signature={signature}"
    )


def build_presigned_query(credentials: Credentials, parts: SignedParts, sign_time: str) -> str:
    """Return the query of a URL that anyone may use during `sign_time`. It holds the session token, signed."""
    params = parts.params
    if credentials.token:
        params = {**params, TOKEN_HEADER: credentials.token}
    fields = sign_request(credentials, parts._replace(params=params), sign_time).split("&")
    signed = encode_query(dict(field.split("=", 1) for field in fields))
    return f"{encode_query(params)}&{signed}" if params else signed


def _canonicalize(values: Mapping[str, str]) -> tuple[str, str]:
    """Return the sorted names and the sorted ``name=value`` pairs."""
    if not values:
        return "", ""
    pairs = sorted((encode(name.lower()).lower(), encode(value)) for name, value in values.items())
    names = ";".join([name for name, _ in pairs])
    return names, "&".join([f"{name}={value}" for name, value in pairs])


@lru_cache(maxsize=16)
def _derive_key(secret_key: str, sign_time: str) -> bytes:
    return hmac.digest(secret_key.encode(), sign_time.encode(), "sha1").hex().encode()
