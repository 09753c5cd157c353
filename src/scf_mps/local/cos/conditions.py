"""Conditional and partial reads: If-* headers, Range, and their twins on copies.

Pure decisions over headers and a version's ETag, date and size.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .errors import CosError
from .names import http_date, parse_http_date
from .records import Version

_RANGE = re.compile(r"bytes=([0-9]{0,4000})-([0-9]{0,4000})\Z")


def check_read(headers: Mapping[str, str], version: Version) -> None:
    """Raises CosError PreconditionFailed (412) or NotModified (304, for If-None-Match and
    If-Modified-Since), in the order of RFC 9110: ETags decide before dates."""
    failed = _failed(headers, "if-", version)
    if failed in ("none-match", "modified-since"):
        # 304 repeats what a cache needs to refresh its entry.
        raise CosError(
            "NotModified",
            headers={
                "ETag": version.quoted_etag,
                "Last-Modified": http_date(int(version.modified)),
            },
        )
    if failed:
        raise CosError("PreconditionFailed")


def check_copy(headers: Mapping[str, str], version: Version) -> None:
    """Raises CosError PreconditionFailed unless every `x-cos-copy-source-If-*` holds."""
    if _failed(headers, "x-cos-copy-source-if-", version):
        raise CosError("PreconditionFailed")


def _failed(headers: Mapping[str, str], prefix: str, version: Version) -> str:
    """The name of the condition that does not hold; empty if all do."""
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
    """(offset, length) of a Range header within `size` bytes; None for the whole object.

    A header that is no single byte range is ignored, as HTTP allows. Raises CosError InvalidRange
    (416) when the range lies behind the end.
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
