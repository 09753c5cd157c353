"""Finds what never arrived: asks MPS which tasks finished, and dispatches those that the ledger does not know as done.

An event over 128 KB is never delivered (product page 583/11637), one whose retries are used up is gone unless there
is a dead-letter queue. MPS itself remembers a task for seven days. This runs from the command line, or in the function
itself by a timer trigger whose message is ``reconcile`` or, e.g., ``reconcile 12h``.
"""

from __future__ import annotations

import logging
from time import time

from ..common.disclosure import create_failure
from ..errors import (
    CallbackFailed,
    CallbacksFailed,
    DamagedRecord,
    LedgerError,
    ScfMpsError,
)
from ..events.parser import parse_event
from ..tencent.mps import Mps, NoNotification
from .base import FIND_TIMEOUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..context import Context
    from ..dispatch.dispatcher import Dispatcher
    from ..tencent.mps import TaskSummary
    from .base import Ledger

log = logging.getLogger("scf_mps")

DEFAULT_LOOKBACK = 6 * 3600.0
"""Seconds to look back: for so long SCF keeps an event in its queue (product page 583/39851)."""

GRACE_PERIOD = 300.0
"""Seconds since its end for which a task is left to the trigger: to its delivery and SCF's two retries."""

MIN_REMAINING = FIND_TIMEOUT + 1.0
"""Seconds that must be left of an invocation to begin with another task: the ledger may not answer."""


def reconcile(
    dispatcher: Dispatcher,
    context: Context,
    span: float = DEFAULT_LOOKBACK,
    *,
    dispatch: bool = True,
    tell: Callable[[TaskSummary, str], None] | None = None,
) -> dict[str, Any]:
    """Dispatch every task that finished in the last `span` seconds and is not done by the ledger.

    Args:
        dispatcher: the application.
        context: the invocation's; what there is no time for is left to the next run.
        span: seconds to look back, more than `GRACE_PERIOD`, at most seven days, and no more than the ledger keeps.
        dispatch: whether to dispatch, or only to say what would be.
        tell: is told of every task what came of it: ``known``, ``missing``, ``done``, ``failed``, ``left``, or
            ``unknown`` if MPS has no notification of it.

    Returns:
        A summary: how many tasks the ledger knew, and of every other one what came of it.

    Raises:
        CallbacksFailed: at the end, if a task was not done or there was no time for one.
        LedgerError: without a ledger, or if it fails.
        MpsError: if MPS does not answer.
        ValueError: for another span.
    """
    ledger = dispatcher.ledger
    if ledger is None:
        raise LedgerError(
            "reconcile needs a ledger, which tells what was done: set MPS_LEDGER, e.g. cos://bucket.region/ledger/"
        )
    if span <= GRACE_PERIOD:
        raise ValueError(
            f"expected a span longer than {GRACE_PERIOD / 60:.0f} minutes: what finished since is left to the trigger"
        )
    if span > ledger.keep:
        raise ValueError(
            f"expected a span in which the ledger forgets nothing, and it keeps events for {ledger.keep / 3600:.0f} h: "
            f"what is done would be done again"
        )
    mps = Mps(context=context)
    now = time()
    known = 0
    tasks: list[dict[str, str]] = []
    failures: list[CallbackFailed] = []
    try:
        for task in mps.finished(now - span, now - GRACE_PERIOD):
            key = f"{task.task_type}/{task.task_id}/FINISH"
            if context.remaining() < MIN_REMAINING:
                outcome = "left"
                why = "no time was left for it, and for what comes after it"
                failures.append(CallbackFailed("reconcile", key, why))
            elif task.is_live or _is_known(ledger, key):
                known += 1
                outcome = "known"
            elif not dispatch:
                outcome = "missing"
            else:
                outcome = _dispatch(dispatcher, mps, task, key, context, failures)
            if tell is not None:
                tell(task, outcome)
            if outcome != "known":
                tasks.append(
                    {"event_type": task.task_type, "task_id": task.task_id, "outcome": outcome}
                )
            if outcome == "left" or _interrupted(failures):
                break
    except (
        ScfMpsError
    ) as error:  # of MPS or the ledger: what came of the tasks before is told all the same
        if not (tasks or known):
            raise
        failures.append(create_failure("reconcile", "the rest", error))
    summary = {"reconciled": tasks, "known": known, "since": int(now - span)}
    if failures:
        unfinished = {one["outcome"] for one in tasks} - {"done"}
        failed = CallbacksFailed(
            f"of {len(tasks)} tasks that never arrived some are {' or '.join(sorted(unfinished)) or 'unknown'}",
            failures,
        )
        failed.summary = summary
        raise failed
    return summary


def _dispatch(
    dispatcher: Dispatcher,
    mps: Mps,
    task: TaskSummary,
    key: str,
    context: Context,
    failures: list[CallbackFailed],
) -> str:
    """What came of one task; why it failed is added to the failures."""
    try:
        notification = mps.notification(task.task_id)
        if parse_event(notification).key != key:
            # Nothing would tell whether it was here before.
            raise NoNotification(f"the notification of {key} cannot be told from another one")
        dispatcher.handle(notification, context)
    except CallbacksFailed as failed:
        failures += failed.failures
        return "failed"
    except NoNotification as error:
        log.warning("not reconciled: %s", error)
        return "unknown"
    except Exception as error:  # of the middleware, too: the other tasks are to have their turn
        failures.append(create_failure("reconcile", key, error))
        return "failed"
    return "done"


def _is_known(ledger: Ledger, key: str) -> bool:
    """Return True if the event is done, or another delivery is at work on it."""
    try:
        entry = ledger.find(key)
    except DamagedRecord:
        return False  # dispatching it fails, as one task among the others
    return entry is not None and (entry.complete or entry.held > 0)


def _interrupted(failures: list[CallbackFailed]) -> bool:
    """Whether somebody at a desk wants it to stop; a callback's failure is what that looks like."""
    return any(isinstance(failure.__cause__, KeyboardInterrupt) for failure in failures)
