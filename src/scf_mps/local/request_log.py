"""Bounded log of an emulator's requests with counts per operation, for tests and benchmarks."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class _Request(Protocol):
    @property
    def operation(self) -> str: ...


Request = TypeVar("Request", bound=_Request)


class RequestLog(Generic[Request]):
    """The last requests and the counts of all requests. Usable from any thread."""

    def __init__(self, size: int = 10_000) -> None:
        self._lock = threading.Lock()
        self._recent: deque[Request] = deque(maxlen=size)
        self._counts: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Request]:
        """Iterate over a snapshot of the last requests, oldest first."""
        with self._lock:
            return iter(list(self._recent))

    def __getitem__(self, index: int) -> Request:
        with self._lock:
            return self._recent[index]

    def __len__(self) -> int:
        """Return the number of requests since the start or the last `clear`, kept or not."""
        with self._lock:
            return self._counts.total()

    def of(self, operation: str) -> list[Request]:
        """Return the last requests of one operation."""
        return [request for request in self if request.operation == operation]

    def add(self, request: Request) -> None:
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
