"""The commands that put an event through the application on the desk, and show what would happen to it."""

from __future__ import annotations

import json
import sys
import uuid
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markdown import Markdown
from rich.panel import Panel

from scf_mps import CallbacksFailed, InvalidEvent, logs
from scf_mps.envelope import open_envelope
from scf_mps.events.reading import read
from scf_mps.local import samples

from .asking import (
    AppOption,
    EnvOption,
    JsonOption,
    Results,
    StatusOption,
    load_application,
    local,
    local_python,
    or_invalid,
    pairs,
    read_event,
    read_project,
    sample_names,
)
from .cloud import ConfigOption, invoked_remotely
from .output import err, fail, named, out, show, show_outcomes, shown_path

if TYPE_CHECKING:
    from scf_mps.events.result import Event
    from scf_mps.routing import Reason


def routes(
    app: AppOption = "handlers:app",
    event: Annotated[
        str | None,
        typer.Option(
            metavar="EVENT.json|-|SAMPLE",
            help="Say for this event what would run, and why.",
            autocompletion=sample_names,
        ),
    ] = None,
    env: EnvOption = None,
    as_json: JsonOption = False,
) -> None:
    """Who gets what: every callback, what it is for, and where it is."""
    application = load_application(app, read_project(app, env))
    if event is None:
        rows = [
            {"for": str(route), "callback": route.name, "where": _relative(route.where)}
            for route in application.routes
        ]
        show(rows, as_json, title=app)
        return
    reasons = or_invalid(lambda: application.explain(read_event(event, None, "FINISH")))
    show([_row(reason) for reason in reasons], as_json, title=event)


def invoke(
    event: Annotated[
        str,
        typer.Argument(
            metavar="[EVENT.json|-|SAMPLE]",
            help="A file, stdin, or a sample.",
            autocompletion=sample_names,
        ),
    ] = samples.DOCUMENTATION,
    results: Results = None,
    status: StatusOption = "FINISH",
    app: AppOption = "handlers:app",
    timeout: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=86400,
            help="The function's time limit, in seconds.",
            show_default="serverless.yml's",
        ),
    ] = None,
    env: EnvOption = None,
    remote: Annotated[
        bool, typer.Option("--remote", help="Run the deployed function, not the one here.")
    ] = False,
    config: ConfigOption = Path("serverless.yml"),
    as_json: JsonOption = False,
) -> None:
    """Put an event through the application. Exit code 0 only if every callback succeeded."""
    raw = read_event(event, results, status)
    if remote:
        logs.configure(sys.stderr)
        summary, reason = invoked_remotely(raw, config)
        _show_summary(raw, summary, reason, as_json)
        return
    configuration = read_project(app, env)
    logs.configure(sys.stderr)
    application = load_application(app, configuration)
    context = {
        "request_id": str(uuid.uuid4()),
        "function_name": "local",
        "function_version": "$LATEST",
        "namespace": "default",
        "memory_limit_in_mb": configuration.memory,
        "time_limit_in_ms": (timeout or configuration.timeout) * 1000,
    }
    try:
        summary = or_invalid(lambda: application.main_handler(raw, context))
        failure = None
    except CallbacksFailed as failed:
        summary, failure = failed.summary, failed
    reason = "" if failure is None else f"{failure.message}, were it not a desk"
    _show_summary(raw, summary, reason, as_json)


def _show_summary(raw: object, summary: Any, reason: str, as_json: bool) -> None:
    """What came of an event. Exit code 1 unless every callback succeeded."""
    if isinstance(summary, dict) and "statusCode" in summary:  # an HTTP request was answered
        status, summary = summary["statusCode"], json.loads(summary["body"])
        if 400 <= status < 500:
            fail(summary["error"])
        reason = "" if status == 200 else f"answered with {status}, {summary['error']}"
    ours = isinstance(summary, dict) and ("callbacks" in summary or "events" in summary)
    every = summary.get("events", [summary]) if ours else []
    events = valid(raw) if ours else []
    if as_json:
        out.print_json(json.dumps(summary))
    elif ours and len(events) == len(every) and all(map(_is_of, every, events)):
        for one, handled in zip(every, events, strict=True):
            show_outcomes(one, handled)
    elif (
        ours or not reason
    ):  # what was handled is elsewhere: of a reference, or what MPS told in its place
        out.print(json.dumps(summary, ensure_ascii=False), markup=False, soft_wrap=True)
    if reason and not as_json:
        err.print(reason, style="red", markup=False, soft_wrap=True)
    outcomes = [call["outcome"] for one in every for call in one["callbacks"]]
    if reason or any(one not in ("done", "skipped") for one in outcomes):
        raise typer.Exit(1)


def sample(
    name: Annotated[
        str | None,
        typer.Argument(help="A sample; without it they are listed.", autocompletion=sample_names),
    ] = None,
    results: Results = None,
    status: StatusOption = "FINISH",
    session_context: Annotated[str, typer.Option(help="The event's SessionContext.")] = "",
    as_json: JsonOption = False,
) -> None:
    """List the samples there are, or print one: any event type, any mix of results."""
    if name is None:
        rows = [{"sample": one, "what": what} for one, what in samples.names().items()]
        show(rows, as_json, title="samples")
        return
    made = or_invalid(
        lambda: samples.sample(name, pairs(results), status=status, session_context=session_context)
    )
    print(json.dumps(made, ensure_ascii=False, indent=None if as_json else 2))


def demo() -> None:
    """Sample events through the function of this folder, with real small files in a COS emulator.

    They are archived, published and told to a chat; one copy is refused once, so that SCF's retry shows what it
    repeats.
    """
    with local():
        from scf_mps.local.demo import desk, events
    configuration = read_project()
    logs.configure(sys.stderr, "ERROR")
    with TemporaryDirectory() as directory, desk(directory) as prepared:
        prepared.refuse_a_copy("transcode_10.mp4")
        for event in events():
            prepared.store(event)
            stored = prepared.objects(event)
            show(_objects(stored), as_json=False, title="In COS before the event")
            deliveries = prepared.deliver(
                event,
                configuration.folder,
                timeout=configuration.timeout,
                memory=configuration.memory,
                python=local_python(configuration),
                variables=configuration.variables,
            )
            if len(deliveries) > 1:
                out.print("COS refused one copy, so SCF delivered the event again, a minute later:")
            _show_deliveries(read(event), deliveries)
            new = [one for one in prepared.objects(event) if one not in stored]
            show(_objects(new), as_json=False, title="New in COS after it")
            place, manifest = prepared.manifest(event)
            show(_entries(manifest), as_json=False, title=f"What {place} says")
            out.print(Panel(Markdown(prepared.messages()[-1]), title="What the chat was told"))


def _show_deliveries(event: Event, deliveries: list[dict[tuple[str, str], str]]) -> None:
    """Which callback took which result, and what came of it in each delivery."""
    results = {result.place: result for result in (*event.subtasks, event)}
    rows = []
    for place, callback in deliveries[-1]:
        row = {
            "result": named(results[place]),
            "status": results[place].status,
            "callback": callback,
        }
        for number, outcomes in enumerate(deliveries):
            column = f"retry {number}" if number else "first delivery"
            row[column] = outcomes.get((place, callback), "")
        rows.append(row)
    show(rows, as_json=False, title=f"{event.type} {event.task_id} {event.status}")


def _objects(objects: list[tuple[str, int]]) -> list[dict[str, str]]:
    return [{"object": address, "bytes": str(size)} for address, size in objects]


def _entries(manifest: dict[str, Any]) -> list[dict[str, str]]:
    """What a manifest lists, a row an entry: its facts in short, and its address."""
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
                    "in": section,
                    "what": ", ".join(f"{name} {value}" for name, value in facts.items()),
                    "url": "\n".join(file["url"] for file in files if "url" in file),
                }
            )
    return rows


def _row(reason: Reason) -> dict[str, str]:
    return {
        "result": named(reason.result),
        "callback": reason.route.name,
        "runs": "yes" if reason.runs else "no",
        "why": reason.why,
    }


def valid(raw: object) -> list[Event]:
    """The events of which `main_handler` gives a summary: those that can be read."""
    events: list[Event] = []
    try:
        notifications = open_envelope(raw)
    except InvalidEvent:  # the deployed function has the key of an HTTP request, not this desk
        return events
    for notification in notifications:
        with suppress(InvalidEvent):
            events.append(read(notification))
    return events


def _is_of(summary: dict[str, Any], event: Event) -> bool:
    """Whether a summary is of this event, and not of another one that was handled in its place."""
    places = {event.place, *(subtask.place for subtask in event.subtasks)}
    told = (summary["event_type"], summary["task_id"], summary["status"])
    return told == (event.type, event.task_id, event.status) and all(
        one["place"] in places for one in (*summary["callbacks"], *summary["unhandled"])
    )


def _relative(where: str) -> str:
    path, _, line = where.rpartition(":")
    return f"{shown_path(Path(path))}:{line}"
