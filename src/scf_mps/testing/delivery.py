"""Outcome of an event: one delivery, or all deliveries of SCF."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scf_mps.common.operations import Total
from scf_mps.errors import describe_error, find_leaves

from .watch import is_named

if TYPE_CHECKING:
    from logging import LogRecord

    from typing_extensions import Self

    from scf_mps.common.spans import Span
    from scf_mps.local.cos import LoggedRequest

    from .builders import MpsEvent

COMPLETE = ("done", "skipped", "dropped")
"""Outcomes after which a callback does not run again."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of one callback for one result.

    Attributes:
        callback: its full name.
        type: of the result.
        place: of the result in the event.
        outcome: ``done``, ``failed``, ``deferred``, ``skipped``, ``dropped`` or ``crashed``.
        cause: the exception, or None.
        reason: why it was deferred, ``""`` otherwise.
    """

    callback: str
    type: str
    place: str
    outcome: str
    cause: BaseException | None = None
    reason: str = ""


@dataclass
class Delivery:
    """One delivery of an event to `main_handler`.

    ``delivery["publish"]`` are the outcomes of a callback, in the order of the results. A callback has its full name,
    or the last part of it.

    Attributes:
        event: the event.
        outcomes: of every callback.
        summary: what `main_handler` returned, or would have returned. Empty after another error.
        error: what `main_handler` raised, or None.
        status: of the response to an HTTP request, 0 for other deliveries.
        response: to an HTTP request.
        logs: the log records.
        requests: at COS.
        spans: of the invocation.
        totals: the operations by kind.
        idempotency_keys: (callback, key) of each call.
    """

    event: MpsEvent
    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    summary: dict[str, Any] = field(default_factory=dict[str, Any])
    error: BaseException | None = None
    response: dict[str, Any] = field(default_factory=dict[str, Any])
    logs: list[LogRecord] = field(default_factory=list["LogRecord"])
    requests: list[LoggedRequest] = field(default_factory=list["LoggedRequest"])
    spans: list[Span] = field(default_factory=list["Span"])
    totals: dict[str, Total] = field(default_factory=dict[str, Total])
    idempotency_keys: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def __getitem__(self, callback: str) -> list[str]:
        found = [item.outcome for item in self.outcomes if is_named(item.callback, callback)]
        if not found:
            raise KeyError(f"{callback}: no such callback ran. Use {', '.join(self._list_names())}")
        return found

    @property
    def ok(self) -> bool:
        """True if SCF does not deliver the event again."""
        return self.error is None and self.status in (0, 200)

    @property
    def status(self) -> int:
        """The status of an HTTP response, 0 for other deliveries."""
        status: int = self.response.get("statusCode", 0)
        return status

    @property
    def done(self) -> list[str]:
        """The callbacks that completed, once for each result."""
        return self._list_names("done")

    @property
    def failed(self) -> list[str]:
        """The callbacks that failed."""
        return self._list_names("failed")

    @property
    def deferred(self) -> list[str]:
        """The callbacks that were left to the next delivery."""
        return self._list_names("deferred")

    @property
    def skipped(self) -> list[str]:
        """The callbacks that completed in an earlier delivery."""
        return self._list_names("skipped")

    @property
    def dropped(self) -> list[str]:
        """The callbacks that gave up with `Drop`."""
        return self._list_names("dropped")

    @property
    def unhandled(self) -> list[str]:
        """The types of the results without a callback."""
        return [item["type"] for item in self.summary.get("unhandled", ())]

    @property
    def causes(self) -> list[BaseException]:
        """The exceptions of callbacks, or the one of the whole event."""
        causes = [item.cause for item in self.outcomes if item.cause is not None]
        if not causes and self.error is not None:
            causes = [self.error]
        return [leaf for cause in causes for leaf in find_leaves(cause)]

    @property
    def cos(self) -> Total:
        """The requests to COS: ``count``, ``retries`` and ``seconds``."""
        return self.totals.get("cos", Total())

    def raised(self, kind: type[BaseException]) -> bool:
        """Return True if a callback or the event failed with an exception of this class."""
        return any(_is_of_class(cause, kind) for cause in self.causes)

    def keys(self, callback: str) -> list[str]:
        """Return the idempotency keys of a callback's calls."""
        return [key for name, key in self.idempotency_keys if is_named(name, callback)]

    def assert_done(self) -> Self:
        """Raise AssertionError with a table unless at least one callback ran, and each one completed."""
        if not (
            self.ok and self.outcomes and all(item.outcome in COMPLETE for item in self.outcomes)
        ):
            raise AssertionError(f"not all callbacks are done\n{self}")
        return self

    def __str__(self) -> str:
        rows = [("callback", "result", "outcome", "cause")]
        for item in self.outcomes:
            cause = describe_error(item.cause) if item.cause is not None else item.reason
            rows.append((item.callback, f"{item.type} {item.place}", item.outcome, cause))
        lines = format_table(rows) if len(rows) > 1 else ["no callback ran"]
        if self.unhandled:
            lines.append(f"without a callback: {', '.join(self.unhandled)}")
        if self.error is not None and not any(item.cause for item in self.outcomes):
            lines.append(describe_error(self.error))
        if self.response:
            lines.append(f"HTTP {self.status} {self.response.get('body', '')}")
        return "\n".join([repr(self.event), *lines])

    def __repr__(self) -> str:
        outcomes = ", ".join(
            f"{item.callback.rpartition('.')[2]} {item.outcome}" for item in self.outcomes
        )
        return f"<Delivery {outcomes or self.status or self.error or 'without callbacks'}>"

    def _list_names(self, outcome: str = "") -> list[str]:
        """Return the last part of each name, or the whole name if several callbacks end with that part."""
        names = {item.callback for item in self.outcomes}
        short = [name.rpartition(".")[2] for name in names]
        found = [
            last if short.count(last := item.callback.rpartition(".")[2]) == 1 else item.callback
            for item in self.outcomes
            if outcome in ("", item.outcome)
        ]
        return found if outcome else sorted(set(found))


class Deliveries(list[Delivery]):
    """All deliveries of one event by SCF.

    Attributes:
        dead_letter: the message in the dead-letter queue, or None if a delivery succeeded.
    """

    dead_letter: dict[str, Any] | None = None

    @property
    def last(self) -> Delivery:
        """The last delivery."""
        return self[-1]

    def keys(self, callback: str) -> list[str]:
        """Return the idempotency keys of a callback's calls in all deliveries."""
        return [key for delivery in self for key in delivery.keys(callback)]

    def assert_done(self) -> Self:
        """Raise AssertionError with a table unless the last delivery completed everything."""
        if not self.last.ok:
            raise AssertionError(f"the event is a dead letter\n{self}")
        self.last.assert_done()
        return self

    def __str__(self) -> str:
        return "\n".join(f"Delivery {number}: {item}" for number, item in enumerate(self, 1))


def format_table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Return the lines of a table, whose first row is its head."""
    table = [tuple(cell.partition("\n")[0] for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]


def _is_of_class(error: BaseException, kind: type[BaseException]) -> bool:
    """Return True if an exception is of a class, or of the same class of a module that was loaded again."""
    return isinstance(error, kind) or any(
        (base.__module__, base.__qualname__) == (kind.__module__, kind.__qualname__)
        for base in type(error).__mro__
    )
