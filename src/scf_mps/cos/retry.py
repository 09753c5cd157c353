"""When a request is tried again, and how long it waits first: within the invocation's time, never in step.

Full jitter keeps functions that failed together from coming back together; COS's own ``Retry-After`` is the least
wait. Whether a request may be repeated at all is known by who makes it.
"""

from __future__ import annotations

import random
import time

from .errors import Corrupt, CosError, Throttled, Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


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
        """Seconds to wait behind attempt number `attempt` (from 1); at least `retry_after`."""
        drawn = random.uniform(0.0, min(self.cap, self.base * 2**attempt))
        return retry_after + drawn


class Clock:
    """The time an invocation has left, and waiting within it.

    Args:
        remaining: tells the seconds until the platform ends the invocation; infinity is fine.
        reserve: seconds that are kept for reporting what happened.
    """

    __slots__ = ("_remaining", "reserve")

    def __init__(self, remaining: Callable[[], float], reserve: float = 0.3) -> None:
        self._remaining = remaining
        self.reserve = reserve

    def left(self) -> float:
        """Seconds that may still be spent; 0 or less when none are."""
        return self._remaining() - self.reserve

    def sleep(self, seconds: float) -> bool:
        """Wait; False, at once, if there is no time for that."""
        if seconds > 0:
            if seconds >= self.left():
                return False
            time.sleep(seconds)
        return True


def may_help(error: CosError) -> bool:
    """Whether another try can end better: throttling, a broken connection or server, a damaged body."""
    return isinstance(error, Throttled | Unavailable | Corrupt) and error.code != "DeadlineExceeded"


def retry_after(value: str | None) -> float:
    """Seconds of a ``Retry-After`` header, given as a number or as a date; 0 if there is none."""
    if not value:
        return 0.0
    if value.isdecimal():
        return float(value)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return 0.0
