"""Verification of the files of a result: existence, size and MD5."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

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


class _EventFields(NamedTuple):
    """Fields of a file in the event: its size in bytes, and its MD5 in hexadecimal."""

    size: int | None = None
    md5: str = ""


def verify_files(
    client: Client,
    of: Result | OneObject | ManyObjects,
    content: bool,
    progress: ProgressCallback | None,
) -> list[Head]:
    """Verify the files of a result. See `Cos.verify`."""
    tree = outputs.build_tree(client, outputs.find_named_objects(of))
    fields = {item: value for item, value in _read_event(of).items() if item not in tree.documents}
    items = tree.items

    def check(item: CosObject) -> Head:
        head = operations.head(client, item)
        size, md5 = fields.get(item, _EventFields())
        if size is not None and head.size != size:
            raise build_corrupt_error(
                item, f"it has {head.size} bytes, but {size} in the event", head.request_id
            )
        if content:
            stored_md5 = _compute_md5(client, item)
        else:
            stored_md5 = head.etag if is_md5(head.etag) and not head.encryption else ""
        if md5 and stored_md5 and stored_md5.lower() != md5.lower():
            raise build_corrupt_error(
                item, f"its MD5 is {stored_md5}, but {md5} in the event", head.request_id
            )
        return head

    report = ProgressReporter("verify", len(items), progress)
    return bulk.run_each(client, items, check, "verify", report)


def _compute_md5(client: Client, item: CosObject) -> str:
    """Read an object, which verifies its CRC64. Return its MD5."""
    md5 = hashlib.md5(usedforsecurity=False)
    for data in Stream(client, item):
        md5.update(data)
    return md5.hexdigest()


def _read_event(of: Any) -> dict[CosObject, _EventFields]:
    """Return the fields of each file in an event.

    The fields of a playlist's output are not those of the playlist, because its segments count. The caller drops them.
    """
    from ..events.base import Result

    if not isinstance(of, Result):
        return {}
    fields: dict[CosObject, _EventFields] = {}
    for result in (of, *getattr(of, "subtasks", ())):
        output = result._data.get("Output")
        items = [] if hasattr(result, "subtasks") else list(result.files)
        if isinstance(output, dict) and len(items) == 1:
            size, md5 = output.get("Size"), output.get("Md5")
            fields[items[0]] = _EventFields(
                int(size) if isinstance(size, int | float) and size > 0 else None,
                md5 if isinstance(md5, str) and len(md5) == 32 else "",
            )
    return fields
