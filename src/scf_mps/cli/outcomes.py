"""Outcomes of callbacks: table rows, the user's frames of failures, and hints."""

from __future__ import annotations

import logging
import traceback
from contextlib import suppress
from textwrap import indent
from typing import TYPE_CHECKING, Any

from scf_mps import InvalidEvent
from scf_mps.channels.envelope import unwrap
from scf_mps.common.printable import escape_controls
from scf_mps.errors import describe_error
from scf_mps.events.parser import parse_event
from scf_mps.local.frames import describe_frames, find_error_frames
from scf_mps.logs import scrub

from .output import format_count, out, print_error, print_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from scf_mps import App, CallbackFailed, CallbacksFailed
    from scf_mps.events.base import Event, Result
    from scf_mps.ledger import Record, StoredEvent
    from scf_mps.routing.plan import Call


def name_result(result: Result) -> str:
    """Return the type and definition of a result."""
    definition = getattr(result, "definition", None)
    return f"{result.type} {definition or ''}".strip()


def print_summary(summary: dict[str, Any], event: Event, reasons: Mapping[str, str]) -> None:
    """Print the callbacks of an event with their outcomes, and the results without a callback."""
    results: dict[str, Result] = {result.place: result for result in (*event.subtasks, event)}
    title = f"{event.type} {event.task_id} {event.status}"

    def make_row(item: dict[str, str], callback: str, outcome: str) -> dict[str, str]:
        result = results[item["place"]]
        cells = {
            "result": name_result(result),
            "status": result.status,
            "callback": callback,
            "outcome": outcome,
            "why": reasons.get(f"{result.key} {callback}", ""),
        }
        return cells if out.is_terminal else {"event": title, **cells}

    rows = [make_row(call, call["callback"], call["outcome"]) for call in summary["callbacks"]]
    rows += [make_row(result, "", "unhandled") for result in summary["unhandled"]]
    print_table(rows, title=title, empty=f"{title}: no results")


def watch_calls(application: App, full: bool) -> list[Call]:
    """Return a list that receives every call of the application. Remove the details of calls from the log.

    Args:
        application: the application.
        full: whether to keep all log lines of the framework.
    """
    if not full:
        for handler in logging.getLogger().handlers:
            handler.addFilter(_shorten_record)
    calls: list[Call] = []
    application._hooks.after_callback.append(calls.append)
    return calls


def explain_calls(calls: Iterable[Call]) -> dict[str, str]:
    """Return the reasons of calls that did not complete, by their keys."""
    return {
        call.key: "not started: too little time is left"
        if call.error is None
        else scrub(describe_error(call.error))
        for call in calls
        if call.outcome != "done"
    }


def print_failures(
    calls: Iterable[Call], full: bool, others: Iterable[CallbackFailed] = ()
) -> None:
    """Print the user's frames of each failure once, or full tracebacks.

    Args:
        calls: the calls, which have table rows.
        full: whether to show full tracebacks.
        others: failures without a table row.
    """
    failed = [(call.route.name, call.error) for call in calls if call.outcome == "failed"]
    failed += [(escape_controls(scrub(str(failure))), failure.__cause__) for failure in others]
    rows = len(failed) - len(list(others))
    shown = set()
    for number, (title, error) in enumerate(failed):
        text = _format_failure(error, full) if error is not None else ""
        is_new = bool(text) and text not in shown
        shown.add(text)
        if number >= rows:
            print_error(title)
        elif is_new:
            print_error(f"{title}:", "")
        if is_new:
            print_error(text, "")


def _format_failure(error: BaseException, full: bool) -> str:
    if full:
        return scrub(indent("".join(traceback.format_exception(error)).rstrip(), "  "))
    return scrub(describe_frames(find_error_frames(error)))


def find_other_failures(failure: CallbacksFailed, summary: dict[str, Any]) -> list[CallbackFailed]:
    """Return the failures outside callbacks: of the ledger, a provider, a notification."""
    names = {call["callback"] for item in list_summaries(summary) for call in item["callbacks"]}
    return [error for error in failure.failures if error.callback not in names]


def print_verdict(summary: dict[str, Any]) -> None:
    """Print how many callbacks failed, and that SCF would retry."""
    calls = [call for item in list_summaries(summary) for call in item["callbacks"]]
    failed = sum(call["outcome"] in ("failed", "deferred") for call in calls)
    counted = f"{failed} of {len(calls)} callbacks failed. " if failed else ""
    print_error(f"{counted}In SCF this event would be retried.")


def list_summaries(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the summaries of all events of an invocation."""
    summaries: list[dict[str, Any]] = summary.get("events", [summary])
    return summaries


def _shorten_record(record: logging.LogRecord) -> bool:
    """Return False for lines with the facts of the table. Remove the framework's tracebacks from the others.

    These are lines about single results, and the line per event of `telemetry.wide_line`.
    """
    if record.name != "scf_mps":
        return True
    record.exc_info = None
    return not (hasattr(record, "place") or hasattr(record, "left_ms"))


def has_skipped_all(summaries: Sequence[dict[str, Any]]) -> bool:
    """Return True if there are callbacks and all were skipped."""
    outcomes = [call["outcome"] for item in summaries for call in item["callbacks"]]
    return bool(outcomes) and set(outcomes) == {"skipped"}


def read_events(raw: object) -> list[Event]:
    """Return the valid events in an event of SCF."""
    events: list[Event] = []
    try:
        notifications = unwrap(raw)
    except InvalidEvent:  # only the deployed function can verify an HTTP request
        return events
    for notification in notifications:
        with suppress(InvalidEvent):
            events.append(parse_event(notification))
    return events


def print_entry(entry: StoredEvent) -> None:
    """Print the callbacks of an event in the ledger."""
    deliveries = format_count(entry.delivery, "delivery", "deliveries")
    title = f"{entry.type} {entry.task_id} {entry.status}: {entry.state}, {deliveries}"
    print_table([format_record(record) for record in entry.records], title=title, empty=title)


def format_record(record: Record) -> dict[str, str]:
    """Return the table row of a callback in the ledger."""
    return {
        "result": record.type,
        "callback": record.callback,
        "outcome": record.outcome,
        "delivery": f"delivery {record.delivery}",
        "seconds": f"{record.seconds:.2f} s",
        "place": record.place,
        "why": record.error,
    }
