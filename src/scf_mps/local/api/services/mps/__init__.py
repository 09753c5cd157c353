"""MPS, product API 2019-06-12, as far as it tells of tasks: DescribeTasks, DescribeTaskDetail, ParseNotification.
Its trigger is in `fetch_other_triggers`, and how tasks are submitted in `mps_submitting`.

The tasks are those that a test puts in, as the notifications that MPS pushed (or should have pushed) of them. The
fields are those of the SDK's models; an answer names every field, with null for those of other kinds of tasks, as
MPS's does.
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
from .process_media import MpsSubmitting
from .task import Task
from .triggers import MpsTriggers

HORIZON = 7 * 24 * 3600.0
"""Seconds: MPS tells of tasks that were submitted in the last seven days."""

_STATUSES = ("WAITING", "PROCESSING", "FINISH")
_NOTIFICATION = [
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
_DETAIL = [
    "WorkflowTask",
    "EditMediaTask",
    "LiveStreamProcessTask",
    "ScheduleTask",
    "LiveScheduleTask",
    "ExtractBlindWatermarkTask",
]


class Mps(MpsTriggers, MpsSubmitting):
    """The books of MPS, kept by a test.

    - `newest_first`: tasks are listed by their time of creation (page 1041/43058); MPS does not say in which direction.
    - `functions`: the account of an `Scf`, to which its trigger is bound.
    - `clock` gives the time in seconds since the epoch.
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
        """Enter the task of a notification, or what it has become since; returns its id.

        A notification of a live stream enters the stream's task, which has no notification as a whole. Times are
        seconds since the epoch: by default it finishes now and was created a minute before.

        Raises:
            ValueError: for a notification without a task id, such as a BatchTask's.
        """
        type_ = notification.get("EventType")
        if type_ is None:
            type_ = field = "LiveStreamProcessTask"
            over = notification.get("NotificationType") == "ProcessEof"
            status = "FINISH" if over else "PROCESSING"
            body: Any = {"TaskId": notification.get("TaskId"), "Status": status, "ErrCode": 0}
            body |= {"Message": "", "Url": ""}
        else:
            body = notification.get(f"{type_}Event") or notification.get(f"{type_}Task") or {}
            field = "ExtractBlindWatermarkTask" if type_ == "ExtractBlindWatermark" else type_
        task_id = body.get("TaskId")
        if not task_id:
            raise ValueError(f"expected a notification with a TaskId, but this {type_} has none")
        with self._lock:
            finished = self._clock() if finished is None else finished
            if created is None:
                known = self._tasks.get(task_id)
                created = known.created if known else finished - 60
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
        """Strike a task out. Raises KeyError for one that is not there."""
        with self._lock:
            del self._tasks[task_id]

    @action("DescribeTasks")
    def describe_tasks(self, call: Call) -> Mapping[str, Any]:
        """A page of the tasks with a status, by their time of creation.

        That StartTime and EndTime bound that time, both included, is a guess: MPS does not say which time it is.
        """
        status = call.text("Status")
        if status not in _STATUSES:
            raise ApiError("InvalidParameterValue", f"Status is one of {', '.join(_STATUSES)}.")
        limit = call.integer("Limit", 10)
        if not 1 <= limit <= 100:
            raise ApiError("InvalidParameterValue.Limit", "Limit is from 1 to 100.")
        failed = call.boolean("SubTaskHasFailed")
        start, end = _time(call, "StartTime"), _time(call, "EndTime")
        tasks = [
            task
            for task in self._listed()
            if task.status == status
            and (failed is None or task.failed is failed)
            and (start is None or task.created >= start)
            and (end is None or task.created <= end)
        ]
        first = _index(tasks, call.text("ScrollToken", ""))
        page, rest = tasks[first : first + limit], tasks[first + limit :]
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
            "ScrollToken": rest[0].task_id if rest else "",
            "TotalCount": len(tasks),
        }

    @action("DescribeTaskDetail")
    def describe_task_detail(self, call: Call) -> Mapping[str, Any]:
        """Everything about one task."""
        task_id = call.text("TaskId")
        task = next((one for one in self._listed() if one.task_id == task_id), None)
        if task is None:
            raise ApiError("InvalidParameterValue.TaskId", "There is no such task.")
        return {
            "TaskType": task.task_type,
            "Status": task.status,
            **task.times(),
            **dict.fromkeys(_DETAIL),
            task.field: task.body,
            "TaskNotifyConfig": None,
            "TasksPriority": 0,
            "SessionId": task.session_id,
            "SessionContext": task.session_context,
            "ExtInfo": "",
        }

    @action("ParseNotification")
    def parse_notification(self, call: Call) -> Mapping[str, Any]:
        """The fields of a notification that is given as text; those that MPS's API has no name for are left out."""
        try:
            notification = json.loads(call.text("Content"))
        except ValueError:
            notification = None
        if not isinstance(notification, dict):
            raise ApiError("InvalidParameter", "Content is to be a notification in JSON.")
        return {name: notification.get(name) for name in _NOTIFICATION}

    def _listed(self) -> list[Task]:
        """The tasks that MPS still tells of, in its order."""
        oldest = self._clock() - HORIZON
        with self._lock:
            tasks = [task for task in self._tasks.values() if task.created >= oldest]
        return sorted(
            tasks, key=lambda task: (task.created, task.task_id), reverse=self._newest_first
        )


def _index(tasks: list[Task], token: str) -> int:
    """Where the page begins that a token is for. Raises ApiError InvalidParameterValue."""
    if not token:
        return 0
    for index, task in enumerate(tasks):
        if task.task_id == token:
            return index
    raise ApiError("InvalidParameterValue", "The ScrollToken is none that was given out.")


def _time(call: Call, name: str) -> float | None:
    text = call.text(name, "")
    if not text:
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        raise ApiError(f"InvalidParameter.{name}", f"{name} is not a time of ISO 8601.") from None
