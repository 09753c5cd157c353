"""Attempts, waits between them, and Retry-After."""

from __future__ import annotations

import pytest

from scf_mps.common.deadline import Deadline
from scf_mps.common.retry import Retry, call_with_retry, parse_retry_after


class Operation:
    """Fails with the given errors, one per call, then returns its name."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.calls = 0

    def __call__(self):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "result"


def test_next_wait_is_none_after_last_attempt():
    retry = Retry(attempts=3, base=0.5, cap=1.5)
    first, second, last = (retry.next_wait(attempt, 2.0) for attempt in (1, 2, 3))
    assert first is not None
    assert second is not None
    assert 2.0 <= first <= 3.0
    assert 2.0 <= second <= 3.5
    assert last is None


def test_call_with_retry_repeats_until_success():
    operation = Operation(OSError("1"), OSError("2"))
    attempts = []

    def compute_wait(error: Exception, attempt: int) -> float:
        attempts.append(attempt)
        return 0.0

    assert call_with_retry(operation, Deadline(), compute_wait) == "result"
    assert (operation.calls, attempts) == (3, [1, 2])


@pytest.mark.parametrize("wait", [None, 1.0])
def test_call_with_retry_raises_without_wait_or_time(wait):
    operation = Operation(OSError("first"), OSError("second"))
    with pytest.raises(OSError, match="first"):
        call_with_retry(operation, Deadline(1.0, lambda: 0.0), lambda error, attempt: wait)
    assert operation.calls == 1


def test_waits_are_drawn_up_to_doubled_base():
    retry = Retry(base=1.0, cap=5.0)
    waits = [retry.next_wait(3) for _ in range(200)]
    assert 0 <= min(waits) < 1 < 4 < max(waits) <= 5


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("never", 0),
        ("7", 7),
        ("9" * 400, 86400),
        ("Mon, 01 Jan 2020 00:00:00 +99999999999999999", 0),
        ("Fri, 31 Dec 9999 23:59:59 -2300", 86400),
    ],
)
def test_parse_retry_after_is_at_most_a_day(value, seconds):
    assert parse_retry_after(value) == seconds
