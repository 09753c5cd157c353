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

from ..errors import EventHeld, LedgerError
from ..logs import scrub
from ..running import reason
from .base import ENDED, Record, digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ..context import Context
    from ..events.result import Event
    from ..injection import Invocation
    from ..routing import Call, Plan
    from .base import Claim, Ledger

log = logging.getLogger("scf_mps")

LONGEST = 900.0
"""Seconds an event is held where SCF tells no time limit: its longest (product page 583/11637)."""

PATIENCE = 5.0
"""Seconds after which whoever waits for another delivery is told so."""

GRACE = 2.0
"""Seconds after the time limit within which SCF has killed an invocation for certain."""


class IdempotencyKey(str):
    """32 hexadecimal digits that name a callback with a result, the same in every delivery of the event.

    A callback asks for it by annotation, and gives it to whatever it calls that can tell a repetition by such a key:
    the one thing a ledger cannot do is to see an effect that a crash kept from being recorded.
    """

    __slots__ = ()

    per_call = True

    @classmethod
    def __provide__(cls, invocation: Invocation) -> IdempotencyKey:
        """The one of the call that is being made."""
        assert invocation.call is not None
        return cls(digest(invocation.call.key))


class Keeper:
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
        self, event: Event, plan: Plan, context: Context, force: Collection[str] = ()
    ) -> Journal | None:
        """Hold the event for this delivery and mark the calls that ended in an earlier one as skipped.

        None if the ledger cannot be reached and that is to stop nothing.

        Args:
            event: the event.
            plan: what there is to do for it.
            context: SCF's.
            force: the names of callbacks that run although they ended.

        Raises:
            EventHeld: if another delivery holds it for longer than this one has time.
            LedgerError: if the ledger cannot be reached.
        """
        calls = plan.calls + plan.completing
        keys = [call.key for call in calls]
        again = {call.key for call in calls if call.route.name in force} if force else ()
        try:
            claim = self._claim(event, keys, context, again)
        except EventHeld as held:
            log.warning("%s: left to the next delivery", held)
            raise
        except Exception as error:
            if self._strict:
                raise _as_ledger_error(error) from error
            log.error("the ledger failed, callbacks may run twice: %s", error)
            return None
        if claim.ended:
            for call, key in zip(calls, keys, strict=True):
                if key in claim.ended and key not in again:
                    call.outcome = "skipped"
        if claim.held:
            self._here.held.add(event.key)
        return Journal(self.ledger, claim, self._strict, self._here.held)

    def _claim(
        self, event: Event, keys: list[str], context: Context, again: Collection[str]
    ) -> Claim:
        """Claim the event, after waiting for whoever is at work on it."""
        pause = 0.05
        while True:
            left = context.remaining()
            seconds = left + GRACE if isfinite(left) else LONGEST
            try:
                return self.ledger.claim(
                    event, keys, seconds, again=again, owner=context.request_id
                )
            except EventHeld as held:
                # A callback that gives its own event to `main_handler` again would wait for itself.
                if held.seconds > left - self._reserve or event.key in self._here.held:
                    raise
                if pause == 0.05:
                    level = logging.WARNING if held.seconds > PATIENCE else logging.INFO
                    log.log(level, "waiting, %s for at most %.1f s", held, held.seconds)
                self._pause(min(pause, held.seconds))
                pause = min(pause * 1.5, 5.0)


class _Here(threading.local):
    """The events that this thread holds."""

    def __init__(self) -> None:
        self.held: set[str] = set()


class Journal:
    """One delivery's page in the ledger.

    Attributes:
        broken: why a record could not be written, if callbacks are not to run without one.
    """

    __slots__ = ("_claim", "_held", "_ledger", "_strict", "_written", "broken")

    def __init__(self, ledger: Ledger, claim: Claim, strict: bool, held: set[str]) -> None:
        self._ledger = ledger
        self._claim = claim
        self._strict = strict
        self._held = held
        self._written: dict[Call, Record] = {}
        self.broken: Exception | None = None

    def record(self, call: Call) -> None:
        """Write down that a call came to an end, unless a clean-up may still undo it; if that fails, closing tries again."""
        if call.unsettled:
            return
        record = self._record(call)
        try:
            self._ledger.record(self._claim, record)
            self._written[call] = record
        except Exception as error:
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
            self._ledger.close(self._claim, records, complete)
        except Exception as error:
            log.error("the event could not be closed in the ledger: %s", error)
            unwritten = any(call.outcome in ENDED and call not in self._written for call in calls)
            return error if unwritten and self._strict else None
        return None

    def _record(self, call: Call) -> Record:
        error = call.why if call.error is None else scrub(reason(call.error))[:1000]
        return Record.of(call, error, self._claim.delivery)


def _as_ledger_error(error: Exception) -> LedgerError:
    """What a store raised, whatever it is: the ledger's failure is not to look like a callback's."""
    return (
        error
        if isinstance(error, LedgerError)
        else LedgerError(f"the ledger failed: {reason(error)}")
    )
