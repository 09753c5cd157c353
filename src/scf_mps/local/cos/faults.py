"""Fault rules that make selected requests fail as networks and COS do.

`Faults` decides which rule hits which request and may be changed from any thread. `fault_injection`
applies the decision. Request rates are in `limits`.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Literal, get_args

from .limits import Limit, Limits

Kind = Literal[
    "latency",
    "error",
    "slow_down",
    "expired_token",
    "reset_before",
    "reset_after",
    "error_after",
    "error_in_200",
    "truncate",
    "corrupt",
    "fail_keys",
]

_OPERATIONS_BY_KIND: Mapping[str, frozenset[str]] = {
    "error_in_200": frozenset(
        {"CopyObject", "UploadPartCopy", "CompleteMultipartUpload", "DeleteMultipleObjects"}
    ),
    "truncate": frozenset({"GetObject"}),
    "corrupt": frozenset({"GetObject", "PutObject", "UploadPart", "AppendObject", "CopyObject"}),
    "fail_keys": frozenset({"DeleteMultipleObjects"}),
}
"""Kinds that only some operations can show. For other operations such a rule neither hits nor counts."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule: the fault and the requests that it hits.

    - `latency`: wait `seconds`, then continue. Several rules add up.
    - `error`: respond with `status` and `code` without applying the operation.
    - `slow_down`: respond 503 SlowDown with Retry-After `retry_after` without applying the operation.
    - `expired_token`: respond 403 ExpiredToken.
    - `reset_before`, `reset_after`: reset the TCP connection before or after the operation is applied.
    - `error_after`: respond with `status` and `code` although the operation was applied.
    - `error_in_200`: respond 200 with an `<Error>` body of `code` without applying the operation (copies,
      complete, batch delete).
    - `truncate`: announce the length but send half of the bytes (GetObject).
    - `corrupt`: change one bit of a download, an upload or a copy.
    - `fail_keys`: report matching keys of a batch delete as failed with `code`.

    `operation`, `bucket` and `key` are globs (`*`, `?`, `[…]`). `*` also matches slashes.
    A matching request is hit with `probability`, drawn from a generator seeded with `seed`, at most
    `count` times (None: no limit).
    """

    kind: Kind
    operation: str = "*"
    bucket: str = "*"
    key: str = "*"
    probability: float = 1.0
    seed: int = 0
    count: int | None = None
    seconds: float = 0.0
    status: int = 500
    code: str = "InternalError"
    retry_after: int | None = 1

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(
                f"unknown fault kind {self.kind!r}. Use one of {', '.join(get_args(Kind))}"
            )
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability {self.probability} is not from 0 to 1")
        if not 200 <= self.status <= 599:
            raise ValueError(f"status {self.status} is not from 200 to 599")

    def matches(self, operation: str, bucket: str, key: str) -> bool:
        """Return True if the globs match and the operation can show this kind of fault."""
        return (
            operation in _OPERATIONS_BY_KIND.get(self.kind, (operation,))
            and fnmatchcase(operation, self.operation)
            and fnmatchcase(bucket, self.bucket)
            and fnmatchcase(key, self.key)
        )


class _Rule:
    """A fault with its state: its random generator and its hits."""

    __slots__ = ("_random", "fault", "hits")

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.hits = 0
        self._random = random.Random(fault.seed)

    def draw(self) -> bool:
        """Return True if one matching request is hit, and count the hit."""
        fault = self.fault
        if fault.count is not None and self.hits >= fault.count:
            return False
        if fault.probability < 1 and self._random.random() >= fault.probability:
            return False
        self.hits += 1
        return True


@dataclass(frozen=True, slots=True)
class Decision:
    """The faults of one request: a delay in seconds, then at most one fault."""

    seconds: float = 0.0
    fault: Fault | None = None


NO_FAULT = Decision()


class Faults:
    """The active rules, in the order in which they were added. Usable from any thread.

    Attributes:
        paused: True if no rule hits requests for now.
    """

    def __init__(self) -> None:
        self.paused = False
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._rules: dict[int, _Rule] = {}
        self._limits = Limits()

    def add(self, fault: Fault) -> int:
        """Add a rule and return its number."""
        with self._lock:
            number = next(self._numbers)
            self._rules[number] = _Rule(fault)
            return number

    def remove(self, number: int) -> None:
        """Remove a rule. Raises KeyError for a number that is not active."""
        with self._lock:
            del self._rules[number]

    def clear(self) -> None:
        """Remove all rules and limits."""
        with self._lock:
            self._rules.clear()
            self._limits.clear()

    def hits(self, number: int) -> int:
        """Return the number of requests (or keys, for fail_keys) that a rule has hit. Raises KeyError."""
        with self._lock:
            return self._rules[number].hits

    def limit(self, limit: Limit) -> None:
        """Add a rate limit."""
        with self._lock:
            self._limits.add(limit)

    def describe(self) -> dict[str, list[dict[str, object]]]:
        """Return rules with their hits, and limits, as plain data."""
        with self._lock:
            return {
                "faults": [
                    {"number": number, "hits": rule.hits, **asdict(rule.fault)}
                    for number, rule in self._rules.items()
                ],
                "limits": [asdict(limit) for limit in self._limits],
            }

    def decide(self, operation: str, bucket: str, key: str) -> Decision:
        """Return the faults of a request and count the hits. Keys of a batch go through `key_fault`."""
        if self.paused or not self._rules:
            return NO_FAULT
        seconds, selected = 0.0, None
        with self._lock:
            for rule in self._rules.values():
                fault = rule.fault
                if fault.kind == "fail_keys" or not fault.matches(operation, bucket, key):
                    continue
                if fault.kind == "latency":
                    seconds += fault.seconds if rule.draw() else 0.0
                elif selected is None and rule.draw():
                    selected = fault
        return Decision(seconds, selected)

    def key_fault(self, operation: str, bucket: str, key: str) -> Fault | None:
        """Return the `fail_keys` rule that hits one key of a batch, if any."""
        with self._lock:
            for rule in self._rules.values():
                fault = rule.fault
                if (
                    fault.kind == "fail_keys"
                    and fault.matches(operation, bucket, key)
                    and rule.draw()
                ):
                    return fault
        return None

    def admit(self, bucket: str, key: str, *, writes: bool, now: float) -> bool:
        """Return True if the request is within the rate limits, and count it."""
        with self._lock:
            return self._limits.admit(bucket, key, writes=writes, now=now)
