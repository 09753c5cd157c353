"""Events that wait for an instance: calls first, then what was pushed, in order of when it is due.

When an event is due again and what becomes of it is left to `function`.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass

from .invocation import Invocation


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to an instance.

    Attributes:
        text: the event, as JSON.
        pushed: when it came, in seconds since the epoch.
        age_before: how old it was when it was put into the queue this time, in seconds.
        retry: how often it was tried before.
        duplicate: whether it is the second of two deliveries of one event.
        failure: what came of the last try.
        caller: who waits for what comes of a synchronous call; None for an event that was pushed.
    """

    request_id: str
    text: str
    pushed: float
    age_before: float = 0
    retry: int = 0
    duplicate: bool = False
    failure: Invocation | None = None
    caller: Future[Invocation] | None = None


class EventQueue:
    """Deliveries for any number of threads that take them; a thread that took one calls `done`."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._calls: deque[Delivery] = deque()
        self._waiting: list[tuple[float, int, Delivery]] = []
        self._order = itertools.count()
        self._taken = 0
        self._paused = False
        self._closed = False

    def __len__(self) -> int:
        """How many wait, calls and retries included."""
        with self._changed:
            return len(self._calls) + len(self._waiting)

    def put(self, *deliveries: Delivery, delay: float = 0) -> None:
        """Add deliveries that are due after some seconds; calls are due at once. Raises RuntimeError when closed."""
        with self._changed:
            if self._closed:
                raise RuntimeError(
                    "expected a function that runs: use it in `with`, and before it is closed"
                )
            self._add(deliveries, delay)

    def take(self) -> tuple[Delivery, float] | None:
        """The next delivery and how many seconds it was late; None when the queue is closed. Waits for it."""
        with self._changed:
            while not self._closed:
                if self._calls:
                    self._taken += 1
                    return self._calls.popleft(), 0
                timeout = None
                if self._waiting and not self._paused:
                    late = time.monotonic() - self._waiting[0][0]
                    if late >= 0:
                        self._taken += 1
                        return heapq.heappop(self._waiting)[2], late
                    timeout = -late
                self._changed.wait(timeout)
            return None

    def done(self, again: Delivery | None = None, delay: float = 0) -> None:
        """What was taken has been dealt with, or is to be delivered again after some seconds."""
        with self._changed:
            self._taken -= 1
            if again is not None:
                self._add((again,), delay)
            self._changed.notify_all()

    def pause(self, paused: bool) -> None:
        """Hold back what was pushed, or let it go."""
        with self._changed:
            self._paused = paused
            self._changed.notify_all()

    def settle(self, timeout: float) -> None:
        """Wait until nothing waits and nothing is being dealt with. Raises TimeoutError after some seconds."""
        with self._changed:
            if not self._changed.wait_for(self._is_settled, timeout):
                raise TimeoutError(
                    f"after {timeout} s {len(self._calls) + len(self._waiting)} events still wait"
                    f"{' in the paused queue' if self._paused else ''} and {self._taken} are being handled"
                )

    def close(self) -> list[Future[Invocation]]:
        """Let nobody put or take any more; returns the callers that were waiting."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            callers = [call.caller for call in self._calls if call.caller is not None]
            self._calls.clear()
            return callers

    def _add(self, deliveries: tuple[Delivery, ...], delay: float) -> None:
        due = time.monotonic() + delay
        for delivery in deliveries:
            if delivery.caller is not None:
                self._calls.append(delivery)
            else:
                heapq.heappush(self._waiting, (due, next(self._order), delivery))
        self._changed.notify_all()

    def _is_settled(self) -> bool:
        return not (self._calls or self._waiting or self._taken)
