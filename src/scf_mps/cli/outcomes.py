"""Outcomes of callbacks: rows of a table, the user's frames of failures, and hints."""

from __future__ import annotations

import logging
import traceback
from contextlib import suppress
from textwrap import indent
from typing import TYPE_CHECKING, Any

from scf_mps import InvalidEvent
from scf_mps.envelope import open_envelope
from scf_mps.events.reading import read
from scf_mps.local.frames import describe_frames, frames_of_error
from scf_mps.logs import scrub
from scf_mps.printable import escape_controls
from scf_mps.running import reason

from .output import count, out, show, warn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from scf_mps import App, CallbacksFailed
    from scf_mps.events.result import Event, Result
    from scf_mps.ledger import Entry, Record
    from scf_mps.routing import Call


def name_result(result: Result) -> str:
    """Return a result's type and definition."""
    definition = getattr(result, "definition", None)
    return f"{result.type} {definition or ''}".strip()


def show_summary(summary: dict[str, Any], event: Event, reasons: Mapping[str, str]) -> None:
    """Show the callbacks of an event with their outcomes, and the results without a callback."""
    results: dict[str, Result] = {result.place: result for result in (*event.subtasks, event)}
    title = f"{event.type} {event.task_id} {event.status}"

    def row(entry: dict[str, str], callback: str, outcome: str) -> dict[str, str]:
        result = results[entry["place"]]
        cells = {
            "result": name_result(result),
            "status": result.status,
            "callback": callback,
            "outcome": outcome,
            "why": reasons.get(f"{result.key} {callback}", ""),
        }
        return cells if out.is_terminal else {"event": title, **cells}

    rows = [row(call, call["callback"], call["outcome"]) for call in summary["callbacks"]]
    rows += [row(result, "", "unhandled") for result in summary["unhandled"]]
    show(rows, title=title, empty=f"{title}: no results")


def watch_calls(application: App, full: bool) -> list[Call]:
    """Return a list that gets every call of the application, and keep its log to what the calls do not tell.

    Args:
        application: the application.
        full: whether to keep the framework's log lines about single results too.
    """
    if not full:
        for handler in logging.getLogger().handlers:
            handler.addFilter(lambda record: not _is_redundant(record))
    calls: list[Call] = []
    application._hooks.after_callback.append(calls.append)
    return calls


def explain_calls(calls: Iterable[Call]) -> dict[str, str]:
    """Return why calls did not complete, by their keys."""
    return {
        call.key: "not started: too little time is left"
        if call.error is None
        else scrub(reason(call.error))
        for call in calls
        if call.outcome != "done"
    }


def show_failures(calls: Iterable[Call], full: bool) -> None:
    """Show the user's frames of each failure once, or full tracebacks."""
    shown = set()
    for call in calls:
        if call.outcome != "failed" or call.error is None:
            continue
        text = (
            indent(scrub("".join(traceback.format_exception(call.error))).rstrip(), "  ")
            if full
            else describe_frames(frames_of_error(call.error))
        )
        if text and (call.route.name, text) not in shown:
            shown.add((call.route.name, text))
            warn(f"{call.route.name}:\n{text}", "")


def show_verdict(failure: CallbacksFailed, summary: dict[str, Any]) -> None:
    """Show failures that no row has, and what SCF would do."""
    every = summary.get("events", [summary])
    calls = [call for one in every for call in one["callbacks"]]
    names = {call["callback"] for call in calls}
    for one in failure.failures:
        if one.callback not in names:
            warn(escape_controls(scrub(str(one))))
    failed = sum(call["outcome"] in ("failed", "deferred") for call in calls)
    counted = f"{failed} of {len(calls)} callbacks failed. " if failed else ""
    warn(f"{counted}In SCF this event would be retried.")


def _is_redundant(record: logging.LogRecord) -> bool:
    """Return True for the framework's log lines about single results: the table has them."""
    return record.name == "scf_mps" and hasattr(record, "place")


def has_skipped_all(summaries: Sequence[dict[str, Any]]) -> bool:
    """Return True if there are callbacks and every one was skipped."""
    outcomes = [call["outcome"] for one in summaries for call in one["callbacks"]]
    return bool(outcomes) and set(outcomes) == {"skipped"}


def read_events(raw: object) -> list[Event]:
    """Return the valid events of what SCF passes."""
    events: list[Event] = []
    try:
        notifications = open_envelope(raw)
    except InvalidEvent:  # the deployed function has the key of an HTTP request
        return events
    for notification in notifications:
        with suppress(InvalidEvent):
            events.append(read(notification))
    return events


def show_entry(entry: Entry) -> None:
    """Show an event of the ledger, callback by callback."""
    deliveries = count(entry.delivery, "delivery", "deliveries")
    title = f"{entry.type} {entry.task_id} {entry.status}: {entry.state}, {deliveries}"
    show([record_row(record) for record in entry.records], title=title, empty=title)


def record_row(record: Record) -> dict[str, str]:
    """Return the row of a callback in the ledger."""
    return {
        "result": record.type,
        "callback": record.callback,
        "outcome": record.outcome,
        "delivery": f"delivery {record.delivery}",
        "seconds": f"{record.seconds:.2f} s",
        "place": record.place,
        "why": record.error,
    }
