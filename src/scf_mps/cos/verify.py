"""Whether the files of a result are there, and are what the event says they are."""

from __future__ import annotations

import hashlib

from . import bulk, operations, outputs
from .client import build_corrupt_error
from .metadata import is_md5
from .progress import ProgressReporter
from .streams import Stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..events.base import Result
    from ..events.files import CosObject
    from .client import Client
    from .locations import ManyObjects, OneObject
    from .metadata import Head
    from .progress import ProgressCallback


def verify(
    client: Client,
    of: Result | OneObject | ManyObjects,
    content: bool,
    progress: ProgressCallback | None,
) -> list[Head]:
    """See `Cos.verify`."""
    tree = outputs.build_tree(client, outputs.find_named_objects(of))
    said = {item: facts for item, facts in _said(of).items() if item not in tree.documents}
    items = tree.items
    report = ProgressReporter("verify", len(items), progress) if progress is not None else None

    def check(item: CosObject) -> Head:
        head = operations.head(client, item)
        size, md5 = said.get(item, (None, ""))
        if size is not None and head.size != size:
            raise build_corrupt_error(
                item, f"it has {head.size} bytes, the event says {size}", head.request_id
            )
        found = head.etag if is_md5(head.etag) and not head.encryption else ""
        if content:
            found = _md5_of_content(client, item)
        if md5 and found and found.lower() != md5.lower():
            raise build_corrupt_error(
                item, f"its MD5 is {found}, the event says {md5}", head.request_id
            )
        return head

    return bulk.run_each(client, items, check, "verify", report)


def _md5_of_content(client: Client, item: CosObject) -> str:
    """The MD5 of every byte of an object, when their CRC64 is right."""
    md5 = hashlib.md5(usedforsecurity=False)
    for data in Stream(client, item):
        md5.update(data)
    return md5.hexdigest()


def _said(of: Any) -> dict[CosObject, tuple[int | None, str]]:
    """What the event says of its files: size in bytes (None if nothing) and MD5.

    Of a playlist's output they are those of something else (its segments are counted in), so nothing is said there.
    """
    from ..events.base import Result

    if not isinstance(of, Result):
        return {}
    found: dict[CosObject, tuple[int | None, str]] = {}
    for result in (of, *getattr(of, "subtasks", ())):
        output = result._data.get("Output")
        named = [] if hasattr(result, "subtasks") else list(result.files)
        if isinstance(output, dict) and len(named) == 1:
            size, md5 = output.get("Size"), output.get("Md5")
            found[named[0]] = (
                int(size) if isinstance(size, int | float) and size > 0 else None,
                md5 if isinstance(md5, str) and len(md5) == 32 else "",
            )
    return found
