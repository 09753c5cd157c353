"""Verification of an HTTP request's body with MPS (``MPS_REREAD=1``), because ``Sign`` does not cover it.

The event fetched from MPS is dispatched, not the body. Fields that are not compared cannot be forged.
"""

from __future__ import annotations

from ..errors import RequestRefused
from ..events.parser import parse_event
from ..tencent.mps import Mps, MpsError, NoNotification, TaskNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..events.base import Event, Result


def verify_with_mps(received: Event, context: Context) -> Event:
    """Return the current event of a task from MPS, after comparing it with the received one.

    An event of progress only signals a change: the task may have finished since.

    Raises:
        RequestRefused: MPS has no such task or another event, or cannot return such events (status 403). For a
            finished task that MPS reports as running, the status is 503: MPS's API may lag behind its callbacks.
        MpsError: MPS cannot be reached.
    """
    if "EventType" not in received.raw:
        raise _create_refusal(
            f"MPS cannot return the {received.type} notification of a live stream. With MPS_REREAD=1, have these "
            f"delivered by TDMQ-CMQ"
        )
    if not received.task_id:
        raise _create_refusal(f"MPS cannot return a {received.type} without a TaskId")
    try:
        current = parse_event(Mps(context=context).notification(received.task_id))
    except MpsError as error:
        # MPS also refuses ids of an invalid form. It may have no notification of a waiting task yet.
        if not error.retryable and (
            isinstance(error, TaskNotFound | NoNotification)
            or error.code.startswith("InvalidParameter")
        ):
            raise _create_refusal(f"MPS has no task {received.task_id[:100]!r}") from error
        raise
    if current.in_progress and received.key.startswith(f"{current.type}/{current.task_id}/FINISH"):
        raise RequestRefused(f"MPS reports task {current.task_id} as not finished", 503)
    difference = _find_difference(received, current)
    if difference:
        raise _create_refusal(f"MPS has another {difference}")
    return current


def _create_refusal(problem: str) -> RequestRefused:
    return RequestRefused(f"HTTP request refused: {problem}", 403)


def _find_difference(received: Event, current: Event) -> str:
    """Return the first difference that matters, or ``""``."""
    if (received.type, received.task_id) != (current.type, current.task_id):
        return "type of the task"
    if received.in_progress:
        return ""
    if received.key != current.key:
        return "status of the task"
    if [item.key for item in received.subtasks] != [item.key for item in current.subtasks]:
        return "set of results"
    pairs = zip((received, *received.subtasks), (current, *current.subtasks), strict=True)
    for before, now in pairs:
        if _identify(before) != _identify(now):
            return f"status, error or file of {now.place}"
    return ""


def _identify(result: Result) -> object:
    """Return status, error, files and paths. URLs lose their queries: MPS signs pictures anew for each response."""
    error = result.error
    return (
        result.status,
        error and (error.code, error.name),
        result.files,
        [path.partition("?")[0] if "://" in path else path for path in result.paths],
    )
