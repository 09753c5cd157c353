"""The command `dev`: the local stack with its page, or without it for videos in CI."""

from __future__ import annotations

import json
import os
import webbrowser
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn

from scf_mps.common.printable import escape_controls
from scf_mps.local.stop_signals import catch_stop_signals

from .arguments import (
    ConcurrencyOption,
    EnvOption,
    MemoryOption,
    PythonOption,
    SpeedOption,
    TimeoutOption,
    find_local_python,
    read_project,
    require_local_extra,
)
from .output import (
    err,
    fail,
    format_count,
    format_path,
    out,
    print_error,
    print_line,
    print_lines,
    print_table,
)

if TYPE_CHECKING:
    from scf_mps.local.dev.stack import Stack

_POLL_SECONDS = 0.05


def dev(
    videos: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[VIDEO]...",
            help="Process these files, print a table and end.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port of the page. 0 selects free ports.")
    ] = 8790,
    source: Annotated[
        Path | None, typer.Option(help="The project.", show_default="that of the working directory")
    ] = None,
    workflow: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="JSON with the parameters of CreateWorkflow.",
            show_default="one subtask of each kind",
        ),
    ] = None,
    env: EnvOption = None,
    python: PythonOption = None,
    timeout: TimeoutOption = None,
    memory: MemoryOption = None,
    concurrency: ConcurrencyOption = 1,
    speed: SpeedOption = 60,
    fast: Annotated[bool, typer.Option("--fast", help="Encode faster, with larger files.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Tasks in progress at a time.")] = 1,
    result: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TYPE=RESULT",
            help="An AI result, such as Porn=block. Default: pass. Repeatable.",
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Delete the state of earlier runs in .scf-mps/dev/.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch/--no-watch", help="Reload the function when its files change.")
    ] = True,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A further name of this machine in the page's address."),
    ] = None,
    open_page: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser.")
    ] = False,
) -> None:
    """Run a local MPS with a real media engine, COS and SCF, and a page that shows what your callbacks do.

    With VIDEOs: process them without the page. Exit code 0 only if every subtask and every callback succeeded.
    """
    with require_local_extra():
        from scf_mps.local.dev.folder_lock import StackInUse
        from scf_mps.local.dev.options import StackOptions
        from scf_mps.local.dev.stack import Stack
        from scf_mps.local.mps.errors import Refused
        from scf_mps.local.mps.scripted_results import check_choices
    before = dict(os.environ)
    configuration = read_project(env=env, source=source)
    # A reload reads serverless.yml and .env again, which the variables of the process override.
    os.environ.clear()
    os.environ.update(before)
    results = _parse_choices(result or [])
    try:
        check_choices(results)
    except ValueError as error:
        fail(f"--result: {error}")
    options = StackOptions(
        configuration.folder,
        variables=dict(pair.split("=", 1) for pair in env or []),
        source=source,
        port=0 if videos else port,
        workflow=_read_workflow(workflow),
        python=python or find_local_python(configuration),
        timeout=timeout,
        memory=memory,
        concurrency=concurrency,
        speed=speed,
        fast=fast,
        workers=workers,
        results=results,
        fresh=fresh,
        watch=watch and not videos,
        has_console=not videos,
        show=lambda text: print_lines(escape_controls(text, keep="\n")),
        allowed_hosts=tuple(allow_host or ()),
    )
    with catch_stop_signals() as stopped:
        try:
            with Stack(options) as stack:
                _print_start(stack)
                if videos:
                    succeeded = _process(stack, videos, stopped)
                else:
                    if open_page:
                        webbrowser.open(stack.url)
                    stopped.get()
                    return
        except (StackInUse, Refused, OSError, ValueError) as error:
            fail(f"cannot run the stack: {error}")
    if not succeeded:
        raise typer.Exit(1)


def _parse_choices(texts: list[str]) -> dict[str, str]:
    """Return the scripted results by type. Exit for an invalid text."""
    for text in texts:
        if not all(text.partition("=")):
            fail(f"invalid --result {text!r}. Use TYPE=RESULT, e.g. Porn=block")
    return dict(text.split("=", 1) for text in texts)


def _read_workflow(path: Path | None) -> Mapping[str, Any] | None:
    if path is None:
        return None
    try:
        parameters = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        fail(f"--workflow: cannot read {path}: {error}")
    if not isinstance(parameters, dict):
        fail(f"--workflow: {path} is not a JSON object with the parameters of CreateWorkflow")
    return parameters


def _print_start(stack: Stack) -> None:
    state = stack.describe()
    if stack.url:
        place = stack.input
        for name, value in (
            ("console", stack.url),
            ("COS", f"{stack.cos.url}, files in {format_path(stack.folder)}/cos"),
            ("API", f"{stack.api.endpoint} (MPS, SCF, CDN)"),
            ("upload to", f"cos://{place.bucket}.{place.region}/{place.key}"),
        ):
            print_line(f"{name:<11} {value}")
        for line in state["endpoints"]["exports"]:
            print_line(line)
    for notice in stack.notices:
        print_error(f"note: {notice}", "yellow")
    if state["engine"]["problem"]:
        print_error(f"canned files instead of results: {state['engine']['problem']}", "bold yellow")


def _process(stack: Stack, videos: list[Path], stopped: SimpleQueue[int]) -> bool:
    """Process videos and print a row for each result and callback. Return True if all succeeded."""
    tasks = {stack.submit_video(path): path for path in videos}
    if not _wait(stack, tasks, stopped):
        print_error("stopped before the end")
        return False
    problems: list[str] = []
    for task_id, path in tasks.items():
        detail = stack.activity.read_task(task_id)
        assert detail is not None
        rows = list(_list_rows(detail))
        if out.is_terminal:
            for row in rows:
                row["callback"] = row["callback"].removeprefix("handlers.")
        else:
            rows = [{"source": path.name, **row} for row in rows]
        print_table(rows, title=path.name)
        problems += [f"{path.name}: {problem}" for problem in _find_problems(detail)]
    for problem in problems:
        print_error(problem)
    return not problems


def _wait(stack: Stack, tasks: Mapping[str, Path], stopped: SimpleQueue[int]) -> bool:
    """Show the progress of tasks on a terminal until they end. Return False after a signal."""
    columns = ("{task.description}", BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        bars = {
            task: progress.add_task(escape_controls(path.name), total=1)
            for task, path in tasks.items()
        }
        while not all(map(stack.is_settled, tasks)):
            for task, bar in bars.items():
                row = stack.activity.find_row(task)
                progress.update(bar, completed=row["progress"] if row else 0)
            with suppress(Empty):
                stopped.get(timeout=_POLL_SECONDS)
                return False
    return True


def _list_rows(detail: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield a row for each result and callback of a task."""
    calls = _merge_calls(detail)
    results = {result["place"]: result for result in detail["results"]}
    for place in dict.fromkeys([*results, *(place for place, _ in calls)]):
        result = results.get(place)
        mine = [call for (its_place, _), call in calls.items() if its_place == place]
        for call in mine or [{}]:
            error = (result or {}).get("error") or {}
            yield {
                "result": result["name"] if result else detail["event_type"],
                "status": result["status"] if result else detail["status"],
                "callback": call.get("callback", ""),
                "outcome": call.get("outcome", ""),
                "why": call.get("error") or error.get("message", ""),
            }


def _merge_calls(detail: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the last outcome of each callback by place and name. A skipped one completed before."""
    calls: dict[tuple[str, str], dict[str, Any]] = {}
    for delivery in detail["deliveries"]:
        for attempt in delivery["attempts"]:
            for call in attempt["callbacks"]:
                key = call["place"], call["callback"]
                if call["outcome"] != "skipped" or key not in calls:
                    calls[key] = call
    return calls


def _find_problems(detail: Mapping[str, Any]) -> Iterator[str]:
    """Yield why a task did not succeed."""
    failed = detail["subtasks"]["failed"]
    if detail["error"]:
        yield f"the task failed: {detail['error']['name']}: {detail['error']['message']}"
    if failed:
        yield f"{format_count(failed, 'subtask')} failed"
    outcomes = [call["outcome"] for call in _merge_calls(detail).values()]
    failures = sum(outcome in ("failed", "deferred") for outcome in outcomes)
    if failures:
        yield f"{format_count(failures, 'callback')} failed"
    states = [delivery["state"] for delivery in detail["deliveries"]]
    if not failures and states[-1:] != ["done"]:
        yield f"the event was not handled ({states[-1] if states else 'not delivered'})"
