"""A ledger of small objects, for any store that can create an object exactly once: a folder, a COS bucket.

Each event has a folder whose name begins with its task id:

    event        created by the first delivery before any callback runs: the event, and claim number 1
    claim-2 …    created by each later delivery: how long it may hold the event
    done-…       one per callback that ended, named by the hash of its key
    state        written when a delivery closes the event: everything known about it

Correctness: only the creation of the next claim decides. Of all deliveries that try, one succeeds, so a claim is
a compare-and-swap, whatever was read before. Nobody tries while the newest claim has time left by the store's own clock.

``state`` only saves requests. A claim that it does not include is noticed because the next number is taken. A record
that it does not include is noticed because every delivery but the first lists the folder after its claim. So a late
write of ``state`` only makes `history` outdated. A delivery past its deadline skips it.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from itertools import groupby
from time import monotonic, time

from ..errors import DamagedRecord, EventHeld, LedgerError
from .base import (
    FIND_TIMEOUT,
    Lease,
    Ledger,
    Record,
    StoredEvent,
    compute_claim_timeout,
    hash_key,
    is_settled,
    merge_damage,
)
from .object_layout import (
    MAX_CLOCK_SKEW,
    EventFolder,
    build_claim_fields,
    build_folder_name,
    sanitize_name,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from typing import Any

    from ..events.base import Event
    from .object_layout import FolderListing, StoredObject

_MAX_CLAIM_ATTEMPTS = 8
"""Attempts of a claim while others change the folder."""
_CLOSE_MARGIN = 1.0
"""Seconds before the end of its lease from which a delivery checks whether it was overtaken."""
_BATCH_SIZE = 100
_is_hash = re.compile("[0-9a-f]{32}").fullmatch


class ObjectStore(ABC):
    """Small objects in folders. Their names are ``folder/name``.

    Every method raises `LedgerError` if the store cannot be reached or refuses, and `DamagedRecord` if only one object
    cannot be read.

    Attributes:
        resolution: seconds by which an age may be too high.
    """

    resolution = 0.0

    @abstractmethod
    def create(self, name: str, data: bytes) -> bool:
        """Create an object. Return False if it exists. Of several simultaneous calls exactly one succeeds."""

    @abstractmethod
    def put(self, name: str, data: bytes) -> None:
        """Write an object atomically."""

    @abstractmethod
    def get(self, name: str) -> StoredObject | None:
        """Return an object's bytes and age, or None if it does not exist."""

    def get_all(self, names: Sequence[str]) -> list[StoredObject | DamagedRecord | None]:
        """Return several objects in order. An object that cannot be read is replaced by its error."""
        return [self._get_or_damage(name) for name in names]

    def _get_or_damage(self, name: str) -> StoredObject | DamagedRecord | None:
        try:
            return self.get(name)
        except DamagedRecord as error:
            return error

    @abstractmethod
    def list_names(self, prefix: str) -> Iterator[tuple[str, float]]:
        """Return the names that begin with a prefix, and their times of writing in seconds since the epoch.

        Names of one folder are adjacent. An object outside of folders is listed by its plain name.
        """

    @abstractmethod
    def delete(self, names: Sequence[str]) -> None:
        """Delete objects. Missing ones are ignored."""


class ObjectLedger(Ledger):
    """A ledger in an `ObjectStore`. See `Ledger`.

    Args:
        where: names the store in errors.
        keep: seconds for which events are kept.
        clocks: measure how long a delivery has held its event, in seconds. The highest value counts.
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
    def _open_store(self, timeout: float) -> ObjectStore:
        """Return the store for a call that may take `timeout` seconds."""

    def claim(
        self,
        event: Event,
        calls: Collection[str],
        seconds: float,
        *,
        forced: Collection[str] = (),
        owner: str = "",
    ) -> Lease:
        request = _ClaimRequest(event, calls, forced, seconds, owner)
        request.began = self._read_clocks()
        store = self._open_store(compute_claim_timeout(seconds))
        name = build_folder_name(event.task_id, event.type, event.status, event.key)
        for _ in range(_MAX_CLAIM_ATTEMPTS):
            lease = _try_claim(EventFolder(store, name, self.where), request)
            if lease is not None:
                return lease
        raise LedgerError(
            f"cannot claim {name} in the ledger {self.where}: its objects keep changing. Try again later"
        )

    def record(self, lease: Lease, record: Record) -> None:
        token = _get_token(lease)
        assert record.is_final, "only final records are stored before the event is closed"
        folder = token.folder
        folder.store = self._open_store(lease.timeout)
        folder.put_record(record)
        token.event.add([record])

    def close(self, lease: Lease, records: Sequence[Record], complete: bool) -> None:
        token = _get_token(lease)
        folder = token.folder
        folder.store = self._open_store(lease.timeout)
        held = max(now - then for now, then in zip(self._read_clocks(), token.began, strict=True))
        if token.seconds - held < _CLOSE_MARGIN:
            listing = folder.list_objects()
            if listing.highest_claim > lease.delivery:
                # It was overtaken: the state belongs to the newer delivery.
                for record in records:
                    if record.is_final and hash_key(record.key) not in listing.done:
                        folder.put_record(record)
                return
            if not listing.highest_claim:
                return  # The event was purged meanwhile.
        token.event.add(records)
        token.event.complete = complete
        folder.put_state(token.event)

    def find(self, key: str) -> StoredEvent | None:
        store = self._open_store(FIND_TIMEOUT)
        for name in self._find_folders(store, key):
            folder = EventFolder(store, name, self.where)
            folder.list_objects()
            event = folder.load()
            if event is not None and event.key == key:
                folder.load_lease()
                folder.load_notification()
                return event
        return None

    def list_events(self, task_id: str = "", since: float = 0.0) -> Iterator[StoredEvent]:
        store = self._open_store(float("inf"))
        prefix = f"{sanitize_name(task_id, 100)}+" if task_id else ""
        damaged: list[DamagedRecord] = []

        def may_be_wanted(listing: FolderListing) -> bool:
            return listing.claims.get(1, since) >= since - MAX_CLOCK_SKEW

        for folder in self._load_folders(store, prefix, may_be_wanted, damaged):
            event = folder.event
            if event is not None and event.received >= since and task_id in ("", event.task_id):
                try:
                    folder.load_lease()
                except DamagedRecord as error:
                    damaged.append(error)
                else:
                    yield event
        if damaged:
            raise merge_damage(damaged)

    def purge(self, before: float) -> int:
        store = self._open_store(float("inf"))
        count = 0
        damaged: list[DamagedRecord] = []

        def may_be_old(listing: FolderListing) -> bool:
            return listing.claims.get(1, before) <= before + MAX_CLOCK_SKEW

        for folder in self._load_folders(store, "", may_be_old, damaged):
            try:
                if folder.is_purgeable(before) and folder.delete():
                    count += folder.event is not None
            except DamagedRecord as error:
                damaged.append(error)
        if damaged:
            raise merge_damage(damaged)
        return count

    def _read_clocks(self) -> tuple[float, ...]:
        return tuple(clock() for clock in self._clocks)

    def _load_folders(
        self,
        store: ObjectStore,
        prefix: str,
        is_wanted: Callable[[FolderListing], bool],
        damaged: list[DamagedRecord],
    ) -> Iterator[EventFolder]:
        """Yield the folders with this prefix, with their events. Errors of single events go to `damaged`."""
        batch: list[EventFolder] = []
        for name, names in _group_by_folder(store.list_names(prefix)):
            folder = EventFolder(store, name, self.where)
            try:
                listing = folder.set_listing(names)
            except DamagedRecord as error:
                damaged.append(error)
                continue
            if is_wanted(listing):
                batch.append(folder)
            if len(batch) == _BATCH_SIZE:
                yield from _load_batch(store, batch, damaged)
                batch = []
        yield from _load_batch(store, batch, damaged)

    @staticmethod
    def _find_folders(store: ObjectStore, key: str) -> Iterator[str]:
        """Yield the names of the folders that may hold the event with this key."""
        parts = [part.replace("%2F", "/").replace("%25", "%") for part in key.split("/")]
        if len(parts) in (3, 4):
            type, task_id, status = parts[:3]
            by_content = len(parts) == 3 and _is_hash(task_id)
            yield build_folder_name("" if by_content else task_id, type, status, key)
            if not by_content:
                return
        # The task id is not in the key.
        suffix = f"+{hash_key(key)[:12]}"
        for name, _ in _group_by_folder(store.list_names("")):
            if name.endswith(suffix):
                yield name


def _group_by_folder(
    names: Iterable[tuple[str, float]],
) -> Iterator[tuple[str, Iterator[tuple[str, float]]]]:
    return groupby(names, lambda item: item[0].partition("/")[0])


def _load_batch(
    store: ObjectStore, folders: Sequence[EventFolder], damaged: list[DamagedRecord]
) -> Iterator[EventFolder]:
    """Load the events of folders that have been listed, and yield the folders."""
    names = [folder.main_name for folder in folders if folder.main_name]
    sources = dict(zip(names, store.get_all(names) if names else (), strict=True))
    for folder in folders:
        try:
            folder.load_from(sources.get(folder.main_name))
        except DamagedRecord as error:
            damaged.append(error)
        else:
            yield folder


class _ClaimRequest:
    """The arguments of `Ledger.claim`.

    Attributes:
        began: clocks at the start of the claim.
        new_event: the event, as the first delivery stores it.
    """

    __slots__ = ("_fields", "began", "calls", "event", "forced", "new_event", "seconds")

    def __init__(
        self,
        event: Event,
        calls: Collection[str],
        forced: Collection[str],
        seconds: float,
        owner: str,
    ) -> None:
        self.event = event
        self.calls = calls
        self.forced = forced
        self.seconds = seconds
        self.began: tuple[float, ...] = ()
        self.new_event = StoredEvent.from_event(event)
        self._fields = build_claim_fields(seconds, owner)

    def build_fields(self, number: int) -> dict[str, Any]:
        """Return the content of a claim with this number. The first one includes the event."""
        if number > 1:
            return self._fields
        from ..common.redaction import redact

        notification = redact(self.event.raw)
        return {**self.new_event.as_dict(), **self._fields, "notification": notification}


def _try_claim(folder: EventFolder, request: _ClaimRequest) -> Lease | None:
    """Make one attempt of a claim. Return None if others changed the folder meanwhile."""
    key = request.event.key
    folder.load_state(key)
    known = folder.event
    last = 0
    if known is not None:
        last, final = known.delivery, known.final_records
        # Nothing is left of these calls, even if a later delivery with other calls is at work.
        if known.complete and is_settled(final, request.calls, request.forced):
            return Lease(key, last, final, held=False)
    if folder.create_claim(last + 1, request.build_fields(last + 1)):
        return _start_lease(folder, last + 1, request)
    # There is a newer claim than the state knows, or old claims outlasted the event.
    listing = folder.list_objects()
    newest = listing.newest_claim
    if newest > last:
        remaining, owner = folder.read_claim(newest)
        if remaining > 0:
            if folder.has_final_records(request.calls, request.forced):
                return Lease(key, newest, folder.load_all().final_records, held=False)
            raise EventHeld(f"{key} is held by request {owner or '(unknown)'}", remaining)
    # Of several deliveries that take over now, one creates this claim.
    number = listing.highest_claim + 1
    if newest > 0 and folder.create_claim(number, request.build_fields(number)):
        return _start_lease(folder, number, request)
    return None


def _start_lease(folder: EventFolder, number: int, request: _ClaimRequest) -> Lease | None:
    """Return the lease of a claim that was created. Return None if the event was purged or taken over meanwhile."""
    key = request.event.key
    event = request.new_event
    if number > 1:
        # After the claim, so that earlier records are seen, however late they were written.
        listing = folder.list_objects()
        if not (listing.has_event if folder.event is None else listing.has_state):
            # The event was purged. Its next claim is number 1.
            folder.delete_claim(number)
            return None
        if listing.newest_claim != number:
            return None
        event = folder.load_all()
        folder.check_key(key)
        event.delivery = number
    token = _LeaseToken(folder, event, request.began, request.seconds)
    return Lease(key, number, event.final_records, token=token)


class _LeaseToken:
    """State of a lease, as its delivery holds it."""

    __slots__ = ("began", "event", "folder", "seconds")

    def __init__(
        self, folder: EventFolder, event: StoredEvent, began: tuple[float, ...], seconds: float
    ) -> None:
        self.folder = folder
        self.event = event
        self.began = began
        self.seconds = seconds


def _get_token(lease: Lease) -> _LeaseToken:
    token = lease.token
    assert isinstance(token, _LeaseToken), "a lease that holds nothing has nothing to record"
    return token
