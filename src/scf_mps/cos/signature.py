"""COS's request signature, version 5 (documentation page 436/7778), in a header and in a URL.

It signs what decides what a request does: host, all parameters, and every header that COS acts on. The credentials
are an argument of each call: nothing here remembers whose they are, but the derived key of the last minutes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from functools import lru_cache
from urllib.parse import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..tencent.credentials import Credentials

TOKEN_HEADER = "x-cos-security-token"

_SLOT = 300
"""Seconds that signatures share their period, so that deriving the key is paid for once."""
_AHEAD = 900
"""Seconds a signature is good for beyond its slot; and seconds it starts early, for a clock that is behind."""

_PLAIN = re.compile(r"[A-Za-z0-9\-_.~]*\Z").match
_PLAIN_PATH = re.compile(r"[A-Za-z0-9\-_.~/]*\Z").match


def encode(text: str) -> str:
    """Percent-coded, slashes too."""
    return text if _PLAIN(text) else quote(text, safe="-_.~", errors="surrogateescape")


def encode_path(text: str) -> str:
    """Percent-coded but for slashes."""
    return text if _PLAIN_PATH(text) else quote(text, safe="-_.~/", errors="surrogateescape")


def period(now: float) -> str:
    """``start;end`` of a signature made at `now`, in seconds since the epoch."""
    slot = int(now) // _SLOT * _SLOT
    return f"{slot - _AHEAD};{slot + _SLOT + _AHEAD}"


def authorization(
    credentials: Credentials,
    method: str,
    path: str,
    params: Mapping[str, str],
    headers: Mapping[str, str],
    times: str,
) -> str:
    """The value of ``Authorization``.

    Args:
        path: decoded, with its leading slash.
        params: decoded.
        headers: to be signed, all of them, by lower-case name, ``host`` among them.
        times: see `period`.
    """
    param_list, param_text = _canonical(params)
    header_list, header_text = _canonical(headers)
    request = f"{method.lower()}\n{path}\n{param_text}\n{header_text}\n".encode(
        "utf-8", "surrogateescape"
    )
    text = f"sha1\n{times}\n{hashlib.sha1(request, usedforsecurity=False).hexdigest()}\n"
    key = _sign_key(credentials.secret_key, times)
    signature = hmac.digest(key, text.encode(), "sha1").hex()
    return (
        f"q-sign-algorithm=sha1&q-ak={credentials.secret_id}&q-sign-time={times}&q-key-time={times}"
        f"&q-header-list={header_list}&q-url-param-list={param_list}&q-signature={signature}"
    )


def build_presigned_query(
    credentials: Credentials,
    method: str,
    path: str,
    host: str,
    params: Mapping[str, str],
    times: str,
) -> str:
    """The query of a URL that anyone may use during `times`; the session token travels and is signed with it."""
    signed = {**params, TOKEN_HEADER: credentials.token} if credentials.token else params
    fields = authorization(credentials, method, path, signed, {"host": host}, times)
    own = [f"{encode(name)}={encode(value)}" for name, value in signed.items()]
    return "&".join([*own, *(_field(pair) for pair in fields.split("&"))])


def _field(pair: str) -> str:
    name, _, value = pair.partition("=")
    return f"{name}={encode(value)}"


def _canonical(values: Mapping[str, str]) -> tuple[str, str]:
    if not values:
        return "", ""
    pairs = sorted((encode(name.lower()).lower(), encode(value)) for name, value in values.items())
    names = ";".join([name for name, _ in pairs])
    return names, "&".join([f"{name}={value}" for name, value in pairs])


@lru_cache(maxsize=16)
def _sign_key(secret_key: str, times: str) -> bytes:
    return hmac.digest(secret_key.encode(), times.encode(), "sha1").hex().encode()
