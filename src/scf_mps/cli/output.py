"""How the command line speaks: tables, JSON, errors, and what came of an event."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from scf_mps.events.result import Event, Result

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

INVALID = 2
"""The exit code for what is no event, no application or no sample."""


def shown_path(path: Path) -> str:
    """Return a path, relative if it is below the working directory."""
    path = path.resolve()
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def fail(message: str) -> NoReturn:
    err.print(message, style="red", markup=False, soft_wrap=True)
    raise typer.Exit(INVALID)


_STYLES = {
    "done": "green",
    "yes": "green",
    "no": "dim",
    "failed": "red",
    "dropped": "yellow",
    "deferred": "yellow",
    "skipped": "cyan",
    "unhandled": "yellow",
}


def show(rows: list[dict[str, str]], as_json: bool, title: str) -> None:
    if as_json:
        out.print_json(json.dumps(rows))
        return
    out.print(title, style="italic", markup=False, soft_wrap=True)  # a table would fold it
    table = Table()
    for column in rows[0] if rows else ["nothing"]:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*[Text(cell, _STYLES.get(cell, "")) for cell in row.values()])
    out.print(table)


def show_outcomes(summary: dict[str, Any], event: Event) -> None:
    """Which callback took which result with what outcome."""
    results: dict[str, Result] = {result.place: result for result in (*event.subtasks, event)}

    def row(entry: dict[str, str], callback: str, outcome: str) -> dict[str, str]:
        result = results[entry["place"]]
        return {
            "result": named(result),
            "status": result.status,
            "callback": callback,
            "outcome": outcome,
        }

    rows = [row(call, call["callback"], call["outcome"]) for call in summary["callbacks"]]
    rows += [row(result, "", "unhandled") for result in summary["unhandled"]]
    title = f"{summary['event_type']} {summary['task_id']} {summary['status']}"
    show(rows, as_json=False, title=title)


def named(result: Result) -> str:
    definition = getattr(result, "definition", None)
    return f"{result.type} {definition or ''}".strip()
