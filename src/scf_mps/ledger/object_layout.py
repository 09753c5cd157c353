"""The folder of an event: the names and contents of its objects."""

from __future__ import annotations

import json
import os
import re

from ..common.printable import escape_controls
from ..errors import DamagedRecord, LedgerError
from .base import Record, StoredEvent, hash_key, read_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from typing import Any, TypeVar

    from .object_store import ObjectStore

    T = TypeVar("T")
    StoredObject = tuple[bytes, Callable[[], float]]
    """The bytes of an object, and a function that returns its age in seconds by the store's clock."""

MAX_CLOCK_SKEW = 3600.0
"""Seconds by which the clocks of a store and its writers may differ. It only matters for saving requests."""

_PURGE_LEASE = 60.0
"""Seconds for which an event is held while it is deleted."""

_parse_name = re.compile(r"(event|state)|claim-([1-9][0-9]{0,8})|done-([0-9a-f]{32})").fullmatch


def build_folder_name(task_id: str, type: str, status: str, key: str) -> str:
    """Return the name of an event's folder: readable, at most 180 characters, and a valid path component."""
    return (
        f"{sanitize_name(task_id, 100)}+{sanitize_name(type, 40)}+{sanitize_name(status, 20)}"
        f"+{hash_key(key)[:12]}"
    )


def sanitize_name(text: str, max_characters: int) -> str:
    """Return the beginning of a text with every unsafe character replaced by ``_``."""
    return re.sub(r"^\.|[^A-Za-z0-9._-]", "_", text[:max_characters])


def get_claim_name(number: int) -> str:
    """Return the name of the object of a claim. The first claim is the event itself."""
    return "event" if number == 1 else f"claim-{number}"


class FolderListing:
    """Names of the objects in an event's folder.

    Attributes:
        folder: name of the folder.
        claims: time of each claim by its number, in seconds since the epoch. ``event`` is number 1.
        done: hashes of the calls with a record of their own.
        has_state: True if ``state`` is there.
        modified: time of the newest object.
        names: all full names.
    """

    __slots__ = ("claims", "done", "folder", "has_state", "modified", "names")

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.claims: dict[int, float] = {}
        self.done: set[str] = set()
        self.has_state = False
        self.modified = 0.0
        self.names: list[str] = []

    def add(self, name: str, modified: float) -> bool:
        """Add an object by its full name. Return False if the name is not one of the ledger's."""
        suffix = name[len(self.folder) :]
        match = _parse_name(suffix[1:])
        if match is not None:
            kind, claim, done = match.groups()
            if done:
                self.done.add(done)
            elif kind == "state":
                self.has_state = True
            else:
                self.claims[int(claim or 1)] = modified
        elif suffix != "/":  # an empty object with which a console displays a folder
            return False
        self.names.append(name)
        self.modified = max(self.modified, modified)
        return True

    @property
    def has_event(self) -> bool:
        """True if ``event`` is there."""
        return 1 in self.claims

    @property
    def main_name(self) -> str:
        """Name of the object that holds most of the event. Empty if the event expired."""
        return "state" if self.has_state else "event" if self.has_event else ""

    @property
    def highest_claim(self) -> int:
        """The highest number of a claim. 0 without claims."""
        return max(self.claims, default=0)

    @property
    def newest_claim(self) -> int:
        """The number of the last claim. 0 without claims.

        It is the highest number, except after expiry: old claims may outlast the event that they belonged to.
        """
        since = self.claims.get(1, 0.0) - MAX_CLOCK_SKEW
        return max((number for number, made in self.claims.items() if made >= since), default=0)


class EventFolder:
    """The folder of one event, and what was read of it.

    Attributes:
        store: the store, for the current call of the ledger.
        listing: its objects. Empty before `list_objects`.
        event: the event, as far as it was loaded.
    """

    __slots__ = ("_name", "_source", "_where", "event", "listing", "store")

    def __init__(self, store: ObjectStore, name: str, where: str) -> None:
        self.store = store
        self.listing = FolderListing(name)
        self.event: StoredEvent | None = None
        self._name = name
        self._where = where
        self._source: StoredObject | None = None

    @property
    def main_name(self) -> str:
        """Full name of the object that `load` reads. Empty if the event expired."""
        name = self.listing.main_name
        return name and self._get_full_name(name)

    def create_claim(self, number: int, fields: dict[str, Any]) -> bool:
        """Create a claim. Return False if its number is taken."""
        return self.store.create(self._get_full_name(get_claim_name(number)), _encode(fields))

    def delete_claim(self, number: int) -> None:
        """Delete a claim."""
        self.store.delete([self._get_full_name(get_claim_name(number))])

    def put_record(self, record: Record) -> None:
        """Store a final record."""
        name = self._get_full_name(f"done-{hash_key(record.key)}")
        self.store.put(name, _encode(record.as_dict()))

    def put_state(self, event: StoredEvent) -> None:
        """Store everything known about the event."""
        self.store.put(self._get_full_name("state"), _encode(event.as_dict()))

    def list_objects(self) -> FolderListing:
        """List the folder."""
        return self.set_listing(self.store.list_names(f"{self._name}/"))

    def set_listing(self, names: Iterable[tuple[str, float]]) -> FolderListing:
        """Set the names of the folder's objects, with their times."""
        self.listing = FolderListing(self._name)
        for name, modified in names:
            if name and not self.listing.add(name, modified):
                raise self._create_damage(name)
        return self.listing

    def load_state(self, key: str) -> None:
        """Load the event from ``state`` if that exists. Raises LedgerError if it is of another event."""
        source = self.store.get(self._get_full_name("state"))
        if source is not None:
            self.event = self._parse("state", source, StoredEvent.from_dict)
            self.check_key(key)

    def load(self) -> StoredEvent | None:
        """Load the event after `list_objects`. Return None if it expired."""
        return self.load_from(self.store.get(self.main_name) if self.main_name else None)

    def load_from(self, source: StoredObject | DamagedRecord | None) -> StoredEvent | None:
        """Load the event from the object with the name `main_name`."""
        if source is None:
            return None
        if isinstance(source, DamagedRecord):
            raise source
        self._source = source
        self.event = self._parse(self.listing.main_name, source, StoredEvent.from_dict)
        self._add_late_records(self.event)
        return self.event

    def load_all(self) -> StoredEvent:
        """Load an event that is held, after `list_objects`: all that `load_state` did not."""
        if self.event is not None:
            self._add_late_records(self.event)
            return self.event
        event = self.load()
        if event is None:
            raise LedgerError(f"{self._name} was deleted from the ledger {self._where} while held")
        return event

    def load_lease(self) -> None:
        """Set the lease of the loaded event."""
        event, newest = self.event, self.listing.newest_claim
        assert event is not None
        if newest > event.delivery or not self.listing.has_state:
            event.lease_seconds, _ = self.read_claim(newest)
            event.delivery = newest
            event.complete = False

    def load_notification(self) -> None:
        """Set the notification of the loaded event, unless it expired."""
        source = self._get_source("event")
        if source is not None:
            assert self.event is not None
            self.event.notification = self._parse("event", source, _parse_notification)

    def read_claim(self, number: int) -> tuple[float, str]:
        """Return the seconds for which a claim may still hold the event, and its owner. 0 if it does not exist."""
        name = get_claim_name(number)
        source = self._get_source(name)
        if source is None:
            return 0.0, ""
        seconds, owner = self._parse(name, source, _parse_claim)
        return max(0.0, seconds + self.store.resolution - max(0.0, source[1]())), owner

    def has_final_records(self, calls: Collection[str], forced: Collection[str]) -> bool:
        """Return True if every call has a final record by the state and the names of objects. Nothing is read."""
        final = self.event.final_records if self.event is not None else ()
        hashes = self.listing.done | {hash_key(key) for key in final}
        return all(call not in forced and hash_key(call) in hashes for call in calls)

    def is_purgeable(self, before: float) -> bool:
        """Return True if the event was received before a time, and no delivery holds it."""
        if self.event is None:
            return self.listing.modified < before
        if self.event.received >= before:
            return False
        self.load_lease()
        return self.event.lease_seconds <= 0

    def delete(self) -> bool:
        """Delete the event. Return False if a delivery claimed it meanwhile."""
        # A claim holds it to the end, so that no delivery reads an event that is half deleted.
        delivery = self.event.delivery if self.event is not None else 0
        number = max(self.listing.highest_claim, delivery, 1) + 1
        if not self.create_claim(number, build_claim_fields(_PURGE_LEASE, "purge")):
            return False
        self.store.delete(self.listing.names)
        self.delete_claim(number)
        return True

    def check_key(self, key: str) -> None:
        """Raise LedgerError if the loaded event is another one."""
        assert self.event is not None
        if self.event.key != key:
            raise LedgerError(
                f"{self._name} in the ledger {self._where} belongs to another event: {self.event.key}, not {key}"
            )

    def _get_full_name(self, name: str) -> str:
        return f"{self._name}/{name}"

    def _get_source(self, name: str) -> StoredObject | None:
        """Return an object, without a request if `load` read it."""
        if self._source is not None and name == self.listing.main_name:
            return self._source
        return self.store.get(self._get_full_name(name))

    def _add_late_records(self, event: StoredEvent) -> None:
        """Add the records that the state does not include: their delivery died, or was late."""
        hashes = sorted(self.listing.done - {hash_key(key) for key in event.final_records})
        names = [f"done-{value}" for value in hashes]
        sources = self.store.get_all([self._get_full_name(name) for name in names]) if names else []
        for name, source in zip(names, sources, strict=True):
            if isinstance(source, DamagedRecord):
                raise source
            if source is not None:
                record = self._parse(name, source, Record.from_dict)
                if not (record.is_final and name == f"done-{hash_key(record.key)}"):
                    raise self._create_damage(self._get_full_name(name))
                event.add([record])

    def _parse(self, name: str, source: StoredObject, parse: Callable[[Any], T]) -> T:
        try:
            return parse(json.loads(source[0]))
        except (ValueError, RecursionError) as error:
            raise self._create_damage(self._get_full_name(name)) from error

    def _create_damage(self, name: str) -> DamagedRecord:
        return DamagedRecord(
            f"{escape_controls(name)} in the ledger {self._where} is damaged, or not the ledger's. Restore or delete it "
            f"(callbacks recorded only there run again), or use another place for the ledger"
        )


def _encode(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()


def build_claim_fields(seconds: float, owner: str) -> dict[str, Any]:
    """Return the content of a claim. Its nonce makes it unique."""
    return {"seconds": seconds, "owner": owner, "nonce": os.urandom(8).hex()}


def _parse_claim(fields: object) -> tuple[float, str]:
    seconds, owner = read_fields(fields, {"seconds": float, "owner": str})
    return seconds, owner


def _parse_notification(fields: object) -> dict[str, Any]:
    (notification,) = read_fields(fields, {"notification": dict})
    result: dict[str, Any] = notification
    return result
