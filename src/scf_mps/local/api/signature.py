"""Verification of Tencent Cloud's request signatures.

TC3-HMAC-SHA256 (product page 1108/42544) is in the Authorization header and covers method, path, query,
the signed headers and the body. HmacSHA1 and HmacSHA256 (as the SDK sends them) are a parameter and cover
method, host, path and all parameters.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from ..cos import Key, KeyRing
from .errors import ApiError

MAX_CLOCK_SKEW = 300
"""Seconds by which a timestamp may differ from the server's time."""

ALGORITHM = "TC3-HMAC-SHA256"

_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential=(?P<id>[^/, ]+)/(?P<date>\d{{4}}-\d\d-\d\d)/(?P<service>[a-z0-9]+)/tc3_request, ?"
    r"SignedHeaders=(?P<headers>[a-z0-9;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The parts of an HTTP request that signatures cover."""

    method: str
    path: str
    query: str
    """The raw query."""
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes

    @property
    def host(self) -> str:
        """The Host header, or ""."""
        return self.headers.get("host", "")


def verify_tc3(signed: SignedRequest, keys: KeyRing, now: float) -> tuple[Key, str]:
    """Return the key that signed a request, and the service of the signature.

    Raises:
        ApiError: AuthFailure.InvalidAuthorization, .SecretIdNotFound, .SignatureExpire, .SignatureFailure or
            .TokenFailure.
    """
    match = _AUTHORIZATION.fullmatch(signed.headers.get("authorization", ""))
    if match is None:
        raise ApiError("AuthFailure.InvalidAuthorization")
    names = match["headers"].split(";")
    if names != sorted(set(names)) or not {"content-type", "host"} <= set(names):
        raise ApiError(
            "AuthFailure.InvalidAuthorization",
            "SignedHeaders must be sorted and have content-type and host.",
        )
    token = signed.headers.get("x-tc-token", "")
    key = _find_key(keys, match["id"], token)
    timestamp = signed.headers.get("x-tc-timestamp", "")
    _check_time(timestamp, now)
    if match["date"] != time.strftime("%Y-%m-%d", time.gmtime(int(timestamp))):
        raise ApiError(
            "AuthFailure.SignatureFailure", "The credential's date differs from the timestamp's."
        )
    if signed.headers.get("x-tc-content-sha256", "").upper() == "UNSIGNED-PAYLOAD":
        raise ApiError("AuthFailure.SignatureFailure", "An unsigned payload is not accepted.")
    scope = f"{match['date']}/{match['service']}/tc3_request"
    secret = f"TC3{key.secret_key}".encode()
    for step in scope.split("/"):
        secret = hmac.digest(secret, step.encode(), "sha256")
    # The official client for Node.js signs the host without its port.
    expected = {
        hmac.new(
            secret,
            f"{ALGORITHM}\n{timestamp}\n{scope}\n{_digest(signed, names, host)}".encode(),
            "sha256",
        ).hexdigest()
        for host in (signed.host, signed.host.partition(":")[0])
    }
    _check_signature(expected, match["signature"])
    _check_token(key, token, now)
    return key, match["service"]


def verify_v1(
    signed: SignedRequest, parameters: Mapping[str, str], keys: KeyRing, now: float
) -> Key:
    """Return the key that signed a request by one of its parameters.

    Raises:
        ApiError: MissingParameter, InvalidParameter (of SignatureMethod), AuthFailure.SecretIdNotFound,
            .SignatureExpire, .SignatureFailure or .TokenFailure.
    """
    for name in ("Action", "Version", "SecretId", "Timestamp", "Nonce", "Signature"):
        if not parameters.get(name):
            raise ApiError("MissingParameter", f"The request has no {name}.")
    method = parameters.get("SignatureMethod", "HmacSHA1")
    if method not in ("HmacSHA1", "HmacSHA256"):
        raise ApiError("InvalidParameter", "SignatureMethod is HmacSHA1 or HmacSHA256.")
    token = parameters.get("Token", "")
    key = _find_key(keys, parameters["SecretId"], token)
    _check_time(parameters["Timestamp"], now)
    # Official clients sign names with a dot in place of an underscore.
    values = {
        name.replace("_", "."): value for name, value in parameters.items() if name != "Signature"
    }
    pairs = "&".join(f"{name}={values[name]}" for name in sorted(values))
    text = f"{signed.method}{signed.host}{signed.path}?{pairs}"
    digest = hmac.digest(
        key.secret_key.encode(),
        text.encode("utf-8", "surrogateescape"),
        method.removeprefix("Hmac").lower(),
    )
    _check_signature({base64.b64encode(digest).decode()}, parameters["Signature"])
    _check_token(key, token, now)
    return key


def _find_key(keys: KeyRing, secret_id: str, token: str) -> Key:
    key = keys.get(secret_id)
    if key is None:
        raise ApiError("AuthFailure.SecretIdNotFound")
    if key.token is not None and not token:
        # Tencent does not know a temporary SecretId without its token.
        raise ApiError(
            "AuthFailure.SecretIdNotFound", "This SecretId is temporary and needs its token."
        )
    return key


def _check_time(timestamp: str, now: float) -> None:
    if not re.fullmatch(r"[0-9]{1,12}", timestamp) or abs(int(timestamp) - now) > MAX_CLOCK_SKEW:
        raise ApiError("AuthFailure.SignatureExpire")


def _check_token(key: Key, token: str, now: float) -> None:
    expired = key.expires_at is not None and key.expires_at <= now
    if token != (key.token or "") or expired:
        raise ApiError("AuthFailure.TokenFailure")


def _digest(signed: SignedRequest, names: list[str], host: str) -> str:
    """Return the SHA-256 of the canonical request."""
    values = {**signed.headers, "host": host}
    headers = "".join(f"{name}:{values.get(name, '').strip().lower()}\n" for name in names)
    canonical = "\n".join(
        [
            signed.method,
            signed.path,
            signed.query,
            headers,
            ";".join(names),
            hashlib.sha256(signed.body).hexdigest(),
        ]
    )
    return hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()


def _check_signature(expected: set[str], signature: str) -> None:
    encoded = signature.encode("utf-8", "surrogateescape")
    if not any(hmac.compare_digest(candidate.encode(), encoded) for candidate in expected):
        raise ApiError("AuthFailure.SignatureFailure")
