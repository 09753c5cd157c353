"""Rate limiting and adaptive concurrency for COS requests."""

from __future__ import annotations

import threading
from time import monotonic

from ..common.locks import free_in_child

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..events.files import CosObject
    from .request import Request

MAX_MAINLAND_RATE = 30_000
"""Reads, and writes, per second of a bucket in mainland China (page 436/14518)."""
MAX_OVERSEAS_RATE = 3_000
"""Reads, and writes, per second of a bucket elsewhere."""
MAX_KEY_RATE = 50
"""Uploads and deletes per second of one key."""
MAX_BATCH_RATE = 300
"""Batch deletes per second of a bucket."""

_MAX_KEYS = 4096
_SLOW_DOWN_SECONDS = 0.2
"""Responses of requests that were sent together count as one."""

_OVERSEAS_REGIONS = (
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
)


def find_region_rate(region: str) -> int:
    """Return the reads, and writes, per second of a bucket in a region."""
    return MAX_OVERSEAS_RATE if region.startswith(_OVERSEAS_REGIONS) else MAX_MAINLAND_RATE


class _Meter:
    """A rate that allows a burst first, then even intervals (generic cell rate algorithm)."""

    __slots__ = ("_due", "_interval", "_slack")

    def __init__(self, rate: float, burst: float) -> None:
        self._interval = 1 / rate
        self._slack = burst / rate
        self._due = 0.0

    def take(self, count: int, now: float) -> float:
        """Take `count` operations. Return the seconds to wait first."""
        due = max(self._due, now)
        self._due = due + count * self._interval
        return max(0.0, self._due - self._slack - now)


class RateLimiter:
    """Keeps the requests of a client below the rates of buckets and keys. Safe for threads.

    Args:
        scale: share of COS's limits to use, e.g. 0.5 if another function writes too.
        clock: monotonic seconds.
    """

    def __init__(self, scale: float = 1.0, clock: Callable[[], float] = monotonic) -> None:
        self._scale = scale
        self._clock = clock
        self._lock = free_in_child(threading.Lock())
        self._meters: dict[tuple[str, str], _Meter] = {}
        self._keys: dict[CosObject, _Meter] = {}

    def take_request(self, request: Request) -> float:
        """Take a request from all rates that it counts against. Return the seconds to wait first."""
        bucket, region = request.target.bucket, request.target.region
        kind = "read" if request.kind == "read" else "write"
        wait = self.take(bucket, region, kind, request.operation_count)
        if request.kind == "batch":
            return max(wait, self.take(bucket, region, "batch"))
        if request.kind == "write" and request.item is not None:
            return max(wait, self.take_key(request.item))
        return wait

    def take(self, bucket: str, region: str, kind: str, count: int = 1) -> float:
        """Take `count` requests of a kind (``read``, ``write``, ``batch``). Return the seconds to wait first."""
        with self._lock:
            meter = self._meters.get((bucket, kind))
            if meter is None:
                limit = MAX_BATCH_RATE if kind == "batch" else find_region_rate(region)
                rate = limit * self._scale
                meter = self._meters[bucket, kind] = _Meter(rate, rate / 10)
            return meter.take(count, self._clock())

    def take_key(self, item: CosObject) -> float:
        """Take one write of a key. Return the seconds to wait first."""
        with self._lock:
            meter = self._keys.get(item)
            if meter is None:
                if len(self._keys) >= _MAX_KEYS:  # the oldest ones are idle by now
                    self._keys.clear()
                rate = MAX_KEY_RATE * self._scale
                meter = self._keys[item] = _Meter(rate, rate)
            return meter.take(1, self._clock())


class AdaptiveConcurrency:
    """Number of workers that may run at a time: halved by 503 SlowDown, raised by successes. Safe for threads.

    Attributes:
        limit: the greatest number.
        size: the current number, from 1 to `limit`.
        halvings: how often COS demanded fewer requests.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = monotonic) -> None:
        self.limit = limit
        self.size = float(limit)
        self.halvings = 0
        self._clock = clock
        self._next_halving = 0.0
        self._change = free_in_child(threading.Condition())

    def slow_down(self) -> None:
        """Halve the number of workers. Responses to requests that were in progress already count once."""
        with self._change:
            now = self._clock()
            if now >= self._next_halving:
                self.size = max(1.0, self.size / 2)
                self.halvings += 1
                self._next_halving = now + _SLOW_DOWN_SECONDS

    def succeed(self) -> None:
        """Count a success. As many successes as there are workers allow one more worker."""
        if self.size < self.limit:
            with self._change:
                self.size = min(float(self.limit), self.size + 1 / self.size)
                self._change.notify_all()

    def wait_for(self, number: int, is_over: Callable[[], bool]) -> None:
        """Block worker `number` (from 0) until it may run or all work is over. Worker 0 never waits."""
        if number >= self.size:
            with self._change:
                self._change.wait_for(lambda: number < self.size or is_over())

    def release(self) -> None:
        """Wake waiting workers, so that they see that all work is over."""
        with self._change:
            self._change.notify_all()
