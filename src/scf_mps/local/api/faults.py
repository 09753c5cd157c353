"""Faults of the next requests. The server applies them.

A fault hits only requests with a valid signature: as in the cloud, the signature is checked first.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

Kind = Literal["error", "status", "hang_up", "lose_response", "delay"]

MAX_DELAY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Fault:
    """The fault of one request.

    - ``error``: respond with the error `code` without running the action.
    - ``status``: respond with the HTTP status `status` and an HTML page without running the action.
    - ``hang_up``: reset the connection without running the action.
    - ``lose_response``: run the action, then reset the connection.
    - ``delay``: wait `seconds`, at most 60, then run the action.

    Raises:
        ValueError: for another kind, or a delay out of bounds.
    """

    kind: Kind = "error"
    code: str = "RequestLimitExceeded"
    status: int = 503
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(
                f"unknown fault kind {self.kind!r}. Use one of {', '.join(get_args(Kind))}"
            )
        if not 0 <= self.seconds <= MAX_DELAY_SECONDS:
            raise ValueError(f"delay of {self.seconds} s is not from 0 to {MAX_DELAY_SECONDS:g} s")


class Faults:
    """The active faults, used once each in the order in which they were added. Usable from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: list[tuple[str, Fault, int]] = []

    def add(self, action: str = "*", times: int = 1, **fields: Any) -> None:
        """Make the next `times` requests fail whose action matches the glob `action`.

        `fields` are those of `Fault`.

        Raises:
            ValueError: see `Fault`.
        """
        fault = Fault(**fields)
        with self._lock:
            self._active.append((action, fault, times))

    def take(self, action: str) -> Fault | None:
        """Return and use up the fault of a request with this action, if any."""
        with self._lock:
            for index, (pattern, fault, times) in enumerate(self._active):
                if fnmatchcase(action, pattern):
                    self._active[index : index + 1] = [(pattern, fault, times - 1)] * (times > 1)
                    return fault
        return None

    @property
    def active(self) -> list[tuple[str, Fault, int]]:
        """The glob, the fault and the remaining requests of each fault."""
        with self._lock:
            return list(self._active)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._active.clear()
