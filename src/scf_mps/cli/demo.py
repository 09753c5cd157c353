"""The command `demo`: a sample event, a failure, a retry, and a check of everything it says."""

from __future__ import annotations

import inspect
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.syntax import Syntax

from scf_mps import logs
from scf_mps.events.parser import parse_event
from scf_mps.local.frames import shorten_path
from scf_mps.routing.parameters import unwrap_function

from .arguments import load_application, local, local_python, read_project
from .outcomes import name_result
from .output import count, out, say, say_lines, show, warn

if TYPE_CHECKING:
    from scf_mps import App
    from scf_mps.events.base import Event
    from scf_mps.local.demo import Demonstration

_APP = "handlers:app"


def demo(
    verbose: Annotated[
        bool,
        typer.Option("--verbose", help="Run two events; show objects, manifests and messages."),
    ] = False,
) -> None:
    """Run a sample event through the function of this folder, with real small files in a COS emulator.

    COS refuses one copy once, so that SCF retries the event. Exit code 0 only if every result was verified.
    """
    with local():
        from scf_mps.local.demo import desk, events
    configuration = read_project()
    settings = {
        "timeout": configuration.timeout,
        "memory": configuration.memory,
        "python": local_python(configuration),
        "variables": configuration.variables,
    }
    logs.configure(sys.stderr, "ERROR")
    problems: list[str] = []
    with TemporaryDirectory() as directory, desk(directory) as prepared:
        application = load_application(_APP, configuration)
        prepared.refuse_a_copy("transcode_10.mp4")
        for raw in events() if verbose else events()[:1]:
            demonstration = prepared.demonstrate(raw, configuration.folder, **settings)
            _show(demonstration, application, verbose)
            problems += demonstration.problems
    for problem in problems:
        warn(f"the demo failed: {problem}")
    if problems:
        raise typer.Exit(1)
    own = shorten_path(str(Path(sys.executable).with_name("scf-mps")))
    command = "scf-mps" if shutil.which("scf-mps") else own
    say(f"Next: {command} new my-function" + ("" if verbose else " (more: demo --verbose)"))


def _show(one: Demonstration, application: App, verbose: bool) -> None:
    event = parse_event(one.event)
    say("MPS finished a task. SCF passes its event to your decorated functions, such as:")
    _show_code(application, {callback for _, callback in one.outcomes})
    if verbose:
        _show_objects("In COS before the event", one.before)
    show(_rows(event, one))
    out.print()
    failed, waited = len(one.failed), len(one.waited)
    refused = ": COS refused a copy" if failed else ""
    say(f"1 event, {count(len(one.outcomes), 'callback')}, {failed} failed{refused}.")
    if failed:
        again = "that one" if failed == 1 else f"those {failed}"
        also = f" and the {waited} that waited for it" if waited else ""
        say(f"SCF retried the event. The retry ran only {again}{also}.")
    say(
        f"{count(len(one.published), 'file')} published and verified in COS, "
        f"{count(len(one.archived), 'event')} archived, {count(len(one.messages), 'chat message')} sent."
    )
    if not verbose:
        return
    _show_objects("New in COS after the event", one.created)
    show(_entries(one.manifest), title="The manifest", empty="no manifest")
    for message in one.messages:
        say("The chat message", "bold")
        say_lines(message)


def _show_code(application: App, names: set[str]) -> None:
    """Show the shortest of the user's callbacks that ran, a success's if there is one."""
    sources = []
    for route in application.routes:
        function = unwrap_function(route.callback)
        path = shorten_path(function.__code__.co_filename)
        if route.name in names and not Path(path).is_absolute():
            code = inspect.getsource(function).rstrip()
            sources.append((route.verb != "on", code.count("\n"), path, code))
    if sources:
        _, _, path, code = min(sources)
        text = f"# {path}\n{code}"
        syntax = Syntax(text, "python", theme="ansi_dark", background_color="default")
        out.print(
            syntax if out.is_terminal else text, highlight=False, markup=False, soft_wrap=True
        )
        out.print()


def _rows(event: Event, one: Demonstration) -> list[dict[str, str]]:
    """Return a row for each callback and result, with the outcome of each delivery."""
    results = {result.place: result for result in (*event.subtasks, event)}
    order = list(results)
    rows = []
    for place, callback in sorted(one.outcomes, key=lambda call: order.index(call[0])):
        row = {
            "result": name_result(results[place]),
            "callback": callback.removeprefix("handlers."),
        }
        for number, outcomes in enumerate(one.deliveries):
            column = f"retry {number}" if number else "delivery"
            row[column] = outcomes.get((place, callback), "waits")
        rows.append(row)
    return rows


def _show_objects(title: str, objects: Sequence[tuple[str, int]]) -> None:
    say(title, "bold")
    for address, size in objects:
        say(f"{size:>7}  {address}")


def _entries(manifest: dict[str, Any]) -> list[dict[str, str]]:
    """Return a row for each entry of a manifest: its facts, and its addresses."""
    rows = []
    for section, entries in manifest.items():
        for entry in entries if isinstance(entries, list) else ():
            files = [entry, *entry.get("images", ()), entry.get("vtt", {})]
            facts = {
                name: value
                for name, value in entry.items()
                if name not in ("object", "url", "images", "vtt")
            }
            rows.append(
                {
                    "section": section,
                    "facts": ", ".join(f"{name} {value}" for name, value in facts.items()),
                    "url": " ".join(file["url"] for file in files if "url" in file),
                }
            )
    return rows
