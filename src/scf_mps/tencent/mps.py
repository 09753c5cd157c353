"""`Mps`: what MPS itself knows of its tasks, for a callback that must ask.

A notification can be late, too large for SCF or lost; MPS keeps what it would have said for seven days. How it is
asked is `tencent/client.py`'s work. What to do with the answers is left to the caller; a notification is read by
`events.reading` like any that was pushed.
"""

from __future__ import annotations

from ..common.timestamps import parse_timestamp
from .client import ApiClient, ApiError
from .client import SdkMissing as SdkMissing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import Any

MAX_TASK_AGE = 7 * 24 * 3600.0
"""Seconds that MPS remembers a task from its creation on (product page 1041/33643)."""
PAGE_SIZE = 100
"""Tasks that DescribeTasks returns at most."""


class MpsError(ApiError):
    """MPS refused a question, or could not be asked; see `ApiError`."""


class TaskNotFound(MpsError):
    """MPS has no such task, or has forgotten it: it was submitted more than seven days ago."""


class NoNotification(MpsError):
    """MPS sends no notification of such a task as a whole: of a live stream, or before there is anything to tell, when
    it is `retryable`.
    """


class TaskSummary:
    """A task as DescribeTasks lists it.

    Attributes:
        task_id: ``TaskId``.
        task_type: ``TaskType``, e.g. ``WorkflowTask``.
        created: ``CreateTime`` in seconds since the epoch, or None where it has not happened or cannot be read.
        begun: ``BeginProcessTime``, likewise.
        finished: ``FinishTime``, likewise.
        raw: the entry as it came.
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
        """Whether it is a live stream's task, of which there is no notification to ask for."""
        return self.task_type.startswith("Live")

    def __repr__(self) -> str:
        return f"<TaskSummary {self.task_type} {self.task_id} {self.raw.get('FinishTime')}>"


class Mps(ApiClient):
    """MPS for one invocation; see `ApiClient`. A callback asks for it by annotation.

    Its `call` raises `TaskNotFound` for a task that MPS does not have, `MpsError` for every other refusal.
    """

    service = "mps"
    version = "2019-06-12"
    error = MpsError

    def finished(
        self,
        since: float | datetime,
        until: float | datetime | None = None,
        *,
        longest: float | None = None,
    ) -> Iterator[TaskSummary]:
        """The tasks of all kinds that finished from `since` to `until`, each once, in MPS's order.

        MPS lists tasks by the time they were created (product page 1041/43058), so that a task that has just finished
        may be on the last page: unless `longest` is told, all pages of the last seven days are asked for. Tasks
        whose time of finishing cannot be read are among the result.

        Args:
            since: seconds since the epoch, or a datetime with a time zone; at most seven days (and a minute, for those
                who reckon from now) ago.
            until: likewise; no end by default.
            longest: seconds that a task takes at most from its creation to its end. What was created so long before
                `since` is not asked for.

        Raises:
            ValueError: for a `since` more than seven days ago, an `until` before it, a negative `longest`, or a
                datetime without a time zone.
            MpsError: as `call`, while iterating.
        """
        import time

        begin, end = _instant(since), float("inf") if until is None else _instant(until)
        if begin < time.time() - MAX_TASK_AGE - 60:
            raise ValueError(
                "since expects a time in the last 7 days: MPS has forgotten what was before"
            )
        if end < begin:
            raise ValueError("until expects a time that is not before since")
        bounds = {}
        if longest is not None:
            if longest < 0:
                raise ValueError(f"longest expects seconds, 0 or more, not {longest}")
            bounds["StartTime"] = _iso(begin - longest)
        if until is not None:
            bounds["EndTime"] = _iso(end + 1)
        return self._finished(int(begin), end, bounds)

    def _finished(self, begin: int, end: float, bounds: dict[str, str]) -> Iterator[TaskSummary]:
        """MPS's times are whole seconds; what StartTime and EndTime bound, it does not say.

        Whichever time of a task it is, one that finished from `begin` to `end` is within them, as it was created and
        begun before it finished.
        """
        told: set[str] = set()
        tokens = {""}
        token = ""
        while True:
            more = {"ScrollToken": token} if token else {}
            page = self.call("DescribeTasks", Status="FINISH", Limit=PAGE_SIZE, **bounds, **more)
            for raw in page.get("TaskSet") or ():
                task = TaskSummary(raw)
                if task.task_id not in told and (
                    task.finished is None or begin <= task.finished <= end
                ):
                    told.add(task.task_id)
                    yield task
            token = page.get("ScrollToken") or ""
            if not token:
                return
            if token in tokens:
                raise MpsError(
                    "the pages of DescribeTasks go round in a circle",
                    "InvalidAnswer",
                    page.get("RequestId") or "",
                )
            tokens.add(token)

    def notification(self, task_id: str) -> dict[str, Any]:
        """The notification that MPS would send of a task as it is now, e.g. for `events.reading.read`.

        The event and its results have the same keys as those of the one that was pushed. Fields that only a pushed
        notification has (``Timestamp``, ``Sign``) are not in it.

        Raises:
            TaskNotFound: if MPS has no such task, or has forgotten it.
            NoNotification: for a task of a live stream, or one of which there is nothing to tell yet.
            MpsError: as `call`.
        """
        from ..events.generated.type_tables import EVENTS

        detail = self.call("DescribeTaskDetail", TaskId=task_id)
        type_ = detail.get("TaskType") or ""
        # ExtractBlindWatermark is in ExtractBlindWatermarkTask here and there, the others in <EventType>Event there.
        field = EVENTS.rows[type_][2] if type_ in EVENTS.rows else f"{type_}Event"
        payload = detail.get(field.removesuffix("Event"))
        if type_.startswith("Live") or not isinstance(payload, dict):
            error = NoNotification(
                f"task {task_id} is a {type_ or 'task without a type'} with status {detail.get('Status')}, of which "
                f"MPS sends no notification as a whole",
                request_id=detail.get("RequestId") or "",
            )
            error.retryable = type_ in EVENTS.rows and detail.get("Status") in _UNFINISHED
            raise error
        return {
            "EventType": type_,
            field: payload,
            "SessionId": detail.get("SessionId") or "",
            "SessionContext": detail.get("SessionContext") or "",
        }

    def _class_of(self, code: str) -> type[ApiError]:
        return TaskNotFound if code in _NO_TASK else MpsError


_UNFINISHED = ("WAITING", "PROCESSING")
_NO_TASK = frozenset(
    {
        "FailedOperation.TaskNotFound",
        "InvalidParameterValue.TaskId",
        "ResourceNotFound.TaskNotFound",
    }
)


def _instant(moment: float | datetime) -> float:
    """Seconds since the epoch. Raises ValueError for a datetime without a time zone."""
    if isinstance(moment, (int, float)):
        return float(moment)
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} expects a time zone: datetime.now(timezone.utc)")
    return moment.timestamp()


def _iso(seconds: float) -> str:
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
