"""Observation of callbacks in a test, and their scripted failures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scf_mps.common.spans import Observer, Span
from scf_mps.dispatch.middleware import Middleware
from scf_mps.ledger.base import Lease, Record, hash_key
from scf_mps.ledger.memory import MemoryLedger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scf_mps.routing.plan import Call

ErrorSource = BaseException | type[BaseException]


class Crash(BaseException):
    """Stands for the death of the process."""


@dataclass
class Script:
    """A scripted failure of callbacks.

    Attributes:
        callback: the full name or its last part, ``""`` for all.
        error: is raised instead of running the callback.
        times: how many calls fail, None for all.
        crashes: whether the process dies after the callback instead.
        hits: the calls that failed.
    """

    callback: str
    error: ErrorSource | None = None
    times: int | None = 1
    crashes: bool = False
    hits: int = 0

    def take(self, name: str) -> bool:
        """Return True if a call fails, and count it."""
        is_hit = (self.times is None or self.hits < self.times) and (
            not self.callback or is_named(name, self.callback)
        )
        self.hits += is_hit
        return is_hit

    def __str__(self) -> str:
        return f"crash(after={self.callback!r})" if self.crashes else f"fail({self.callback!r})"


def is_named(name: str, wanted: str) -> bool:
    """Return True if a callback has this full name, or this last part of it."""
    return wanted in (name, name.rpartition(".")[2])


class CallWatch(Middleware):
    """Notes the calls of a delivery, and lets them fail as scripts say.

    Attributes:
        calls: of the current delivery, in order.
        keys: the idempotency key of each call.
        crashed: True after the process died.
    """

    def __init__(self, scripts: Sequence[Script], on_crash: Callable[[], None]) -> None:
        self._scripts = scripts
        self._on_crash = on_crash
        self.calls: list[Call] = []
        self.keys: list[tuple[str, str]] = []
        self.crashed = False

    def around_callback(self, call: Call, proceed: Callable[[], Any]) -> Any:
        """Run the callback, unless a script says otherwise."""
        if self.crashed:
            raise Crash
        name = call.route.name
        self.keys.append((name, hash_key(call.key)))
        failing = next(
            (script for script in self._scripts if not script.crashes and script.take(name)), None
        )
        if failing is not None and failing.error is not None:
            raise failing.error
        returned = proceed()
        if any(script.crashes and script.take(name) for script in self._scripts):
            self.crashed = True
            self._on_crash()
            raise Crash
        return returned

    def after_callback(self, call: Call) -> None:
        """Keep the call, whose outcome may still change."""
        self.calls.append(call)


class Spans(Observer):
    """Keeps the spans of a test."""

    def __init__(self) -> None:
        self.all: list[Span] = []

    def ended(self, span: Span) -> None:
        """Keep a span."""
        self.all.append(span)


class CrashableLedger(MemoryLedger):
    """A ledger in memory that loses what a dead process would not have written."""

    is_lost = False
    """True from a crash to the next delivery. No callback completes in between."""

    def close(self, lease: Lease, records: Sequence[Record], complete: bool) -> None:
        """Release the event, unless the process is dead: then the lease ends with its time."""
        if not self.is_lost:
            super().close(lease, records, complete)
