"""Names on the wire: request targets, hosts, buckets, keys, copy sources and dates.

Everything here is a pure function between text of the protocol and small values. Percent coding is
exact in both directions: a key is the decoded bytes of the path after its first slash, whatever
they are (`//`, `./`, `+`, spaces), and no path is ever normalised. Whether the named thing exists
is the store's business.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from .errors import CosError

MAX_KEY_BYTES = 850
"""Longest object key, in bytes of UTF-8 (documentation page 436/14518)."""

_BUCKET = re.compile(r"(?=.{1,60}\Z)[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?-[0-9]+\Z")
_DOMAIN = r"(?:myqcloud\.com|tencentcos\.cn)"
_HOST = re.compile(
    rf"(?:(?P<bucket>[^.]+)\.)?cos(?:-internal)?\.(?P<region>[a-z0-9-]+)\.{_DOMAIN}\Z"
)
_SERVICE_HOST = re.compile(rf"service\.cos(?:-internal)?\.{_DOMAIN}\Z")
_OTHER_PRODUCT = re.compile(rf"(?:[^.]+\.)?(?:ci|pic|cos-website|cos-control)\..*{_DOMAIN}\Z")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})

ANY_REGION = frozenset({"", "accelerate"})
"""Region names that reach a bucket wherever it lives (global acceleration, service endpoint)."""


@dataclass(frozen=True, slots=True)
class Address:
    """What a host names: a bucket in a region, or the service itself when `bucket` is empty."""

    bucket: str
    region: str


def strip_port(host: str) -> str:
    """The host without `:port`; an IPv6 literal keeps its brackets."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """True when a request was sent to the emulator itself, not through it to a COS host."""
    return strip_port(host) in _LOOPBACK


@lru_cache(maxsize=1024)
def parse_host(host: str) -> Address:
    """The address a Host header (with or without port) names.

    Raises CosError NotImplemented for hosts of sister products (CI, static websites, batch) and
    InvalidURI for anything else that is no COS host.
    """
    name = strip_port(host).lower()
    if _SERVICE_HOST.match(name):
        return Address("", "")
    match = _HOST.match(name)
    if match is not None:
        bucket = match["bucket"] or ""
        if bucket:
            check_bucket_name(bucket)
        return Address(bucket, match["region"])
    if _OTHER_PRODUCT.match(name):
        raise CosError("NotImplemented", f"{host} belongs to another product than COS itself.")
    raise CosError("InvalidURI", f"{host} is not the host of a COS bucket or service.")


def check_bucket_name(bucket: str) -> None:
    """Raises CosError InvalidBucketName unless `bucket` is `<name>-<appid>` (page 436/13312)."""
    if not _BUCKET.match(bucket):
        raise CosError("InvalidBucketName", f"{bucket!r} is not of the form <name>-<appid>.")


def check_key(key: str) -> None:
    """Raises CosError KeyTooLong for a key over 850 bytes, InvalidURI for an empty one."""
    if not key:
        raise CosError("InvalidURI", "The key is empty.")
    if len(key) * 4 > MAX_KEY_BYTES and len(key.encode()) > MAX_KEY_BYTES:
        raise CosError("KeyTooLong", f"A key has at most {MAX_KEY_BYTES} bytes.")


def split_target(target: str) -> tuple[str, str, str]:
    """Authority, raw path and raw query of a request target.

    Both forms of RFC 9112 are understood: origin-form (`/key?query`, authority empty) and the
    absolute-form that a client sends to a proxy (`http://host/key?query`).
    """
    authority = ""
    if not target.startswith("/"):
        scheme, separator, rest = target.partition("://")
        if not separator or not scheme:
            raise CosError(
                "InvalidURI",
                f"The request target {target!r} is not a path or an http URL. Use http, not https.",
            )
        cut = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
        authority, target = rest[:cut], rest[cut:]
    path, _, query = target.partition("?")
    return authority, path or "/", query


def decode(text: str) -> str:
    """Percent-decoded UTF-8 text; `+` stays a plus. Raises CosError InvalidURI if not UTF-8."""
    try:
        if "%" not in text:
            # Bytes that are no UTF-8 arrive as surrogates, which do not encode.
            text.encode()
            return text
        return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode()
    except UnicodeError:
        raise CosError("InvalidURI", "The URI is not valid UTF-8.") from None


def parse_number(text: str) -> int | None:
    """Return the number that ASCII digits write, at most 18 of them; None for any other text."""
    return int(text) if len(text) <= 18 and text.isascii() and text.isdecimal() else None


def encode(text: str) -> str:
    """Percent-coding as COS signatures and `encoding-type=url` want it, slashes kept apart."""
    return quote(text, safe="-_.~/")


def parse_query(query: str) -> dict[str, str]:
    """Decoded query parameters; the last of equal names wins, `+` is a space.

    The official Python client codes spaces as `+` here (measured), so a literal plus must arrive
    as `%2B`.
    """
    return {name: value for name, value in parse_pairs(query) if name} if query else {}


def parse_pairs(query: str) -> list[tuple[str, str]]:
    """Decode `name=value&…`, keep equal and empty names. Raises CosError InvalidURI."""
    pairs = (pair.partition("=") for pair in query.replace("+", " ").split("&") if pair)
    return [(decode(name), decode(value)) for name, _, value in pairs]


@dataclass(frozen=True, slots=True)
class CopySource:
    """The object a copy reads: `version_id` is empty for the current version."""

    bucket: str
    region: str
    key: str
    version_id: str


def parse_copy_source(text: str) -> CopySource:
    """The value of `x-cos-copy-source`: `<host>/<urlencoded key>[?versionId=…]` (page 436/10881).

    A scheme in front is tolerated, as some clients send one. S3's `/bucket/key` is refused with
    CosError InvalidArgument, so that a client that speaks S3 notices.
    """
    for scheme in ("http://", "https://"):
        text = text.removeprefix(scheme)
    location, _, query = text.partition("?")
    host, slash, path = location.partition("/")
    try:
        address = parse_host(host)
        key = decode(path)
        check_key(key)
    except CosError as error:
        raise CosError("InvalidArgument", f"x-cos-copy-source: {error.message}") from None
    if not address.bucket or not slash:
        raise CosError("InvalidArgument", "x-cos-copy-source names no bucket.")
    version_id = parse_query(query).get("versionId", "")
    return CopySource(address.bucket, address.region, key, version_id)


@lru_cache(maxsize=256)
def http_date(seconds: int) -> str:
    """`seconds` since the epoch as an HTTP date, e.g. `Sun, 22 Nov 2026 06:40:37 GMT`."""
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(seconds))


@lru_cache(maxsize=4096)
def iso_date(seconds: int) -> str:
    """`seconds` since the epoch as COS writes dates in XML, e.g. `2026-11-22T06:40:37.000Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


def parse_http_date(text: str | None) -> float | None:
    """Seconds since the epoch of an HTTP date; None when absent or no date (it is ignored then)."""
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
