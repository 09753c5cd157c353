"""When a request is tried again, and how long it waits first: within the invocation's time, never in step.

Full jitter keeps functions that failed together from coming back together; COS's own ``Retry-After`` is the least
wait. Whether a request may be repeated at all is known by who makes it.
"""

from __future__ import annotations

import random
import time

from ..cos.errors import FINAL_CODES, Corrupt, CosError, Throttled, Unavailable

_MAX_RETRY_AFTER = 86400.0
"""Seconds. No invocation lasts so long, and a wait of centuries overflows the clock."""


class Retry:
    """How often and how patiently.

    Args:
        attempts: how many requests at most, the first included.
        base: seconds; the n-th wait is drawn from 0 to base x 2^n.
        cap: seconds that no drawn wait exceeds.
    """

    __slots__ = ("attempts", "base", "cap")

    def __init__(self, attempts: int = 6, base: float = 0.1, cap: float = 8.0) -> None:
        self.attempts = attempts
        self.base = base
        self.cap = cap

    def wait(self, attempt: int, retry_after: float = 0.0) -> float:
        """Seconds to wait behind attempt number `attempt` (from 1); at least `parse_retry_after`."""
        drawn = random.uniform(0.0, min(self.cap, self.base * 2**attempt))
        return retry_after + drawn


def is_retryable(error: CosError) -> bool:
    """Whether another try can end better: throttling, a broken connection or server, a damaged body."""
    return isinstance(error, Throttled | Unavailable | Corrupt) and error.code not in FINAL_CODES


def parse_retry_after(value: str | None) -> float:
    """Return the seconds of a ``Retry-After`` header, a number or a date, at most a day; 0 if there is none."""
    if not value:
        return 0.0
    if value.isdecimal():
        return min(float(value), _MAX_RETRY_AFTER)
    from email.utils import parsedate_to_datetime

    try:
        seconds = parsedate_to_datetime(value).timestamp() - time.time()
        return min(max(0.0, seconds), _MAX_RETRY_AFTER)
    except (OverflowError, ValueError):
        return 0.0
