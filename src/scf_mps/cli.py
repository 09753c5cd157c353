"""The command line: who gets what, and an event through the whole application on the desk; never deployed."""

from __future__ import annotations

import json
import os
import sys
import uuid
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

try:
    import typer
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text
except ImportError:
    sys.exit("the command line needs more than a function does: pip install 'scf-mps[cli]'")

from scf_mps import App, CallbacksFailed, InvalidEvent, RegistrationError, logs
from scf_mps.dispatch import events_of
from scf_mps.envelope import open_envelope
from scf_mps.local import samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scf_mps.events.result import Event, Result
    from scf_mps.routing import Reason

cli = typer.Typer(
    help="Handle what Tencent Cloud MPS finishes, with decorated functions in one SCF function.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

INVALID = 2
"""The exit code for what is no event, no application or no sample."""


def _sample_names(incomplete: str) -> list[str]:
    """What completes a name in the shell; without any, the shell completes files."""
    return [name for name in samples.names() if name.startswith(incomplete)]


AppOption = Annotated[
    str,
    typer.Option("--app", metavar="MODULE:NAME", envvar="MPS_APP", help="The application."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Results = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TYPE=STATUS]...",
        help="For an event type, its results: Transcode=SUCCESS ImageSprites=FAIL …",
    ),
]
StatusOption = Annotated[
    str,
    typer.Option(
        help="For an event type, its status: FINISH, PROCESSING, or FAIL for an error of the whole task."
    ),
]


@cli.command()
def routes(
    app: AppOption = "handlers:app",
    event: Annotated[
        str | None,
        typer.Option(
            metavar="EVENT.json|-|SAMPLE",
            help="Say for this event what would run, and why.",
            autocompletion=_sample_names,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Who gets what: every callback, what it is for, and where it is."""
    application = _application(app)
    if event is None:
        rows = [
            {"for": str(route), "callback": route.name, "where": _relative(route.where)}
            for route in application.routes
        ]
        _show(rows, as_json, title=app)
        return
    reasons = _or_invalid(lambda: application.explain(_event(event, None, "FINISH")))
    _show([_row(reason) for reason in reasons], as_json, title=event)


@cli.command()
def invoke(
    event: Annotated[
        str,
        typer.Argument(
            metavar="[EVENT.json|-|SAMPLE]",
            help="A file, stdin, or a sample.",
            autocompletion=_sample_names,
        ),
    ] = samples.DOCUMENTATION,
    results: Results = None,
    status: StatusOption = "FINISH",
    app: AppOption = "handlers:app",
    timeout: Annotated[
        int, typer.Option(min=1, max=86400, help="The function's time limit, in seconds.")
    ] = 60,
    as_json: JsonOption = False,
) -> None:
    """Put an event through the application. Exit code 0 only if every callback succeeded."""
    logs.configure(sys.stderr)
    application = _application(app)
    raw = _event(event, results, status)
    context = {
        "request_id": str(uuid.uuid4()),
        "function_name": "local",
        "function_version": "$LATEST",
        "namespace": "default",
        "memory_limit_in_mb": 256,
        "time_limit_in_ms": timeout * 1000,
    }
    try:
        summary = _or_invalid(lambda: application.main_handler(raw, context))
        failure = None
    except CallbacksFailed as failed:
        summary, failure = failed.summary, failed
    if as_json:
        out.print_json(json.dumps(summary))
    else:
        for one, handled in zip(summary.get("events", [summary]), _valid(raw), strict=True):
            _show_outcomes(one, handled)
        if failure is not None:
            err.print(f"{failure.message}, were it not a desk", style="red", soft_wrap=True)
    outcomes = [
        call["outcome"] for one in summary.get("events", [summary]) for call in one["callbacks"]
    ]
    if failure is not None or any(outcome != "done" for outcome in outcomes):
        raise typer.Exit(1)


@cli.command()
def sample(
    name: Annotated[
        str | None,
        typer.Argument(help="A sample; without it they are listed.", autocompletion=_sample_names),
    ] = None,
    results: Results = None,
    status: StatusOption = "FINISH",
    session_context: Annotated[str, typer.Option(help="The event's SessionContext.")] = "",
    as_json: JsonOption = False,
) -> None:
    """List the samples there are, or print one: any event type, any mix of results."""
    if name is None:
        rows = [{"sample": one, "what": what} for one, what in samples.names().items()]
        _show(rows, as_json, title="samples")
        return
    made = _or_invalid(
        lambda: samples.sample(
            name, _pairs(results), status=status, session_context=session_context
        )
    )
    print(json.dumps(made, ensure_ascii=False, indent=None if as_json else 2))


@cli.command()
def demo(app: AppOption = "handlers:app") -> None:
    """Sample events through the application, with real small files in a COS emulator: before and after."""
    with _local():
        from scf_mps.local.demo import desk, events
    logs.configure(sys.stderr, "ERROR")
    with TemporaryDirectory() as directory, desk(directory) as prepared:
        application = _application(app)
        for event in events():
            prepared.store(event)
            stored = prepared.objects(event)
            _show(_objects(stored), as_json=False, title="In COS before the event")
            summary = application.main_handler(event, {"time_limit_in_ms": 60_000})
            _show_outcomes(summary, events_of(event)[0])
            new = [one for one in prepared.objects(event) if one not in stored]
            _show(_objects(new), as_json=False, title="New in COS after it")


@cli.command()
def cos(
    directory: Annotated[Path, typer.Option("--dir", help="Where the objects are kept.")],
    port: Annotated[int, typer.Option(help="On 127.0.0.1; 0 takes a free one.")] = 0,
    key: Annotated[
        list[str] | None,
        typer.Option(metavar="ID:SECRET[:TOKEN]", help="An accepted key; may be repeated."),
    ] = None,
    bucket: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME-APPID[.REGION]", help="A bucket to make; may be repeated."),
    ] = None,
    create_buckets: Annotated[
        bool, typer.Option("--create-buckets", help="Make unknown buckets at the first write.")
    ] = False,
) -> None:
    """A COS emulator that official clients believe; they reach it as an HTTP proxy."""
    with _local():
        from scf_mps.local.cos.__main__ import main
    options = [f"--dir={directory}", f"--port={port}"]
    options += [f"--key={one}" for one in key or []]
    options += [f"--bucket={one}" for one in bucket or []]
    main([*options, *(["--create-buckets"] if create_buckets else [])])


def app() -> None:
    """The entry point of the command `scf-mps`."""
    cli()


@contextmanager
def _local() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        _fail(f"the cloud on the desk needs more: pip install 'scf-mps[cli,local]' ({error})")


def _objects(objects: list[tuple[str, int]]) -> list[dict[str, str]]:
    return [{"object": address, "bytes": str(size)} for address, size in objects]


def _application(name: str) -> App:
    """The application at ``module:name``, imported from the current folder first."""
    module, _, attribute = name.partition(":")
    if not module or module.startswith("."):
        _fail(f"expected an application as MODULE:NAME, e.g. handlers:app, not {name!r}")
    sys.path.insert(0, os.getcwd())
    try:
        found = getattr(import_module(module), attribute or "app", None)
        if isinstance(found, App):
            found.main_handler  # noqa: B018 - checks the application as a whole
    except RegistrationError as error:
        _fail(f"{name} is not in order: {error}")
    except ImportError as error:
        _fail(f"expected an application at {name}: {error}")
    if not isinstance(found, App):
        _fail(f"expected a scf_mps.App at {name}, not {found!r}")
    return found


def _event(name: str, results: list[str] | None, status: str) -> Any:
    """The event that is meant: a file's, stdin's, or a sample."""
    path = Path(name)
    try:
        if name == "-":
            return _parsed(sys.stdin.buffer.read(), "stdin", results, status)
        if path.suffix == ".json" or path.is_file():
            return _parsed(path.read_bytes(), name, results, status)
    except OSError as error:
        _fail(f"expected an event in {name}: {error.strerror}")
    return _or_invalid(lambda: samples.sample(name, _pairs(results), status=status))


def _parsed(text: bytes, where: str, results: list[str] | None, status: str) -> Any:
    if results or status != "FINISH":
        _fail(f"the event in {where} is as it is; name an event type to choose results")
    try:
        return json.loads(text)  # in UTF-8, -16 or -32, with or without a byte order mark
    except (ValueError, RecursionError) as error:
        _fail(f"expected JSON in {where}: {error}")


def _pairs(results: list[str] | None) -> list[tuple[str, str]]:
    pairs = []
    for one in results or []:
        type_, equals, outcome = one.partition("=")
        if not (type_ and equals and outcome):
            raise ValueError(f"expected TYPE=STATUS, e.g. Transcode=SUCCESS, not {one!r}")
        pairs.append((type_, outcome))
    return pairs


def _or_invalid(do: Callable[[], Any]) -> Any:
    try:
        return do()
    except (InvalidEvent, ValueError) as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    err.print(message, style="red", markup=False, soft_wrap=True)
    raise typer.Exit(INVALID)


def _row(reason: Reason) -> dict[str, str]:
    return {
        "result": _named(reason.result),
        "callback": reason.route.name,
        "runs": "yes" if reason.runs else "no",
        "why": reason.why,
    }


def _named(result: Result) -> str:
    definition = getattr(result, "definition", None)
    return f"{result.type} {definition or ''}".strip()


_STYLES = {
    "done": "green",
    "yes": "green",
    "no": "dim",
    "failed": "red",
    "dropped": "yellow",
    "deferred": "yellow",
    "unhandled": "yellow",
}


def _valid(raw: object) -> list[Event]:
    """The events of which `main_handler` gives a summary: those that can be read."""
    events = []
    for notification in open_envelope(raw):
        with suppress(InvalidEvent):
            events += events_of(notification)
    return events


def _show_outcomes(summary: dict[str, Any], event: Event) -> None:
    """Which callback took which result with what outcome."""
    results: dict[str, Result] = {result.place: result for result in (*event.subtasks, event)}

    def row(entry: dict[str, str], callback: str, outcome: str) -> dict[str, str]:
        result = results[entry["place"]]
        return {
            "result": _named(result),
            "status": result.status,
            "callback": callback,
            "outcome": outcome,
        }

    rows = [row(call, call["callback"], call["outcome"]) for call in summary["callbacks"]]
    rows += [row(result, "", "unhandled") for result in summary["unhandled"]]
    title = f"{summary['event_type']} {summary['task_id']} {summary['status']}"
    _show(rows, as_json=False, title=title)


def _show(rows: list[dict[str, str]], as_json: bool, title: str) -> None:
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


def _relative(where: str) -> str:
    path, _, line = where.rpartition(":")
    try:
        return f"{Path(path).relative_to(Path.cwd())}:{line}"
    except ValueError:
        return where
