"""Queue of events: synchronous calls first, then pushed events by due time."""

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
    """One delivery of an event to an instance.

    Attributes:
        text: the event, as JSON.
        pushed: when the event arrived, in seconds since the epoch.
        age_before: the event's age when it was put into the queue this time, in seconds.
        retry: the number of earlier deliveries.
        duplicate: whether this is the second delivery of a duplicated event.
        failure: the last invocation.
        caller: waits for the result of a synchronous call. None for a pushed event.
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
    """Deliveries for any number of worker threads. A worker calls `done` after each `take`."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._calls: deque[Delivery] = deque()
        self._waiting: list[tuple[float, int, Delivery]] = []
        self._order = itertools.count()
        self._taken = 0
        self._paused = False
        self._closed = False

    def __len__(self) -> int:
        """Return the number of waiting deliveries, including calls and retries."""
        with self._changed:
            return len(self._calls) + len(self._waiting)

    def put(self, *deliveries: Delivery, delay: float = 0) -> None:
        """Add deliveries that are due after `delay` seconds, calls at once. Raises RuntimeError if closed."""
        with self._changed:
            if self._closed:
                raise RuntimeError("the function is closed")
            self._add(deliveries, delay)

    def take(self) -> tuple[Delivery, float] | None:
        """Wait for the next delivery. Return it with its delay in seconds, or None if the queue is closed."""
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

    def done(self, retry: Delivery | None = None, delay: float = 0) -> None:
        """Finish a taken delivery, and add its retry after `delay` seconds, if any."""
        with self._changed:
            self._taken -= 1
            if retry is not None:
                self._add((retry,), delay)
            self._changed.notify_all()

    def pause(self, paused: bool) -> None:
        """Stop or resume the delivery of pushed events."""
        with self._changed:
            self._paused = paused
            self._changed.notify_all()

    def settle(self, timeout: float) -> None:
        """Wait until no delivery waits or is in progress. Raises TimeoutError after `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(self._is_settled, timeout):
                waiting = len(self._calls) + len(self._waiting)
                raise TimeoutError(
                    f"after {timeout} s {waiting} events wait"
                    f"{' in the paused queue' if self._paused else ''}, {self._taken} are running"
                )

    def close(self) -> list[Future[Invocation]]:
        """Close the queue and return the callers that still wait."""
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
