"""A ledger of small objects, for any store that can create an object once: a folder of files, a bucket of COS.

Each event has a folder, whose name begins with its task id:

    event        created by the first delivery, before anything is done: the event, and claim number 1
    claim-2 …    created by each further delivery: how long it may hold the event
    done-…       one for each callback that ended, named by the digest of its key
    state        written when a delivery lets go of the event: all there is to know of it

What a store is, beside being able to do this, is left to `files.py` and `cos.py`.

Why this holds. The one decision is the creation of the next claim: of all that try, one succeeds, so that taking over
is a compare-and-swap, whatever else was read before. Nobody tries while the newest claim has time left, and that is
told by the store's own clock. ``state`` only saves looking: a claim that it does not know of is seen because the next
number is taken, and what ended without it because a delivery that is not the first always lists the folder after its
claim. So a late writer of ``state`` can make history look older than it is, and nothing more; it does not even do that
as long as it can tell that it is late.
"""

from __future__ import annotations

import json
import os
import re
from abc import ABC, abstractmethod
from itertools import groupby
from time import monotonic, time

from ..common.printable import escape_controls
from ..errors import DamagedRecord, EventHeld, LedgerError
from .base import (
    FIND_TIMEOUT,
    Lease,
    Ledger,
    Record,
    StoredEvent,
    compute_claim_timeout,
    hash_key,
    merge_damage,
    read_fields,
)
from .object_layout import MAX_CLOCK_SKEW, FolderListing, Page, build_folder_name, sanitize_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from typing import Any, TypeVar

    from ..events.base import Event

    T = TypeVar("T")
    StoredObject = tuple[bytes, Callable[[], float]]
    """The bytes of an object, and a function that returns its age in seconds by the store's clock."""

_TRIES = 8
"""How often a claim begins again when what it stands on is taken away under it."""
_MARGIN = 1.0
"""Seconds before the end of its hold from which a delivery takes itself for late."""
_PURGE = 60.0
"""Seconds for which an event is held to be forgotten."""
_BATCH = 100
_is_digest = re.compile("[0-9a-f]{32}").fullmatch


class ObjectStore(ABC):
    """Small objects in folders: the names are ``folder/name``.

    Every method raises `LedgerError` if the store cannot be reached or refuses, `DamagedRecord` for one object alone.

    Attributes:
        resolution: seconds by which an age may be too high.
    """

    resolution = 0.0

    @abstractmethod
    def create(self, name: str, data: bytes) -> bool:
        """Create an object; False if it is there already. Of any number who try at once one succeeds."""

    @abstractmethod
    def put(self, name: str, data: bytes) -> None:
        """Write an object, whole or not at all."""

    @abstractmethod
    def get(self, name: str) -> StoredObject | None:
        """An object's bytes and age; None if it is not there."""

    def get_all(self, names: Sequence[str]) -> list[StoredObject | DamagedRecord | None]:
        """Return several objects, in order, with the error of each that alone cannot be read."""
        return [self._get_or_damage(name) for name in names]

    def _get_or_damage(self, name: str) -> StoredObject | DamagedRecord | None:
        try:
            return self.get(name)
        except DamagedRecord as error:
            return error

    @abstractmethod
    def names(self, prefix: str) -> Iterator[tuple[str, float]]:
        """Names that begin with a prefix, those of a folder one behind the other, with their times of writing.

        Times are in seconds since the epoch. What is in no folder is listed too, by its name alone.
        """

    @abstractmethod
    def delete(self, names: Sequence[str]) -> None:
        """Delete objects; what is not there is deleted."""


class ObjectLedger(Ledger):
    """See `Ledger`.

    Args:
        where: names the store in errors.
        keep: seconds for which events are kept.
        clocks: tell a delivery how long it has held its event, each in seconds; the one that says most is believed.
    """

    def __init__(
        self,
        where: str,
        keep: float = 30 * 86400.0,
        clocks: Collection[Callable[[], float]] = (monotonic, time),
    ) -> None:
        self.where = where
        self.keep = keep
        self._clocks = tuple(clocks)

    @abstractmethod
    def _objects(self, timeout: float) -> ObjectStore:
        """Return the store, for a call that may take `timeout` seconds."""

    def claim(
        self,
        event: Event,
        calls: Collection[str],
        seconds: float,
        *,
        again: Collection[str] = (),
        owner: str = "",
    ) -> Lease:
        began = self._now()
        objects = self._objects(compute_claim_timeout(seconds))
        key = event.key
        folder = build_folder_name(event.task_id, event.type, event.status, key)
        lease = {"seconds": seconds, "owner": owner, "nonce": os.urandom(8).hex()}
        for _ in range(_TRIES):
            state = self._state(objects, folder)
            if state is not None:
                self._check(state, key, f"{folder}/state")
                # Of these calls nothing is left then, even if a later delivery with further ones is at work, or dead.
                if state.complete and state.leaves_nothing(calls, again):
                    return Lease(key, state.delivery, state.ended, held=False)
            number = 1 if state is None else state.delivery + 1
            if not self._create(objects, folder, number, event, lease):
                listing = self._list(objects, folder)
                newest = listing.newest
                if newest > (0 if state is None else state.delivery):
                    name = listing.name_of(newest)
                    left, holder = self._left(objects, name, objects.get(name))
                    if left > 0:
                        if self._all_ended(listing, state, calls, again):
                            page = self._read(objects, listing, state)
                            return Lease(key, newest, page.ended, held=False)
                        raise EventHeld(f"{key} is held by request {holder or '(unknown)'}", left)
                number = listing.highest + 1
                # Another one may take over at this very moment: then all is to be looked at again.
                if newest == 0 or not self._create(objects, folder, number, event, lease):
                    continue
            if number == 1:
                page = Page.of(event)
            else:
                # Behind the claim: what ended before it is seen, whoever was late to write it.
                listing = self._list(objects, folder)
                known = listing.event if state is None else listing.state
                if not known:
                    # It was forgotten meanwhile, and may be claimed anew from the first number on.
                    objects.delete([listing.name_of(number)])
                    continue
                if listing.newest != number:
                    continue  # So slow that it was overtaken already.
                page = self._read(objects, listing, state)
                self._check(page, key, folder)
                page.delivery = number
            token = _Hold(folder, page, began, seconds)
            return Lease(key, number, page.ended, token=token)
        raise LedgerError(
            f"the ledger {self.where} does not settle: whatever is claimed of {folder} is gone or taken at once"
        )

    def record(self, claim: Lease, record: Record) -> None:
        hold = _hold(claim)
        assert record.ended, "what did not end is told when the event is let go of"
        self._done(self._objects(claim.timeout), hold.folder, record)
        hold.page.add(record)

    def close(self, claim: Lease, records: Sequence[Record], complete: bool) -> None:
        hold = _hold(claim)
        objects = self._objects(claim.timeout)
        if hold.seconds - self._since(hold.began) < _MARGIN:
            listing = self._list(objects, hold.folder)
            if listing.highest > claim.delivery:
                # It was overtaken, and the newer one's state is not to be undone.
                for record in records:
                    if record.ended and hash_key(record.key) not in listing.done:
                        self._done(objects, hold.folder, record)
                return
            if not listing.highest:
                return  # It was forgotten meanwhile.
        page = hold.page
        for record in records:
            page.add(record)
        page.complete = complete
        objects.put(f"{hold.folder}/state", _written(page.as_dict()))

    def find(self, key: str) -> StoredEvent | None:
        objects = self._objects(FIND_TIMEOUT)
        for folder in self._folders(objects, key):
            listing = self._list(objects, folder)
            page = self._page(objects, listing)
            if page is not None and page.key == key:
                entry = self._entry(objects, listing, page)
                name = f"{folder}/event"
                found = page.main if listing.main == name else objects.get(name)
                if found is not None:
                    entry.notification = self._understood(name, found[0], _notification)
                return entry
        return None

    def entries(self, task_id: str = "", since: float = 0.0) -> Iterator[StoredEvent]:
        objects = self._objects(float("inf"))
        prefix = f"{sanitize_name(task_id, 100)}+" if task_id else ""
        damaged: list[DamagedRecord] = []
        for listing, page in self._pages(
            objects,
            prefix,
            lambda listing: listing.claims.get(1, since) >= since - MAX_CLOCK_SKEW,
            damaged,
        ):
            if page is not None and page.received >= since and task_id in ("", page.task_id):
                try:
                    entry = self._entry(objects, listing, page)
                except DamagedRecord as error:
                    damaged.append(error)
                else:
                    yield entry
        if damaged:
            raise merge_damage(damaged)

    def purge(self, before: float) -> int:
        objects = self._objects(float("inf"))
        lease = {"seconds": _PURGE, "owner": "purge", "nonce": os.urandom(8).hex()}
        count = 0
        damaged: list[DamagedRecord] = []
        for listing, page in self._pages(
            objects,
            "",
            lambda listing: listing.claims.get(1, before) <= before + MAX_CLOCK_SKEW,
            damaged,
        ):
            if (listing.modified if page is None else page.received) >= before:
                continue
            try:
                if page is not None and self._entry(objects, listing, page).held > 0:
                    continue
            except DamagedRecord as error:
                damaged.append(error)
                continue
            # Held to the end, so that nobody takes a half of it for the whole.
            own = listing.name_of(max(listing.highest, page.delivery if page else 0, 1) + 1)
            if objects.create(own, _written(lease)):
                objects.delete(listing.names)
                objects.delete([own])
                count += page is not None
        if damaged:
            raise merge_damage(damaged)
        return count

    def _now(self) -> tuple[float, ...]:
        return tuple(clock() for clock in self._clocks)

    def _since(self, began: tuple[float, ...]) -> float:
        return max(now - then for now, then in zip(self._now(), began, strict=True))

    def _create(
        self, objects: ObjectStore, folder: str, number: int, event: Event, lease: dict[str, Any]
    ) -> bool:
        if number > 1:
            return objects.create(f"{folder}/claim-{number}", _written(lease))
        from ..common.redaction import redact

        first = {**Page.of(event).as_dict(), **lease, "notification": redact(event.raw)}
        return objects.create(f"{folder}/event", _written(first))

    def _done(self, objects: ObjectStore, folder: str, record: Record) -> None:
        objects.put(f"{folder}/done-{hash_key(record.key)}", _written(record.as_dict()))

    def _state(self, objects: ObjectStore, folder: str) -> Page | None:
        name = f"{folder}/state"
        found = objects.get(name)
        return None if found is None else self._understood(name, found[0], Page.from_dict)

    def _list(self, objects: ObjectStore, folder: str) -> FolderListing:
        return self._listing(folder, objects.names(f"{folder}/"))

    def _listing(self, folder: str, names: Iterable[tuple[str, float]]) -> FolderListing:
        listing = FolderListing(folder)
        for name, modified in names:
            if name and not listing.add(name, modified):
                raise self._foreign(name)
        return listing

    def _left(
        self, objects: ObjectStore, name: str, found: StoredObject | None
    ) -> tuple[float, str]:
        """For how many seconds a claim may still hold the event, and whose it is; 0 if it is not there."""
        if found is None:
            return 0.0, ""
        data, age = found
        seconds, owner = self._understood(name, data, _lease)
        return max(0.0, seconds + objects.resolution - max(0.0, age())), owner

    @staticmethod
    def _all_ended(
        listing: FolderListing, state: Page | None, calls: Collection[str], again: Collection[str]
    ) -> bool:
        """Whether everything ended although the event is held; nothing is read for that."""
        done = listing.done | {hash_key(key) for key in (state.ended if state is not None else ())}
        return all(call not in again and hash_key(call) in done for call in calls)

    def _page(self, objects: ObjectStore, listing: FolderListing) -> Page | None:
        """What is known of an event; None if it was forgotten."""
        name = listing.main
        return self._completed(objects, listing, objects.get(name) if name else None)

    def _read(self, objects: ObjectStore, listing: FolderListing, state: Page | None) -> Page:
        """What is known of an event that is held."""
        if state is not None:
            self._add_done(objects, listing, state)
            return state
        page = self._page(objects, listing)
        if page is None:
            raise LedgerError(f"the ledger {self.where} lost {listing.folder} while it was held")
        return page

    def _completed(
        self,
        objects: ObjectStore,
        listing: FolderListing,
        found: StoredObject | DamagedRecord | None,
    ) -> Page | None:
        if found is None:
            return None
        if isinstance(found, DamagedRecord):
            raise found
        page = self._understood(listing.main, found[0], Page.from_dict)
        page.main = found
        self._add_done(objects, listing, page)
        return page

    def _add_done(self, objects: ObjectStore, listing: FolderListing, page: Page) -> None:
        """Add what ended and is not in the state: its delivery died, or was late."""
        missing = sorted(listing.done - {hash_key(key) for key in page.ended})
        names = [f"{listing.folder}/done-{one}" for one in missing]
        for name, found in zip(names, objects.get_all(names) if names else (), strict=True):
            if isinstance(found, DamagedRecord):
                raise found
            if found is not None:
                record = self._understood(name, found[0], Record.from_dict)
                if not (record.ended and name.endswith(hash_key(record.key))):
                    raise self._foreign(name)
                page.add(record)

    def _pages(
        self,
        objects: ObjectStore,
        prefix: str,
        wanted: Callable[[FolderListing], bool],
        damaged: list[DamagedRecord],
    ) -> Iterator[tuple[FolderListing, Page | None]]:
        """Return every event whose folder has this prefix, with its page. Errors of single events go to `damaged`."""
        batch: list[FolderListing] = []
        for folder, names in groupby(objects.names(prefix), lambda one: one[0].partition("/")[0]):
            try:
                listing = self._listing(folder, names)
            except DamagedRecord as error:
                damaged.append(error)
                continue
            if wanted(listing):
                batch.append(listing)
            if len(batch) == _BATCH:
                yield from self._read_all(objects, batch, damaged)
                batch = []
        yield from self._read_all(objects, batch, damaged)

    def _read_all(
        self, objects: ObjectStore, listings: Sequence[FolderListing], damaged: list[DamagedRecord]
    ) -> Iterator[tuple[FolderListing, Page | None]]:
        """As `_page`, for many at once."""
        names = [listing.main for listing in listings if listing.main]
        found = dict(zip(names, objects.get_all(names) if names else (), strict=True))
        for listing in listings:
            try:
                page = self._completed(objects, listing, found.get(listing.main))
            except DamagedRecord as error:
                damaged.append(error)
            else:
                yield listing, page

    def _entry(self, objects: ObjectStore, listing: FolderListing, page: Page) -> StoredEvent:
        newest = listing.newest
        held, delivery, complete = 0.0, page.delivery, page.complete
        if newest > page.delivery or not listing.state:
            name = listing.name_of(newest)
            found = page.main if name == listing.main else objects.get(name)
            held, delivery, complete = self._left(objects, name, found)[0], newest, False
        return StoredEvent(
            page.key,
            page.type,
            page.task_id,
            page.status,
            page.received,
            delivery,
            complete,
            held,
            list(page.records.values()),
        )

    def _folders(self, objects: ObjectStore, key: str) -> Iterator[str]:
        """Where the event with this key may be: where its parts tell, or else anywhere."""
        parts = [part.replace("%2F", "/").replace("%25", "%") for part in key.split("/")]
        if len(parts) in (3, 4):
            type, task_id, status = parts[:3]
            by_content = len(parts) == 3 and _is_digest(task_id)
            yield build_folder_name("" if by_content else task_id, type, status, key)
            if not by_content:
                return
        # The task id is not in the key.
        ending = f"+{hash_key(key)[:12]}"
        for name, _ in groupby(objects.names(""), lambda one: one[0].partition("/")[0]):
            if name.endswith(ending):
                yield name

    def _understood(self, name: str, data: bytes, make: Callable[[Any], T]) -> T:
        try:
            return make(json.loads(data))
        except (ValueError, RecursionError) as error:
            raise self._foreign(name) from error

    def _check(self, page: Page, key: str, name: str) -> None:
        if page.key != key:
            raise LedgerError(
                f"the ledger {self.where} has another event at {name}: {page.key}, not {key}"
            )

    def _foreign(self, name: str) -> DamagedRecord:
        return DamagedRecord(
            f"{escape_controls(name)} in the ledger {self.where} is damaged, or not the ledger's. Restore or delete it "
            f"(callbacks recorded there alone run again), or use another place for the ledger"
        )


class _Hold:
    """What a delivery keeps in mind of its claim."""

    __slots__ = ("began", "folder", "page", "seconds")

    def __init__(self, folder: str, page: Page, began: tuple[float, ...], seconds: float) -> None:
        self.folder = folder
        self.page = page
        self.began = began
        self.seconds = seconds


def _hold(claim: Lease) -> _Hold:
    hold = claim.token
    assert isinstance(hold, _Hold), "a claim that holds nothing has nothing to record"
    return hold


def _written(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()


def _lease(fields: object) -> tuple[float, str]:
    seconds, owner = read_fields(fields, {"seconds": float, "owner": str})
    return seconds, owner


def _notification(fields: object) -> dict[str, Any]:
    (notification,) = read_fields(fields, {"notification": dict})
    found: dict[str, Any] = notification
    return found
