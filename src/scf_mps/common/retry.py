"""Retries: how many attempts, and how long to wait between them."""

from __future__ import annotations

import random
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from .deadline import Deadline

    T = TypeVar("T")

_MAX_RETRY_AFTER = 86400.0
"""Seconds. No invocation lasts longer, and a wait of centuries overflows the clock."""


class Retry:
    """A limit of attempts, with random waits between them.

    Full jitter keeps functions that failed together from retrying in step.

    Args:
        attempts: maximum number of requests, including the first.
        base: seconds. The n-th wait is drawn from 0 to base x 2^n.
        cap: maximum seconds of a drawn wait.
    """

    __slots__ = ("attempts", "base", "cap")

    def __init__(self, attempts: int = 6, base: float = 0.1, cap: float = 8.0) -> None:
        self.attempts = attempts
        self.base = base
        self.cap = cap

    def next_wait(self, attempt: int, retry_after: float = 0.0) -> float | None:
        """Return the seconds to wait after attempt number `attempt` (from 1), or None after the last attempt.

        Args:
            attempt: number of the failed attempt.
            retry_after: minimum seconds.
        """
        if attempt >= self.attempts:
            return None
        return retry_after + random.uniform(0.0, min(self.cap, self.base * 2**attempt))


def call_with_retry(
    operation: Callable[[], T],
    deadline: Deadline,
    compute_wait: Callable[[Exception, int], float | None],
) -> T:
    """Call an operation until it succeeds, and return its result.

    Args:
        operation: makes one attempt.
        deadline: bounds the waits. A wait that would reach it is not begun.
        compute_wait: gets the error and the number of the failed attempt (from 1). Returns the seconds to wait before
            the next attempt, or None to raise the error.
    """
    attempt = 1
    while True:
        try:
            return operation()
        except Exception as error:
            wait = compute_wait(error, attempt)
            if wait is None or not deadline.sleep(wait):
                raise
        attempt += 1


def parse_retry_after(value: str | None) -> float:
    """Return the seconds of a ``Retry-After`` header (a number or a date), at most a day. 0 without a valid one."""
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
