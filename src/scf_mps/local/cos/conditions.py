"""Conditional and partial reads: If-* headers, Range, and the same for the source of a copy."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .errors import CosError
from .names import format_http_date, parse_http_date
from .records import Version

_RANGE = re.compile(r"bytes=([0-9]{0,4000})-([0-9]{0,4000})\Z")


def check_read(headers: Mapping[str, str], version: Version) -> None:
    """Check the If-* headers of a read, ETags before dates as in RFC 9110.

    Raises:
        CosError: PreconditionFailed (412), or NotModified (304) for If-None-Match and
            If-Modified-Since.
    """
    failed = _find_failed_condition(headers, "if-", version)
    if failed in ("none-match", "modified-since"):
        # A cache refreshes its entry with these headers.
        raise CosError(
            "NotModified",
            headers={
                "ETag": version.quoted_etag,
                "Last-Modified": format_http_date(int(version.modified)),
            },
        )
    if failed:
        raise CosError("PreconditionFailed")


def check_copy(headers: Mapping[str, str], version: Version) -> None:
    """Raise CosError PreconditionFailed unless every `x-cos-copy-source-If-*` holds."""
    if _find_failed_condition(headers, "x-cos-copy-source-if-", version):
        raise CosError("PreconditionFailed")


def _find_failed_condition(headers: Mapping[str, str], prefix: str, version: Version) -> str:
    """Return the name of the first condition that does not hold, or ""."""
    modified = int(version.modified)
    match = headers.get(f"{prefix}match")
    if match is not None:
        if not _matches(match, version.etag):
            return "match"
    else:
        since = parse_http_date(headers.get(f"{prefix}unmodified-since"))
        if since is not None and modified > since:
            return "unmodified-since"
    none_match = headers.get(f"{prefix}none-match")
    if none_match is not None:
        if _matches(none_match, version.etag):
            return "none-match"
    else:
        since = parse_http_date(headers.get(f"{prefix}modified-since"))
        if since is not None and modified <= since:
            return "modified-since"
    return ""


def _matches(condition: str, etag: str) -> bool:
    candidates = (candidate.strip() for candidate in condition.split(","))
    return any(each == "*" or each.removeprefix("W/").strip('"') == etag for each in candidates)


def parse_range(text: str | None, size: int) -> tuple[int, int] | None:
    """Parse a Range header within `size` bytes into (offset, length), or None for the whole object.

    A header that is not a single byte range is ignored, as HTTP allows.

    Raises:
        CosError: InvalidRange (416) if the range begins after the end.
    """
    match = _RANGE.match(text or "")
    if match is None or not (match[1] or match[2]):
        return None
    if match[1]:
        first = int(match[1])
        last = min(int(match[2]) if match[2] else size, size - 1)
        if match[2] and int(match[2]) < first:
            return None
    else:
        first, last = max(0, size - int(match[2])), size - 1
    if first >= size or last < first:
        raise CosError("InvalidRange", headers={"Content-Range": f"bytes */{size}"})
    return first, last - first + 1
