"""Pages of objects, versions and common prefixes, in key order.

Walks skip everything below a common prefix with one index lookup instead of reading it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from .database import Database
from .records import Version, list_columns

T = TypeVar("T")

_BATCH = 256


@dataclass(slots=True)
class Page(Generic[T]):
    """Items and common prefixes of one page, together at most the limit, in key order."""

    items: list[T] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    last: T | str | None = None
    """The last item or common prefix of the page. The next page begins after it."""
    truncated: bool = False


def find_common_prefix(key: str, prefix: str, delimiter: str) -> str:
    """Return `key` up to the first delimiter after `prefix`, or "" without one."""
    if not delimiter:
        return ""
    cut = key.find(delimiter, len(prefix))
    return "" if cut < 0 else key[: cut + len(delimiter)]


class PageRequest(NamedTuple):
    """The query of a list. `limit` counts items and common prefixes."""

    prefix: str
    delimiter: str
    marker: str
    limit: int


def paginate(items: Iterable[T], get_key: Callable[[T], str], request: PageRequest) -> Page[T]:
    """Return one page of `items`, which are in key order and after the marker.

    A common prefix is on the page if it sorts after the marker, so a marker that equals a common prefix or
    lies inside one does not repeat it.
    """
    page: Page[T] = Page()
    for item in items:
        common = find_common_prefix(get_key(item), request.prefix, request.delimiter)
        if common and (common <= request.marker or common in page.prefixes[-1:]):
            continue
        if len(page.items) + len(page.prefixes) == request.limit:
            page.truncated = request.limit > 0
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
    """Yield current objects below `prefix` after `after`, at least one of each common prefix."""
    query = (
        f"SELECT {list_columns(Version)} FROM version WHERE bucket=? AND key>=? AND key<?"
        " AND current AND kind<>'delete-marker' ORDER BY key LIMIT ?"
    )
    # In SQLite a blob sorts after every text, so b"" is an end that is never reached.
    end = next_prefix(prefix) or b""
    start = max(prefix, f"{after}\0" if after else "")
    while True:
        rows = database.connection.execute(query, (bucket, start, end, _BATCH)).fetchall()
        for row in rows:
            version = Version._make(row)
            yield version
            common = find_common_prefix(version.key, prefix, delimiter)
            beyond = next_prefix(common) if common else None
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
    """Yield all versions and delete markers below `prefix`, newest first within a key.

    The walk begins after `after_key`, or after one version of it if `after_version` is given.
    """
    rows = database.connection.execute(
        f"SELECT {list_columns(Version)} FROM version"
        " WHERE bucket=:bucket AND substr(key, 1, length(:prefix))=:prefix"
        " AND (key>:key OR (key=:key AND :version<>'' AND sequence<(SELECT sequence FROM version"
        " WHERE bucket=:bucket AND key=:key AND version_id=:version)))"
        " ORDER BY key, sequence DESC",
        {"bucket": bucket, "prefix": prefix, "key": after_key, "version": after_version},
    )
    return map(Version._make, rows)


def next_prefix(text: str) -> str | None:
    """Return the smallest text greater than every text that begins with `text`, or None."""
    trimmed = text.rstrip("\U0010ffff")
    if not trimmed:
        return None
    following = ord(trimmed[-1]) + 1
    # UTF-8 has no surrogates.
    return trimmed[:-1] + chr(0xE000 if following == 0xD800 else following)
