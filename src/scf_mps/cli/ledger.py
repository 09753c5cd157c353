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
    read_project,
    run_or_fail,
)
from .failures import explain_error
from .outcomes import format_record, list_summaries, print_entry, print_failures, watch_calls
from .output import err, fail, format_count, out, print_error, print_json, print_line, print_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scf_mps import App
    from scf_mps.ledger import Ledger
    from scf_mps.tencent.mps import TaskSummary

LedgerOption = Annotated[
    str,
    typer.Option("--ledger", metavar="URL", help="The URL of the ledger. Overrides MPS_LEDGER."),
]
UNFINISHED_STATES = ("failed", "interrupted")
"""States of events that are neither completed nor running."""


def history(
    failed: Annotated[
        bool, typer.Option("--failed", help="Show failed and interrupted events only.")
    ] = False,
    task: Annotated[str, typer.Option(help="Show the callbacks of this task.")] = "",
    since: Annotated[
        str, typer.Option(help="How far to look back: 90m, 6h, 7d. Ignored with --task.")
    ] = "7d",
    ledger: LedgerOption = "",
    app: AppOption = "handlers:app",
    as_json: JsonOption = False,
) -> None:
    """List the events of the ledger with their states, outcomes and errors."""
    _, store = _open_ledger(app, ledger)
    begin = time() - run_or_fail(lambda: parse_duration(since))
    entries, is_complete = _read_entries(
        store, task, 0.0 if task else begin, UNFINISHED_STATES if failed else ()
    )
    if as_json:
        print_json([_convert_entry(entry) for entry in entries])
    elif task and out.is_terminal and entries:
        for entry in entries:
            print_entry(entry)
    elif task:
        rows = [
            {
                "when": _format_time(record.at),
                "event": f"{entry.type} {entry.status}",
                **format_record(record),
            }
            for entry in entries
            for record in entry.records
        ]
        print_table(rows, title=task, empty=f"{task}: no callbacks in the ledger")
    else:
        print_table(
            [_format_entry(entry) for entry in entries], empty=f"no events in the last {since}"
        )
    if not is_complete:
        raise typer.Exit(1)


def replay(
    task: Annotated[str, typer.Argument(metavar="[TASK]", help="The id of a task.")] = "",
    failed: Annotated[
        bool, typer.Option("--failed", help="Replay all failed and interrupted events.")
    ] = False,
    dead_letter: Annotated[
        Path | None,
        typer.Option(
            "--dead-letter",
            metavar="FILE",
            help="Replay the messages of a dead-letter queue in a JSON file.",
        ),
    ] = None,
    force: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CALLBACK", help="Run this callback even if it completed. Repeatable."
        ),
    ] = None,
    ledger: LedgerOption = "",
    app: AppOption = "handlers:app",
    full: TracebackOption = False,
    as_json: JsonOption = False,
) -> None:
    """Dispatch events again in this process. Completed callbacks are skipped."""
    if sum([bool(task), failed, dead_letter is not None]) != 1:
        fail("replay needs exactly one of: a task id, --failed, --dead-letter FILE")
    application, store = _open_ledger(app, ledger)
    calls = watch_calls(application, full)
    is_complete = True
    events: list[tuple[str, Any]]
    if dead_letter is not None:
        events = [
            ("", letter) for letter in run_or_fail(lambda: list(_parse_dead_letters(dead_letter)))
        ]
    else:
        entries, is_complete = _read_entries(store, task, 0.0, UNFINISHED_STATES if failed else ())
        events = [(entry.task_id, entry) for entry in entries]
        if task and not events and is_complete:
            events = [(task, {"TaskId": task})]  # fetched from MPS
    rows = []
    interrupted = False
    with _Progress(len(events)) as advance:
        for task_id, event in events:
            row, interrupted = _replay_event(application, store, task_id, event, force or [])
            rows.append(row)
            advance(row["task"])
            if interrupted:
                break
    if as_json:
        print_json(rows)
    else:
        print_table(rows, empty="nothing to replay")
        print_failures(calls, full)
    if interrupted:
        print_error(f"interrupted: {format_count(len(events) - len(rows), 'event')} not replayed")
    if interrupted or not is_complete or any(row["outcome"] != "done" for row in rows):
        raise typer.Exit(1)


def reconcile(
    since: Annotated[str, typer.Option(help="How far to look back: 90m, 6h, at most 7d.")] = "6h",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the missing tasks only.")
    ] = False,
    ledger: LedgerOption = "",
    app: AppOption = "handlers:app",
    full: TracebackOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the finished tasks of MPS, and dispatch those that are not completed in the ledger."""
    application, _ = _open_ledger(app, ledger)
    calls = watch_calls(application, full)
    span = run_or_fail(lambda: parse_duration(since))
    with _Progress(None) as advance:

        def report(task: TaskSummary, outcome: str) -> None:
            advance(f"{task.task_id} {outcome}")

        try:
            summary = run_or_fail(
                lambda: application.reconcile(
                    {"request_id": str(uuid.uuid4())},
                    span=span,
                    dispatch=not dry_run,
                    on_task=report,
                )
            )
            failure = None
        except CallbacksFailed as failed:
            summary, failure = failed.summary, failed
    if as_json:
        print_json(summary)
    else:
        title = f"{summary['known']} tasks of the last {since} are in the ledger"
        print_table(
            summary["reconciled"], title=f"{title}, these were not:", empty=f"{title}, none missing"
        )
        if failure is not None:
            for error in failure.failures:
                print_error(escape_controls(logs.scrub(str(error))))
            print_failures(calls, full)
    if failure is not None:
        raise typer.Exit(1)


def purge(
    older_than: Annotated[str, typer.Option(help="The minimum age: 30d, 12h.")] = "30d",
    ledger: LedgerOption = "",
    app: AppOption = "handlers:app",
) -> None:
    """Delete old events from the ledger. A deleted event that arrives again counts as new."""
    _, store = _open_ledger(app, ledger)
    before = time() - run_or_fail(lambda: parse_duration(older_than))
    print_line(f"Deleted {format_count(run_or_fail(lambda: store.purge(before)), 'event')}")


def _open_ledger(app: str, url: str) -> tuple[App, Ledger]:
    """Return the application and its ledger. Exit if there is no ledger."""
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
            "no ledger. Set --ledger or MPS_LEDGER, e.g. cos://bucket-appid.region/ledger/ "
            "(`scf-mps local` keeps one in .scf-mps/)"
        )
    return application, store


def _read_entries(
    store: Ledger, task: str, since: float, states: tuple[str, ...]
) -> tuple[list[StoredEvent], bool]:
    """Return (events, is_complete), oldest first. Print damaged records on stderr."""
    entries: list[StoredEvent] = []
    is_complete = True
    try:
        for entry in store.list_events(task, since):
            if not states or entry.state in states:
                entries.append(entry)  # noqa: PERF401 - an error keeps the earlier ones
    except DamagedRecord as error:
        is_complete = False
        print_error(str(error))
    except LedgerError as error:
        fail(str(error))
    return sorted(entries, key=lambda entry: entry.received), is_complete


def _load_notification(store: Ledger, entry: StoredEvent) -> Any:
    """Return the notification of an event in the ledger, or a reference to its task if it has expired."""
    stored = store.find(entry.key)
    notification = None if stored is None else stored.notification
    return {"TaskId": entry.task_id} if notification is None else notification


def _replay_event(
    application: App, store: Ledger, task_id: str, event: Any, force: list[str]
) -> tuple[dict[str, str], bool]:
    """Dispatch an event again. Return its table row and True if it was interrupted."""
    why, interrupted = "", False
    try:
        if isinstance(event, StoredEvent):
            event = _load_notification(store, event)
        summary = application.replay(event, {"request_id": str(uuid.uuid4())}, force)
        outcome = "done"
    except CallbacksFailed as failed:
        summary, outcome = failed.summary, "failed"
        why = logs.scrub(
            "; ".join(f"{error.callback}: {error.reason}" for error in failed.failures)
        )
        interrupted = any(
            isinstance(error.__cause__, KeyboardInterrupt) for error in failed.failures
        )
    except ScfMpsError as error:
        row = {"task": task_id, "outcome": "failed", "callbacks": "", "why": logs.scrub(str(error))}
        return row, False
    except ValueError as error:
        fail(explain_error("replay failed", error))
    summaries = list_summaries(summary)
    calls = Counter(call["outcome"] for item in summaries for call in item.get("callbacks", ()))
    row = {
        "task": " ".join(item.get("task_id", "") for item in summaries),
        "outcome": outcome,
        "callbacks": _format_counts(calls),
        "why": why,
    }
    return row, interrupted


def _parse_dead_letters(path: Path) -> Iterator[Any]:
    """Yield the messages of a file: a JSON object, an array, or one object per line."""
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    decoder = json.JSONDecoder()
    position = _skip_blanks(text, 0)
    while position < len(text):
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            problem = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise ValueError(f"{path} is not JSON: {problem}") from None
        yield from value if isinstance(value, list) else [value]
        position = _skip_blanks(text, position)


def _skip_blanks(text: str, position: int) -> int:
    """Return the position of the next value."""
    blank = re.compile(r"\s*").match(text, position)
    assert blank is not None
    return blank.end()


class _Progress:
    """A progress line on stderr, if that is a terminal: `with _Progress(100) as advance: advance("…")`."""

    def __init__(self, total: int | None) -> None:
        text = TextColumn("{task.completed} {task.description}", markup=False)
        columns = [SpinnerColumn(), text]
        self._bar = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Any:
        self._bar.start()
        return lambda text: self._bar.update(
            self._task, advance=1, description=escape_controls(text)
        )

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


def _format_counts(outcomes: Counter[str]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))


def _format_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).isoformat(" ", "seconds")


def _format_entry(entry: StoredEvent) -> dict[str, str]:
    return {
        "when": _format_time(entry.received),
        "event": f"{entry.type} {entry.status}",
        "state": entry.state,
        "task": entry.task_id,
        "deliveries": format_count(entry.delivery, "delivery", "deliveries"),
        "callbacks": _format_counts(Counter(record.outcome for record in entry.records)),
        "why": "; ".join(
            f"{record.callback}: {record.error}" for record in entry.records if not record.is_final
        ),
    }


def _convert_entry(entry: StoredEvent) -> dict[str, Any]:
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
