"""A ledger in the memory of one process: for tests, and where a function is never redelivered to another instance."""

from __future__ import annotations

import threading
from time import monotonic, time

from ..errors import EventHeld
from .base import Lease, Ledger, Record, StoredEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from ..events.base import Event


class MemoryLedger(Ledger):
    """See `Ledger`. It forgets the oldest events when it has too many.

    Args:
        most: events it keeps.
        keep: seconds for which it keeps one.
        clock: tells when a hold ends, in seconds.
    """

    def __init__(
        self,
        most: int = 10_000,
        keep: float = 30 * 86400.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._events: dict[str, _Kept] = {}
        self._most = most
        self.keep = keep
        self._clock = clock
        self._lock = threading.Lock()

    def claim(
        self,
        event: Event,
        calls: Collection[str],
        seconds: float,
        *,
        again: Collection[str] = (),
        owner: str = "",
    ) -> Lease:
        key = event.key
        with self._lock:
            self._forget_old()
            kept = self._events.get(key)
            if kept is None:
                if len(self._events) >= self._most:
                    self._forget_one()
                kept = self._events[key] = _Kept(event)
            left = kept.until - self._clock()
            ended = kept.ended
            if (kept.complete or left > 0) and all(
                call in ended and call not in again for call in calls
            ):
                return Lease(key, kept.delivery, ended, held=False)
            if left > 0:
                raise EventHeld(f"{key} is held by request {kept.owner or '(unknown)'}", left)
            kept.delivery += 1
            kept.until = self._clock() + seconds
            kept.owner = owner
            kept.complete = False
            return Lease(key, kept.delivery, ended, token=kept)

    def record(self, claim: Lease, record: Record) -> None:
        kept = self._kept(claim)
        assert record.ended, "what did not end is told when the event is let go of"
        with self._lock:
            kept.add(record)

    def close(self, claim: Lease, records: Sequence[Record], complete: bool) -> None:
        with self._lock:
            kept = self._kept(claim)
            last = kept.delivery == claim.delivery
            for record in records:
                if last or record.ended:
                    kept.add(record)
            if last:
                kept.until = 0.0
                kept.complete = complete

    def find(self, key: str) -> StoredEvent | None:
        with self._lock:
            kept = self._events.get(key)
            if kept is None:
                return None
            entry = self._entry(kept)
        from ..common.redaction import redact

        entry.notification = redact(kept.event.raw)
        return entry

    def entries(self, task_id: str = "", since: float = 0.0) -> Iterator[StoredEvent]:
        with self._lock:
            entries = [self._entry(kept) for kept in self._events.values()]
        for entry in entries:
            if entry.received >= since and (not task_id or entry.task_id == task_id):
                yield entry

    def purge(self, before: float) -> int:
        now = self._clock()
        with self._lock:
            old = [
                key
                for key, kept in self._events.items()
                if kept.received < before and kept.until <= now
            ]
            for key in old:
                del self._events[key]
        return len(old)

    def _forget_old(self) -> None:
        """Forget events that were kept for long enough; they are in the order in which they came."""
        before = time() - self.keep
        while self._events:
            key, kept = next(iter(self._events.items()))
            if kept.received >= before or kept.until > self._clock():
                break
            del self._events[key]

    def _forget_one(self) -> None:
        """Forget the oldest event that nobody is at work on, if there is one."""
        now = self._clock()
        oldest = next((key for key, kept in self._events.items() if kept.until <= now), None)
        if oldest is not None:
            del self._events[oldest]

    @staticmethod
    def _kept(claim: Lease) -> _Kept:
        kept = claim.token
        assert isinstance(kept, _Kept), "a claim that holds nothing has nothing to record"
        return kept

    def _entry(self, kept: _Kept) -> StoredEvent:
        event = kept.event
        held = max(0.0, kept.until - self._clock())
        return StoredEvent(
            event.key,
            event.type,
            event.task_id,
            event.status,
            kept.received,
            kept.delivery,
            kept.complete,
            held,
            list(kept.records.values()),
        )


class _Kept:
    """An event as the memory keeps it, with the last record of each call."""

    __slots__ = ("complete", "delivery", "event", "owner", "received", "records", "until")

    def __init__(self, event: Event) -> None:
        self.event = event
        self.received = time()
        self.delivery = 0
        self.until = 0.0
        self.owner = ""
        self.complete = False
        self.records: dict[str, Record] = {}

    @property
    def ended(self) -> dict[str, Record]:
        """What ended, by the key of the call."""
        return {key: record for key, record in self.records.items() if record.ended}

    def add(self, record: Record) -> None:
        if record.replaces(self.records.get(record.key)):
            self.records[record.key] = record
