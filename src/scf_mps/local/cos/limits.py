"""Request rates per bucket and per key, as COS limits them (page 436/14518).

A token bucket per bucket or key holds the requests of one second. Callers pass the time in seconds, so
tests need not wait.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Limit:
    """Requests per second for each bucket or each key. None is unlimited.

    COS documents 30,000 reads and writes per bucket in mainland regions, 3,000 elsewhere, and per key
    50 writes and 1,000 reads (page 436/14518). Each key of a batch delete is a write.
    """

    per: Literal["bucket", "key"]
    reads: float | None = None
    writes: float | None = None

    def __post_init__(self) -> None:
        if self.per not in ("bucket", "key"):
            raise ValueError(f"limit per {self.per!r}: use bucket or key")


class _Counter:
    """Token buckets of one limit: name to (tokens, time of the last request)."""

    def __init__(self, limit: Limit, max_entries: int) -> None:
        self.limit = limit
        self._max_entries = max_entries
        self._tokens: OrderedDict[tuple[str, str, bool], tuple[float, float]] = OrderedDict()

    def tokens(self, bucket: str, key: str, *, writes: bool, now: float) -> float | None:
        """Return the available tokens, or None if unlimited."""
        rate = self.limit.writes if writes else self.limit.reads
        if rate is None:
            return None
        tokens, then = self._tokens.get(self._name(bucket, key, writes), (rate, now))
        return min(rate, tokens + (now - then) * rate)

    def take(self, bucket: str, key: str, tokens: float, *, writes: bool, now: float) -> None:
        """Record that one of `tokens` was used."""
        name = self._name(bucket, key, writes)
        self._tokens[name] = (tokens - 1, now)
        self._tokens.move_to_end(name)
        if len(self._tokens) > self._max_entries:
            self._tokens.popitem(last=False)

    def _name(self, bucket: str, key: str, writes: bool) -> tuple[str, str, bool]:
        return bucket, key if self.limit.per == "key" else "", writes


class Limits:
    """The active limits. A request must be within every one of them.

    Each remembers `max_entries` buckets or keys and forgets the longest unused first.
    """

    def __init__(self, max_entries: int = 100_000) -> None:
        self._max_entries = max_entries
        self._counters: list[_Counter] = []

    def __iter__(self) -> Iterator[Limit]:
        return (counter.limit for counter in self._counters)

    def add(self, limit: Limit) -> None:
        """Add a limit."""
        self._counters.append(_Counter(limit, self._max_entries))

    def clear(self) -> None:
        """Remove all limits and their counts."""
        self._counters.clear()

    def admit(self, bucket: str, key: str, *, writes: bool, now: float) -> bool:
        """Take one token of every limit and return True, or return False if one limit has none left."""
        available: list[tuple[_Counter, float]] = []
        for counter in self._counters:
            tokens = counter.tokens(bucket, key, writes=writes, now=now)
            if tokens is None:
                continue
            if tokens < 1:
                return False
            available.append((counter, tokens))
        for counter, tokens in available:
            counter.take(bucket, key, tokens, writes=writes, now=now)
        return True
