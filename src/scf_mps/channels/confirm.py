"""Asks MPS whether it says what an HTTP request says (``MPS_REREAD=1``), as ``Sign`` does not cover the body.

What is then dispatched is what MPS tells, never the body: a field that is not compared here cannot be forged either.
"""

from __future__ import annotations

from ..errors import RequestRefused
from ..events.parser import parse_event
from ..tencent.mps import Mps, MpsError, NoNotification, TaskNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..events.base import Event, Result


def verify_with_mps(came: Event, context: Context) -> Event:
    """The event as MPS tells it now, if that is what came.

    An event of progress is taken for a sign that something happened: what MPS tells may have gone on since.

    Raises:
        Refused: with status 403, if MPS has no such task, tells something else, or cannot be asked about such events;
            with 503 for the end of a task that MPS tells is still at work: its books may be behind its callbacks.
        MpsError: if MPS does not answer.
    """
    if "EventType" not in came.raw:
        raise _refused(
            f"a {came.type} notification of a live stream cannot be read again from MPS: with MPS_REREAD=1 "
            f"have these delivered by TDMQ-CMQ"
        )
    if not came.task_id:
        raise _refused(f"a {came.type} without a TaskId cannot be read again from MPS")
    try:
        told = parse_event(Mps(context=context).notification(came.task_id))
    except MpsError as error:
        # MPS refuses what cannot be a task's id, too. Of a task that waits it may have nothing to tell yet.
        if not error.retryable and (
            isinstance(error, TaskNotFound | NoNotification)
            or error.code.startswith("InvalidParameter")
        ):
            raise _refused(f"MPS tells of no task {came.task_id[:100]!r}") from error
        raise
    if told.in_progress and came.key.startswith(f"{told.type}/{told.task_id}/FINISH"):
        raise RequestRefused(f"MPS tells that task {told.task_id} is not finished yet", 503)
    difference = _difference(came, told)
    if difference:
        raise _refused(f"MPS tells another {difference}")
    return told


def _refused(why: str) -> RequestRefused:
    return RequestRefused(f"refused an HTTP request: {why}", 403)


def _difference(came: Event, told: Event) -> str:
    """What differs, first of all; ``""`` if nothing does that matters."""
    if (came.type, came.task_id) != (told.type, told.task_id):
        return "type of the task"
    if came.in_progress:
        return ""
    if came.key != told.key:
        return "status of the task"
    if [one.key for one in came.subtasks] != [one.key for one in told.subtasks]:
        return "set of results"
    for ours, theirs in zip((came, *came.subtasks), (told, *told.subtasks), strict=True):
        if _identity(ours) != _identity(theirs):
            return f"status, error or file of {theirs.place}"
    return ""


def _identity(result: Result) -> object:
    """Status, error, files and paths. Of URLs without their queries: MPS signs pictures anew for each answer."""
    error = result.error
    return (
        result.status,
        error and (error.code, error.name),
        result.files,
        [path.partition("?")[0] if "://" in path else path for path in result.paths],
    )
