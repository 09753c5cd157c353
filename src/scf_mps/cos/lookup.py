"""What is known of many objects before they are copied or deleted, at as few requests as will do.

A list tells size, ETag and class of a thousand objects at once, a HEAD tells all of one. Objects that share a directory
are listed; where a list does not tell enough, HEADs are made. What the knowledge is used for is `copying.py`'s.
"""

from __future__ import annotations

from . import bulk, operations
from .errors import NotFound
from .locations import find_common_prefix
from .metadata import Entry, Head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..events.files import CosObject
    from .client import Client

    ObjectState = Entry | Head

_LEAST_LISTED = 20
"""Objects in a directory from which listing it is worth its requests."""
_PAGE = 1000


def sources(
    client: Client, objects: Sequence[CosObject]
) -> dict[CosObject, ObjectState | Exception]:
    """What is known of each object, by a list where that is cheaper, else by a HEAD; its error if that failed.

    The first of listed objects is looked at with a HEAD as well: if it is encrypted for itself, which no list tells,
    the others are taken to be so too and get a HEAD each.
    """
    known = listed(client, objects)
    if known:
        sample = next(iter(known))
        try:
            if operations.head(client, sample).encryption:
                known = {}
        except NotFound:  # deleted since it was listed
            del known[sample]
    missing = [item for item in objects if item not in known]
    heads, errors = bulk.run(client, missing, lambda item: operations.head(client, item))
    found: dict[CosObject, ObjectState | Exception] = {**known}
    failures = iter(errors)
    for item, head in zip(missing, heads, strict=True):
        found[item] = head if head is not None else next(failures)
    return found


def listed(client: Client, objects: Sequence[CosObject]) -> dict[CosObject, Entry]:
    """What lists tell of the objects; nothing of those that are too few, too scattered or not there."""
    groups: dict[tuple[str, str], set[CosObject]] = {}
    for item in objects:
        groups.setdefault((item.bucket, item.region), set()).add(item)
    found: dict[CosObject, Entry] = {}
    for (bucket, region), wanted in groups.items():
        if len(wanted) < _LEAST_LISTED:
            continue
        prefix = find_common_prefix([item.key for item in wanted])
        # Strangers in the same directory may not cost more than HEADs would.
        pages = 2 + len(wanted) // 100
        for entry in operations.list_objects(client, bucket, region, prefix, most=pages):
            if entry.object in wanted:
                found[entry.object] = entry
                if len(found) == len(objects):
                    break
    return found
