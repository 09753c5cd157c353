"""Kept connections of a process."""

from __future__ import annotations

import time
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .http1 import Connection

    Address = tuple[str, int, bool]
    """Host, port, and True for an encrypted connection."""

_MAX_IDLE_SECONDS = 20.0
"""COS and NAT gateways drop idle connections silently."""
_MAX_IDLE_CONNECTIONS = 128


class Pool:
    """Idle connections by address. Safe for threads and forks: a child process opens its own connections.

    A dict and a deque need no lock, which a fork might inherit locked.
    """

    def __init__(self) -> None:
        self._idle: dict[Address, deque[Connection]] = {}

    def take(self, address: Address) -> Connection | None:
        """Return the connection used last, or None if each is too old."""
        idle = self._idle.get(address)
        while idle:
            try:
                connection = idle.pop()
            except IndexError:  # pragma: no cover - another thread took it, which depends on timing
                return None
            if (
                time.monotonic() - connection.idle_since < _MAX_IDLE_SECONDS
                and not connection.is_inherited
                and connection.is_quiet
            ):
                return connection
            connection.close()
        return None

    def give(self, address: Address, connection: Connection) -> None:
        """Keep a connection, or close it if it cannot be used again."""
        idle = self._idle.setdefault(address, deque())
        if (
            connection.busy
            or not connection.reusable
            or connection.is_inherited
            or len(idle) >= _MAX_IDLE_CONNECTIONS
        ):
            connection.close()
        else:
            connection.idle_since = time.monotonic()
            idle.append(connection)

    def clear(self) -> None:
        """Close all idle connections."""
        connections, self._idle = self._idle, {}
        for idle in connections.values():
            while idle:
                idle.pop().close()


SHARED_POOL = Pool()
"""The connections of this process."""
