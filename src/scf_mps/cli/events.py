"""Commands around events in this process: routes, invoke, sample."""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scf_mps import CallbacksFailed, ScfMpsError, logs
from scf_mps.common.printable import escape_controls
from scf_mps.local import samples
from scf_mps.local.frames import shorten_path, split_traceback

from .arguments import (
    AppOption,
    EnvOption,
    JsonOption,
    Results,
    StatusOption,
    TracebackOption,
    load_application,
    or_invalid,
    pairs,
    read_event,
    read_project,
    sample_names,
)
from .cloud import ConfigOption, invoke_remotely
from .failures import explain_error
from .outcomes import (
    explain_calls,
    find_other_failures,
    has_skipped_all,
    name_result,
    read_events,
    show_failures,
    show_summary,
    show_verdict,
    watch_calls,
)
from .output import fail, print_json, show, warn
from .time_limit import time_limit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scf_mps.events.base import Event
    from scf_mps.routing.plan import Reason


def routes(
    app: AppOption = "handlers:app",
    event: Annotated[
        str | None,
        typer.Option(
            metavar="EVENT.json|-|SAMPLE",
            help="Show which callbacks would run for this event, and why.",
            autocompletion=sample_names,
        ),
    ] = None,
    every: Annotated[
        bool,
        typer.Option("--all", help="With --event: every callback with every result."),
    ] = False,
    env: EnvOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the callbacks: what each is registered for, and where.

    With --event: which callbacks would run, and which are for such a result but exclude it by status or filter.
    """
    application = load_application(app, read_project(app, env))
    if event is None:
        rows = [
            {"for": str(route), "callback": route.name, "where": _relative(route.where)}
            for route in application.routes
        ]
        if as_json:
            print_json(rows)
        else:
            show(rows, title=app, empty=f"{app} has no callbacks")
        return
    reasons = or_invalid(lambda: application.explain(read_event(event, None, "FINISH")))
    if as_json:
        print_json([_row(reason) for reason in reasons])
        return
    rows = [_row(reason) for reason in reasons if every or reason.runs or _is_near_miss(reason)]
    show(
        rows, title=event, empty=f"{event}: no callback is for any of its results (--all says why)"
    )


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
            help="The time limit in seconds. The command ends there, as in SCF.",
            show_default="serverless.yml's",
        ),
    ] = None,
    env: EnvOption = None,
    remote: Annotated[bool, typer.Option("--remote", help="Invoke the deployed function.")] = False,
    full: TracebackOption = False,
    config: ConfigOption = Path("serverless.yml"),
    as_json: JsonOption = False,
) -> None:
    """Pass an event to the application. Exit code 0 only if every callback succeeded."""
    raw = read_event(event, results, status)
    if remote:
        logs.configure(sys.stderr)
        summary, problem = invoke_remotely(raw, config)
        if problem and not full:
            lines, frames = split_traceback(problem)
            problem = "\n".join([*lines, *map(str, frames)])
        if not _show_result(raw, summary, problem, as_json):
            raise typer.Exit(1)
        return
    configuration = read_project(app, env)
    timeout = timeout or configuration.timeout
    logs.configure(sys.stderr)
    application = load_application(app, configuration)
    calls = watch_calls(application, full)
    request_id = str(uuid.uuid4())
    context = {
        "request_id": request_id,
        "function_name": "local",
        "function_version": "$LATEST",
        "namespace": "default",
        "memory_limit_in_mb": configuration.memory,
        "time_limit_in_ms": (timeout or configuration.timeout) * 1000,
    }
    failure = None
    try:
        with time_limit(timeout, request_id if as_json else ""):
            summary = application.main_handler(raw, context)
    except CallbacksFailed as failed:
        summary, failure = failed.summary, failed
    except ScfMpsError as error:
        fail(str(error))
    except Exception as error:
        fail(explain_error("main_handler failed", error, full))
    succeeded = _show_result(raw, summary, "", as_json, explain_calls(calls))
    if not as_json:
        show_failures(calls, full, find_other_failures(failure, summary) if failure else ())
    if failure is not None:
        show_verdict(summary)
    if not succeeded or failure is not None:
        raise typer.Exit(1)


def _show_result(
    raw: object,
    summary: Any,
    problem: str,
    as_json: bool,
    reasons: Mapping[str, str] | None = None,
) -> bool:
    """Show the result of main_handler. Return True if every callback succeeded.

    Args:
        raw: the event.
        summary: the value that main_handler returned, or would have returned.
        problem: the error of a remote invocation, or ``""``.
        as_json: whether to print JSON.
        reasons: why calls did not complete.
    """
    if isinstance(summary, dict) and "statusCode" in summary:  # the response to an HTTP request
        code, summary = summary["statusCode"], json.loads(summary["body"])
        if 400 <= code < 500:
            fail(summary["error"])
        problem = "" if code == 200 else f"HTTP response {code}: {summary['error']}"
    ours = isinstance(summary, dict) and ("callbacks" in summary or "events" in summary)
    every = summary.get("events", [summary]) if ours else []
    events = read_events(raw) if ours else []
    if as_json:
        print_json(summary)
    elif ours and len(events) == len(every) and all(map(_is_of, every, events)):
        for one, handled in zip(every, events, strict=True):
            show_summary(one, handled, reasons or {})
    elif ours or not problem:  # the event was read elsewhere: a reference, or MPS's own answer
        print_json(summary, indent=None)
    if problem and not as_json:
        warn(problem)
    if not as_json and has_skipped_all(every):
        warn(
            "Nothing ran: the ledger has every callback of this event as completed. Run one again: "
            f"scf-mps replay {escape_controls(every[0]['task_id'])} --force CALLBACK",
            "yellow",
        )
    outcomes = [call["outcome"] for one in every for call in one["callbacks"]]
    return not problem and all(outcome in ("done", "skipped") for outcome in outcomes)


def sample(
    name: Annotated[
        str | None,
        typer.Argument(help="A sample; without it they are listed.", autocompletion=sample_names),
    ] = None,
    results: Results = None,
    status: StatusOption = "FINISH",
    session_context: Annotated[str, typer.Option(help="The event's SessionContext.")] = "",
    task_id: Annotated[
        str, typer.Option(help="The event's TaskId.", show_default="a new one each time")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """List the samples, or print one: any event type, any results."""
    if name is None:
        rows = [{"sample": one, "what": what} for one, what in samples.names().items()]
        if as_json:
            print_json(rows)
        else:
            show(rows)
        return
    made = or_invalid(
        lambda: samples.sample(
            name,
            pairs(results),
            status=status,
            session_context=session_context,
            task_id=task_id or samples.new_task_id(name),
        )
    )
    print_json(made, indent=None if as_json else 2)


def _row(reason: Reason) -> dict[str, str]:
    return {
        "result": name_result(reason.result),
        "callback": reason.route.name,
        "runs": "yes" if reason.runs else "no",
        "why": reason.why,
    }


def _is_near_miss(reason: Reason) -> bool:
    """Return True if a callback is for such a result, but a filter or the status excludes this one.

    The status counts for callbacks of the very class alone: on_failure(Subtask) misses every success.
    """
    route, result = reason.route, reason.result
    if route.verb == "fallback" or not route.accepts(result):
        return False
    return route.verb == result.verb or type(result) in route.kinds or not route.kinds


def _is_of(summary: dict[str, Any], event: Event) -> bool:
    """Return True if a summary is of this event, and not of another one that was handled in its place."""
    places = {event.place, *(subtask.place for subtask in event.subtasks)}
    identity = (summary["event_type"], summary["task_id"], summary["status"])
    return identity == (event.type, event.task_id, event.status) and all(
        one["place"] in places for one in (*summary["callbacks"], *summary["unhandled"])
    )


def _relative(where: str) -> str:
    path, _, line = where.rpartition(":")
    return f"{shorten_path(path)}:{line}"
