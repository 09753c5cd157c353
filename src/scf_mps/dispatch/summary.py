"""The summary of an event, which `main_handler` returns, and the exception that lists its failures."""

from __future__ import annotations

import logging

from ..errors import CallbackFailed, CallbacksFailed
from .runner import build_result_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..events.base import Event, Result
    from ..routing.plan import Call
    from .invocation import Invocation

log = logging.getLogger("scf_mps")

_LEVELS = {"on": logging.WARNING, "on_progress": logging.INFO}


def summarize(event: Event, calls: list[Call], unhandled: list[Result]) -> dict[str, Any]:
    """Return the summary of an event, a small JSON object."""
    callbacks = []
    for call in calls:
        result = call.result
        callback = {
            "callback": call.route.name,
            "type": result.type,
            "place": result.place,
            "outcome": call.outcome,
        }
        if call.why:
            callback["reason"] = call.why
        callbacks.append(callback)
    return {
        "event_type": event.type,
        "task_id": event.task_id,
        "status": event.status,
        "callbacks": callbacks,
        "unhandled": [
            {"type": result.type, "place": result.place, "status": result.status}
            for result in unhandled
        ],
    }


def report_unhandled(result: Result) -> None:
    """Log a result without a callback: a failure as ERROR, a success as WARNING, progress as INFO."""
    level = _LEVELS.get(result.verb, logging.ERROR)
    log.log(level, "unhandled: no callback for %s", result.type, extra=build_result_fields(result))


def create_failure_group(invocation: Invocation, summary: dict[str, Any]) -> CallbacksFailed:
    """Return the exception for an event with failed or deferred callbacks, or with other problems."""
    from ..common.error_redaction import create_failure

    calls, problems = invocation.calls, invocation.problems
    failures = [
        CallbackFailed(call.route.name, call.result.key, f"not started, {call.why}")
        if call.error is None
        else create_failure(call.route.name, call.result.key, call.error)
        for call in calls
        if call.outcome in ("failed", "deferred")
    ]
    parts = [f"{len(failures)} of {len(calls)} callbacks failed"] if failures else []
    parts += [f"{place} failed" for place, _ in problems]
    failures += [create_failure(place, invocation.event.key, error) for place, error in problems]
    group = CallbacksFailed(f"{', '.join(parts)}. The event will be retried", failures)
    group.summary = summary
    return group
