"""What is in the folder of an event in a ledger of objects: its page, and the list of what is there.

Here is told which name means what; reading and writing is left to `objects.py`.
"""

from __future__ import annotations

import re
from time import time

from .base import Record, hash_key, read_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from typing import Any

    from ..events.base import Event
    from .object_store import StoredObject

MAX_CLOCK_SKEW = 3600.0
"""Seconds by which a store's clock and those of its writers may differ, where looking is only saved by it."""

_NAMES = re.compile(r"(event|state)|claim-([1-9][0-9]{0,8})|done-([0-9a-f]{32})").fullmatch

_FIELDS = {
    "key": str,
    "type": str,
    "task_id": str,
    "status": str,
    "received": float,
    "delivery": int,
    "complete": bool,
    "records": list,
}


def build_folder_name(task_id: str, type: str, status: str, key: str) -> str:
    """The folder of an event: readable, at most 180 characters, one component of a path whatever they hold."""
    return f"{sanitize_name(task_id, 100)}+{sanitize_name(type, 40)}+{sanitize_name(status, 20)}+{hash_key(key)[:12]}"


def sanitize_name(text: str, most: int) -> str:
    return re.sub(r"^\.|[^A-Za-z0-9._-]", "_", text[:most])


class Page:
    """What is known of an event: the content of ``state``.

    Attributes:
        main: the object it was read from, if it was.
    """

    __slots__ = (
        "complete",
        "delivery",
        "key",
        "main",
        "received",
        "records",
        "status",
        "task_id",
        "type",
    )

    def __init__(
        self,
        key: str,
        type: str,
        task_id: str,
        status: str,
        received: float,
        delivery: int = 1,
        complete: bool = False,
        records: Iterable[Record] = (),
    ) -> None:
        self.key = key
        self.type = type
        self.task_id = task_id
        self.status = status
        self.received = received
        self.delivery = delivery
        self.complete = complete
        self.records = {record.key: record for record in records}
        self.main: StoredObject | None = None

    @classmethod
    def of(cls, event: Event) -> Page:
        return cls(event.key, event.type, event.task_id, event.status, time())

    @classmethod
    def from_dict(cls, fields: object) -> Page:
        """Return the page that `as_dict` gave. Raises ValueError for anything else."""
        values = read_fields(fields, _FIELDS)
        values[-1] = [Record.from_dict(record) for record in values[-1]]
        return cls(*values)

    def as_dict(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "type": self.type,
            "task_id": self.task_id,
            "status": self.status,
            "received": self.received,
            "delivery": self.delivery,
            "complete": self.complete,
            "records": [record.as_dict() for record in self.records.values()],
        }

    @property
    def ended(self) -> dict[str, Record]:
        """What ended, by the key of the call."""
        return {key: record for key, record in self.records.items() if record.ended}

    def leaves_nothing(self, calls: Collection[str], again: Collection[str]) -> bool:
        ended = self.ended
        return all(call in ended and call not in again for call in calls)

    def add(self, record: Record) -> None:
        if record.replaces(self.records.get(record.key)):
            self.records[record.key] = record


class FolderListing:
    """What is in the folder of an event.

    Attributes:
        claims: the claims by number, with their times; ``event`` is number 1.
        done: the digests of what ended.
        modified: when the last of it was written.
    """

    __slots__ = ("claims", "done", "folder", "modified", "names", "state")

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.claims: dict[int, float] = {}
        self.done: set[str] = set()
        self.state = False
        self.modified = 0.0
        self.names: list[str] = []

    def add(self, name: str, modified: float) -> bool:
        """Take an object in; False if it is none of ours."""
        last = name[len(self.folder) :]
        found = _NAMES(last[1:])
        if found is not None:
            kind, claim, done = found.groups()
            if done:
                self.done.add(done)
            elif kind == "state":
                self.state = True
            else:
                self.claims[int(claim or 1)] = modified
        elif last != "/":  # by which a console stands for a folder
            return False
        self.names.append(name)
        self.modified = max(self.modified, modified)
        return True

    @property
    def event(self) -> bool:
        return 1 in self.claims

    @property
    def main(self) -> str:
        """The object that tells most of the event; ``""`` if it was forgotten."""
        name = "state" if self.state else "event" if self.event else ""
        return name and f"{self.folder}/{name}"

    @property
    def highest(self) -> int:
        """The highest number of a claim; 0 if there is none."""
        return max(self.claims, default=0)

    @property
    def newest(self) -> int:
        """The number of the claim made last; 0 if there is none.

        It is the highest, unless claims are left of an event that expired one object after the other.
        """
        since = self.claims.get(1, 0.0) - MAX_CLOCK_SKEW
        return max((number for number, made in self.claims.items() if made >= since), default=0)

    def name_of(self, number: int) -> str:
        """The object that is the claim of this number."""
        return f"{self.folder}/{'event' if number == 1 else f'claim-{number}'}"
