"""State of many objects, looked up with as few requests as possible.

A list returns size, ETag and class of a thousand objects, a HEAD everything about one. Objects that share a directory
are listed.
"""

from __future__ import annotations

from . import bulk, operations
from .errors import NotFound
from .locations import find_common_prefix
from .metadata import Entry, Head
from .request import Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..events.files import CosObject
    from .client import Client

    ObjectState = Entry | Head

_MIN_LISTED = 20
"""Objects of a bucket from which a list is cheaper than a HEAD for each."""


def look_up_objects(
    client: Client, objects: Sequence[CosObject]
) -> dict[CosObject, ObjectState | Exception]:
    """Return the state of each object, by a list if that is cheaper, else by HEAD; or its error.

    The first listed object gets a HEAD as well. If it is encrypted individually, which no list shows, the others are
    assumed to be encrypted too and get a HEAD each.
    """
    entries = look_up_listed(client, objects)
    if entries:
        sample = next(iter(entries))
        try:
            if operations.head(client, sample).encryption:
                entries = {}
        except NotFound:  # deleted after the list
            del entries[sample]
    missing = [item for item in objects if item not in entries]
    heads, errors = bulk.try_each(client, missing, lambda item: operations.head(client, item))
    states: dict[CosObject, ObjectState | Exception] = {**entries}
    remaining_errors = iter(errors)
    for item, head in zip(missing, heads, strict=True):
        states[item] = head if head is not None else next(remaining_errors)
    return states


def look_up_listed(client: Client, objects: Sequence[CosObject]) -> dict[CosObject, Entry]:
    """Return the entries of objects in lists. Objects that are missing, too few or too scattered have none."""
    buckets: dict[tuple[str, str], set[CosObject]] = {}
    for item in objects:
        buckets.setdefault((item.bucket, item.region), set()).add(item)
    entries: dict[CosObject, Entry] = {}
    for bucket, items in buckets.items():
        if len(items) < _MIN_LISTED:
            continue
        prefix = Target(*bucket, find_common_prefix([item.key for item in items]))
        # Unrelated objects in the same directory must not cost more than HEADs would.
        max_pages = 2 + len(items) // 100
        for entry in operations.list_objects(client, prefix, max_pages=max_pages):
            if entry.object in items:
                entries[entry.object] = entry
                if len(entries) == len(objects):
                    break
    return entries
