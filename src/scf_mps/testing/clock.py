"""Time of a test: it passes by waiting, at once."""

from __future__ import annotations

import threading


class Clock:
    """The clock of a test. Waits of the framework advance it instead of taking time.

    Attributes:
        now: the time in seconds.
        waits: the seconds of each wait.
    """

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.waits: list[float] = []
        self._lock = threading.Lock()

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Wait for some seconds, at once."""
        with self._lock:
            self.waits.append(seconds)
            self.now += seconds

    def advance(self, seconds: float) -> None:
        """Let some seconds pass, e.g. in a callback that takes long."""
        with self._lock:
            self.now += seconds
