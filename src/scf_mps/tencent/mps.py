"""A client of MPS: finished tasks, and the notification of a task.

A notification can be late, too large for SCF, or lost. MPS remembers each task for seven days.
"""

from __future__ import annotations

from ..common.timestamps import parse_timestamp
from ..logs import get_context
from .client import ApiClient, ApiError
from .client import SdkMissing as SdkMissing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import Any

MAX_TASK_AGE = 7 * 24 * 3600.0
"""Seconds after its creation for which MPS remembers a task (product page 1041/33643)."""
PAGE_SIZE = 100
"""Maximum number of tasks that DescribeTasks returns."""

_UNFINISHED_STATUSES = ("WAITING", "PROCESSING")
_SUBMIT_ACTIONS = frozenset(
    {
        "BatchProcessMedia",
        "CreateMediaEvaluation",
        "EditMedia",
        "ProcessLiveStream",
        "ProcessMedia",
        "WithdrawsWatermark",
    }
)
"""Actions that take a SessionContext."""

_NOT_FOUND_CODES = frozenset(
    {
        "FailedOperation.TaskNotFound",
        "InvalidParameterValue.TaskId",
        "ResourceNotFound.TaskNotFound",
    }
)


class MpsError(ApiError):
    """MPS refused a call, or there was no valid response. See `ApiError`."""


class TaskNotFound(MpsError):
    """MPS has no such task. It forgets a task seven days after its creation."""


class NoNotification(MpsError):
    """MPS has no notification of the whole task.

    Tasks of live streams never have one. Other tasks have none until they start: then the error is `retryable`.
    """


class TaskSummary:
    """A task as DescribeTasks lists it.

    Attributes:
        task_id: ``TaskId``.
        task_type: ``TaskType``, e.g. ``WorkflowTask``.
        created: ``CreateTime`` in seconds since the epoch. None if it is missing or invalid.
        begun: ``BeginProcessTime``, likewise.
        finished: ``FinishTime``, likewise.
        raw: the entry as received.
    """

    __slots__ = ("begun", "created", "finished", "raw", "task_id", "task_type")

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.task_id: str = raw.get("TaskId") or ""
        self.task_type: str = raw.get("TaskType") or ""
        self.created = parse_timestamp(raw.get("CreateTime"))
        self.begun = parse_timestamp(raw.get("BeginProcessTime"))
        self.finished = parse_timestamp(raw.get("FinishTime"))

    @property
    def is_live(self) -> bool:
        """True for the task of a live stream, which has no notification."""
        return self.task_type.startswith("Live")

    def __repr__(self) -> str:
        return f"<TaskSummary {self.task_type} {self.task_id} {self.raw.get('FinishTime')}>"


class Mps(ApiClient):
    """A client of MPS for one invocation. A callback declares a parameter of this type to get it.

    `call` raises `TaskNotFound` for an unknown task and `MpsError` for every other failure. See `ApiClient`.
    """

    service = "mps"
    version = "2019-06-12"
    error_class = MpsError

    def call(self, action: str, **parameters: Any) -> dict[str, Any]:
        """Call an action of MPS, as `ApiClient.call`.

        With observers, a task that is submitted without ``SessionContext`` gets ``traceparent=…`` in it, so that its
        spans have a link to the current one. A ``SessionContext`` of yours stays as it is.
        """
        if action in _SUBMIT_ACTIONS and not parameters.get("SessionContext"):
            context = get_context()
            if context is not None and context.tracer is not None:
                parameters["SessionContext"] = f"traceparent={context.tracer.format_traceparent()}"
        return super().call(action, **parameters)

    def finished(
        self,
        since: float | datetime,
        until: float | datetime | None = None,
        *,
        max_duration: float | None = None,
    ) -> Iterator[TaskSummary]:
        """Return the tasks of all types that finished from `since` to `until`, each once, in MPS's order.

        MPS lists tasks by their creation (product page 1041/43058), so a task that has just finished may be on the
        last page. Without `max_duration` all pages of the last seven days are fetched. Tasks without a valid time of
        finishing are included.

        Args:
            since: seconds since the epoch, or a datetime with a time zone. At most seven days ago, plus a minute for
                callers that compute it from the current time.
            until: likewise. No end by default.
            max_duration: maximum seconds from a task's creation to its end. Tasks created earlier than that before
                `since` are not fetched.

        Raises:
            ValueError: `since` is more than seven days ago, `until` is before it, `max_duration` is negative, or a
                datetime has no time zone.
            MpsError: see `call`. Raised while iterating.
        """
        import time

        begin, end = _to_seconds(since), float("inf") if until is None else _to_seconds(until)
        if begin < time.time() - MAX_TASK_AGE - 60:
            raise ValueError(
                f"invalid since {since}: MPS remembers tasks for 7 days. Use a time in the last 7 days"
            )
        if end < begin:
            raise ValueError(f"invalid until {until}: it is before since")
        bounds = {}
        if max_duration is not None:
            if max_duration < 0:
                raise ValueError(f"invalid max_duration {max_duration}: use seconds, 0 or more")
            bounds["StartTime"] = _format_utc(begin - max_duration)
        if until is not None:
            bounds["EndTime"] = _format_utc(end + 1)
        return self._iterate_finished(int(begin), end, bounds)

    def _iterate_finished(
        self, begin: int, end: float, bounds: dict[str, str]
    ) -> Iterator[TaskSummary]:
        """Yield the tasks of all pages.

        MPS's times are whole seconds, and it does not document which time StartTime and EndTime bound. The bounds hold
        for each: a task that finished from `begin` to `end` was created and started before.
        """
        seen: set[str] = set()
        tokens = {""}
        token = ""
        while True:
            scroll = {"ScrollToken": token} if token else {}
            page = self.call("DescribeTasks", Status="FINISH", Limit=PAGE_SIZE, **bounds, **scroll)
            for raw in page.get("TaskSet") or ():
                task = TaskSummary(raw)
                if task.task_id not in seen and (
                    task.finished is None or begin <= task.finished <= end
                ):
                    seen.add(task.task_id)
                    yield task
            token = page.get("ScrollToken") or ""
            if not token:
                return
            if token in tokens:
                raise MpsError(
                    f"DescribeTasks repeated the ScrollToken {token!r}",
                    "InvalidResponse",
                    page.get("RequestId") or "",
                )
            tokens.add(token)

    def notification(self, task_id: str) -> dict[str, Any]:
        """Return the notification that MPS would send of a task in its current state.

        Its event and results have the same keys as those of the notification that was pushed. Fields that only a
        pushed notification has (``Timestamp``, ``Sign``) are missing.

        Raises:
            TaskNotFound: MPS has no such task.
            NoNotification: the task is of a live stream, or has not started.
            MpsError: see `call`.
        """
        return convert_detail(self.call("DescribeTaskDetail", TaskId=task_id), task_id)

    def _find_error_class(self, code: str) -> type[ApiError]:
        return TaskNotFound if code in _NOT_FOUND_CODES else MpsError


def convert_detail(detail: dict[str, Any], task_id: str = "") -> dict[str, Any]:
    """Return the notification of a task from the response to DescribeTaskDetail. See `Mps.notification`.

    Raises:
        NoNotification: the task is of a live stream, or has not started.
    """
    from ..events.generated.type_tables import EVENTS

    type_ = detail.get("TaskType") or ""
    # In a notification the payload is <EventType>Event, in the detail <EventType>. Only ExtractBlindWatermark's
    # payload is ExtractBlindWatermarkTask in both.
    field = EVENTS.rows[type_][2] if type_ in EVENTS.rows else f"{type_}Event"
    payload = detail.get(field.removesuffix("Event"))
    if type_.startswith("Live") or not isinstance(payload, dict):
        error = NoNotification(
            f"no notification of task {task_id} ({type_ or 'no type'}, status {detail.get('Status')})",
            request_id=detail.get("RequestId") or "",
        )
        error.retryable = type_ in EVENTS.rows and detail.get("Status") in _UNFINISHED_STATUSES
        raise error
    return {
        "EventType": type_,
        field: payload,
        "SessionId": detail.get("SessionId") or "",
        "SessionContext": detail.get("SessionContext") or "",
    }


def _to_seconds(moment: float | datetime) -> float:
    """Return seconds since the epoch. Raises ValueError for a datetime without a time zone."""
    if isinstance(moment, (int, float)):
        return float(moment)
    if moment.tzinfo is None:
        raise ValueError(
            f"invalid time {moment.isoformat()}: missing time zone. Use datetime.now(timezone.utc)"
        )
    return moment.timestamp()


def _format_utc(seconds: float) -> str:
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
