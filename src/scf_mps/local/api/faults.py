"""Faults on demand: which of the next requests fail, and how; carrying one out is left to the server.

A fault strikes only what is signed well: as in the cloud, strangers are refused before anything else.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, get_args

Kind = Literal["error", "status", "hang_up", "lose_response", "delay"]

LONGEST_DELAY = 60.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a request.

    - ``error``: the error `code`, nothing done.
    - ``status``: the HTTP status `status` with a page that is no JSON, nothing done.
    - ``hang_up``: the connection ends without an answer, nothing done.
    - ``lose_response``: it is done, and then the connection ends without an answer.
    - ``delay``: `seconds` pass first, at most 60; then it is done.

    Raises:
        ValueError: for another kind, or a delay out of bounds.
    """

    kind: Kind = "error"
    code: str = "RequestLimitExceeded"
    status: int = 503
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"there is no fault {self.kind!r}: use one of {get_args(Kind)}")
        if not 0 <= self.seconds <= LONGEST_DELAY:
            raise ValueError(f"a delay is from 0 to {LONGEST_DELAY:g} seconds, not {self.seconds}")


class Faults:
    """The faults in force, used up one by one in the order they were added; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[tuple[str, Fault, int]] = []

    def add(
        self,
        action: str = "*",
        times: int = 1,
        kind: Kind = "error",
        *,
        code: str = "RequestLimitExceeded",
        status: int = 503,
        seconds: float = 0.0,
    ) -> None:
        """Make the next `times` requests fail whose action matches the glob `action`.

        Raises:
            ValueError: see `Fault`.
        """
        fault = Fault(kind, code, status, seconds)
        with self._lock:
            self._left.append((action, fault, times))

    def take(self, action: str) -> Fault | None:
        """The fault that strikes a request of this action, if one does; it is used up by that."""
        with self._lock:
            for index, (pattern, fault, times) in enumerate(self._left):
                if fnmatchcase(action, pattern):
                    self._left[index : index + 1] = [(pattern, fault, times - 1)] * (times > 1)
                    return fault
        return None

    def clear(self) -> None:
        """No more faults."""
        with self._lock:
            self._left.clear()
