"""The way of an event through `main_handler`.

    receive -> read -> plan -> open -> run -> close -> summarize

`channels` receives and reads, `routing.table` plans, `ledger.session` opens and closes, `runner` runs, `summary`
summarizes. This module puts them in order.
"""

from __future__ import annotations

import logging
from threading import get_ident

from .. import channels, logs
from ..channels import Outcome, ReplyingDelivery
from ..common.completion import await_result
from ..context import Context, convert_context
from ..errors import CallbacksFailed, EventHeld, InvalidEvent, LedgerError, describe_error
from .invocation import Invocation
from .summary import create_failure_group, report_unhandled, summarize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any

    from ..common.spans import Observer, Tracer
    from ..events.base import Event
    from ..ledger.base import Ledger
    from ..ledger.session import LedgerCoordinator
    from ..routing.plan import Call, Reason
    from ..routing.table import Table
    from .runner import Hooks, Runner

log = logging.getLogger("scf_mps")


class Dispatcher:
    """A closed application. It never changes, so that threads can share it.

    Args:
        table: finds the calls for an event.
        runner: runs calls.
        hooks: the hooks of the middleware.
        coordinator: holds events in the ledger, None without a ledger.
        observers: get the spans.
    """

    __slots__ = ("_coordinator", "_hooks", "_named_types", "_observers", "_runner", "table")

    def __init__(
        self,
        table: Table,
        runner: Runner,
        hooks: Hooks,
        coordinator: LedgerCoordinator | None = None,
        observers: tuple[Observer, ...] = (),
    ) -> None:
        self.table = table
        self._runner = runner
        self._hooks = hooks
        self._coordinator = coordinator
        self._observers = observers
        self._named_types = frozenset(route.type for route in table.routes)

    @property
    def ledger(self) -> Ledger | None:
        """The application's ledger, or None."""
        return None if self._coordinator is None else self._coordinator.ledger

    def main_handler(self, event: Any, context: Any = None) -> dict[str, Any]:
        """Handle an event of SCF. See `App.main_handler`."""
        return self.handle(event, convert_context(context))

    def handle(
        self, event: object, context: Context, force: Collection[str] = ()
    ) -> dict[str, Any]:
        """Handle an event of SCF.

        Args:
            event: what SCF passes.
            context: SCF's context.
            force: names of callbacks that run although the ledger has them as completed.
        """
        with logs.bind(context.request_id, context):
            context.thread = get_ident()
            if context.deadline < logs.watched_until:
                from ..telemetry.watcher import watch

                watch(context)
            tracer = self._create_tracer(context) if self._observers else None
            failure: BaseException | None = None
            delivery = None
            try:
                delivery = channels.receive(event, context, self._named_types)
                if delivery.lookback is not None:
                    from ..ledger.reconcile import reconcile

                    return reconcile(self, context, delivery.lookback)
                if isinstance(delivery, ReplyingDelivery):
                    outcomes = self._process(delivery, context, force)
                    failure = next((item.error for item in outcomes if item.error), None)
                    return delivery.reply(outcomes)
                return self._dispatch(delivery.read(0), context, force)
            except BaseException as error:
                failure = error
                outgoing = self._redact(error, event)
            finally:
                if not context.events and log.isEnabledFor(logging.INFO):
                    from ..telemetry.wide_line import write_line

                    is_timer = delivery is not None and delivery.lookback is not None
                    write_line(context, "Timer" if is_timer else "", failure)
                if tracer is not None:
                    tracer.close(failure)
        raise outgoing  # outside of the handler, so that the original is not its context

    def _create_tracer(self, context: Context) -> Tracer | None:
        """Return the tracer of an invocation. None if it has one, as `reconcile` has, and inside of an observer."""
        from ..common.spans import Tracer, is_muted

        if context.tracer is not None or is_muted():
            return None
        context.tracer = Tracer(self._observers, context)
        return context.tracer

    def explain(self, event: object) -> list[Reason]:
        """Return why each callback would run or not. See `App.explain`."""
        delivery = channels.receive(event, Context(), self._named_types)
        events = [delivery.read(index, verify=False) for index in range(delivery.count)]
        return [reason for event in events for reason in self.table.explain(event)]

    def _process(
        self, delivery: ReplyingDelivery, context: Context, force: Collection[str]
    ) -> list[Outcome]:
        """Process each event independently. One that another delivery holds is tried again after the others."""
        if context.tracer is not None and delivery.count != 1:
            context.tracer.settle()
        if delivery.count == 1:
            return [self._process_event(delivery, 0, context, force)]
        outcomes: dict[int, Outcome] = {}
        turns = [(index, False) for index in range(delivery.count)]
        for index, wait in turns:
            try:
                outcomes[index] = self._process_event(delivery, index, context, force, wait)
            except EventHeld:
                turns.append((index, True))
        return [outcomes[index] for index in sorted(outcomes)]

    def _process_event(
        self,
        delivery: ReplyingDelivery,
        index: int,
        context: Context,
        force: Collection[str],
        wait: bool = True,
    ) -> Outcome:
        """Read and dispatch one event.

        Raises:
            EventHeld: another delivery holds the event, and `wait` is False.
        """
        event = None
        try:
            event = delivery.read(index)
            return Outcome(self._dispatch(event, context, force, wait))
        except CallbacksFailed as failed:
            return Outcome(failed.summary, failed)
        except Exception as error:
            if isinstance(error, EventHeld) and not wait:
                raise
            delivery.report(error)
            return Outcome(None if event is None else summarize(event, [], []), error)

    def _dispatch(
        self, event: Event, context: Context, force: Collection[str], wait: bool = True
    ) -> dict[str, Any]:
        """Run the callbacks of an event and return its summary.

        Raises:
            CallbacksFailed: a callback, a cleanup or the ledger failed.
        """
        invocation = Invocation(event, context)
        began = context.clock() if context.events else context.began
        context.events += 1
        run = self._run_inside_hooks if self._hooks.around_event else self._run_event
        tracer = context.tracer
        span = None if tracer is None else tracer.open_event(event)
        failure: BaseException | None = None
        try:
            return run(invocation, force, wait)
        except BaseException as error:
            failure = error
            raise
        finally:
            if log.isEnabledFor(logging.INFO) and (wait or not isinstance(failure, EventHeld)):
                from ..telemetry.wide_line import write_event_line

                write_event_line(invocation, began, failure)
            if span is not None:
                assert tracer is not None
                if invocation.session is not None:
                    span["delivery"] = invocation.session.delivery
                tracer.close_event(span, invocation.calls, failure)

    def _run_inside_hooks(
        self, invocation: Invocation, force: Collection[str], wait: bool
    ) -> dict[str, Any]:
        """Handle the event inside every `around_event`. The first middleware is the outermost."""
        event, context = invocation.event, invocation.context

        def wrap(hook: Callable[..., Any], inner: Callable[[], Any]) -> Callable[[], Any]:
            def run() -> Any:
                summary = None

                def proceed() -> Any:
                    nonlocal summary
                    summary = inner()
                    return summary

                returned = await_result(hook(event, context, proceed), context)
                return returned or summary or summarize(event, invocation.calls, [])

            return run

        def proceed() -> Any:
            return self._run_event(invocation, force, wait)

        for hook in self._hooks.around_event:
            proceed = wrap(hook, proceed)
        summary: dict[str, Any] = proceed()
        return summary

    def _run_event(
        self, invocation: Invocation, force: Collection[str], wait: bool
    ) -> dict[str, Any]:
        event, context = invocation.event, invocation.context
        for before in self._hooks.before_event:
            await_result(before(event, context), context)
        plan = self.table.plan(event)
        invocation.unhandled = len(plan.unhandled)
        session = None
        if self._coordinator is not None:
            session = self._coordinator.open(event, plan, context, force, wait)
            invocation.session = session
        succeeded = self._run(plan.calls, invocation)
        if plan.completing:
            succeeded = self._run_completing(plan.completing, invocation, succeeded)
        if session is not None:
            error = session.close(invocation.calls, succeeded)
            if error is not None:
                invocation.problems.append(("the ledger", error))
        for result in plan.unhandled:
            report_unhandled(result)
        summary = summarize(event, invocation.calls, plan.unhandled)
        for after in self._hooks.after_event:
            await_result(after(event, context, summary), context)
        if invocation.problems or not succeeded:
            raise create_failure_group(invocation, summary)
        return summary

    def _run(self, calls: list[Call], invocation: Invocation) -> bool:
        """Run calls and the cleanups of their providers. Return True if all succeeded.

        A callback with a failed cleanup has failed: its session was not committed.
        """
        invocation.calls += calls
        completed = self._runner.run(calls, invocation)
        if not invocation.cleanups:
            return completed
        errors = invocation.close_values()
        for error in errors:
            message = describe_error(error)
            log.error("provider cleanup failed: %s", message, exc_info=error)
            invocation.problems.append(("provider cleanup", error))
        if errors:
            for call in calls:
                if call.unsettled and call.outcome == "done":
                    call.outcome = "failed"
                    call.error = errors[0]
        return completed and not errors

    def _run_completing(
        self, completing: list[Call], invocation: Invocation, succeeded: bool
    ) -> bool:
        """Run the ``on_complete`` calls one by one. After a blocking failure, defer the rest.

        Args:
            completing: the calls.
            invocation: the event's invocation.
            succeeded: False if a call before them failed. Then none of them is part of this delivery.
        """
        reason = "a call before it did not succeed"
        if not succeeded:
            self._runner.defer(completing, reason)
            return False
        for index, call in enumerate(completing, 1):
            if invocation.session is not None:
                invocation.session.settle(invocation.calls)
            if not self._run([call], invocation):
                succeeded = False
                if call.route.blocking:
                    self._runner.defer(completing[index:], reason)
                    invocation.calls += completing[index:]
                    break
        return succeeded

    @staticmethod
    def _redact(error: BaseException, event: object) -> BaseException:
        """Return the exception that leaves `main_handler`, without secrets. Log it if nothing did so before."""
        from ..common.error_redaction import redact_error

        if isinstance(error, RecursionError | LedgerError):  # the ledger wraps what a store raises
            error = channels.replace_depth_error(error, event)
        redacted = redact_error(error)
        if isinstance(error, InvalidEvent):
            log.error("invalid event: %s", error)
        elif redacted is not error and not isinstance(error, LedgerError | CallbacksFailed):
            # SCF logs the exception itself, but not the traceback of a redacted one.
            log.error("event failed: %s", describe_error(error), exc_info=error)
        return redacted
