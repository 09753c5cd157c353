"""The way an event takes, from what SCF passes to what it gets back.

    envelope -> event -> plan -> run -> verdict

Each stage is a module of its own; here they are put in order, and the verdict is spoken: return a summary, or raise
so that SCF delivers the event again. Over HTTP the verdict is a response, which `channels/http.py` writes.
"""

from __future__ import annotations

import logging

from .. import logs
from ..common.completion import await_result
from ..context import Context
from ..errors import (
    CallbackFailed,
    CallbacksFailed,
    EventHeld,
    InvalidEvent,
    LedgerError,
    describe_error,
)
from ..events.parser import VOD_EVENT_TYPES, check_finite, describe_vod_event, parse_event
from .injection import Invocation
from .runner import build_result_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from ..events.base import Event, Result
    from ..ledger.base import Ledger
    from ..ledger.session import LedgerCoordinator
    from ..routing.plan import Call, Reason
    from ..routing.table import Table
    from .runner import Hooks, Runner

    Problem = tuple[str, BaseException]
    """What went wrong beside the callbacks: where, and what it raised."""

log = logging.getLogger("scf_mps")


class Dispatcher:
    """An application in working order. It never changes, so threads may share it.

    Args:
        table: which callback gets what.
        runner: runs them.
        hooks: the middleware.
        keeper: holds events in the ledger, if the application has one.
    """

    __slots__ = ("_hooks", "_keeper", "_refused", "_runner", "table")

    def __init__(
        self, table: Table, runner: Runner, hooks: Hooks, keeper: LedgerCoordinator | None = None
    ) -> None:
        self.table = table
        self._runner = runner
        self._hooks = hooks
        self._keeper = keeper
        # VOD's notifications, but those that a callback is registered for by name.
        self._refused = VOD_EVENT_TYPES - {route.type for route in table.routes}

    def main_handler(self, event: Any, context: Any = None) -> dict[str, Any]:
        """See `App.main_handler`."""
        return self.handle(event, Context(context))

    def handle(
        self, event: object, context: Context, force: Collection[str] = ()
    ) -> dict[str, Any]:
        """`main_handler` with a context that is one already.

        Args:
            event: what SCF passes.
            context: SCF's.
            force: the names of callbacks that run even where the ledger says that they ended.
        """
        fields = logs.bind(context.request_id, context)
        try:
            if isinstance(event, dict) and "EventType" in event:  # the MPS trigger: no envelope
                return self._dispatch(self._read(event, context, fields), context, fields, force)
            return self._open(event, context, fields, force)
        except BaseException as error:
            leaving = self._leaving(error, event)
        finally:
            logs.unbind()
        raise leaving  # not in the handler, where the original would be its context

    def _leaving(self, error: BaseException, event: object) -> BaseException:
        """Return what leaves `main_handler` for an exception, without secrets, and log what nobody has logged yet."""
        from ..common.disclosure import redact_error

        if isinstance(
            error, RecursionError | LedgerError
        ):  # the ledger wraps what its stores raise
            from ..channels.envelope import MAX_DEPTH, is_too_deep

            if is_too_deep(event):
                error = InvalidEvent(
                    f"expected an MPS notification, but an object of more than {MAX_DEPTH} levels came"
                )
        shown = redact_error(error)
        if isinstance(error, InvalidEvent):
            log.error("invalid event: %s", error)
        elif shown is not error and not isinstance(error, LedgerError | CallbacksFailed):
            log.error("not handled: %s", describe_error(error), exc_info=error)
        return shown

    @property
    def ledger(self) -> Ledger | None:
        """The application's ledger, if it has one."""
        return None if self._keeper is None else self._keeper.ledger

    def explain(self, event: object) -> list[Reason]:
        """See `App.explain`."""
        from ..channels.envelope import unwrap

        events = [self._read(one, Context(), {}) for one in unwrap(event)]
        return [reason for one in events for reason in self.table.explain(one)]

    def _open(
        self, event: object, context: Context, fields: dict[str, str], force: Collection[str]
    ) -> dict[str, Any]:
        """What does not come from the MPS trigger."""
        from ..channels.envelope import decode_text, is_http_request, unwrap

        event = decode_text(event)
        if is_http_request(event):
            return self._answer(event, context, fields, force)
        if isinstance(event, dict) and event.get("Type") == "Timer" and "TriggerName" in event:
            from ..ledger.reconcile import (
                handle_timer,  # SCF's timer trigger (product page 583/9708)
            )

            return handle_timer(self, event, context)
        notifications = unwrap(event)
        if len(notifications) > 1:
            queue = isinstance(event, dict) and "msgInfoList" in event
            name = "msgInfoList" if queue else "Records"
            return self._dispatch_all(notifications, name, context, fields, force)
        event = self._read(notifications[0], context, fields)
        return self._dispatch(event, context, fields, force)

    def _answer(
        self, request: object, context: Context, fields: dict[str, str], force: Collection[str]
    ) -> dict[str, Any]:
        """The response to an HTTP request; raises nothing."""
        from ..channels.envelope import unwrap
        from ..channels.http import create_error_response, create_response
        from ..channels.signature import is_reread_enabled

        try:
            (notification,) = unwrap(request)
            event = self._read(notification, context, fields)
            if is_reread_enabled():
                from ..channels.confirm import verify_with_mps

                event = verify_with_mps(event, context)
            return create_response(200, self._dispatch(event, context, fields, force))
        except Exception as error:
            return create_error_response(error)

    def _read(self, notification: object, context: Context, fields: dict[str, str]) -> Event:
        """The event of a notification, or of a reference to one; its task is on the log's lines from then on."""
        event = None
        if (
            isinstance(notification, dict)
            and "EventType" not in notification
            and ("TaskId" in notification or "ArchivedEvent" in notification)
        ):
            from ..channels.claim_check import fetch_event, is_reference

            if is_reference(notification):
                fields["task_id"] = str(notification.get("TaskId") or "")
                event = fetch_event(notification, context)
        if event is None:
            event = parse_event(notification)
        fields["task_id"] = event.task_id
        logs.learn(event.raw)
        check_finite(event)
        if event.type in self._refused:
            raise InvalidEvent(describe_vod_event(event.type))
        return event

    def _dispatch(
        self,
        event: Event,
        context: Context,
        fields: dict[str, str],
        force: Collection[str],
        wait: bool = True,
    ) -> dict[str, Any]:
        """One event, from the plan to the verdict."""
        invocation = Invocation(event, context)
        for before in self._hooks.before_event:
            await_result(before(event, context), context)
        plan = self.table.plan(event)
        journal = None
        if self._keeper is not None:
            journal = invocation.journal = self._keeper.open(event, plan, context, force, wait)
        calls = plan.calls
        all_ended, problems = self._run(calls, invocation)
        blocked = not all_ended
        for index, call in enumerate(plan.completing):
            if blocked:
                rest = plan.completing[index:]
                self._runner.defer(rest, "something before it did not succeed")
                if index:  # else the whole of on_complete waits, and is no part of this delivery
                    calls = [*calls, *rest]
                    all_ended = False
                break
            if journal is not None:
                journal.settle(calls)
            calls = [*calls, call]
            ended, more = self._run([call], invocation)
            problems += more
            all_ended = all_ended and ended
            blocked = call.route.blocking and not ended
        if journal is not None:
            problem = journal.close(calls, all_ended)
            if problem is not None:
                problems.append(("the ledger", problem))
        for result in plan.unhandled:
            _report_unhandled(result)
        summary = _summary(event, calls, plan.unhandled)
        for after in self._hooks.after_event:
            await_result(after(event, context, summary), context)
        if problems or not all_ended:
            raise _unfinished(event, calls, problems, summary)
        return summary

    def _run(self, calls: list[Call], invocation: Invocation) -> tuple[bool, list[Problem]]:
        """Run calls and the clean-ups of their providers. Return (all_succeeded, problems of the clean-ups).

        A callback whose session could not be committed has failed, whatever it returned.
        """
        all_ended = self._runner.run(calls, invocation)
        if not invocation.closing:
            return all_ended, []
        problems = [("clean-up of a provider", problem) for problem in invocation.close()]
        for where, problem in problems:
            log.error("%s failed: %s", where, describe_error(problem), exc_info=problem)
        if problems:
            for call in calls:
                if call.unsettled and call.outcome == "done":
                    call.outcome = "failed"
                    call.error = problems[0][1]
        return all_ended and not problems, problems

    def _dispatch_all(
        self,
        notifications: list[object],
        name: str,
        context: Context,
        fields: dict[str, str],
        force: Collection[str],
    ) -> dict[str, Any]:
        """Process each notification independently. One that another delivery holds has its turn after all others."""
        summaries: dict[int, dict[str, Any]] = {}
        failures: list[CallbackFailed] = []
        turns = [(index, False) for index in range(len(notifications))]
        for index, wait in turns:
            fields.pop("task_id", None)
            event = None
            try:
                event = self._read(notifications[index], context, fields)
                summaries[index] = self._dispatch(event, context, fields, force, wait)
            except CallbacksFailed as failed:
                failures += failed.failures
                summaries[index] = failed.summary
            except Exception as error:
                if isinstance(error, EventHeld) and not wait:
                    turns.append((index, True))
                    continue
                if isinstance(error, InvalidEvent):
                    log.error("invalid event: %s", error)
                else:
                    trace = None if isinstance(error, LedgerError) else error
                    log.error("not handled: %s", describe_error(error), exc_info=trace)
                where = "the ledger" if isinstance(error, LedgerError) else "main_handler"
                failures.append(_failure(where, f"{name}[{index}]", error))
                if event is not None:
                    summaries[index] = _summary(event, [], [])
        summary = {"events": [summaries[index] for index in sorted(summaries)]}
        if failures:
            text = f"{len(failures)} failures in {len(notifications)} events"
            raise _failed(text, failures, summary)
        return summary


def _summary(event: Event, calls: list[Call], unhandled: list[Result]) -> dict[str, Any]:
    return {
        "event_type": event.type,
        "task_id": event.task_id,
        "status": event.status,
        "callbacks": [
            {
                "callback": call.route.name,
                "type": call.result.type,
                "place": call.result.place,
                "outcome": call.outcome,
                **({"reason": call.why} if call.why else {}),
            }
            for call in calls
        ],
        "unhandled": [
            {"type": result.type, "place": result.place, "status": result.status}
            for result in unhandled
        ],
    }


def _report_unhandled(result: Result) -> None:
    """No result goes by in silence: an ERROR for a failure, a WARNING for a success, an INFO for progress."""
    level = {"on": logging.WARNING, "on_progress": logging.INFO}.get(result.verb, logging.ERROR)
    log.log(level, "no callback is for %s", result.type, extra=build_result_fields(result))


def _unfinished(
    event: Event, calls: list[Call], problems: list[Problem], summary: dict[str, Any]
) -> CallbacksFailed:
    failures = [
        _failure(call.route.name, call.result.key, call.error, call.why)
        for call in calls
        if call.outcome in ("failed", "deferred")
    ]
    what = [f"{len(failures)} of {len(calls)} callbacks did not finish"] if failures else []
    what += [f"{where} failed" for where, _ in problems]
    failures += [_failure(where, event.key, problem) for where, problem in problems]
    return _failed(f"{', '.join(what)}, the event is to be delivered again", failures, summary)


def _failed(text: str, failures: list[CallbackFailed], summary: dict[str, Any]) -> CallbacksFailed:
    failed = CallbacksFailed(text, failures)
    failed.summary = summary
    return failed


def _failure(
    callback: str, result: str, error: BaseException | None, why: str = ""
) -> CallbackFailed:
    if error is None:
        return CallbackFailed(callback, result, f"not started, {why}")
    return CallbackFailed.caused_by(callback, result, error)
