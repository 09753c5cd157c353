"""Parsing of request targets, hosts, buckets, keys, copy sources and dates.

Pure functions between the protocol's text and small values. A key is the decoded bytes of the path
after its first slash (including `//`, `./`, `+` and spaces). Paths are never normalised.
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
"""Region names that reach a bucket in any region (global acceleration, service endpoint)."""


@dataclass(frozen=True, slots=True)
class Address:
    """The bucket and region that a host names. `bucket` is empty for the service itself."""

    bucket: str
    region: str


def strip_port(host: str) -> str:
    """Return the host without `:port`. An IPv6 literal keeps its brackets."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Return True if a request was sent to the emulator itself, not through it to a COS host."""
    return strip_port(host) in _LOOPBACK


@lru_cache(maxsize=1024)
def parse_host(host: str) -> Address:
    """Return the address that a Host header (with or without port) names.

    Raises:
        CosError: NotImplemented for hosts of related products (CI, static websites, batch), InvalidURI
            for any other host that is not COS's.
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
    """Raise CosError InvalidBucketName unless `bucket` is `<name>-<appid>` (page 436/13312)."""
    if not _BUCKET.match(bucket):
        raise CosError("InvalidBucketName", f"{bucket!r} is not of the form <name>-<appid>.")


def check_key(key: str) -> None:
    """Raise CosError KeyTooLong for a key over 850 bytes, InvalidURI for an empty one."""
    if not key:
        raise CosError("InvalidURI", "The key is empty.")
    if len(key) * 4 > MAX_KEY_BYTES and len(key.encode()) > MAX_KEY_BYTES:
        raise CosError("KeyTooLong", f"A key has at most {MAX_KEY_BYTES} bytes.")


def split_target(target: str) -> tuple[str, str, str]:
    """Split a request target into authority, raw path and raw query.

    Both forms of RFC 9112 are accepted: origin-form (`/key?query`, empty authority) and absolute-form,
    which a client sends to a proxy (`http://host/key?query`).
    """
    authority = ""
    if not target.startswith("/"):
        scheme, separator, remainder = target.partition("://")
        if not separator or not scheme:
            raise CosError(
                "InvalidURI",
                f"The request target {target!r} is not a path or an http URL. Use http, not https.",
            )
        cut = min(
            (at for at in (remainder.find("/"), remainder.find("?")) if at >= 0),
            default=len(remainder),
        )
        authority, target = remainder[:cut], remainder[cut:]
    path, _, query = target.partition("?")
    return authority, path or "/", query


def decode(text: str) -> str:
    """Decode percent-encoded UTF-8. `+` stays a plus. Raises CosError InvalidURI if it is not UTF-8."""
    try:
        if "%" not in text:
            # Bytes that are not UTF-8 arrive as surrogates, and encoding those fails.
            text.encode()
            return text
        return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode()
    except UnicodeError:
        raise CosError("InvalidURI", "The URI is not valid UTF-8.") from None


def parse_number(text: str) -> int | None:
    """Return the number of at most 18 ASCII digits, or None for any other text."""
    return int(text) if len(text) <= 18 and text.isascii() and text.isdecimal() else None


def encode(text: str) -> str:
    """Percent-encode text as COS signatures and `encoding-type=url` do, without slashes."""
    return quote(text, safe="-_.~/")


def parse_query(query: str) -> dict[str, str]:
    """Decode query parameters. The last of equal names wins, and `+` is a space.

    The official Python client sends spaces as `+` here (measured), so a literal plus must be `%2B`.
    """
    return {name: value for name, value in parse_pairs(query) if name} if query else {}


def parse_pairs(query: str) -> list[tuple[str, str]]:
    """Decode `name=value&…` and keep equal and empty names. Raises CosError InvalidURI."""
    pairs = (pair.partition("=") for pair in query.replace("+", " ").split("&") if pair)
    return [(decode(name), decode(value)) for name, _, value in pairs]


@dataclass(frozen=True, slots=True)
class CopySource:
    """The source object of a copy. `version_id` is empty for the current version."""

    bucket: str
    region: str
    key: str
    version_id: str


def parse_copy_source(text: str) -> CopySource:
    """Parse `x-cos-copy-source`: `<host>/<urlencoded key>[?versionId=…]` (page 436/10881).

    A leading scheme is accepted because some clients send one. S3's `/bucket/key` is invalid, so that an
    S3 client fails as it does with COS.

    Raises:
        CosError: InvalidArgument for any other form.
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
def format_http_date(seconds: int) -> str:
    """Format seconds since the epoch as an HTTP date, e.g. `Sun, 22 Nov 2026 06:40:37 GMT`."""
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(seconds))


@lru_cache(maxsize=4096)
def format_iso_date(seconds: int) -> str:
    """Format seconds since the epoch as in COS's XML, e.g. `2026-11-22T06:40:37.000Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


def parse_http_date(text: str | None) -> float | None:
    """Return the seconds since the epoch of an HTTP date, or None if it is missing or invalid."""
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
