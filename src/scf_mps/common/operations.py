"""Operations of an invocation: requests, ledger calls and waits, counted while they run.

An operation finds its invocation by the scope of the log lines, so that threads and async callbacks need nothing else.
Outside of an invocation it does nothing.
"""

from __future__ import annotations

import threading

from .. import logs
from .locks import free_in_child

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Self

    from ..context import Context
    from .spans import Span, Tracer

_lock = free_in_child(threading.Lock())


class Total:
    """The finished operations of one kind.

    Attributes:
        count: the operations.
        retries: those that were not the first attempt.
        seconds: their durations together. Operations of several threads may overlap.
    """

    __slots__ = ("count", "retries", "seconds")

    def __init__(self, count: int = 0, retries: int = 0, seconds: float = 0.0) -> None:
        self.count = count
        self.retries = retries
        self.seconds = seconds

    def __sub__(self, other: Total) -> Total:
        return Total(
            self.count - other.count, self.retries - other.retries, self.seconds - other.seconds
        )


NO_TOTAL = Total()


class Operations:
    """The operations of one invocation.

    Attributes:
        totals: by kind, and for waits by ``wait`` and their purpose.
        open: the operations that have not ended, by identity.
    """

    __slots__ = ("_taken", "open", "totals")

    def __init__(self) -> None:
        self.totals: dict[str, Total] = {}
        self.open: dict[int, Operation] = {}
        self._taken: dict[str, Total] = {}

    def get_total(self, kind: str) -> Total:
        """Return the total of a kind."""
        return self.totals.get(kind, NO_TOTAL)

    def take(self, *kinds: str) -> list[Total]:
        """Return what the totals of some kinds have grown by since the last call."""
        with _lock:
            totals = {kind: self.get_total(kind) - NO_TOTAL for kind in kinds}
        taken, self._taken = self._taken, totals
        return [total - taken.get(kind, NO_TOTAL) for kind, total in totals.items()]


class Operation:
    """One attempt of a request, one call of the ledger, or one wait. A context manager.

    Args:
        kind: ``cos``, ``ledger``, ``api``, ``post`` or ``wait``.
        name: the action, e.g. ``PUT`` or ``DescribeTasks``. The purpose of a wait: ``cos``, ``api`` or ``ledger``.
        attempt: from 1.
        attributes: of the span.
    """

    __slots__ = ("_context", "_span", "attempt", "attributes", "began", "kind", "name")

    def __init__(self, kind: str, name: str, attempt: int = 1, **attributes: Any) -> None:
        self.kind = kind
        self.name = name
        self.attempt = attempt
        self.attributes = attributes
        self.began = 0.0
        self._context: Context | None = None
        self._span: Span | None = None

    def __enter__(self) -> Self:
        context = logs.get_context()
        if context is not None:
            if context.operations is None:
                context.operations = Operations()
            self._context = context
            self.began = context.clock()
            context.operations.open[id(self)] = self
            tracer: Tracer | None = context.tracer
            if tracer is not None:
                self._span = tracer.begin(self.kind, self.name, self.attempt, self.attributes)
        return self

    def __setitem__(self, name: str, value: object) -> None:
        """Set an attribute of the span."""
        self.attributes[name] = value

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        context = self._context
        if context is None:
            return
        operations = context.operations
        assert operations is not None
        seconds = context.clock() - self.began
        operations.open.pop(id(self), None)
        key = f"wait {self.name}" if self.kind == "wait" else self.kind
        with _lock:
            total = operations.totals.setdefault(key, Total())
            total.count += 1
            total.retries += self.attempt > 1
            total.seconds += seconds
        if self._span is not None:
            self._span.finish(error)

    def describe(self, now: float) -> str:
        """Return the operation in one line, e.g. ``cos PUT bucket=b key=k, attempt 2, 3.1 s``."""
        parts = [f"{self.kind} {self.name}"]
        parts += [f"{name}={value}" for name, value in self.attributes.items()]
        attempt = f", attempt {self.attempt}" if self.attempt > 1 else ""
        return f"{' '.join(parts)}{attempt}, {now - self.began:.1f} s"
