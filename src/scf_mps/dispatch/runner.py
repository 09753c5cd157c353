"""Execution of calls: independent of each other, within the deadline, with recorded outcomes."""

from __future__ import annotations

import logging

from ..common.completion import await_result
from ..errors import Drop, RegistrationError, describe_error, find_leaves

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from ..context import Context
    from ..events.base import Result
    from ..routing.plan import Call, Route
    from .injection import Arguments
    from .invocation import Invocation

log = logging.getLogger("scf_mps")


class Hooks:
    """The overridden hooks of the middleware, in the order of their calls. See `middleware.Middleware`."""

    __slots__ = ("after_callback", "after_event", "around_callback", "around_event", "before_event")

    def __init__(self) -> None:
        self.around_event: list[Callable[..., Any]] = []
        self.before_event: list[Callable[..., None]] = []
        self.around_callback: list[Callable[..., Any]] = []
        self.after_callback: list[Callable[..., None]] = []
        self.after_event: list[Callable[..., None]] = []


class Runner:
    """Runs calls with the arguments and middleware of one application.

    Args:
        arguments: the arguments of each route's callback, besides the result.
        hooks: the hooks of the middleware.
        reserve: seconds that must remain to start a callback without ``needs=``.
    """

    __slots__ = ("_arguments", "_hooks", "_reserve")

    def __init__(self, arguments: Mapping[Route, Arguments], hooks: Hooks, reserve: float) -> None:
        self._arguments = {
            route: items if len(items) else None for route, items in arguments.items()
        }
        self._hooks = hooks
        self._reserve = reserve

    def run(self, calls: list[Call], invocation: Invocation) -> bool:
        """Run calls in order and set the outcome of each. Return True if all of them completed.

        The invocation's ledger session records each completed call before the next one starts. A failed call does not
        stop the others. Calls with the outcome ``skipped`` do not run.
        """
        context, session = invocation.context, invocation.session
        clock, deadline = context.clock, context.deadline
        run = self._get_run(context)
        after_callback = self._hooks.after_callback
        is_verbose = log.isEnabledFor(logging.DEBUG)
        all_completed = True
        now = clock()
        for call in calls if session is None else _skip_completed(calls, is_verbose):
            needs = self._reserve if call.route.needs is None else call.route.needs
            if deadline - now < needs or (session is not None and session.record_error is not None):
                self._defer_late(call, invocation, deadline - now, needs)
            else:
                context.call, context.called_at = call, now
                start = now
                try:
                    if call.error is not None:  # the predicate that decides about the call failed
                        raise call.error
                    run(call, invocation)
                    call.outcome = "done"
                except Drop as drop:
                    _end(call, "dropped", drop)
                except BaseException as error:  # SystemExit too: SCF would lose the instance
                    dropped = _merge_drops(error)
                    _end(call, "dropped" if dropped else "failed", dropped or error)
                now = clock()
                call.seconds = now - start
            for hook in after_callback:
                _call_hook(hook, call, invocation)
            if is_verbose:
                duration = {"duration_ms": round(call.seconds * 1000, 1)}
                log.debug(call.outcome, extra=_build_fields(call) | duration)
            if call.outcome not in ("done", "dropped"):
                all_completed = False
            elif session is not None:
                session.record(call)
                now = clock()
        context.call = None
        return all_completed

    def _get_run(self, context: Context) -> Callable[[Call, Invocation], Any]:
        """Return the function that runs a callback, inside of hooks and spans if there are any."""
        run = self._run_inside_hooks if self._hooks.around_callback else self._run_callback
        return run if context.tracer is None else context.tracer.wrap(run)

    def defer(self, calls: list[Call], reason: str) -> None:
        """Leave calls to the next delivery, except for those that completed in an earlier one."""
        for call in calls:
            if call.outcome != "skipped":
                _defer(call, reason)

    def _defer_late(
        self, call: Call, invocation: Invocation, remaining: float, needs: float
    ) -> None:
        """Defer a call after the ledger failed, or with too little time left. Both in seconds."""
        session = invocation.session
        if session is not None and session.record_error is not None:
            call.error = session.record_error
            _defer(call, f"the ledger failed: {session.record_error}")
        else:
            _defer(call, f"{remaining:.1f} s remain and it needs {needs:.1f} s")
            call.why = "too little time was left"

    def _run_callback(self, call: Call, invocation: Invocation) -> Any:
        route = call.route
        arguments = self._arguments[route]
        if arguments is None:
            returned = route.callback(call.result)
        else:
            invocation.call = call
            values = arguments.make(invocation, route.name)
            if invocation.open_types:
                call.unsettled = arguments.are_open(invocation)
            returned = route.callback(call.result, **values)
        return await_result(returned, invocation.context) if returned is not None else None

    def _run_inside_hooks(self, call: Call, invocation: Invocation) -> Any:
        """Run the callback inside every `around_callback`. The first middleware is the outermost."""

        def wrap(hook: Callable[..., Any], inner: Callable[[], Any]) -> Callable[[], Any]:
            return lambda: await_result(hook(call, inner), invocation.context)

        def proceed() -> Any:
            return self._run_callback(call, invocation)

        for hook in self._hooks.around_callback:
            proceed = wrap(hook, proceed)
        return proceed()


def build_result_fields(result: Result) -> dict[str, object]:
    """Return the fields of a log line that identify a result."""
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


def _build_fields(call: Call) -> dict[str, object]:
    return {
        "callback": call.route.name,
        **build_result_fields(call.result),
        "outcome": call.outcome,
    }


def _skip_completed(calls: list[Call], is_verbose: bool) -> Iterator[Call]:
    """Yield the calls that did not complete in an earlier delivery."""
    for call in calls:
        if call.outcome != "skipped":
            yield call
        elif is_verbose:
            log.debug("skipped: completed in an earlier delivery", extra=_build_fields(call))


def _call_hook(hook: Callable[..., Any], call: Call, invocation: Invocation) -> None:
    try:
        await_result(hook(call), invocation.context)
    except BaseException as error:
        _end(call, "failed", error)


def _defer(call: Call, reason: str) -> None:
    call.outcome = "deferred"
    call.why = reason
    log.warning("deferred to the next delivery: %s", reason, extra=_build_fields(call))


def _end(call: Call, outcome: str, error: BaseException) -> None:
    call.outcome = outcome
    call.error = error
    if outcome == "dropped":
        log.warning("dropped: %s", error, extra=_build_fields(call))
    else:
        if isinstance(error, RegistrationError):
            error.locate(call.route.where)
        log.error("failed: %s", describe_error(error), exc_info=error, extra=_build_fields(call))


def _merge_drops(error: BaseException) -> Drop | None:
    """Return one Drop for a group of nothing but Drops, such as that of an `asyncio.TaskGroup`. Otherwise None."""
    leaves = find_leaves(error)
    if not all(isinstance(leaf, Drop) for leaf in leaves):
        return None
    return Drop("; ".join(map(str, leaves)))
