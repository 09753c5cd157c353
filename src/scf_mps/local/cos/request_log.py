"""What was asked: a bounded log of requests with counts per operation, for tests and benchmarks."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator
from typing import NamedTuple


class LoggedRequest(NamedTuple):
    """One finished request. `status` is 0 when the connection was reset without an answer."""

    operation: str
    method: str
    bucket: str
    key: str
    status: int
    code: str
    """The COS error code, empty for a success."""
    seconds: float
    """From the parsed head to the answer handed to the operating system."""


class RequestLog:
    """The last requests and the counts of all, safe to use from any thread."""

    def __init__(self, size: int = 10_000) -> None:
        self._lock = threading.Lock()
        self._recent: deque[LoggedRequest] = deque(maxlen=size)
        self._counts: Counter[str] = Counter()

    def __iter__(self) -> Iterator[LoggedRequest]:
        """The last requests, oldest first: a snapshot."""
        with self._lock:
            return iter(list(self._recent))

    def __len__(self) -> int:
        """All requests since the start or the last `clear`, also those no longer kept."""
        with self._lock:
            return self._counts.total()

    def add(self, request: LoggedRequest) -> None:
        """Write a request down."""
        with self._lock:
            self._recent.append(request)
            self._counts[request.operation] += 1

    def count(self, operation: str) -> int:
        """Requests of one operation, such as "CopyObject"."""
        with self._lock:
            return self._counts[operation]

    def counts(self) -> dict[str, int]:
        """Requests by operation."""
        with self._lock:
            return dict(self._counts)

    def clear(self) -> None:
        """Begin anew."""
        with self._lock:
            self._recent.clear()
            self._counts.clear()
