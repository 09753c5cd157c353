"""A task as MPS records it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

_ZERO_TIME = "0000-00-00T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Task:
    """A task. Times are seconds since the epoch."""

    task_id: str
    task_type: str
    field: str
    """Field of DescribeTaskDetail that contains `body`."""
    body: Mapping[str, Any]
    status: str
    created: float
    finished: float
    session_id: str = ""
    session_context: str = ""

    @property
    def failed(self) -> bool:
        """True if the task or a part of it failed."""
        return self.body.get("ErrCode") not in (None, 0) or _has_failure(self.body)

    def times(self) -> dict[str, str]:
        """Return CreateTime, BeginProcessTime and FinishTime, zeros if not reached."""
        return {
            "CreateTime": _format_time(self.created),
            "BeginProcessTime": _ZERO_TIME
            if self.status == "WAITING"
            else _format_time(self.created),
            "FinishTime": _format_time(self.finished) if self.status == "FINISH" else _ZERO_TIME,
        }


def _format_time(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _has_failure(value: object) -> bool:
    if isinstance(value, Mapping):
        return value.get("Status") == "FAIL" or any(map(_has_failure, value.values()))
    return isinstance(value, list) and any(map(_has_failure, value))
