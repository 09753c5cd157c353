"""Walks over keys in order: pages of objects, of versions and of common prefixes.

Knows prefixes, delimiters and markers, and jumps over a common prefix with one index look-up
instead of reading what is below it. How a page looks as XML is the operations' business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from .database import Database
from .records import Version, columns

T = TypeVar("T")

_BATCH = 256


@dataclass(slots=True)
class Page(Generic[T]):
    """Up to a limit of items and common prefixes together, in key order."""

    items: list[T] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    last: T | str | None = None
    """The last thing on the page, an item or a common prefix: where the next page begins."""
    truncated: bool = False


def common_prefix(key: str, prefix: str, delimiter: str) -> str:
    """What of `key` reaches to the first delimiter behind `prefix`; empty if there is none."""
    if not delimiter:
        return ""
    cut = key.find(delimiter, len(prefix))
    return "" if cut < 0 else key[: cut + len(delimiter)]


def paginate(
    items: Iterable[T],
    key_of: Callable[[T], str],
    *,
    prefix: str,
    delimiter: str,
    marker: str,
    limit: int,
) -> Page[T]:
    """One page of `items`, which come in key order and lie behind `marker`.

    A common prefix is on the page if it sorts behind the marker, so that a marker that is itself a
    common prefix, or lies inside one, does not bring it again.
    """
    page: Page[T] = Page()
    for item in items:
        common = common_prefix(key_of(item), prefix, delimiter)
        if common and (common <= marker or (page.prefixes and page.prefixes[-1] == common)):
            continue
        if len(page.items) + len(page.prefixes) == limit:
            page.truncated = limit > 0
            break
        if common:
            page.prefixes.append(common)
            page.last = common
        else:
            page.items.append(item)
            page.last = item
    return page


def walk_current(
    database: Database, bucket: str, prefix: str, delimiter: str, after: str
) -> Iterator[Version]:
    """Current objects below `prefix` behind `after`, one of each common prefix at least."""
    query = (
        f"SELECT {columns(Version)} FROM version WHERE bucket=? AND key>=? AND key<?"
        " AND current AND kind<>'delete-marker' ORDER BY key LIMIT ?"
    )
    # A blob sorts behind every text in sqlite, so the empty one is an end that is never reached.
    end = successor(prefix) or b""
    start = max(prefix, f"{after}\0" if after else "")
    while True:
        rows = database.connection.execute(query, (bucket, start, end, _BATCH)).fetchall()
        for row in rows:
            version = Version._make(row)
            yield version
            common = common_prefix(version.key, prefix, delimiter)
            beyond = successor(common) if common else None
            if beyond is not None:
                start = beyond
                break
            start = f"{version.key}\0"
        else:
            if len(rows) < _BATCH:
                return


def walk_versions(
    database: Database, bucket: str, prefix: str, after_key: str, after_version: str
) -> Iterator[Version]:
    """All versions and delete markers below `prefix`, newest first within a key.

    Begins behind `after_key`, or behind one version of it when `after_version` is given.
    """
    rows = database.connection.execute(
        f"SELECT {columns(Version)} FROM version"
        " WHERE bucket=:bucket AND substr(key, 1, length(:prefix))=:prefix"
        " AND (key>:key OR (key=:key AND :version<>'' AND sequence<(SELECT sequence FROM version"
        " WHERE bucket=:bucket AND key=:key AND version_id=:version)))"
        " ORDER BY key, sequence DESC",
        {"bucket": bucket, "prefix": prefix, "key": after_key, "version": after_version},
    )
    return map(Version._make, rows)


def successor(text: str) -> str | None:
    """The smallest text greater than every text that begins with `text`; None if there is none."""
    trimmed = text.rstrip("\U0010ffff")
    if not trimmed:
        return None
    following = ord(trimmed[-1]) + 1
    # UTF-8 has no surrogates, so its order leaps over them.
    return trimmed[:-1] + chr(0xE000 if following == 0xD800 else following)
