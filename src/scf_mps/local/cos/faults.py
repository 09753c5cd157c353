"""Faults on demand: rules that make chosen requests fail the ways networks and COS fail.

This module decides which rule hits which request, and is safe to change from any thread while the
server runs. Carrying a fault out is in `injection`; request rates are in `limits`.
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

_ONLY: Mapping[str, frozenset[str]] = {
    "error_in_200": frozenset(
        {"CopyObject", "UploadPartCopy", "CompleteMultipartUpload", "DeleteMultipleObjects"}
    ),
    "truncate": frozenset({"GetObject"}),
    "corrupt": frozenset({"GetObject", "PutObject", "UploadPart", "AppendObject", "CopyObject"}),
    "fail_keys": frozenset({"DeleteMultipleObjects"}),
}
"""Kinds that only some operations can show; elsewhere such a rule neither hits nor counts."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule: what to do to which requests.

    - `latency`: wait `seconds`, then go on (adds up with other rules).
    - `error`: answer `status` and `code`, nothing applied.
    - `slow_down`: 503 SlowDown with Retry-After `parse_retry_after`, nothing applied.
    - `expired_token`: 403 ExpiredToken.
    - `reset_before`, `reset_after`: a TCP reset, before or after the operation was applied.
    - `error_after`: answer `status` and `code` although the operation was applied.
    - `error_in_200`: nothing applied, 200 with an `<Error>` body of `code` (copies, complete,
      batch delete).
    - `truncate`: the announced length, half of the bytes (GetObject).
    - `corrupt`: one bit changed on the way: of a download, of an upload, or of a copy's bytes.
    - `fail_keys`: in a batch delete, matching keys are reported as failed with `code`.

    `operation`, `bucket` and `key` are globs (`*`, `?`, `[…]`; `*` also matches slashes).
    A matching request is hit with `probability`, drawn from a generator of its own that starts from
    `seed`, at most `count` times (None: for ever).
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
            raise ValueError(f"There is no fault {self.kind!r}; use one of {get_args(Kind)}.")
        if not 0 <= self.probability <= 1:
            raise ValueError("probability is from 0 to 1.")
        if not 200 <= self.status <= 599:
            raise ValueError("status is from 200 to 599.")

    def concerns(self, operation: str, bucket: str, key: str) -> bool:
        """Do the globs match, and can the operation show this kind of fault?"""
        return (
            operation in _ONLY.get(self.kind, (operation,))
            and fnmatchcase(operation, self.operation)
            and fnmatchcase(bucket, self.bucket)
            and fnmatchcase(key, self.key)
        )


class _Rule:
    """A fault with its state: random numbers drawn and hits so far."""

    __slots__ = ("_random", "fault", "hits")

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.hits = 0
        self._random = random.Random(fault.seed)

    def strikes(self) -> bool:
        """Decide for one matching request, and count a hit."""
        fault = self.fault
        if fault.count is not None and self.hits >= fault.count:
            return False
        if fault.probability < 1 and self._random.random() >= fault.probability:
            return False
        self.hits += 1
        return True


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to one request: a delay in seconds, then at most one fault."""

    seconds: float = 0.0
    fault: Fault | None = None


NOTHING = Decision()


class Faults:
    """The rules in force, in the order they were added; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._rules: dict[int, _Rule] = {}
        self._limits = Limits()

    def add(self, fault: Fault) -> int:
        """Put a rule in force; returns its number."""
        with self._lock:
            number = next(self._numbers)
            self._rules[number] = _Rule(fault)
            return number

    def remove(self, number: int) -> None:
        """Take a rule back. Raises KeyError for a number that is not in force."""
        with self._lock:
            del self._rules[number]

    def clear(self) -> None:
        """Take back all rules and limits."""
        with self._lock:
            self._rules.clear()
            self._limits.clear()

    def hits(self, number: int) -> int:
        """How many requests (or keys, for fail_keys) a rule has hit. Raises KeyError."""
        with self._lock:
            return self._rules[number].hits

    def limit(self, limit: Limit) -> None:
        """Put a rate limit in force, beside those that are."""
        with self._lock:
            self._limits.add(limit)

    def describe(self) -> dict[str, list[dict[str, object]]]:
        """Rules with their hits, and limits, as plain data."""
        with self._lock:
            return {
                "faults": [
                    {"number": number, "hits": rule.hits, **asdict(rule.fault)}
                    for number, rule in self._rules.items()
                ],
                "limits": [asdict(limit) for limit in self._limits],
            }

    def decide(self, operation: str, bucket: str, key: str) -> Decision:
        """What happens to a request; counts the hits. Batch keys are asked for in `key_fault`."""
        if not self._rules:
            return NOTHING
        seconds, chosen = 0.0, None
        with self._lock:
            for rule in self._rules.values():
                fault = rule.fault
                if fault.kind == "fail_keys" or not fault.concerns(operation, bucket, key):
                    continue
                if fault.kind == "latency":
                    seconds += fault.seconds if rule.strikes() else 0.0
                elif chosen is None and rule.strikes():
                    chosen = fault
        return Decision(seconds, chosen)

    def key_fault(self, operation: str, bucket: str, key: str) -> Fault | None:
        """The `fail_keys` rule that hits one key of a batch, if any."""
        with self._lock:
            for rule in self._rules.values():
                fault = rule.fault
                if (
                    fault.kind == "fail_keys"
                    and fault.concerns(operation, bucket, key)
                    and rule.strikes()
                ):
                    return fault
        return None

    def admit(self, bucket: str, key: str, *, writes: bool, now: float) -> bool:
        """Does the request stay within the rate limits? Takes its share if so."""
        with self._lock:
            return self._limits.admit(bucket, key, writes=writes, now=now)
