"""Commands for events in this process: routes, invoke, sample."""

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
    complete_sample_name,
    load_application,
    parse_results,
    read_event,
    read_project,
    run_or_fail,
)
from .cloud import ConfigOption, invoke_remotely
from .failures import explain_error
from .outcomes import (
    explain_calls,
    find_other_failures,
    has_skipped_all,
    list_summaries,
    name_result,
    print_failures,
    print_summary,
    print_verdict,
    read_events,
    watch_calls,
)
from .output import fail, print_error, print_json, print_table
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
            help="Show which callbacks run for this event, and why.",
            autocompletion=complete_sample_name,
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="With --event: show every callback with every result.")
    ] = False,
    env: EnvOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the callbacks with their result types and locations.

    With --event: list the callbacks that run, and those that exclude the result by status or filter.
    """
    application = load_application(app, read_project(app, env))
    if event is None:
        rows = [
            {"for": str(route), "callback": route.name, "where": _shorten_place(route.where)}
            for route in application.routes
        ]
        if as_json:
            print_json(rows)
        else:
            print_table(rows, title=app, empty=f"{app} has no callbacks")
        return
    reasons = run_or_fail(lambda: application.explain(read_event(event, None, "FINISH")))
    if as_json:
        print_json([_format_reason(reason) for reason in reasons])
        return
    rows = [
        _format_reason(reason)
        for reason in reasons
        if every or reason.runs or _is_near_miss(reason)
    ]
    print_table(
        rows,
        title=event,
        empty=f"{event}: no callback matches its results (use --all for the reasons)",
    )


def invoke(
    event: Annotated[
        str,
        typer.Argument(
            metavar="[EVENT.json|-|SAMPLE]",
            help="A file, stdin or a sample.",
            autocompletion=complete_sample_name,
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
            help="The timeout in seconds. The command is killed after it.",
            show_default="from serverless.yml",
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
        if not _print_result(raw, summary, problem, as_json):
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
    succeeded = _print_result(raw, summary, "", as_json, explain_calls(calls))
    if not as_json:
        print_failures(calls, full, find_other_failures(failure, summary) if failure else ())
    if failure is not None:
        print_verdict(summary)
    if not succeeded or failure is not None:
        raise typer.Exit(1)


def _print_result(
    raw: object, summary: Any, problem: str, as_json: bool, reasons: Mapping[str, str] | None = None
) -> bool:
    """Print the result of main_handler. Return True if every callback succeeded.

    Args:
        raw: the event.
        summary: the return value of main_handler, or the summary of a failed event.
        problem: the error of a remote invocation, or ``""``.
        as_json: whether to print JSON.
        reasons: the errors of calls that did not complete, by key.
    """
    if isinstance(summary, dict) and "statusCode" in summary:  # the response to an HTTP request
        code, summary = summary["statusCode"], json.loads(summary["body"])
        if 400 <= code < 500:
            fail(summary["error"])
        problem = "" if code == 200 else f"HTTP response {code}: {summary['error']}"
    has_calls = isinstance(summary, dict) and ("callbacks" in summary or "events" in summary)
    summaries = list_summaries(summary) if has_calls else []
    events = read_events(raw) if has_calls else []
    if as_json:
        print_json(summary)
    elif (
        has_calls and len(events) == len(summaries) and all(map(_matches_event, summaries, events))
    ):
        for event_summary, event in zip(summaries, events, strict=True):
            print_summary(event_summary, event, reasons or {})
    elif has_calls or not problem:  # the event was fetched: a claim check, or a task of MPS
        print_json(summary, indent=None)
    if problem and not as_json:
        print_error(problem)
    if not as_json and has_skipped_all(summaries):
        print_error(
            "Nothing ran: every callback of this event is completed in the ledger. To run one again: "
            f"scf-mps replay {escape_controls(summaries[0]['task_id'])} --force CALLBACK",
            "yellow",
        )
    outcomes = [
        call["outcome"] for event_summary in summaries for call in event_summary["callbacks"]
    ]
    return not problem and all(outcome in ("done", "skipped") for outcome in outcomes)


def sample(
    name: Annotated[
        str | None,
        typer.Argument(help="A sample. Default: list them.", autocompletion=complete_sample_name),
    ] = None,
    results: Results = None,
    status: StatusOption = "FINISH",
    session_context: Annotated[str, typer.Option(help="The SessionContext of the event.")] = "",
    task_id: Annotated[
        str, typer.Option(help="The TaskId of the event.", show_default="a new one each time")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """List the samples, or print one, with any event type and results."""
    if name is None:
        rows = [{"sample": key, "what": text} for key, text in samples.list_samples().items()]
        if as_json:
            print_json(rows)
        else:
            print_table(rows)
        return
    event = run_or_fail(
        lambda: samples.sample(
            name,
            parse_results(results),
            status=status,
            session_context=session_context,
            task_id=task_id or samples.create_task_id(name),
        )
    )
    print_json(event, indent=None if as_json else 2)


def _format_reason(reason: Reason) -> dict[str, str]:
    return {
        "result": name_result(reason.result),
        "callback": reason.route.name,
        "runs": "yes" if reason.runs else "no",
        "why": reason.why,
    }


def _is_near_miss(reason: Reason) -> bool:
    """Return True if a callback accepts the result's type, but a filter or the status excludes the result.

    The status only counts for callbacks of the same class: on_failure(Subtask) misses every success.
    """
    route, result = reason.route, reason.result
    if route.verb == "fallback" or not route.accepts(result):
        return False
    return route.verb == result.verb or type(result) in route.kinds or not route.kinds


def _matches_event(summary: dict[str, Any], event: Event) -> bool:
    """Return True if a summary belongs to an event, and not to another one that was fetched instead."""
    places = {event.place, *(subtask.place for subtask in event.subtasks)}
    identity = (summary["event_type"], summary["task_id"], summary["status"])
    return identity == (event.type, event.task_id, event.status) and all(
        item["place"] in places for item in (*summary["callbacks"], *summary["unhandled"])
    )


def _shorten_place(where: str) -> str:
    path, _, line = where.rpartition(":")
    return f"{shorten_path(path)}:{line}"
