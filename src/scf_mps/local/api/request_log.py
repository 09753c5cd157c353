"""Bounded log of requests, including refused ones, for tests."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class LoggedRequest(NamedTuple):
    """One request with its result. Unknown fields are empty. Secrets and tokens are not stored."""

    service: str
    action: str
    version: str
    region: str
    parameters: Mapping[str, Any]
    """The action's parameters as a tree, sent as JSON or flattened."""
    secret_id: str
    """The signing key. Empty if the signature was refused."""
    code: str
    """The error code, empty for a success. ``(hung up)`` or ``(503)`` for a fault without a response."""
    request_id: str
    seconds: float
    """Time from the parsed head to the response, in seconds."""


class RequestLog:
    """The last requests, oldest first. Usable from any thread."""

    def __init__(self, size: int = 1000) -> None:
        self._lock = threading.Lock()
        self._requests: deque[LoggedRequest] = deque(maxlen=size)

    def __iter__(self) -> Iterator[LoggedRequest]:
        """Iterate over a snapshot."""
        with self._lock:
            return iter(list(self._requests))

    def __len__(self) -> int:
        with self._lock:
            return len(self._requests)

    def __getitem__(self, index: int) -> LoggedRequest:
        with self._lock:
            return self._requests[index]

    def of(self, action: str) -> list[LoggedRequest]:
        """Return the requests of one action."""
        return [request for request in self if request.action == action]

    def add(self, request: LoggedRequest) -> None:
        """Add a request."""
        with self._lock:
            self._requests.append(request)

    def clear(self) -> None:
        """Remove all requests."""
        with self._lock:
            self._requests.clear()
