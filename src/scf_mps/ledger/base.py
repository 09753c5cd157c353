"""What a ledger is: which callbacks came to an end for which event, and who is at work on it now.

A store of any kind is a `Ledger` of six methods. What an application does with one is in `keeping.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from hashlib import sha256
from time import time

from ..common.printable import escape_controls
from ..errors import DamagedRecord

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from typing import Any

    from ..events.base import Event
    from ..routing.plan import Call

FINAL_OUTCOMES = ("done", "dropped")
"""The outcomes after which a callback never runs again for its result."""

DEFAULT_TIMEOUT = 10.0
"""Seconds that one call may take."""

FIND_TIMEOUT = 4.0
"""Seconds that `Ledger.find` may take."""

MIN_TIMEOUT = 0.05
"""Seconds that one call may always take."""

MAX_KILL_DELAY = 2.0
"""Seconds after the time limit within which SCF has killed an invocation for certain."""

_MAX_NUMBER = 1e12
_MAX_SHOWN = 10

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


def read_fields(fields: object, types: dict[str, type]) -> list[Any]:
    """Return the values of the fields, in the order of `types`.

    Args:
        fields: an object that was read from JSON.
        types: ``str``, ``bool``, ``list``, ``dict``, ``int`` (from 0) or ``float`` (a whole number is one too) by
            name. All numbers are below 10^12.

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
            raise ValueError(f"expected {kind.__name__} at {name!r}")
        values.append(value)
    return values


class Record:
    """What came of one callback with one result, in one delivery of the event.

    Attributes:
        key: what names the callback with its result: `Call.key`.
        callback: the callback's identity.
        type: the result's type.
        place: where it stands in the notification.
        outcome: ``done``, ``dropped``, ``failed`` or ``deferred``.
        error: why, in one line without control characters; ``""`` if it was done.
        seconds: how long it ran.
        at: when it ended, in seconds since the epoch.
        delivery: the number of the delivery it ran in, from 1.
    """

    __slots__ = (
        "at",
        "callback",
        "delivery",
        "error",
        "key",
        "outcome",
        "place",
        "seconds",
        "type",
    )

    def __init__(
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
    def of(cls, call: Call, error: str, delivery: int) -> Record:
        """The record of a call that has its outcome."""
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
        """Return the record that `as_dict` gave, without fields that a later version adds.

        Raises:
            ValueError: the fields are not those of a record.
        """
        return cls(*read_fields(fields, _RECORD_FIELDS))

    def as_dict(self) -> dict[str, Any]:
        """Its fields, for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}

    @property
    def ended(self) -> bool:
        """Whether the callback never runs again for this result."""
        return self.outcome in FINAL_OUTCOMES

    def replaces(self, other: Record | None) -> bool:
        """Whether this is the one to keep of two about the same call, `other` having come first.

        What ended stays ended, whoever says something else later; of two that say the same the later delivery's stays.
        """
        return other is None or (self.ended, self.delivery) >= (other.ended, other.delivery)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self.as_dict() == other.as_dict()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Record {self.outcome}: {self.key}>"


class Lease:
    """A delivery's hold on an event.

    Attributes:
        event: the event's key.
        delivery: the number of this delivery, from 1.
        ended: what ended in earlier deliveries, by the key of the call.
        held: whether the event is held: False if there was nothing left to do, and so nothing was written.
        token: what the store needs to know it again.
        timeout: seconds that the next `record` or `close` may take. It is set before each.
    """

    __slots__ = ("delivery", "ended", "event", "held", "timeout", "token")

    def __init__(
        self,
        event: str,
        delivery: int,
        ended: dict[str, Record],
        held: bool = True,
        token: object = None,
    ) -> None:
        self.event = event
        self.delivery = delivery
        self.ended = ended
        self.held = held
        self.token = token
        self.timeout = DEFAULT_TIMEOUT


class StoredEvent:
    """One event in the ledger, to be looked at.

    Attributes:
        key: the event's key.
        type: ``EventType``.
        task_id: ``TaskId``, or ``""``.
        status: the event's ``Status``.
        received: when it was first delivered, in seconds since the epoch.
        delivery: how many deliveries have worked on it.
        complete: whether its last delivery came to an end with nothing left to do.
        held: seconds for which a delivery may still be at work on it; 0 if none is.
        records: the last of each callback and result.
        notification: the raw event with its secrets hidden; None where it was not asked for.
    """

    __slots__ = (
        "complete",
        "delivery",
        "held",
        "key",
        "notification",
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
        delivery: int,
        complete: bool,
        held: float,
        records: Sequence[Record],
        notification: dict[str, Any] | None = None,
    ) -> None:
        self.key = key
        self.type = type
        self.task_id = task_id
        self.status = status
        self.received = received
        self.delivery = delivery
        self.complete = complete
        self.held = held
        self.records = tuple(records)
        self.notification = notification

    @property
    def state(self) -> str:
        """``done``, ``running``, ``failed``, or ``interrupted``: its last delivery ended without a word."""
        if self.complete:
            return "done"
        if self.held > 0:
            return "running"
        return "failed" if any(not record.ended for record in self.records) else "interrupted"

    def __repr__(self) -> str:
        return f"<Entry {self.key} {self.state}>"


class Ledger(ABC):
    """A store of what was done for which event. Threads and processes may share one.

    Every method raises `LedgerError` if the store cannot be reached or refuses, and `DamagedRecord` if it holds
    something that cannot be read. A store that does not answer must not outlast the invocation: `claim` takes
    `patience` seconds at most, `record` and `close` `Claim.timeout`, `find` `FIND_TIMEOUT`.

    Attributes:
        keep: seconds for which an event is kept at least.
    """

    keep: float = float("inf")

    @abstractmethod
    def claim(
        self,
        event: Event,
        calls: Collection[str],
        seconds: float,
        *,
        again: Collection[str] = (),
        owner: str = "",
    ) -> Lease:
        """Hold an event for this delivery, so that no other one works on it.

        The raw event is stored by the first claim, before anything is done about it. If every call came to an end
        already, and the event is complete or held by another delivery, nothing is written, and what is returned holds
        nothing. (An event whose last delivery died between its last record and its end is held once more, so that it
        can be closed as complete.)

        Args:
            event: the event.
            calls: the keys of the calls there are to make; see `Call.key`.
            seconds: how long it is held at most, if it is not closed: `MAX_KILL_DELAY` longer than the invocation may
                last. The call itself takes `patience` of it at most.
            again: the keys of those to make although they ended.
            owner: SCF's request id, for people to find the log.

        Raises:
            EventHeld: if another delivery holds it.
            DamagedRecord: if a record of the event cannot be read. Nothing is claimed: what it says may be that the
                callbacks ran.
        """

    @abstractmethod
    def record(self, claim: Lease, record: Record) -> None:
        """Write down that a callback was done or dropped. When this returns, it never runs again."""

    @abstractmethod
    def close(self, claim: Lease, records: Sequence[Record], complete: bool) -> None:
        """Let go of the event.

        Of a delivery that was overtaken, as it held the event for too long, what ended is kept, and that alone.

        Args:
            claim: what `claim` returned.
            records: what came of every call of this delivery, failed and deferred ones included.
            complete: whether there is nothing left to do.
        """

    @abstractmethod
    def find(self, key: str) -> StoredEvent | None:
        """The event with this key, its notification included; None if the ledger does not know it."""

    @abstractmethod
    def entries(self, task_id: str = "", since: float = 0.0) -> Iterator[StoredEvent]:
        """The events there are, without their notifications, in no order.

        Args:
            task_id: those of this task alone.
            since: those first delivered at or after this time, in seconds since the epoch.

        Raises:
            DamagedRecord: after all others, if events cannot be read. It names each.
        """

    @abstractmethod
    def purge(self, before: float) -> int:
        """Forget events first delivered before this time, unless they are held; returns how many.

        (A store that forgets by itself may have nothing left to do.)

        Raises:
            DamagedRecord: after all others, if events cannot be read. It names each.
        """


def merge_damage(damaged: list[DamagedRecord]) -> DamagedRecord:
    """Return one error for several records that cannot be read: the text of the first few, and how many there are."""
    if len(damaged) == 1:
        return damaged[0]
    shown = "".join(f"\n  {error}" for error in damaged[:_MAX_SHOWN])
    more = f"\n  and {len(damaged) - _MAX_SHOWN} more" if len(damaged) > _MAX_SHOWN else ""
    return DamagedRecord(f"{len(damaged)} events of the ledger cannot be read:{shown}{more}")


def compute_claim_timeout(seconds: float) -> float:
    """Return the seconds that a claim for `seconds` may take.

    Half of what the invocation has left above one second, so that there is time for callbacks that run without the
    ledger. Half a second is granted if that is no more than half of what is left.
    """
    left = seconds - MAX_KILL_DELAY
    return min(DEFAULT_TIMEOUT, max((left - 1.0) / 2, min(0.5, left / 2), MIN_TIMEOUT))


def hash_key(key: str) -> str:
    """32 hexadecimal digits for a key, where a store or a user needs a short one."""
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
