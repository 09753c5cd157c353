"""What was asked: a bounded log of requests, refused ones included, for tests to look at."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class LoggedRequest(NamedTuple):
    """One answered request; what could not be read of it is empty. Secrets and tokens are not kept."""

    service: str
    action: str
    version: str
    region: str
    parameters: Mapping[str, Any]
    """The action's own parameters, as a tree, whether they came as JSON or flattened."""
    secret_id: str
    """Who signed it; empty when the signature was refused."""
    code: str
    """The error code; empty for a success. ``(hung up)`` or ``(503)`` where a fault cut the answer short."""
    request_id: str
    seconds: float
    """From the parsed head to the answer."""


class RequestLog:
    """The last requests, oldest first; safe to use from any thread."""

    def __init__(self, size: int = 1000) -> None:
        self._lock = threading.Lock()
        self._requests: deque[LoggedRequest] = deque(maxlen=size)

    def __iter__(self) -> Iterator[LoggedRequest]:
        """A snapshot."""
        with self._lock:
            return iter(list(self._requests))

    def __len__(self) -> int:
        with self._lock:
            return len(self._requests)

    def __getitem__(self, index: int) -> LoggedRequest:
        with self._lock:
            return self._requests[index]

    def of(self, action: str) -> list[LoggedRequest]:
        """The requests of one action."""
        return [request for request in self if request.action == action]

    def add(self, request: LoggedRequest) -> None:
        """Write a request down."""
        with self._lock:
            self._requests.append(request)

    def clear(self) -> None:
        """Begin anew."""
        with self._lock:
            self._requests.clear()
