"""The command `demo`: a sample event with a failure, a retry and verified results."""

from __future__ import annotations

import inspect
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.syntax import Syntax

from scf_mps import logs
from scf_mps.events.parser import parse_event
from scf_mps.local.frames import shorten_path
from scf_mps.routing.parameters import unwrap_function

from .arguments import find_local_python, load_application, read_project, require_local_extra
from .outcomes import name_result
from .output import format_count, out, print_error, print_line, print_lines, print_table

if TYPE_CHECKING:
    from scf_mps import App
    from scf_mps.events.base import Event
    from scf_mps.local.demo import DemoResult

_APP = "handlers:app"


def demo(
    verbose: Annotated[
        bool,
        typer.Option("--verbose", help="Run two events and show objects, manifests and messages."),
    ] = False,
) -> None:
    """Run a sample event through this folder's function, with small real files in a COS emulator.

    COS refuses one copy once, so SCF retries the event. Exit code 0 only if every result was verified.
    """
    with require_local_extra():
        from scf_mps.local.demo import list_events, start_demo_cloud
    configuration = read_project()
    settings: dict[str, Any] = {
        "timeout": configuration.timeout,
        "memory": configuration.memory,
        "python": find_local_python(configuration),
        "variables": configuration.variables,
    }
    logs.configure(sys.stderr, "ERROR")
    problems: list[str] = []
    with TemporaryDirectory() as directory, start_demo_cloud(directory) as cloud:
        application = load_application(_APP, configuration)
        cloud.refuse_copy("transcode_10.mp4")
        for raw in list_events() if verbose else list_events()[:1]:
            result = cloud.run_event(raw, configuration.folder, **settings)
            _print_result(result, application, verbose)
            problems += result.problems
    for problem in problems:
        print_error(f"the demo failed: {problem}")
    if problems:
        raise typer.Exit(1)
    path = shorten_path(str(Path(sys.executable).with_name("scf-mps")))
    command = "scf-mps" if shutil.which("scf-mps") else path
    more = "" if verbose else " (more: demo --verbose)"
    print_line(f"Next: {command} new my-function{more}")
    # `make demo` installs no media engine, and `make dev` does.
    needs_engine = find_spec("av") is None and Path("Makefile").is_file()
    print_line(f"Your own videos: {'make dev' if needs_engine else f'{command} dev --open'}")


def _print_result(demo_result: DemoResult, application: App, verbose: bool) -> None:
    event = parse_event(demo_result.event)
    print_line("MPS finished a task. SCF passes its event to your decorated functions, such as:")
    _print_code(application, {callback for _, callback in demo_result.outcomes})
    if verbose:
        _print_objects("In COS before the event", demo_result.before)
    print_table(_list_rows(event, demo_result))
    out.print()
    failed, waited = len(demo_result.failed), len(demo_result.waited)
    refused = ": COS refused a copy" if failed else ""
    print_line(
        f"1 event, {format_count(len(demo_result.outcomes), 'callback')}, {failed} failed{refused}."
    )
    if failed:
        repeated = "that one" if failed == 1 else f"those {failed}"
        delayed = f" and the {waited} that waited for it" if waited else ""
        print_line(f"SCF retried the event. The retry ran only {repeated}{delayed}.")
    print_line(
        f"{format_count(len(demo_result.published), 'file')} published and verified in COS, "
        f"{format_count(len(demo_result.archived), 'event')} archived, {format_count(len(demo_result.messages), 'chat message')} sent."
    )
    if not verbose:
        return
    _print_objects("New in COS after the event", demo_result.created)
    print_table(
        _list_manifest_rows(demo_result.manifest), title="The manifest", empty="no manifest"
    )
    for message in demo_result.messages:
        print_line("The chat message", "bold")
        print_lines(message)


def _print_code(application: App, names: set[str]) -> None:
    """Print the source of the shortest user callback that ran. Prefer callbacks for successes."""
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


def _list_rows(event: Event, demo_result: DemoResult) -> list[dict[str, str]]:
    """Return a row for each callback and result with the outcome of each delivery."""
    results = {result.place: result for result in (*event.subtasks, event)}
    order = list(results)
    rows = []
    for place, callback in sorted(demo_result.outcomes, key=lambda call: order.index(call[0])):
        row = {
            "result": name_result(results[place]),
            "callback": callback.removeprefix("handlers."),
        }
        for number, outcomes in enumerate(demo_result.deliveries):
            column = f"retry {number}" if number else "delivery"
            row[column] = outcomes.get((place, callback), "waits")
        rows.append(row)
    return rows


def _print_objects(title: str, objects: Sequence[tuple[str, int]]) -> None:
    print_line(title, "bold")
    for address, size in objects:
        print_line(f"{size:>7}  {address}")


def _list_manifest_rows(manifest: dict[str, Any]) -> list[dict[str, str]]:
    """Return a row for each entry of a manifest with its facts and URLs."""
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
