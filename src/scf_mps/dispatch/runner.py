"""Runs the calls of a plan: each alone, under the deadline, whatever one of them does to the others.

Which calls there are is decided before (`routing/router.py`), what follows from their outcomes after (`dispatch/dispatcher.py`).
"""

from __future__ import annotations

import logging

from ..common.completion import await_result
from ..errors import Drop, RegistrationError, describe_error, find_leaves
from ..logs import emit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ..events.base import Result
    from ..routing.plan import Call, Route
    from .injection import Arguments, Invocation

log = logging.getLogger("scf_mps")


class Hooks:
    """The hooks of the middleware there is, ready to be called; see `middleware.Middleware`."""

    __slots__ = ("after_callback", "after_event", "around_callback", "before_event")

    def __init__(self) -> None:
        self.before_event: list[Callable[..., None]] = []
        self.around_callback: list[Callable[..., Any]] = []
        self.after_callback: list[Callable[..., None]] = []
        self.after_event: list[Callable[..., None]] = []


class Runner:
    """Runs calls, with the arguments and the middleware of one application.

    Args:
        arguments: how to make what each route's callback is given besides the result.
        hooks: the middleware.
        reserve: seconds that must be left to start a callback that does not say what it needs.
    """

    __slots__ = ("_arguments", "_hooks", "_reserve")

    def __init__(self, arguments: Mapping[Route, Arguments], hooks: Hooks, reserve: float) -> None:
        self._arguments = arguments
        self._hooks = hooks
        self._reserve = reserve

    def run(self, calls: list[Call], invocation: Invocation) -> bool:
        """Run the calls in order, set the outcome of each, and return True if all of them ended.

        Skipped calls are left alone. Each other call that ended is recorded in the invocation's journal, if it has
        one, before the next one starts. Raises nothing.
        """
        clock, deadline = invocation.context.clock, invocation.context.deadline
        run = self._inside_hooks if self._hooks.around_callback else self._callback
        after_callback = self._hooks.after_callback
        journal = invocation.journal
        verbose = log.isEnabledFor(logging.INFO)
        all_ended = True
        now = clock()
        for call in calls:
            if call.outcome == "skipped":
                if verbose:
                    emit(
                        log,
                        logging.INFO,
                        "skipped: completed in an earlier delivery",
                        _fields(call),
                    )
                continue
            needs = self._reserve if call.route.needs is None else call.route.needs
            if journal is not None and journal.broken is not None:
                call.error = journal.broken
                self._defer(call, f"the ledger failed: {journal.broken}")
            elif deadline - now < needs:
                left = deadline - now
                self._defer(call, f"{left:.1f} s are left and it needs {needs:.1f} s")
                call.why = "too little time was left"
            else:
                began = now
                try:
                    if call.error is not None:  # of the predicate that was to tell whether to call
                        raise call.error
                    run(call, invocation)
                    call.outcome = "done"
                except Drop as drop:
                    self._end(call, "dropped", drop)
                except BaseException as error:  # SystemExit too: SCF would lose the instance
                    dropped = _as_drop(error)
                    self._end(call, "dropped" if dropped else "failed", dropped or error)
                now = clock()
                call.seconds = now - began
            for hook in after_callback:
                try:
                    await_result(hook(call), invocation.context)
                except BaseException as error:
                    self._end(call, "failed", error)
            if verbose:
                emit(log, logging.INFO, call.outcome, _outcome(call))
            if call.outcome not in ("done", "dropped"):
                all_ended = False
            elif journal is not None:
                journal.record(call)
                now = clock()
        return all_ended

    def _callback(self, call: Call, invocation: Invocation) -> Any:
        route = call.route
        arguments = self._arguments[route]
        if arguments:
            invocation.call = call
            invocation.borrowed = False
            made = {name: make(invocation, route.name) for name, make in arguments}
            call.unsettled = invocation.borrowed
            returned = route.callback(call.result, **made)
        else:
            returned = route.callback(call.result)
        return await_result(returned, invocation.context) if returned is not None else None

    def _inside_hooks(self, call: Call, invocation: Invocation) -> Any:
        """The callback inside every `around_callback`, the first middleware outermost."""

        def inside(hook: Callable[..., Any], inner: Callable[[], Any]) -> Callable[[], Any]:
            return lambda: await_result(hook(call, inner), invocation.context)

        def proceed() -> Any:
            return self._callback(call, invocation)

        for hook in self._hooks.around_callback:
            proceed = inside(hook, proceed)
        return proceed()

    def defer(self, calls: list[Call], why: str) -> None:
        """Leave calls to the next delivery, unless they ended in an earlier one."""
        for call in calls:
            if call.outcome != "skipped":
                self._defer(call, why)

    def _defer(self, call: Call, why: str) -> None:
        call.outcome = "deferred"
        call.why = why
        log.warning("not started, %s: left to the next delivery", why, extra=_fields(call))

    def _end(self, call: Call, outcome: str, error: BaseException) -> None:
        call.outcome = outcome
        call.error = error
        if outcome == "dropped":
            log.warning("dropped: %s", error, extra=_fields(call))
        else:
            if isinstance(error, RegistrationError):
                error.locate(call.route.where)
            log.error("failed: %s", describe_error(error), exc_info=error, extra=_fields(call))


def _as_drop(error: BaseException) -> Drop | None:
    """Return one Drop for a group in which every exception is one, as of an `asyncio.TaskGroup`; else None."""
    leaves = find_leaves(error)
    if not all(isinstance(one, Drop) for one in leaves):
        return None
    return Drop("; ".join(map(str, leaves)))


def _fields(call: Call) -> dict[str, object]:
    return {
        "callback": call.route.name,
        **build_result_fields(call.result),
        "outcome": call.outcome,
    }


def _outcome(call: Call) -> dict[str, object]:
    return {**_fields(call), "duration_ms": round(call.seconds * 1000, 1)}


def build_result_fields(result: Result) -> dict[str, object]:
    """What a log line says of a result, so that it can be found again."""
    fields: dict[str, object] = {
        "type": result.type,
        "place": result.place,
        "status": result.status,
    }
    error = result.error
    if error is not None:
        fields["err_code"] = error.code
        fields["err_code_ext"] = error.name
    return fields
