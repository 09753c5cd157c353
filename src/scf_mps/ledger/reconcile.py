"""Dispatch finished tasks whose event never arrived.

An event over 128 KB is never delivered (product page 583/11637), and an event whose retries are used up is lost without
a dead-letter queue. MPS remembers a task for seven days. A reconciliation runs from the command line, or in the function
by a timer trigger whose message is ``reconcile`` or, e.g., ``reconcile 12h``.
"""

from __future__ import annotations

import logging
from time import time

from ..common.error_redaction import create_failure
from ..common.operations import Operation
from ..errors import CallbackFailed, CallbacksFailed, DamagedRecord, LedgerError, ScfMpsError
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
"""Seconds. SCF keeps an event in its queue for so long (product page 583/39851)."""

GRACE_PERIOD = 300.0
"""Seconds after its end for which a task is left to the trigger: to its delivery and SCF's two retries."""

MIN_REMAINING = FIND_TIMEOUT + 1.0
"""Seconds that an invocation must have left to start another task: the ledger may not respond."""


def reconcile(
    dispatcher: Dispatcher,
    context: Context,
    span: float = DEFAULT_LOOKBACK,
    *,
    dispatch: bool = True,
    on_task: Callable[[TaskSummary, str], None] | None = None,
) -> dict[str, Any]:
    """Dispatch every task that finished in the last `span` seconds and is not complete in the ledger.

    Args:
        dispatcher: of the application.
        context: of the invocation. Tasks for which no time is left are left to the next run.
        span: seconds to look back: more than `GRACE_PERIOD`, at most seven days and the ledger's `keep`.
        dispatch: False to only find the tasks.
        on_task: called for each task with its outcome: ``known``, ``missing``, ``done``, ``failed``, ``left`` (no time),
            or ``unknown`` (MPS has no notification).

    Returns:
        A summary: the number of known tasks, and the outcome of every other one.

    Raises:
        CallbacksFailed: at the end, if a task failed or no time was left for one.
        LedgerError: there is no ledger, or it failed.
        MpsError: MPS failed.
        ValueError: `span` is invalid.
    """
    run = _Run(dispatcher, _get_ledger(dispatcher, span), context)
    if context.tracer is not None:
        context.tracer.settle()  # its tasks have traces of their own
    now = time()
    try:
        for task in run.mps.finished(now - span, now - GRACE_PERIOD):
            outcome = run.process(task, dispatch)
            if on_task is not None:
                on_task(task, outcome)
            if outcome == "left" or run.is_interrupted:
                break
    except ScfMpsError as error:
        if not (run.tasks or run.known):
            raise
        run.failures.append(create_failure("reconcile", "the rest", error))
    return run.finish(int(now - span))


def _get_ledger(dispatcher: Dispatcher, span: float) -> Ledger:
    """Return the ledger. Raises LedgerError without one, and ValueError for an invalid span."""
    ledger = dispatcher.ledger
    if ledger is None:
        raise LedgerError(
            "reconcile needs a ledger. Set MPS_LEDGER, e.g. to cos://bucket-appid.region/ledger/"
        )
    if span <= GRACE_PERIOD:
        raise ValueError(
            f"invalid span {span:.0f} s: tasks of the last {GRACE_PERIOD / 60:.0f} minutes are left to the trigger. "
            f"Use a longer span"
        )
    if span > ledger.keep:
        raise ValueError(
            f"invalid span {span / 3600:.0f} h: the ledger keeps events for {ledger.keep / 3600:.0f} h, and older ones "
            f"would run again. Use a shorter span"
        )
    return ledger


class _Run:
    """One reconciliation.

    Attributes:
        mps: the client.
        known: number of tasks that the ledger knows.
        tasks: all other tasks with their outcomes.
        failures: what failed.
    """

    def __init__(self, dispatcher: Dispatcher, ledger: Ledger, context: Context) -> None:
        self.mps = Mps(context=context)
        self.known = 0
        self.tasks: list[dict[str, str]] = []
        self.failures: list[CallbackFailed] = []
        self._dispatcher = dispatcher
        self._ledger = ledger
        self._context = context

    @property
    def is_interrupted(self) -> bool:
        """True if a user pressed Ctrl-C, which appears as a callback's failure."""
        return any(isinstance(failure.__cause__, KeyboardInterrupt) for failure in self.failures)

    def process(self, task: TaskSummary, dispatch: bool) -> str:
        """Dispatch a task unless the ledger knows it. Return its outcome."""
        outcome = self._process(task, dispatch)
        if outcome == "known":
            self.known += 1
        else:
            self.tasks.append(
                {"event_type": task.task_type, "task_id": task.task_id, "outcome": outcome}
            )
        return outcome

    def _process(self, task: TaskSummary, dispatch: bool) -> str:
        key = f"{task.task_type}/{task.task_id}/FINISH"
        if self._context.remaining() < MIN_REMAINING:
            self.failures.append(CallbackFailed("reconcile", key, "no time left for later tasks"))
            return "left"
        if task.is_live or self._is_known(key):
            return "known"
        return self._dispatch(task, key) if dispatch else "missing"

    def _is_known(self, key: str) -> bool:
        """Return True if the event is complete, or another delivery holds it."""
        try:
            with Operation("ledger", "find"):
                event = self._ledger.find(key)
        except DamagedRecord:
            return False  # dispatching it fails, and the other tasks continue
        return event is not None and (event.complete or event.lease_seconds > 0)

    def _dispatch(self, task: TaskSummary, key: str) -> str:
        try:
            notification = self.mps.notification(task.task_id)
            if parse_event(notification).key != key:
                # The ledger could not recognize its event.
                raise NoNotification(f"the notification of {key} has another key")
            self._dispatcher.handle(notification, self._context)
        except CallbacksFailed as error:
            self.failures += error.failures
            return "failed"
        except NoNotification as error:
            log.warning("not reconciled: %s", error)
            return "unknown"
        except Exception as error:  # also of middleware: the other tasks continue
            self.failures.append(create_failure("reconcile", key, error))
            return "failed"
        return "done"

    def finish(self, since: int) -> dict[str, Any]:
        """Return the summary. Raises CallbacksFailed after a failure."""
        summary = {"reconciled": self.tasks, "known": self.known, "since": since}
        if not self.failures:
            return summary
        outcomes = {task["outcome"] for task in self.tasks} - {"done"}
        error = CallbacksFailed(
            f"of {len(self.tasks)} tasks without an event some are "
            f"{' or '.join(sorted(outcomes)) or 'unknown'}",
            self.failures,
        )
        error.summary = summary
        raise error
