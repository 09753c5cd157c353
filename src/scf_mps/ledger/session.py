"""One delivery's work with the ledger: hold an event, skip finished callbacks, store outcomes.

Three guarantees hold, and are tested:

* A recorded callback never runs again.
* Two deliveries of one event never run a callback at the same time. One holds the event until it is closed, or until
  SCF has killed its invocation.
* A crash between a callback's effect and its record repeats only that callback, with the same `IdempotencyKey`.
"""

from __future__ import annotations

import logging
import threading
from math import isfinite

from ..common.operations import Operation
from ..context import RESERVE_SECONDS
from ..errors import DamagedRecord, EventHeld, LedgerError, describe_error
from ..logs import scrub
from .base import FINAL_OUTCOMES, MAX_KILL_DELAY, MIN_TIMEOUT, Record, compute_claim_timeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ..context import Context
    from ..events.base import Event
    from ..routing.plan import Call, Plan
    from .base import Lease, Ledger

log = logging.getLogger("scf_mps")

MAX_TIME_LIMIT = 900.0
"""Seconds of a lease if SCF gives no time limit: the highest one (product page 583/11637)."""

MIN_WARNING_SECONDS = 5.0
"""Remaining seconds of another delivery's lease from which waiting for it is logged as WARNING."""

_MIN_PAUSE = 0.05
_MAX_PAUSE = 5.0
_MIN_SPEND = 0.2
"""Seconds that a call may take if callbacks left less time: their outcomes are worth a short attempt."""
_RECORD_SHARE = 0.75
"""Share of the remaining budget for a record. The rest is for closing."""
_MAX_ERROR_CHARACTERS = 1000


class LedgerCoordinator:
    """Holds the events of an application in its ledger.

    Args:
        ledger: the store.
        on_error: ``"fail"``: an event that cannot be held or recorded fails, and SCF retries it. ``"run"``: its
            callbacks run, and may run twice.
        reserve: seconds that an invocation must have left to start a callback, and so to wait for one.
    """

    def __init__(self, ledger: Ledger, on_error: str, reserve: float) -> None:
        self.ledger = ledger
        self._strict = on_error == "fail"
        self._reserve = reserve
        self._thread = _ThreadState()

    def open(
        self,
        event: Event,
        plan: Plan,
        context: Context,
        force: Collection[str] = (),
        wait: bool = True,
    ) -> LedgerSession | None:
        """Hold the event for this delivery, and mark the calls with a final record as skipped.

        Args:
            event: the event.
            plan: its calls.
            context: of the invocation. Its reserve grows by the time that closing may take.
            force: names of callbacks that run although they have a final record.
            wait: True to wait for another delivery that holds the event.

        Returns:
            The session, or None if the ledger failed and `on_error` is ``"run"``.

        Raises:
            EventHeld: another delivery holds the event, and this one has no time left for a callback.
            LedgerError: the ledger cannot be reached.
            DamagedRecord: a record of the event is invalid, whatever `on_error` is.
        """
        calls = plan.calls + plan.completing
        keys = [call.key for call in calls]
        forced = {call.key for call in calls if call.route.name in force} if force else ()
        budget = self._thread.budget
        if budget is None or budget.context is not context:
            budget = self._thread.budget = LedgerTimeBudget(context)
        try:
            lease = self._claim(event, keys, budget, forced, wait)
        except EventHeld as error:
            if wait:
                log.warning("%s. SCF will retry the event", error)
            raise
        except Exception as error:
            # A damaged record may say that the callbacks ran.
            if self._strict or isinstance(error, DamagedRecord):
                raise _to_ledger_error(error) from error
            log.error("the ledger failed, callbacks may run twice: %s", error)
            return None
        if lease.final_records:
            for call, key in zip(calls, keys, strict=True):
                if key in lease.final_records and key not in forced:
                    call.outcome = "skipped"
        if lease.held:
            self._thread.held.add(event.key)
        return LedgerSession(self.ledger, lease, self._strict, self._thread.held, budget)

    def _claim(
        self,
        event: Event,
        keys: list[str],
        budget: LedgerTimeBudget,
        forced: Collection[str],
        wait: bool,
    ) -> Lease:
        """Claim the event. Wait for another delivery while there is time for a callback afterwards."""
        context = budget.context
        pause = _MIN_PAUSE
        while True:
            remaining = context.remaining()
            seconds = remaining + MAX_KILL_DELAY if isfinite(remaining) else MAX_TIME_LIMIT
            try:
                with budget.spend("claim"):
                    return self.ledger.claim(
                        event, keys, seconds, forced=forced, owner=context.request_id
                    )
            except EventHeld as held:
                spare = context.remaining() - self._reserve
                # A callback that passes its own event to `main_handler` would wait for itself.
                if not wait or spare <= 0 or event.key in self._thread.held:
                    raise
                if pause == _MIN_PAUSE:
                    level = logging.WARNING if held.seconds > MIN_WARNING_SECONDS else logging.INFO
                    log.log(level, "waiting up to %.1f s: %s", held.seconds, held)
                with Operation("wait", "ledger"):
                    context.sleep(min(pause, held.seconds, spare))
                pause = min(pause * 1.5, _MAX_PAUSE)


class LedgerTimeBudget:
    """Seconds that an invocation may still wait for a store that does not respond.

    A failed call takes its duration from the budget, for all events of the invocation. So a store that hangs costs one
    wait in total, and a store that refuses at once may be tried again.

    Attributes:
        context: of the invocation.
    """

    __slots__ = ("_remaining", "context")

    def __init__(self, context: Context) -> None:
        self.context = context
        self._remaining = compute_claim_timeout(context.remaining() + MAX_KILL_DELAY)
        # A tenth of the time limit, at most a second, is kept for closing. Requests of callbacks end before.
        context.reserve = RESERVE_SECONDS + min(1.0, context.remaining() / 10)

    def spend(self, name: str, share: float = 1.0) -> _Spending:
        """Return a context manager for one call of the ledger. Its value is the call's timeout in seconds.

        Args:
            name: of the call.
            share: of the remaining budget and time.

        Raises:
            LedgerError: the budget is used up.
        """
        if self._remaining < MIN_TIMEOUT:
            raise LedgerError("the ledger did not respond earlier in this invocation: not retried")
        left = self.context.remaining() - RESERVE_SECONDS
        timeout = max(min(self._remaining, left) * share, min(self._remaining, _MIN_SPEND))
        return _Spending(self, name, timeout)

    def take(self, seconds: float) -> None:
        """Take seconds off the budget."""
        self._remaining -= seconds


class _Spending:
    """See `LedgerTimeBudget.spend`."""

    __slots__ = ("_began", "_budget", "_operation", "_timeout")

    def __init__(self, budget: LedgerTimeBudget, name: str, timeout: float) -> None:
        self._budget = budget
        self._operation = Operation("ledger", name)
        self._timeout = timeout

    def __enter__(self) -> float:
        self._began = self._budget.context.clock()
        self._operation.__enter__()
        return self._timeout

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: object
    ) -> None:
        self._operation.__exit__(kind, error, traceback)
        if kind is not None and not issubclass(kind, EventHeld):
            self._budget.take(self._budget.context.clock() - self._began)


class _ThreadState(threading.local):
    """The events that this thread holds, and the budget of its invocation."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.budget: LedgerTimeBudget | None = None


class LedgerSession:
    """One delivery's access to its event in the ledger.

    Attributes:
        delivery: number of this delivery of the event, from 1.
        record_error: the error of a record that could not be stored, if callbacks must not run without records.
    """

    __slots__ = (
        "_budget",
        "_failed",
        "_held",
        "_lease",
        "_ledger",
        "_stored",
        "_strict",
        "delivery",
        "record_error",
    )

    def __init__(
        self, ledger: Ledger, lease: Lease, strict: bool, held: set[str], budget: LedgerTimeBudget
    ) -> None:
        self._budget = budget
        self.delivery = lease.delivery
        self._failed = False
        self._ledger = ledger
        self._lease = lease
        self._strict = strict
        self._held = held
        self._stored: dict[Call, Record] = {}
        self.record_error: Exception | None = None

    def record(self, call: Call) -> None:
        """Store the final outcome of a call, unless a cleanup may still change it.

        After a failure, this and all later records are left to `close`: the invocation waits for the store only once.
        """
        if call.unsettled or self._failed:
            return
        record = self._create_record(call)
        try:
            with self._budget.spend("record", _RECORD_SHARE) as self._lease.timeout:
                self._ledger.record(self._lease, record)
            self._stored[call] = record
        except Exception as error:
            self._failed = True
            log.error("%s ended, but the ledger failed: %s", call.route.name, error)
            if self._strict:
                self.record_error = error

    def settle(self, calls: Sequence[Call]) -> None:
        """Store the outcomes of calls whose cleanups succeeded, before later callbacks start."""
        for call in calls:
            if call.unsettled:
                call.unsettled = False
                self.record(call)

    def close(self, calls: Sequence[Call], complete: bool) -> Exception | None:
        """Release the event.

        Args:
            calls: all calls of this delivery.
            complete: True if nothing is left to do.

        Returns:
            The error, if a final outcome could not be stored and callbacks must not run without records.
        """
        if not self._lease.held:
            return None
        self._held.discard(self._lease.event)
        records = [
            self._stored.get(call) or self._create_record(call)
            for call in calls
            if call.outcome != "skipped"
        ]
        try:
            with self._budget.spend("close") as self._lease.timeout:
                self._ledger.close(self._lease, records, complete)
        except Exception as error:
            log.error("the event could not be closed in the ledger: %s", error)
            is_lost = any(
                call.outcome in FINAL_OUTCOMES and call not in self._stored for call in calls
            )
            return error if is_lost and self._strict else None
        return None

    def _create_record(self, call: Call) -> Record:
        if call.error is None:
            error = call.why
        else:
            error = scrub(describe_error(call.error))[:_MAX_ERROR_CHARACTERS]
        return Record.from_call(call, error, self._lease.delivery)


def _to_ledger_error(error: Exception) -> LedgerError:
    """Return a store's error as LedgerError, so that it does not look like a callback's error."""
    if isinstance(error, LedgerError):
        return error
    return LedgerError(f"the ledger failed: {describe_error(error)}")
