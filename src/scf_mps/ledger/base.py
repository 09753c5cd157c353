"""The interface of ledgers, and what they store: records of callbacks, and the events these ran for.

A store of any kind is a `Ledger` of six methods. `session.py` uses it for an application.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from hashlib import sha256
from time import time

from ..common.printable import escape_controls
from ..errors import DamagedRecord

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Iterator, Sequence
    from typing import Any

    from ..events.base import Event
    from ..routing.plan import Call

FINAL_OUTCOMES = ("done", "dropped")
"""Outcomes after which a callback never runs again for the same result."""

DEFAULT_TIMEOUT = 10.0
"""Maximum seconds of one call of a ledger."""

FIND_TIMEOUT = 4.0
"""Maximum seconds of `Ledger.find`."""

MIN_TIMEOUT = 0.05
"""Seconds that a call of a ledger may always take."""

MAX_KILL_DELAY = 2.0
"""Seconds after the time limit by which SCF has certainly killed an invocation."""

_MAX_NUMBER = 1e12
_MAX_SHOWN_ERRORS = 10

_RECORD_FIELDS = {
    "key": str,
    "callback": str,
    "type": str,
    "place": str,
    "outcome": str,
    "error": str,
    "seconds": float,
    "at": float,
    "delivery": int,
}
_EVENT_FIELDS = {"key": str, "type": str, "task_id": str, "status": str, "received": float}
_STATE_FIELDS = {"delivery": int, "complete": bool, "records": list}


def read_fields(fields: object, types: dict[str, type]) -> list[Any]:
    """Return the values of fields, in the order of `types`.

    Args:
        fields: an object that was read from JSON.
        types: ``str``, ``bool``, ``list``, ``dict``, ``int`` (0 or more) or ``float`` (which may be a whole number) by
            field. Numbers must be below 10^12.

    Raises:
        ValueError: a field is missing or has another type.
    """
    values = []
    for name, kind in types.items():
        value: Any = fields.get(name) if isinstance(fields, dict) else None
        if kind is float and type(value) is int and abs(value) < _MAX_NUMBER:
            value = float(value)
        is_valid = type(value) is kind
        if is_valid and kind in (int, float):
            is_valid = (0 if kind is int else -_MAX_NUMBER) <= value < _MAX_NUMBER
        if not is_valid:
            raise ValueError(f"{name!r} is not of type {kind.__name__}")
        values.append(value)
    return values


class Record:
    """The outcome of one callback for one result in one delivery of an event.

    Attributes:
        key: identifies the callback and its result. See `Call.key`.
        callback: the callback's identity.
        type: the result's type.
        place: the result's place in the notification.
        outcome: ``done``, ``dropped``, ``failed`` or ``deferred``.
        error: the reason in one line without control characters. Empty if the callback was done.
        seconds: how long the callback ran.
        at: end of the callback in seconds since the epoch.
        delivery: number of the delivery, from 1.
    """

    __slots__ = tuple(_RECORD_FIELDS)

    def __init__(  # noqa: PLR0913
        self,
        key: str,
        callback: str,
        type: str,
        place: str,
        outcome: str,
        error: str = "",
        seconds: float = 0.0,
        at: float = 0.0,
        delivery: int = 1,
    ) -> None:
        self.key = key
        self.callback = callback
        self.type = type
        self.place = place
        self.outcome = outcome
        self.error = error
        self.seconds = seconds
        self.at = at
        self.delivery = delivery

    @classmethod
    def from_call(cls, call: Call, error: str, delivery: int) -> Record:
        """Create the record of a call that has an outcome."""
        result = call.result
        return cls(
            call.key,
            call.route.name,
            result.type,
            result.place,
            call.outcome,
            escape_controls(error),
            call.seconds,
            time(),
            delivery,
        )

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Record:
        """Create a record from what `as_dict` returned. Unknown fields are ignored.

        Raises:
            ValueError: the fields are not those of a record.
        """
        return cls(*read_fields(fields, _RECORD_FIELDS))

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}

    @property
    def is_final(self) -> bool:
        """True if the callback never runs again for this result."""
        return self.outcome in FINAL_OUTCOMES

    def replaces(self, other: Record | None) -> bool:
        """Return True if this record is to be kept instead of an earlier one about the same call.

        A final record is only replaced by a final one. Otherwise the record of the later delivery is kept.
        """
        return other is None or (self.is_final, self.delivery) >= (other.is_final, other.delivery)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self.as_dict() == other.as_dict()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Record {self.outcome}: {self.key}>"


class StoredEvent:
    """An event in a ledger.

    Attributes:
        key: the event's key.
        type: ``EventType``.
        task_id: ``TaskId``, or empty.
        status: the event's ``Status``.
        received: time of the first delivery in seconds since the epoch.
        delivery: number of the last delivery, from 1.
        complete: True if the last delivery closed the event and left nothing to do.
        lease_seconds: seconds for which a delivery may still hold the event. 0 if none does.
        notification: the raw event with its secrets hidden. None unless it was requested and is still stored.
    """

    __slots__ = (
        "_records",
        "complete",
        "delivery",
        "key",
        "lease_seconds",
        "notification",
        "received",
        "status",
        "task_id",
        "type",
    )

    def __init__(self, key: str, type: str, task_id: str, status: str, received: float) -> None:
        self.key = key
        self.type = type
        self.task_id = task_id
        self.status = status
        self.received = received
        self.delivery = 1
        self.complete = False
        self.lease_seconds = 0.0
        self.notification: dict[str, Any] | None = None
        self._records: dict[str, Record] = {}

    @classmethod
    def from_event(cls, event: Event) -> StoredEvent:
        """Create an event that is received now, without records."""
        return cls(event.key, event.type, event.task_id, event.status, time())

    @classmethod
    def from_description(cls, fields: object) -> StoredEvent:
        """Create an event from what `describe` returned. Raises ValueError for anything else."""
        return cls(*read_fields(fields, _EVENT_FIELDS))

    @classmethod
    def from_dict(cls, fields: object) -> StoredEvent:
        """Create an event from what `as_dict` returned. Raises ValueError for anything else."""
        event = cls.from_description(fields)
        event.delivery, event.complete, records = read_fields(fields, _STATE_FIELDS)
        event.add(Record.from_dict(record) for record in records)
        return event

    def describe(self) -> dict[str, Any]:
        """Return the fields that never change, for JSON."""
        return {name: getattr(self, name) for name in _EVENT_FIELDS}

    def as_dict(self) -> dict[str, Any]:
        """Return the fields that are stored, for JSON."""
        return {
            **self.describe(),
            "delivery": self.delivery,
            "complete": self.complete,
            "records": [record.as_dict() for record in self._records.values()],
        }

    @property
    def records(self) -> tuple[Record, ...]:
        """The last record of each callback and result."""
        return tuple(self._records.values())

    @property
    def final_records(self) -> dict[str, Record]:
        """The final records by the keys of their calls."""
        return {key: record for key, record in self._records.items() if record.is_final}

    @property
    def state(self) -> str:
        """``done``, ``running``, ``failed``, or ``interrupted``: the last delivery did not close the event."""
        if self.complete:
            return "done"
        if self.lease_seconds > 0:
            return "running"
        return "failed" if any(not record.is_final for record in self.records) else "interrupted"

    def add(self, records: Iterable[Record]) -> None:
        """Add records. Each replaces an earlier one of the same call, unless that takes precedence."""
        stored = self._records
        for record in records:
            if record.replaces(stored.get(record.key)):
                stored[record.key] = record

    def __repr__(self) -> str:
        return f"<StoredEvent {self.key} {self.state}>"


class Lease:
    """The right of a delivery to work on an event.

    Attributes:
        event: the event's key.
        delivery: number of this delivery, from 1.
        final_records: final records of earlier deliveries, by the keys of their calls.
        held: False if nothing was left to do. Then nothing was written, and there is nothing to record or close.
        token: what the store needs to identify the lease.
        timeout: maximum seconds of the next `record` or `close`. The caller sets it before each.
    """

    __slots__ = ("delivery", "event", "final_records", "held", "timeout", "token")

    def __init__(
        self,
        event: str,
        delivery: int,
        final_records: dict[str, Record],
        held: bool = True,
        token: object = None,
    ) -> None:
        self.event = event
        self.delivery = delivery
        self.final_records = final_records
        self.held = held
        self.token = token
        self.timeout = DEFAULT_TIMEOUT


class Ledger(ABC):
    """A store of the outcomes of callbacks by event. Threads and processes may share it.

    Every method raises `LedgerError` if the store cannot be reached or refuses, and `DamagedRecord` if stored data is
    invalid. A store that does not respond must not outlast the invocation: `claim` takes at most
    `compute_claim_timeout`, `record` and `close` take `Lease.timeout`, `find` takes `FIND_TIMEOUT`.

    Attributes:
        keep: minimum seconds for which an event is kept.
    """

    keep: float = float("inf")

    @abstractmethod
    def claim(
        self,
        event: Event,
        calls: Collection[str],
        seconds: float,
        *,
        forced: Collection[str] = (),
        owner: str = "",
    ) -> Lease:
        """Hold an event for this delivery, so that no other delivery works on it.

        The first claim stores the raw event, before any callback runs. If no call is left, and the event is complete
        or held by another delivery, nothing is written and the lease holds nothing. (If the last delivery died between
        its last record and closing, the event is held once more, so that it can be closed as complete.)

        Args:
            event: the event.
            calls: keys of the calls to make. See `Call.key`.
            seconds: maximum duration of the lease: `MAX_KILL_DELAY` longer than the invocation may last.
            forced: keys of the calls to make although they have a final record.
            owner: SCF's request id, so that people find the log.

        Raises:
            EventHeld: another delivery holds the event.
            DamagedRecord: a record of the event is invalid. Nothing is claimed, as the record may say that callbacks
                ran.
        """

    @abstractmethod
    def record(self, lease: Lease, record: Record) -> None:
        """Store a final record. After this returns, the callback never runs again for the result."""

    @abstractmethod
    def close(self, lease: Lease, records: Sequence[Record], complete: bool) -> None:
        """Release the event.

        If another delivery took the event over because the lease expired, only final records are stored.

        Args:
            lease: what `claim` returned.
            records: outcomes of every call of this delivery, including failed and deferred ones.
            complete: True if nothing is left to do.
        """

    @abstractmethod
    def find(self, key: str) -> StoredEvent | None:
        """Return the event with this key and its notification, or None."""

    @abstractmethod
    def list_events(self, task_id: str = "", since: float = 0.0) -> Iterator[StoredEvent]:
        """Return stored events without their notifications, in any order.

        Args:
            task_id: only events of this task.
            since: only events received at or after this time, in seconds since the epoch.

        Raises:
            DamagedRecord: after all valid events, if others are invalid. The message names each.
        """

    @abstractmethod
    def purge(self, before: float) -> int:
        """Delete events received before a time, unless a delivery holds them. Return how many.

        A store that expires events on its own may have nothing to delete.

        Args:
            before: seconds since the epoch.

        Raises:
            DamagedRecord: after all others, if events are invalid. The message names each.
        """


def is_settled(final: Container[str], calls: Collection[str], forced: Collection[str]) -> bool:
    """Return True if every call has a final record and none is forced.

    Args:
        final: keys of the calls with a final record.
        calls: see `Ledger.claim`.
        forced: see `Ledger.claim`.
    """
    return all(call in final and call not in forced for call in calls)


def merge_damage(damaged: list[DamagedRecord]) -> DamagedRecord:
    """Return one error for several damaged records: their number, and the messages of the first few."""
    if len(damaged) == 1:
        return damaged[0]
    shown = "".join(f"\n  {error}" for error in damaged[:_MAX_SHOWN_ERRORS])
    hidden = len(damaged) - _MAX_SHOWN_ERRORS
    more = f"\n  and {hidden} more" if hidden > 0 else ""
    return DamagedRecord(f"{len(damaged)} events of the ledger are damaged:{shown}{more}")


def compute_claim_timeout(seconds: float) -> float:
    """Return the maximum seconds of a claim for `seconds`.

    That is half of the invocation's remaining time above one second, so that callbacks still have time to run without
    the ledger. Half a second is granted if that is no more than half of the remaining time.
    """
    remaining = seconds - MAX_KILL_DELAY
    return min(DEFAULT_TIMEOUT, max((remaining - 1.0) / 2, min(0.5, remaining / 2), MIN_TIMEOUT))


def hash_key(key: str) -> str:
    """Return 32 hexadecimal digits for a key, where a short name is needed."""
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
