"""Who sent a request, and was it changed on the way? The verifying side of Tencent Cloud's signatures.

TC3-HMAC-SHA256 (product page 1108/42544) is in the Authorization header and covers method, path, query, the
signed headers and the body. HmacSHA1 and HmacSHA256 (as the SDK sends them) are a parameter beside the others and cover
method, host, path and all parameters. What is asked for is read in `wire`.
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
"""Seconds that a timestamp may be away from the server's time."""

ALGORITHM = "TC3-HMAC-SHA256"

_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential=(?P<id>[^/, ]+)/(?P<date>\d{{4}}-\d\d-\d\d)/(?P<service>[a-z0-9]+)/tc3_request, ?"
    r"SignedHeaders=(?P<headers>[a-z0-9;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What of an HTTP request signatures cover."""

    method: str
    path: str
    query: str
    """The query as it stands on the wire."""
    headers: Mapping[str, str]
    """By lower-case names."""
    body: bytes

    @property
    def host(self) -> str:
        return self.headers.get("host", "")


def verify_tc3(signed: SignedRequest, keys: KeyRing, now: float) -> tuple[Key, str]:
    """The key that signed a request, and the service it was signed for.

    Raises:
        ApiError: AuthFailure.InvalidAuthorization, .SecretIdNotFound, .SignatureExpire, .SignatureFailure or
            .TokenFailure.
    """
    found = _AUTHORIZATION.fullmatch(signed.headers.get("authorization", ""))
    if found is None:
        raise ApiError("AuthFailure.InvalidAuthorization")
    names = found["headers"].split(";")
    if names != sorted(set(names)) or not {"content-type", "host"} <= set(names):
        raise ApiError(
            "AuthFailure.InvalidAuthorization",
            "SignedHeaders must be sorted and have content-type and host.",
        )
    token = signed.headers.get("x-tc-token", "")
    key = _key(keys, found["id"], token)
    timestamp = signed.headers.get("x-tc-timestamp", "")
    _check_time(timestamp, now)
    if found["date"] != time.strftime("%Y-%m-%d", time.gmtime(int(timestamp))):
        raise ApiError(
            "AuthFailure.SignatureFailure", "The credential's date is not the timestamp's."
        )
    if signed.headers.get("x-tc-content-sha256", "").upper() == "UNSIGNED-PAYLOAD":
        raise ApiError("AuthFailure.SignatureFailure", "An unsigned payload is not accepted.")
    scope = f"{found['date']}/{found['service']}/tc3_request"
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
    _compare(expected, found["signature"])
    _check_token(key, token, now)
    return key, found["service"]


def verify_v1(
    signed: SignedRequest, parameters: Mapping[str, str], keys: KeyRing, now: float
) -> Key:
    """The key that signed a request by one of its parameters.

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
    key = _key(keys, parameters["SecretId"], token)
    _check_time(parameters["Timestamp"], now)
    # Official clients write a dot for an underscore in the names that they sign.
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
    _compare({base64.b64encode(digest).decode()}, parameters["Signature"])
    _check_token(key, token, now)
    return key


def _key(keys: KeyRing, secret_id: str, token: str) -> Key:
    key = keys.get(secret_id)
    if key is None:
        raise ApiError("AuthFailure.SecretIdNotFound")
    if key.token is not None and not token:
        # A temporary SecretId means nothing without its token.
        raise ApiError(
            "AuthFailure.SecretIdNotFound", "This SecretId is temporary: it needs its token."
        )
    return key


def _check_time(timestamp: str, now: float) -> None:
    if not re.fullmatch(r"[0-9]{1,12}", timestamp) or abs(int(timestamp) - now) > MAX_CLOCK_SKEW:
        raise ApiError("AuthFailure.SignatureExpire")


def _check_token(key: Key, token: str, now: float) -> None:
    over = key.expires_at is not None and key.expires_at <= now
    if token != (key.token or "") or over:
        raise ApiError("AuthFailure.TokenFailure")


def _digest(signed: SignedRequest, names: list[str], host: str) -> str:
    """SHA-256 of the canonical request."""
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


def _compare(expected: set[str], given: str) -> None:
    encoded = given.encode("utf-8", "surrogateescape")
    if not any(hmac.compare_digest(one.encode(), encoded) for one in expected):
        raise ApiError("AuthFailure.SignatureFailure")
