"""How fast is fast enough: COS's documented rates, and fewer at a time when it asks for that.

`RateLimiter` holds requests back so that a bucket's and a key's limits are kept (page 436/14518); `AdaptiveConcurrency` says how many
workers may run: halved by a 503 SlowDown, let up again by successes. Waiting out a single refusal is `retry.py`'s.
"""

from __future__ import annotations

import threading
from time import monotonic

from ..common.locks import free_in_child

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..events.files import CosObject

MAX_MAINLAND_RATE = 30_000
MAX_OVERSEAS_RATE = 3_000
"""Requests a second of one kind (reads, writes) that a bucket takes, by where it is."""
MAX_KEY_RATE = 50
"""Uploads and deletes a second that one key takes."""
MAX_BATCH_RATE = 300
"""Batch deletes a second that a bucket takes."""

_ABROAD = [
    "ap-hongkong",
    "ap-singapore",
    "ap-mumbai",
    "ap-jakarta",
    "ap-seoul",
    "ap-bangkok",
    "ap-tokyo",
    "na-",
    "eu-",
    "sa-",
    "me-",
    "af-",
]


def find_region_rate(region: str) -> int:
    """Reads, and writes, a second of a bucket in that region."""
    return MAX_OVERSEAS_RATE if region.startswith(tuple(_ABROAD)) else MAX_MAINLAND_RATE


class _Meter:
    """One rate: `burst` at once, then evenly (the generic cell rate algorithm: two numbers)."""

    __slots__ = ("_due", "_slack", "interval")

    def __init__(self, rate: float, burst: float) -> None:
        self.interval = 1 / rate
        self._slack = burst / rate
        self._due = 0.0

    def take(self, count: int, now: float) -> float:
        """Take `count` of it; returns the seconds to wait first."""
        due = max(self._due, now)
        self._due = due + count * self.interval
        return max(0.0, self._due - self._slack - now)


class RateLimiter:
    """The rates of all buckets and keys a client writes and reads. Safe for threads.

    Args:
        scale: the share of COS's limits that is ours, e.g. 0.5 where another function writes as well.
    """

    def __init__(self, scale: float = 1.0, clock: Callable[[], float] = monotonic) -> None:
        self._scale = scale
        self._clock = clock
        self._lock = free_in_child(threading.Lock())
        self._meters: dict[tuple[str, str], _Meter] = {}
        self._keys: dict[CosObject, _Meter] = {}

    def take(self, bucket: str, region: str, kind: str, count: int = 1) -> float:
        """Take `count` requests of a kind (``read``, ``write``, ``batch``); returns the seconds to wait first."""
        with self._lock:
            meter = self._meters.get((bucket, kind))
            if meter is None:
                rate = (
                    MAX_BATCH_RATE if kind == "batch" else find_region_rate(region)
                ) * self._scale
                meter = self._meters[bucket, kind] = _Meter(rate, rate / 10)
            return meter.take(count, self._clock())

    def take_key(self, item: CosObject) -> float:
        """Take one write of a key; returns the seconds to wait first."""
        with self._lock:
            meter = self._keys.get(item)
            if meter is None:
                if len(self._keys) >= 4096:  # a key written that long ago is at rest
                    self._keys.clear()
                meter = self._keys[item] = _Meter(
                    MAX_KEY_RATE * self._scale, MAX_KEY_RATE * self._scale
                )
            return meter.take(1, self._clock())


class AdaptiveConcurrency:
    """How many of a client's workers may work at a time. Safe for threads.

    Attributes:
        size: that number now; between 1 and `most`.
        halvings: how often COS asked for less.
    """

    def __init__(self, most: int, clock: Callable[[], float] = monotonic) -> None:
        self.most = most
        self.size = float(most)
        self.halvings = 0
        self._clock = clock
        self._rest = 0.0
        self._change = free_in_child(threading.Condition())

    def slow_down(self) -> None:
        """COS answered SlowDown. Answers to requests that were under way already count once."""
        with self._change:
            now = self._clock()
            if now >= self._rest:
                self.size = max(1.0, self.size / 2)
                self.halvings += 1
                self._rest = now + 0.2

    def succeed(self) -> None:
        """A request went well: after a window's worth of them there is room for one more worker."""
        if self.size < self.most:
            with self._change:
                self.size = min(float(self.most), self.size + 1 / self.size)
                self._change.notify_all()

    def wait_for(self, number: int, over: Callable[[], bool]) -> None:
        """Let worker `number` (from 0) wait until it may work, or all is over. Worker 0 never waits."""
        if number >= self.size:
            with self._change:
                self._change.wait_for(lambda: number < self.size or over())

    def release(self) -> None:
        """Let waiting workers see that all is over."""
        with self._change:
            self._change.notify_all()
