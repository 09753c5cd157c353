"""Faults of the local MPS: subtasks that fail, and notifications that are late, lost, duplicate or out of order."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

from .failures import ERROR_NUMBERS, build_failure
from .model import Failure

Kind = Literal["fail", "delay", "lose", "duplicate", "reorder"]

MAX_DELAY_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule for the next subtasks or notifications.

    - ``fail``: a subtask whose type matches the glob `type` fails with `name`, an ``ErrCodeExt``, and `code`.
    - ``delay``: a notification is sent `seconds` late.
    - ``lose``: a notification is not sent.
    - ``duplicate``: a notification is sent twice.
    - ``reorder``: a notification is sent after the one that follows it.

    Attributes:
        times: subtasks or notifications that the rule hits.

    Raises:
        ValueError: a field is invalid.
    """

    kind: Kind
    type: str = "*"
    name: str = "InternalError"
    code: int = 0
    seconds: float = 0.0
    times: int = 1

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(
                f"unknown fault kind {self.kind!r}. Use one of {', '.join(get_args(Kind))}"
            )
        if self.name not in ERROR_NUMBERS:
            raise ValueError(f"unknown error {self.name!r}. Use one of {', '.join(ERROR_NUMBERS)}")
        if not 0 <= self.seconds <= MAX_DELAY_SECONDS:
            raise ValueError(f"delay of {self.seconds} s is not from 0 to {MAX_DELAY_SECONDS:g} s")
        if type(self.times) is not int or self.times < 1:
            raise ValueError(f"invalid times {self.times!r}. Use a number from 1")


class Faults:
    """The active rules, in the order in which they were added. Usable from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: list[Fault] = []

    def add(self, kind: Kind, **values: Any) -> None:
        """Add a rule. `values` are the other fields of `Fault`. Raises ValueError."""
        fault = Fault(kind, **values)
        with self._lock:
            self._active.append(fault)

    def list_rules(self) -> list[dict[str, Any]]:
        """Return the active rules as JSON objects."""
        with self._lock:
            return [asdict(fault) for fault in self._active]

    def replace_rules(self, rules: Iterable[Mapping[str, Any]]) -> None:
        """Replace all rules by those of JSON objects. Raises ValueError."""
        faults = [_parse(rule) for rule in rules]
        with self._lock:
            self._active = faults

    def take_failure(self, type_: str) -> Failure | None:
        """Return and use up the failure of a subtask of a type, if any."""
        fault = self._take(lambda each: each.kind == "fail" and fnmatchcase(type_, each.type))
        if fault is None:
            return None
        failure = build_failure(fault.name, "an injected fault")
        return replace(failure, code=fault.code or failure.code)

    def take_notification(self) -> Fault | None:
        """Return and use up the fault of a notification, if any."""
        return self._take(lambda each: each.kind != "fail")

    def _take(self, is_matching: Any) -> Fault | None:
        with self._lock:
            for index, fault in enumerate(self._active):
                if is_matching(fault):
                    remaining = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
                    self._active[index : index + 1] = remaining
                    return fault
        return None


def _parse(rule: object) -> Fault:
    """Return the fault of a JSON object. Raises ValueError."""
    names = [field.name for field in fields(Fault)]
    values: dict[str, Any] = dict(rule) if isinstance(rule, Mapping) else {}
    if "kind" not in values or not set(values) <= set(names):
        raise ValueError(f"invalid fault {rule!r}. Use an object with kind and {', '.join(names)}")
    for name in ("code", "seconds"):
        if isinstance(values.get(name, 0), bool) or not isinstance(
            values.get(name, 0), int | float
        ):
            raise ValueError(f"invalid {name} {values[name]!r} of a fault. Use a number")
    return Fault(**values)
