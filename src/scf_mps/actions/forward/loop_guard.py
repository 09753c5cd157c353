"""Detection of forwarding loops: functions that forward the same event to each other.

An event is forwarded unchanged, because a mark in it would be a field that MPS never sends, and would change the
digest by which a ledger identifies the event. A loop shows as one event in more and more invocations. With a ledger
the guard is never needed, because a completed callback does not run again.
"""

from __future__ import annotations

import threading

from ...common.locks import free_in_child
from ...errors import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...context import Context
    from ...events.base import Event

MAX_INVOCATIONS = 5
"""Invocations of an instance that may send the same event. SCF's retries keep their request id and count once."""

MAX_EVENTS = 1000
"""Number of events that are remembered."""


class LoopGuard:
    """The events that this instance sent to one target. Thread-safe."""

    def __init__(self) -> None:
        self._lock = free_in_child(threading.Lock())
        self._seen: dict[str, set[str]] = {}

    def check(self, event: Event, context: Context) -> None:
        """Raise ConfigurationError if too many other invocations sent the event."""
        with self._lock:
            others = self._seen.get(event.key, set()) - {context.request_id}
        if context.request_id and len(others) >= MAX_INVOCATIONS:
            raise ConfigurationError(
                f"forwarding loop: {event.key} was forwarded by {MAX_INVOCATIONS} other invocations. Check that no "
                f"target of MPS_FORWARD forwards it back. A ledger (MPS_LEDGER) detects loops at the second delivery"
            )

    def record(self, event: Event, context: Context) -> None:
        """Remember that an invocation sent an event. Refused events cannot loop and are not recorded."""
        if not context.request_id:
            return
        with self._lock:
            requests = self._seen.pop(event.key, set())
            requests.add(context.request_id)
            self._seen[event.key] = requests  # now the last to be evicted
            if len(self._seen) > MAX_EVENTS:
                del self._seen[next(iter(self._seen))]
