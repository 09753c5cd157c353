"""MPS, product API 2019-06-12: tasks, their submission and the trigger.

Tests add tasks by the notifications that MPS pushed (or should have pushed). Fields follow the SDK's
models. As with MPS, a response has every field, with null for those of other kinds of tasks.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ...errors import ApiError
from ...service import Call, action
from ..scf.account import Account
from .process_media import MpsSubmission
from .task import Task
from .triggers import MpsTriggers

MAX_TASK_AGE_SECONDS = 7 * 24 * 3600.0
"""MPS returns tasks that were submitted in the last seven days."""

_STATUSES = ("WAITING", "PROCESSING", "FINISH")
_NOTIFICATION_FIELDS = [
    "EventType",
    "WorkflowTaskEvent",
    "EditMediaTaskEvent",
    "SessionId",
    "SessionContext",
    "ScheduleTaskEvent",
    "Timestamp",
    "Sign",
    "BatchTaskEvent",
    "ExtractBlindWatermarkTask",
]
_DETAIL_FIELDS = [
    "WorkflowTask",
    "EditMediaTask",
    "LiveStreamProcessTask",
    "ScheduleTask",
    "LiveScheduleTask",
    "ExtractBlindWatermarkTask",
]


class Mps(MpsTriggers, MpsSubmission):
    """The tasks of an account.

    Args:
        newest_first: order of the list by creation time (page 1041/43058), which MPS does not document.
        functions: the account of an `Scf` to which the trigger is bound.
        clock: returns the seconds since the epoch.
    """

    name = "mps"
    version = "2019-06-12"
    needs_region = False

    def __init__(
        self,
        *,
        newest_first: bool = True,
        functions: Account | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(clock)
        self.functions = functions
        self._newest_first = newest_first

    def add(
        self,
        notification: Mapping[str, Any],
        finished: float | None = None,
        created: float | None = None,
    ) -> str:
        """Add or update the task of a notification and return its id.

        A notification of a live stream adds the stream's task, which has no notification as a whole.

        Args:
            notification: as pushed by MPS.
            finished: seconds since the epoch, by default now.
            created: seconds since the epoch, by default a minute before `finished`.

        Raises:
            ValueError: for a notification without a task id, such as a BatchTask's.
        """
        type_ = notification.get("EventType")
        if type_ is None:
            type_ = field = "LiveStreamProcessTask"
            is_eof = notification.get("NotificationType") == "ProcessEof"
            status = "FINISH" if is_eof else "PROCESSING"
            body: Any = {"TaskId": notification.get("TaskId"), "Status": status, "ErrCode": 0}
            body |= {"Message": "", "Url": ""}
        else:
            body = notification.get(f"{type_}Event") or notification.get(f"{type_}Task") or {}
            field = "ExtractBlindWatermarkTask" if type_ == "ExtractBlindWatermark" else type_
        task_id = body.get("TaskId")
        if not task_id:
            raise ValueError(f"notification of type {type_} has no TaskId")
        with self._lock:
            finished = self._clock() if finished is None else finished
            if created is None:
                existing = self._tasks.get(task_id)
                created = existing.created if existing else finished - 60
            self._tasks[task_id] = Task(
                task_id,
                type_,
                field,
                copy.deepcopy(body),
                body.get("Status") or "FINISH",
                created,
                finished,
                notification.get("SessionId") or "",
                notification.get("SessionContext") or "",
            )
        return str(task_id)

    def remove(self, task_id: str) -> None:
        """Remove a task. Raises KeyError if it does not exist."""
        with self._lock:
            del self._tasks[task_id]

    @action("DescribeTasks")
    def describe_tasks(self, call: Call) -> Mapping[str, Any]:
        """Return a page of the tasks with a status, by creation time.

        That StartTime and EndTime bound the creation time, both inclusive, is a guess.
        """
        status = call.text("Status")
        if status not in _STATUSES:
            raise ApiError("InvalidParameterValue", f"Status is one of {', '.join(_STATUSES)}.")
        limit = call.integer("Limit", 10)
        if not 1 <= limit <= 100:
            raise ApiError("InvalidParameterValue.Limit", "Limit is from 1 to 100.")
        failed = call.boolean("SubTaskHasFailed")
        start, end = _parse_time(call, "StartTime"), _parse_time(call, "EndTime")
        tasks = [
            task
            for task in self._list_tasks()
            if task.status == status
            and (failed is None or task.failed is failed)
            and (start is None or task.created >= start)
            and (end is None or task.created <= end)
        ]
        first = _find_page(tasks, call.text("ScrollToken", ""))
        page, following = tasks[first : first + limit], tasks[first + limit :]
        return {
            "TaskSet": [
                {
                    "TaskId": task.task_id,
                    "TaskType": task.task_type,
                    **task.times(),
                    "SubTaskTypes": [],
                }
                for task in page
            ],
            "ScrollToken": following[0].task_id if following else "",
            "TotalCount": len(tasks),
        }

    @action("DescribeTaskDetail")
    def describe_task_detail(self, call: Call) -> Mapping[str, Any]:
        """Return everything about one task."""
        task_id = call.text("TaskId")
        task = next(
            (candidate for candidate in self._list_tasks() if candidate.task_id == task_id), None
        )
        if task is None:
            raise ApiError("InvalidParameterValue.TaskId", "The task does not exist.")
        return {
            "TaskType": task.task_type,
            "Status": task.status,
            **task.times(),
            **dict.fromkeys(_DETAIL_FIELDS),
            task.field: task.body,
            "TaskNotifyConfig": None,
            "TasksPriority": 0,
            "SessionId": task.session_id,
            "SessionContext": task.session_context,
            "ExtInfo": "",
        }

    @action("ParseNotification")
    def parse_notification(self, call: Call) -> Mapping[str, Any]:
        """Return the documented fields of a notification given as text."""
        try:
            notification = json.loads(call.text("Content"))
        except ValueError:
            notification = None
        if not isinstance(notification, dict):
            raise ApiError("InvalidParameter", "Content is not a notification in JSON.")
        return {name: notification.get(name) for name in _NOTIFICATION_FIELDS}

    def _list_tasks(self) -> list[Task]:
        """Return the tasks that MPS still returns, in its order."""
        oldest = self._clock() - MAX_TASK_AGE_SECONDS
        with self._lock:
            tasks = [task for task in self._tasks.values() if task.created >= oldest]
        return sorted(
            tasks, key=lambda task: (task.created, task.task_id), reverse=self._newest_first
        )


def _find_page(tasks: list[Task], token: str) -> int:
    """Return the index of the first task of a token's page. Raises ApiError InvalidParameterValue."""
    if not token:
        return 0
    for index, task in enumerate(tasks):
        if task.task_id == token:
            return index
    raise ApiError("InvalidParameterValue", "The ScrollToken is invalid.")


def _parse_time(call: Call, name: str) -> float | None:
    text = call.text(name, "")
    if not text:
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        raise ApiError(f"InvalidParameter.{name}", f"{name} is not an ISO 8601 time.") from None
