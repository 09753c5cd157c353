"""A task in the books of MPS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

_NEVER = "0000-00-00T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Task:
    """A task as MPS records it. Times are seconds since the epoch."""

    task_id: str
    task_type: str
    field: str
    """Which field of DescribeTaskDetail has its body."""
    body: Mapping[str, Any]
    status: str
    created: float
    finished: float
    session_id: str = ""
    session_context: str = ""

    @property
    def failed(self) -> bool:
        """Whether the task or a part of it failed."""
        return self.body.get("ErrCode") not in (None, 0) or _has_failure(self.body)

    def times(self) -> dict[str, str]:
        """CreateTime, BeginProcessTime and FinishTime; zeros for what has not happened."""
        return {
            "CreateTime": _text(self.created),
            "BeginProcessTime": _NEVER if self.status == "WAITING" else _text(self.created),
            "FinishTime": _text(self.finished) if self.status == "FINISH" else _NEVER,
        }


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _has_failure(value: object) -> bool:
    if isinstance(value, Mapping):
        return value.get("Status") == "FAIL" or any(map(_has_failure, value.values()))
    return isinstance(value, list) and any(map(_has_failure, value))
