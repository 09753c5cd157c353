"""State of one invocation: the event, the values made for it, and their cleanups."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from ..context import Context
    from ..events.base import Event
    from ..ledger.session import LedgerSession
    from ..routing.plan import Call

    T = TypeVar("T")
    Cleanup = Callable[[], object]
    Problem = tuple[str, BaseException]
    """A failure outside of the callbacks: its place and its exception."""


class Invocation:
    """State of one event in one invocation. A batch of messages has one for each event.

    Attributes:
        event: the event.
        context: SCF's context.
        session: the event's session with the ledger, None without a ledger.
        call: the current call.
        calls: all calls that were attempted or deferred, in order.
        problems: failures outside of the callbacks.
        unhandled: number of results without a callback.
        values: the values of providers, by type.
        cleanups: the cleanups of providers that are still open.
        open_types: the types in `values` that have a cleanup in `cleanups`, or depend on a value that has one.
    """

    __slots__ = (
        "call",
        "calls",
        "cleanups",
        "context",
        "event",
        "open_types",
        "problems",
        "session",
        "unhandled",
        "values",
    )

    def __init__(self, event: Event, context: Context) -> None:
        self.event = event
        self.context = context
        self.session: LedgerSession | None = None
        self.call: Call | None = None
        self.calls: list[Call] = []
        self.problems: list[Problem] = []
        self.unhandled = 0
        self.values: dict[type, Any] = {}
        self.cleanups: list[Cleanup] = []
        self.open_types: set[type] = set()

    def share(self, kind: type[T], create: Callable[[], T]) -> T:
        """Return the invocation's value of a type. The first call creates it."""
        if kind not in self.values:
            self.values[kind] = create()
        value: T = self.values[kind]
        return value

    def close_values(self) -> list[BaseException]:
        """Forget the values of providers and run their cleanups in reverse order.

        Unlike `contextlib.ExitStack` it returns the exception of each, of which none stops the others.
        """
        for kind in self.open_types:
            del self.values[kind]
        self.open_types.clear()
        errors: list[BaseException] = []
        while self.cleanups:
            try:
                self.cleanups.pop()()
            except BaseException as error:  # SystemExit too, as in a callback
                errors.append(error)
        return errors
