"""Bounded log of requests with counts per operation, for tests and benchmarks."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator
from typing import NamedTuple


class LoggedRequest(NamedTuple):
    """One finished request. `status` is 0 if the connection was reset without a response."""

    operation: str
    method: str
    bucket: str
    key: str
    status: int
    code: str
    """COS error code, empty for a success."""
    seconds: float
    """Time from the parsed head to the response, in seconds."""


class RequestLog:
    """The last requests and the counts of all requests. Usable from any thread."""

    def __init__(self, size: int = 10_000) -> None:
        self._lock = threading.Lock()
        self._recent: deque[LoggedRequest] = deque(maxlen=size)
        self._counts: Counter[str] = Counter()

    def __iter__(self) -> Iterator[LoggedRequest]:
        """Iterate over a snapshot of the last requests, oldest first."""
        with self._lock:
            return iter(list(self._recent))

    def __len__(self) -> int:
        """Return the number of requests since the start or the last `clear`, kept or not."""
        with self._lock:
            return self._counts.total()

    def add(self, request: LoggedRequest) -> None:
        """Add a request."""
        with self._lock:
            self._recent.append(request)
            self._counts[request.operation] += 1

    def count(self, operation: str) -> int:
        """Return the number of requests of one operation, such as "CopyObject"."""
        with self._lock:
            return self._counts[operation]

    def counts(self) -> dict[str, int]:
        """Return the number of requests by operation."""
        with self._lock:
            return dict(self._counts)

    def clear(self) -> None:
        """Remove all requests and counts."""
        with self._lock:
            self._recent.clear()
            self._counts.clear()
