"""MPS's actions for tasks.

Fields follow the SDK's models. As with MPS, a detail has every field, with null for those of other kinds of tasks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from scf_mps.local.mps.notifications import build_body
from scf_mps.local.mps.service import TaskService
from scf_mps.local.mps.task_store import TaskRow

from ...errors import ApiError
from ...service import Call, Service, action

MAX_TASK_AGE_SECONDS = 7 * 24 * 3600.0
"""MPS returns tasks that were submitted in the last seven days."""

_STATUSES = ("WAITING", "PROCESSING", "FINISH")
_ZERO_TIME = "0000-00-00T00:00:00Z"
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


class MpsTasks(Service):
    """The actions that submit, describe and end tasks."""

    tasks: TaskService
    newest_first: bool = True

    @action("ProcessMedia")
    def process_media(self, call: Call) -> Mapping[str, Any]:
        """Accept a task."""
        for name in ("SessionId", "SessionContext"):
            call.text(name, "")
        return {"TaskId": self.tasks.submit(call.parameters)}

    @action("ManageTask")
    def manage_task(self, call: Call) -> Mapping[str, Any]:
        """End a task that is WAITING."""
        if call.text("OperationType") != "Abort":
            raise ApiError("InvalidParameterValue.InvalidOperationType", "OperationType is Abort.")
        self.tasks.abort(call.text("TaskId"))
        return {}

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
        rows = [
            row
            for row in self._list_rows()
            if row.status == status
            and (failed is None or row.failed is failed)
            and (start is None or row.created >= start)
            and (end is None or row.created <= end)
        ]
        first = _find_page(rows, call.text("ScrollToken", ""))
        page, following = rows[first : first + limit], rows[first + limit :]
        return {
            "TaskSet": [
                {
                    "TaskId": row.task_id,
                    "TaskType": row.type,
                    **_build_times(row),
                    "SubTaskTypes": list(row.types),
                }
                for row in page
            ],
            "ScrollToken": following[0].task_id if following else "",
            "TotalCount": len(rows),
        }

    @action("DescribeTaskDetail")
    def describe_task_detail(self, call: Call) -> Mapping[str, Any]:
        """Return everything about one task, as far as it is processed."""
        store, task_id = self.tasks.store, call.text("TaskId")
        row, task, detail = store.find_row(task_id), store.get(task_id), store.find_body(task_id)
        if task is not None and detail is None:
            detail = "WorkflowTask", build_body(task)
        if row is None or detail is None or row.created < self._find_oldest():
            raise ApiError("InvalidParameterValue.TaskId", "The task does not exist.")
        field, body = detail
        request = task.request if task else {}
        return {
            "TaskType": row.type,
            "Status": row.status,
            **_build_times(row),
            **dict.fromkeys(_DETAIL_FIELDS),
            field: body,
            "TaskNotifyConfig": request.get("TaskNotifyConfig"),
            "TasksPriority": request.get("TasksPriority") or 0,
            "SessionId": row.session_id,
            "SessionContext": row.session_context,
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

    def _find_oldest(self) -> float:
        return self.tasks.clock() - MAX_TASK_AGE_SECONDS

    def _list_rows(self) -> list[TaskRow]:
        """Return the tasks that MPS still returns, in its order."""
        return sorted(
            self.tasks.store.list_rows(self._find_oldest()),
            key=lambda row: (row.created, row.task_id),
            reverse=self.newest_first,
        )


def _build_times(row: TaskRow) -> dict[str, str]:
    """Return CreateTime, BeginProcessTime and FinishTime, zeros if not reached."""
    return {
        "CreateTime": _format_time(row.created),
        "BeginProcessTime": _format_time(row.begun),
        "FinishTime": _format_time(row.finished),
    }


def _format_time(seconds: float) -> str:
    if not seconds:
        return _ZERO_TIME
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _find_page(rows: list[TaskRow], token: str) -> int:
    """Return the index of the first task of a token's page. Raises ApiError InvalidParameterValue."""
    if not token:
        return 0
    for index, row in enumerate(rows):
        if row.task_id == token:
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
