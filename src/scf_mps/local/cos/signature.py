"""Verification of COS request signatures, version 5.

Implements documentation page 436/7778 for the Authorization header and for the query string of a
presigned URL. Keys are in a `KeyRing` that may be changed while the server runs.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

from .errors import CosError
from .names import parse_number, strip_port

MAX_CLOCK_SKEW = 900
"""Seconds by which a signature may begin in the future."""

_FIELDS = frozenset(
    {
        "q-sign-algorithm",
        "q-ak",
        "q-sign-time",
        "q-key-time",
        "q-header-list",
        "q-url-param-list",
        "q-signature",
    }
)


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair: permanent without `token`, temporary (from STS) with one.

    A request after `expires_at` (seconds since the epoch) fails with ExpiredToken.
    """

    secret_id: str
    secret_key: str
    token: str | None = None
    expires_at: float | None = None


class KeyRing:
    """The accepted keys by secret id. May be changed from any thread."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._lock = threading.Lock()
        self._keys = {key.secret_id: key for key in keys}

    def __iter__(self) -> Iterator[Key]:
        with self._lock:
            return iter(list(self._keys.values()))

    def get(self, secret_id: str) -> Key | None:
        """Return the key of a secret id, or None."""
        with self._lock:
            return self._keys.get(secret_id)

    def add(self, key: Key) -> None:
        """Add a key, or replace the one of the same id."""
        with self._lock:
            self._keys[key.secret_id] = key

    def remove(self, secret_id: str) -> None:
        """Remove a key, if present: its requests fail with InvalidAccessKeyId."""
        with self._lock:
            self._keys.pop(secret_id, None)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The parts of a request that a signature covers."""

    method: str
    path: str
    """The decoded path, with its leading slash."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case name."""
    hosts: tuple[str, ...]
    """Every spelling of the host that a client may have signed (Host header, absolute-form target)."""


def verify(request: SignedRequest, keys: KeyRing, now: float) -> Key | None:
    """Return the key that signed `request`, or None for an anonymous request.

    Raises:
        CosError: with status 403: AccessDenied (malformed or expired), RequestTimeTooSkewed,
            InvalidAccessKeyId, InvalidToken, ExpiredToken or SignatureDoesNotMatch.
    """
    fields = _parse_fields(request)
    if fields is None:
        return None
    if fields["q-sign-algorithm"] != "sha1":
        raise CosError("AccessDenied", "q-sign-algorithm is not sha1.")
    for period in dict.fromkeys((fields["q-sign-time"], fields["q-key-time"])):
        _check_period(period, now)
    key = keys.get(fields["q-ak"])
    if key is None:
        raise CosError("InvalidAccessKeyId")
    _check_token(key, request, now)
    _check_signature(key, request, fields)
    return key


def _parse_fields(request: SignedRequest) -> Mapping[str, str] | None:
    header = request.headers.get("authorization", "").strip()
    if header:
        pairs = [pair.split("=", 1) for pair in header.split("&") if "=" in pair]
        fields: Mapping[str, str] = dict(pairs)
    elif "q-signature" in request.query:
        fields = request.query
    else:
        return None
    if not fields.keys() >= _FIELDS:
        missing = ", ".join(sorted(_FIELDS - fields.keys()))
        raise CosError("AccessDenied", f"The authorization lacks {missing}.")
    return fields


def _check_period(period: str, now: float) -> None:
    start, end = map(parse_number, period.partition(";")[::2])
    if start is None or end is None:
        raise CosError("AccessDenied", f"The time {period!r} is not <start>;<end>.")
    if start > now + MAX_CLOCK_SKEW:
        raise CosError("RequestTimeTooSkewed")
    if end < now:
        raise CosError("AccessDenied", "Request has expired")


def _check_token(key: Key, request: SignedRequest, now: float) -> None:
    name = "x-cos-security-token"
    token = request.headers.get(name) or request.query.get(name) or None
    if key.token is not None and token is None:
        # COS does not know a temporary secret id without its token.
        raise CosError("InvalidAccessKeyId", "This key needs x-cos-security-token.")
    if token != key.token:
        raise CosError("InvalidToken")
    if key.expires_at is not None and key.expires_at <= now:
        raise CosError("ExpiredToken")


def _check_signature(key: Key, request: SignedRequest, fields: Mapping[str, str]) -> None:
    sign_key = _compute_sign_key(key.secret_key, fields["q-key-time"])
    parameters = ""
    if fields["q-url-param-list"]:
        lower = {name.lower(): value for name, value in request.query.items()}
        parameters = _build_canonical(fields["q-url-param-list"], lower)
    string_to_sign = format_string = ""
    for host in _list_hosts(request):
        headers = _build_canonical(fields["q-header-list"], request.headers, host)
        format_string = f"{request.method.lower()}\n{request.path}\n{parameters}\n{headers}\n"
        digest = hashlib.sha1(format_string.encode("utf-8", "surrogateescape")).hexdigest()
        string_to_sign = f"sha1\n{fields['q-sign-time']}\n{digest}\n"
        expected = hmac.new(sign_key, string_to_sign.encode(), "sha1").hexdigest()
        if hmac.compare_digest(expected.encode(), fields["q-signature"].encode()):
            return
    # COS returns the strings that it computed, to debug a signer.
    raise CosError(
        "SignatureDoesNotMatch",
        fields={"StringToSign": string_to_sign, "FormatString": format_string},
    )


def _list_hosts(request: SignedRequest) -> Iterable[str]:
    """Return the spellings of the host that a client may have signed.

    The official Python client signs the host without its port, others with it (measured).
    """
    return dict.fromkeys(
        spelling for host in request.hosts for spelling in (host, strip_port(host))
    )


def _build_canonical(names: str, values: Mapping[str, str], host: str = "") -> str:
    """Build `name=value&…` from a `;`-list of lower-case percent-coded names, in the list's order.

    A listed name that the request lacks counts as empty, so it matches only if it was signed as empty.
    """
    if not names:
        return ""
    pairs: list[str] = []
    for name in names.split(";"):
        value = host if host and name == "host" else values.get(unquote(name).lower(), "")
        pairs.append(f"{name}={_encode(value)}")
    return "&".join(pairs)


@lru_cache(maxsize=4096)
def _encode(text: str) -> str:
    return quote(text.encode("utf-8", "surrogateescape"), safe="-_.~")


@lru_cache(maxsize=256)
def _compute_sign_key(secret_key: str, key_time: str) -> bytes:
    return hmac.new(secret_key.encode(), key_time.encode(), "sha1").hexdigest().encode()
