"""Commands for the ledger: history, replay, reconcile, purge."""

from __future__ import annotations

import json
import os
import re
import sys
import uuid
from collections import Counter
from datetime import datetime
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from scf_mps import CallbacksFailed, LedgerError, ScfMpsError, logs
from scf_mps.common.durations import parse_duration
from scf_mps.common.printable import escape_controls
from scf_mps.errors import DamagedRecord
from scf_mps.ledger.base import StoredEvent

from .arguments import (
    AppOption,
    JsonOption,
    TracebackOption,
    load_application,
    or_invalid,
    read_project,
)
from .failures import explain_error
from .outcomes import record_row, show_entry, show_failures, watch_calls
from .output import count, err, fail, out, print_json, say, show, warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scf_mps import App
    from scf_mps.ledger import Ledger
    from scf_mps.tencent.mps import TaskSummary

LedgerOption = Annotated[
    str,
    typer.Option("--ledger", metavar="URL", help="The ledger, in place of MPS_LEDGER's."),
]
OPEN = ("failed", "interrupted")
"""States of events that are neither completed nor running."""


def history(
    failed: Annotated[
        bool, typer.Option("--failed", help="Only what failed or was interrupted.")
    ] = False,
    task: Annotated[str, typer.Option(help="Only this task, callback by callback.")] = "",
    since: Annotated[str, typer.Option(help="How far to look back: 90m, 6h, 7d.")] = "7d",
    ledger: LedgerOption = "",
    app: AppOption = "handlers:app",
    as_json: JsonOption = False,
) -> None:
    """List the events of the ledger: their state, their callbacks' outcomes and errors."""
    _, store = _ledger_of(app, ledger)
    begin = time() - or_invalid(lambda: parse_duration(since))
    entries, is_whole = _entries(store, task, 0.0 if task else begin, OPEN if failed else ())
    if as_json:
        print_json([_as_dict(entry) for entry in entries])
    elif task and out.is_terminal and entries:
        for entry in entries:
            show_entry(entry)
    elif task:
        rows = [
            {
                "when": _when(record.at),
                "event": f"{entry.type} {entry.status}",
                **record_row(record),
            }
            for entry in entries
            for record in entry.records
        ]
        show(rows, title=task, empty=f"{task}: the ledger has no callback of this task")
    else:
        show([_entry_row(entry) for entry in entries], empty=f"no events in the last {since}")
    if not is_whole:
        raise typer.Exit(1)


def replay(
    task: Annotated[str, typer.Argument(metavar="[TASK]", help="A task's id.")] = "",
    failed: Annotated[
        bool, typer.Option("--failed", help="Every event that failed or was interrupted.")
    ] = False,
    dead_letter: Annotated[
        Path | None,
        typer.Option(
            "--dead-letter", metavar="FILE", help="Messages of SCF's dead-letter queue, as JSON."
        ),
    ] = None,
    force: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CALLBACK", help="Run this callback although it completed. Repeatable."
        ),
    ] = None,
    ledger: LedgerOption = "",
    app: AppOption = "handlers:app",
    full: TracebackOption = False,
    as_json: JsonOption = False,
) -> None:
    """Dispatch events again, in this process. Completed callbacks are skipped."""
    if sum([bool(task), failed, dead_letter is not None]) != 1:
        fail("replay takes one of: a task's id, --failed, --dead-letter FILE")
    application, store = _ledger_of(app, ledger)
    calls = watch_calls(application, full)
    is_whole = True
    events: list[tuple[str, Any]]
    if dead_letter is not None:
        events = [("", letter) for letter in or_invalid(lambda: list(_dead_letters(dead_letter)))]
    else:
        found, is_whole = _entries(store, task, 0.0, OPEN if failed else ())
        events = [(entry.task_id, entry) for entry in found]
        if task and not events and is_whole:
            events = [(task, {"TaskId": task})]  # MPS may know it
    rows = []
    interrupted = False
    with _progress(len(events)) as advance:
        for task_id, event in events:
            row, interrupted = _replayed(application, store, task_id, event, force or [])
            rows.append(row)
            advance(row["task"])
            if interrupted:
                break
    if as_json:
        print_json(rows)
    else:
        show(rows, empty="nothing to replay")
        show_failures(calls, full)
    if interrupted:
        warn(f"interrupted: {len(events) - len(rows)} events are left")
    if interrupted or not is_whole or any(row["outcome"] != "done" for row in rows):
        raise typer.Exit(1)


def reconcile(
    since: Annotated[str, typer.Option(help="How far to look back: 90m, 6h, at most 7d.")] = "6h",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list the missing tasks.")
    ] = False,
    ledger: LedgerOption = "",
    app: AppOption = "handlers:app",
    full: TracebackOption = False,
    as_json: JsonOption = False,
) -> None:
    """List finished tasks in MPS, and dispatch those that the ledger does not have as completed."""
    application, _ = _ledger_of(app, ledger)
    calls = watch_calls(application, full)
    span = or_invalid(lambda: parse_duration(since))
    with _progress(None) as advance:

        def tell(task: TaskSummary, outcome: str) -> None:
            advance(f"{task.task_id} {outcome}")

        try:
            summary = or_invalid(
                lambda: application.reconcile(
                    {"request_id": str(uuid.uuid4())}, span=span, dispatch=not dry_run, tell=tell
                )
            )
            failure = None
        except CallbacksFailed as failed:
            summary, failure = failed.summary, failed
    if as_json:
        print_json(summary)
    else:
        title = f"{summary['known']} tasks of the last {since} are in the ledger"
        show(
            summary["reconciled"], title=f"{title}, these were not:", empty=f"{title}, all of them"
        )
        if failure is not None:
            for one in failure.failures:
                warn(escape_controls(logs.scrub(str(one))))
            show_failures(calls, full)
    if failure is not None:
        raise typer.Exit(1)


def purge(
    older_than: Annotated[str, typer.Option(help="How old: 30d, 12h.")] = "30d",
    ledger: LedgerOption = "",
    app: AppOption = "handlers:app",
) -> None:
    """Delete old events from the ledger. A deleted event that arrives again is handled as a new one."""
    _, store = _ledger_of(app, ledger)
    before = time() - or_invalid(lambda: parse_duration(older_than))
    say(f"{or_invalid(lambda: store.purge(before))} events deleted")


def _ledger_of(app: str, url: str) -> tuple[App, Ledger]:
    """Return the application and its ledger."""
    logs.configure(sys.stderr, "WARNING")
    configuration = read_project(app)
    ledger = url or configuration.variables.get("MPS_LEDGER", "")
    if not ledger and (configuration.state_folder / "ledger").is_dir():
        ledger = configuration.local_ledger
    if ledger:
        os.environ["MPS_LEDGER"] = ledger
    application = load_application(app, configuration)
    if url and application.has_own_ledger:
        fail(f"--ledger has no effect: {app} sets App(ledger=…)")
    store = application.ledger
    if store is None:
        fail(
            "there is no ledger. Name the function's with --ledger or MPS_LEDGER, e.g. "
            "cos://bucket.region/ledger/ (`scf-mps local` keeps one in .scf-mps/)"
        )
    return application, store


def _entries(
    store: Ledger, task: str, since: float, states: tuple[str, ...]
) -> tuple[list[StoredEvent], bool]:
    """Return the events, oldest first, and whether these are all: damaged ones are named on stderr."""
    found: list[StoredEvent] = []
    is_whole = True
    try:
        for entry in store.entries(task, since):
            if not states or entry.state in states:
                found.append(entry)  # noqa: PERF401 - an error keeps those before it
    except DamagedRecord as error:
        is_whole = False
        warn(str(error))
    except LedgerError as error:
        fail(str(error))
    return sorted(found, key=lambda entry: entry.received), is_whole


def _notification(store: Ledger, entry: StoredEvent) -> Any:
    """Return the event of the ledger, or a reference to its task in MPS if it has expired."""
    found = store.find(entry.key)
    kept = None if found is None else found.notification
    return {"TaskId": entry.task_id} if kept is None else kept


def _replayed(
    application: App, store: Ledger, task_id: str, event: Any, force: list[str]
) -> tuple[dict[str, str], bool]:
    """Dispatch an event again. Return its row, and True if it was interrupted."""
    why, interrupted = "", False
    try:
        if isinstance(event, StoredEvent):
            event = _notification(store, event)
        summary = application.replay(event, {"request_id": str(uuid.uuid4())}, force)
        outcome = "done"
    except CallbacksFailed as failed:
        summary, outcome = failed.summary, "failed"
        why = logs.scrub("; ".join(f"{one.callback}: {one.reason}" for one in failed.failures))
        interrupted = any(isinstance(one.__cause__, KeyboardInterrupt) for one in failed.failures)
    except ScfMpsError as error:
        row = {"task": task_id, "outcome": "failed", "callbacks": "", "why": logs.scrub(str(error))}
        return row, False
    except ValueError as error:
        fail(explain_error("replay failed", error))
    every = summary.get("events", [summary])
    calls = Counter(call["outcome"] for one in every for call in one.get("callbacks", ()))
    row = {
        "task": " ".join(one.get("task_id", "") for one in every),
        "outcome": outcome,
        "callbacks": _counted(calls),
        "why": why,
    }
    return row, interrupted


def _dead_letters(path: Path) -> Iterator[Any]:
    """Yield the messages of a file: one JSON object, an array of them, or one a line."""
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")
    except OSError as error:
        raise ValueError(f"cannot read dead letters in {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    decoder = json.JSONDecoder()
    position = _next(text, 0)
    while position < len(text):
        try:
            one, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            text = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise ValueError(f"{path} is not JSON: {text}") from None
        yield from one if isinstance(one, list) else [one]
        position = _next(text, position)


def _next(text: str, position: int) -> int:
    """Return the position of the next value."""
    blank = re.compile(r"\s*").match(text, position)
    assert blank is not None
    return blank.end()


class _progress:  # noqa: N801 - used like a function
    """Progress on stderr if that is a terminal: `with _progress(100) as advance: advance("…")`."""

    def __init__(self, total: int | None) -> None:
        text = TextColumn("{task.completed} {task.description}", markup=False)
        columns = [SpinnerColumn(), text]
        self._bar = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Any:
        self._bar.start()
        return lambda what: self._bar.update(
            self._task, advance=1, description=escape_controls(what)
        )

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


def _counted(outcomes: Counter[str]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).isoformat(" ", "seconds")


def _entry_row(entry: StoredEvent) -> dict[str, str]:
    return {
        "when": _when(entry.received),
        "event": f"{entry.type} {entry.status}",
        "state": entry.state,
        "task": entry.task_id,
        "deliveries": count(entry.delivery, "delivery", "deliveries"),
        "callbacks": _counted(Counter(record.outcome for record in entry.records)),
        "why": "; ".join(
            f"{record.callback}: {record.error}" for record in entry.records if not record.ended
        ),
    }


def _as_dict(entry: StoredEvent) -> dict[str, Any]:
    return {
        "key": entry.key,
        "type": entry.type,
        "task_id": entry.task_id,
        "status": entry.status,
        "received": entry.received,
        "state": entry.state,
        "deliveries": entry.delivery,
        "callbacks": [record.as_dict() for record in entry.records],
    }
