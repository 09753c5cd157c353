"""MPS, product API 2019-06-12: tasks, workflows, templates and the trigger.

Tests add tasks by the notifications that MPS pushed (or should have pushed), or submit them. A `LocalMps` processes
what is submitted. Without one a submitted task has the status WAITING until its notification is added.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from typing import Any

from scf_mps.local.mps.errors import Refused
from scf_mps.local.mps.service import TaskService
from scf_mps.local.mps.task_store import TaskRow

from ...errors import ApiError
from ...service import Call
from ..scf.account import Account
from .tasks import MpsTasks
from .templates import MpsTemplates
from .triggers import MpsTriggers
from .workflows import MpsWorkflows


class Mps(MpsTriggers, MpsTasks, MpsWorkflows, MpsTemplates):
    """The tasks of an account.

    Args:
        newest_first: order of the list by creation time (page 1041/43058), which MPS does not document.
        functions: the account of an `Scf` to which the trigger is bound.
        tasks: a `LocalMps`. By default tasks are stored in memory and not processed.
        clock: returns the seconds since the epoch, unless `tasks` is given.
    """

    name = "mps"
    version = "2019-06-12"
    needs_region = False

    def __init__(
        self,
        *,
        newest_first: bool = True,
        functions: Account | None = None,
        tasks: TaskService | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.functions = functions
        self.newest_first = newest_first
        self.tasks = tasks or TaskService(clock=clock)

    @property
    def submitted(self) -> dict[str, dict[str, Any]]:
        """Parameters of the submitted tasks by id, oldest first."""
        return self.tasks.store.list_requests()

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
        task_id = str(body.get("TaskId") or "")
        if not task_id:
            raise ValueError(f"notification of type {type_} has no TaskId")
        status = body.get("Status") or "FINISH"
        finished = self.tasks.clock() if finished is None else finished
        if created is None:
            existing = self.tasks.store.find_row(task_id)
            created = existing.created if existing else finished - 60
        row = TaskRow(
            task_id,
            type_,
            status,
            body.get("ErrCode") not in (None, 0) or _has_failure(body),
            created,
            0.0 if status == "WAITING" else created,
            finished if status == "FINISH" else 0.0,
            notification.get("SessionId") or "",
            notification.get("SessionContext") or "",
        )
        self.tasks.store.put(row, field, copy.deepcopy(body))
        return task_id

    def remove(self, task_id: str) -> None:
        """Remove a task. Raises KeyError if it does not exist."""
        self.tasks.store.remove(task_id)

    def perform(self, call: Call) -> Mapping[str, Any]:
        """Run the action of a call. Raises ApiError for every refusal."""
        try:
            return super().perform(call)
        except Refused as refusal:
            raise ApiError(refusal.code, refusal.message) from None


def _has_failure(value: object) -> bool:
    if isinstance(value, Mapping):
        return value.get("Status") == "FAIL" or any(map(_has_failure, value.values()))
    return isinstance(value, list) and any(map(_has_failure, value))
