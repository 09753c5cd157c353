"""A ledger in the memory of one process, for tests and for functions with one instance."""

from __future__ import annotations

import threading
from time import monotonic, time

from ..errors import EventHeld
from .base import Lease, Ledger, Record, StoredEvent, is_settled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from typing import Any

    from ..events.base import Event


class MemoryLedger(Ledger):
    """A ledger in memory. It deletes the oldest events when it is full. See `Ledger`.

    Args:
        max_events: maximum number of events, unless deliveries hold more.
        keep: seconds for which an event is kept.
        clock: measures leases, in seconds.
    """

    def __init__(
        self,
        max_events: int = 10_000,
        keep: float = 30 * 86400.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._items: dict[str, _Item] = {}  # in the order of arrival
        self._max_events = max_events
        self.keep = keep
        self._clock = clock
        self._lock = threading.Lock()

    def claim(
        self,
        event: Event,
        calls: Collection[str],
        seconds: float,
        *,
        forced: Collection[str] = (),
        owner: str = "",
    ) -> Lease:
        key = event.key
        with self._lock:
            self._delete_expired()
            item = self._items.get(key)
            if item is None:
                if len(self._items) >= self._max_events:
                    self._delete_oldest()
                item = self._items[key] = _Item(event)
            stored = item.event
            remaining = item.until - self._clock()
            final = stored.final_records
            if (stored.complete or remaining > 0) and is_settled(final, calls, forced):
                return Lease(key, stored.delivery, final, held=False)
            if remaining > 0:
                raise EventHeld(f"{key} is held by request {item.owner or '(unknown)'}", remaining)
            stored.delivery += 1
            stored.complete = False
            item.until = self._clock() + seconds
            item.owner = owner
            return Lease(key, stored.delivery, final, token=item)

    def record(self, lease: Lease, record: Record) -> None:
        item = _get_item(lease)
        assert record.is_final, "only final records are stored before the event is closed"
        with self._lock:
            item.event.add([record])

    def close(self, lease: Lease, records: Sequence[Record], complete: bool) -> None:
        item = _get_item(lease)
        with self._lock:
            is_last = item.event.delivery == lease.delivery
            if is_last:
                item.event.add(records)
                item.event.complete = complete
                item.until = 0.0
            else:
                item.event.add(record for record in records if record.is_final)

    def find(self, key: str) -> StoredEvent | None:
        with self._lock:
            item = self._items.get(key)
            if item is None:
                return None
            event = self._copy(item)
        from ..common.redaction import redact

        event.notification = redact(item.raw)
        return event

    def list_events(self, task_id: str = "", since: float = 0.0) -> Iterator[StoredEvent]:
        with self._lock:
            events = [self._copy(item) for item in self._items.values()]
        for event in events:
            if event.received >= since and task_id in ("", event.task_id):
                yield event

    def purge(self, before: float) -> int:
        now = self._clock()
        with self._lock:
            old = [
                key
                for key, item in self._items.items()
                if item.event.received < before and item.until <= now
            ]
            for key in old:
                del self._items[key]
        return len(old)

    def _delete_expired(self) -> None:
        before = time() - self.keep
        while self._items:
            key, item = next(iter(self._items.items()))
            if item.event.received >= before or item.until > self._clock():
                break
            del self._items[key]

    def _delete_oldest(self) -> None:
        """Delete the oldest event that no delivery holds, if there is one."""
        now = self._clock()
        oldest = next((key for key, item in self._items.items() if item.until <= now), None)
        if oldest is not None:
            del self._items[oldest]

    def _copy(self, item: _Item) -> StoredEvent:
        """Return a copy of a stored event, with its lease."""
        stored = item.event
        event = StoredEvent(stored.key, stored.type, stored.task_id, stored.status, stored.received)
        event.delivery, event.complete = stored.delivery, stored.complete
        event.add(stored.records)
        event.lease_seconds = max(0.0, item.until - self._clock())
        return event


class _Item:
    """An event with its lease and its notification."""

    __slots__ = ("event", "owner", "raw", "until")

    def __init__(self, event: Event) -> None:
        self.event = StoredEvent.from_event(event)
        self.event.delivery = 0
        self.raw: dict[str, Any] = event.raw
        self.until = 0.0
        self.owner = ""


def _get_item(lease: Lease) -> _Item:
    item = lease.token
    assert isinstance(item, _Item), "a lease that holds nothing has nothing to record"
    return item
