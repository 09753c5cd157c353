"""Tells when functions forward an event to each other round and round, as the event itself carries no trace of that.

An event is forwarded as it came: a mark in it would be one more field that MPS never sends, and another digest where
the ledger knows an event by its content. What is seen instead is one event in more and more invocations. With a ledger
this is never needed, since a recorded callback does not run again; without one it ends what nothing else would.
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
"""Invocations that may send one event from an instance. SCF's retries keep their request id, and count once."""

MAX_EVENTS = 1000
"""Events that are remembered."""


class LoopGuard:
    """What one target was sent by this instance; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = free_in_child(threading.Lock())
        self._seen: dict[str, set[str]] = {}

    def check(self, event: Event, context: Context) -> None:
        """Whether an event may be sent once more.

        Raises:
            ConfigurationError: if it was sent in too many other invocations.
        """
        with self._lock:
            others = self._seen.get(event.key, set()) - {context.request_id}
        if context.request_id and len(others) >= MAX_INVOCATIONS:
            raise ConfigurationError(
                f"{event.key} was forwarded in {MAX_INVOCATIONS} other invocations and is not forwarded again: does what "
                f"MPS_FORWARD names forward it back to this function? A ledger (MPS_LEDGER) would tell at the second "
                f"time"
            )

    def sent(self, event: Event, context: Context) -> None:
        """Take down that an invocation sent an event. One that was refused goes round nowhere, and does not count."""
        if not context.request_id:
            return
        with self._lock:
            requests = self._seen.pop(event.key, set())
            requests.add(context.request_id)
            self._seen[event.key] = requests  # the last now, and so the last to be forgotten
            if len(self._seen) > MAX_EVENTS:
                del self._seen[next(iter(self._seen))]
