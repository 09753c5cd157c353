"""What an application does with its ledger: hold an event, skip what ended before, write down what ends now.

Three things hold, and are tested. A recorded callback never runs again. Two deliveries of one event never run a
callback at the same time, as one holds the event until it is over, or until SCF has killed it. A crash between a
callback's effect and its record repeats that one callback, with the same `IdempotencyKey`.
"""

from __future__ import annotations

import logging
import threading
from math import isfinite
from time import sleep

from ..context import RESERVE_SECONDS
from ..errors import DamagedRecord, EventHeld, LedgerError, describe_error
from ..logs import scrub
from .base import (
    FINAL_OUTCOMES,
    MAX_KILL_DELAY,
    MIN_TIMEOUT,
    Record,
    compute_claim_timeout,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ..context import Context
    from ..events.base import Event
    from ..routing.plan import Call, Plan
    from .base import Lease, Ledger

log = logging.getLogger("scf_mps")

MAX_TIME_LIMIT = 900.0
"""Seconds an event is held where SCF gives no time limit: its longest (product page 583/11637)."""

WARN_SECONDS = 5.0
"""Seconds of another delivery's hold from which waiting for it is a WARNING."""


_OVERTIME = 0.2
"""Seconds that a call may take if callbacks left less: what they did is worth a short attempt to record it."""


class LedgerCoordinator:
    """Holds the events of an application in its ledger.

    Args:
        ledger: the store.
        on_error: ``"fail"``: an event that cannot be held or recorded is left to SCF's retry. ``"run"``: the
            callbacks run all the same, and may run twice.
        reserve: seconds that must be left of an invocation to start a callback, and so to wait for one.
        pause: waits for some seconds.
    """

    def __init__(
        self,
        ledger: Ledger,
        on_error: str,
        reserve: float,
        pause: Callable[[float], None] = sleep,
    ) -> None:
        self.ledger = ledger
        self._strict = on_error == "fail"
        self._reserve = reserve
        self._pause = pause
        self._here = _Here()

    def open(
        self,
        event: Event,
        plan: Plan,
        context: Context,
        force: Collection[str] = (),
        wait: bool = True,
    ) -> LedgerSession | None:
        """Hold the event for this delivery and mark the calls that ended in an earlier one as skipped.

        None if the ledger cannot be reached and that is to stop nothing.

        Args:
            event: the event.
            plan: what there is to do for it.
            context: SCF's. Its reserve grows by the time that closing may take.
            force: the names of callbacks that run although they ended.
            wait: wait for another delivery that holds the event.

        Raises:
            EventHeld: if another delivery holds it until this one has no time left for a callback.
            LedgerError: if the ledger cannot be reached.
            DamagedRecord: if a record of the event cannot be read, whatever `on_error` says.
        """
        calls = plan.calls + plan.completing
        keys = [call.key for call in calls]
        again = {call.key for call in calls if call.route.name in force} if force else ()
        budget = self._here.budget
        if budget is None or budget.context is not context:
            budget = self._here.budget = LedgerTimeBudget(context)
        try:
            claim = self._claim(event, keys, budget, again, wait)
        except EventHeld as held:
            if wait:
                log.warning("%s: left to the next delivery", held)
            raise
        except Exception as error:
            # A record that cannot be read may say that the callbacks ran.
            if self._strict or isinstance(error, DamagedRecord):
                raise _as_ledger_error(error) from error
            log.error("the ledger failed, callbacks may run twice: %s", error)
            return None
        if claim.ended:
            for call, key in zip(calls, keys, strict=True):
                if key in claim.ended and key not in again:
                    call.outcome = "skipped"
        if claim.held:
            self._here.held.add(event.key)
        return LedgerSession(self.ledger, claim, self._strict, self._here.held, budget)

    def _claim(
        self,
        event: Event,
        keys: list[str],
        budget: LedgerTimeBudget,
        again: Collection[str],
        wait: bool,
    ) -> Lease:
        """Claim the event. Wait for another delivery that holds it while there is time for a callback afterwards."""
        context = budget.context
        pause = 0.05
        while True:
            left = context.remaining()
            seconds = left + MAX_KILL_DELAY if isfinite(left) else MAX_TIME_LIMIT
            try:
                with budget.spend():
                    return self.ledger.claim(
                        event, keys, seconds, again=again, owner=context.request_id
                    )
            except EventHeld as held:
                spare = context.remaining() - self._reserve
                # A callback that gives its own event to `main_handler` again would wait for itself.
                if not wait or spare <= 0 or event.key in self._here.held:
                    raise
                if pause == 0.05:
                    level = logging.WARNING if held.seconds > WARN_SECONDS else logging.INFO
                    log.log(level, "waiting, %s for at most %.1f s", held, held.seconds)
                self._pause(min(pause, held.seconds, spare))
                pause = min(pause * 1.5, 5.0)


class LedgerTimeBudget:
    """The seconds that an invocation may still wait for a store that does not answer.

    Each call that fails takes from it, for all events of the invocation: a store that hangs costs one wait, whatever
    there is left to do, and one that refuses at once may be tried again.

    Attributes:
        context: SCF's.
    """

    __slots__ = ("_left", "context")

    def __init__(self, context: Context) -> None:
        self.context = context
        self._left = compute_claim_timeout(context.remaining() + MAX_KILL_DELAY)
        # A tenth of the time limit, at most a second, is kept for closing. Callbacks end their requests before.
        context.reserve = RESERVE_SECONDS + min(1.0, context.remaining() / 10)

    def spend(self, share: float = 1.0) -> _Spending:
        """Return a context manager for one call of the ledger. Its value is the call's timeout in seconds.

        Args:
            share: of what is left of the budget and of the time.

        Raises:
            LedgerError: nothing is left.
        """
        if self._left < MIN_TIMEOUT:
            raise LedgerError(
                "the ledger did not answer before in this invocation: not tried again"
            )
        left = self.context.remaining() - RESERVE_SECONDS
        return _Spending(self, max(min(self._left, left) * share, min(self._left, _OVERTIME)))

    def take(self, seconds: float) -> None:
        """Take seconds off the budget."""
        self._left -= seconds


class _Spending:
    """See `Budget.spend`."""

    __slots__ = ("_began", "_budget", "_timeout")

    def __init__(self, budget: LedgerTimeBudget, timeout: float) -> None:
        self._budget = budget
        self._timeout = timeout

    def __enter__(self) -> float:
        self._began = self._budget.context.clock()
        return self._timeout

    def __exit__(self, kind: type[BaseException] | None, _: object, __: object) -> None:
        if kind is not None and not issubclass(kind, EventHeld):
            self._budget.take(self._budget.context.clock() - self._began)


class _Here(threading.local):
    """The events that this thread holds, and the budget of its invocation."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.budget: LedgerTimeBudget | None = None


class LedgerSession:
    """One delivery's page in the ledger.

    Attributes:
        broken: why a record could not be written, if callbacks are not to run without one.
    """

    __slots__ = (
        "_budget",
        "_claim",
        "_failed",
        "_held",
        "_ledger",
        "_strict",
        "_written",
        "broken",
    )

    def __init__(
        self, ledger: Ledger, claim: Lease, strict: bool, held: set[str], budget: LedgerTimeBudget
    ) -> None:
        self._budget = budget
        self._failed = False
        self._ledger = ledger
        self._claim = claim
        self._strict = strict
        self._held = held
        self._written: dict[Call, Record] = {}
        self.broken: Exception | None = None

    def record(self, call: Call) -> None:
        """Write down that a call came to an end, unless a clean-up may still undo it.

        If that fails, this and all later ones are left to closing: the store is not waited for again and again.
        """
        if call.unsettled or self._failed:
            return
        record = self._record(call)
        try:
            # What is left of the budget and of the time is for closing.
            with self._budget.spend(0.75) as self._claim.timeout:
                self._ledger.record(self._claim, record)
            self._written[call] = record
        except Exception as error:
            self._failed = True
            log.error("%s ended, but the ledger failed: %s", call.route.name, error)
            if self._strict:
                self.broken = error

    def settle(self, calls: Sequence[Call]) -> None:
        """Write down the calls whose clean-ups went well, before what is to come after them begins."""
        for call in calls:
            if call.unsettled:
                call.unsettled = False
                self.record(call)

    def close(self, calls: Sequence[Call], complete: bool) -> Exception | None:
        """Let go of the event; returns why what ended is not recorded, if it is not."""
        if not self._claim.held:
            return None
        self._held.discard(self._claim.event)
        records = [
            self._written.get(call) or self._record(call)
            for call in calls
            if call.outcome != "skipped"
        ]
        try:
            with self._budget.spend() as self._claim.timeout:
                self._ledger.close(self._claim, records, complete)
        except Exception as error:
            log.error("the event could not be closed in the ledger: %s", error)
            unwritten = any(
                call.outcome in FINAL_OUTCOMES and call not in self._written for call in calls
            )
            return error if unwritten and self._strict else None
        return None

    def _record(self, call: Call) -> Record:
        error = call.why if call.error is None else scrub(describe_error(call.error))[:1000]
        return Record.of(call, error, self._claim.delivery)


def _as_ledger_error(error: Exception) -> LedgerError:
    """What a store raised, whatever it is: the ledger's failure is not to look like a callback's."""
    return (
        error
        if isinstance(error, LedgerError)
        else LedgerError(f"the ledger failed: {describe_error(error)}")
    )
