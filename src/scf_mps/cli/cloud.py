"""Commands for the function in the cloud: deploy, remove, logs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scf_mps.common.durations import parse_duration
from scf_mps.deploy.configuration import find_config_file

from .arguments import JsonOption, run_or_fail
from .output import fail, print_error, print_json, print_line, print_table

if TYPE_CHECKING:
    from scf_mps.deploy.current_state import DeployTarget
    from scf_mps.deploy.deploy import Deployment
    from scf_mps.deploy.function_logs import Run

ConfigOption = Annotated[
    Path, typer.Option("--config", metavar="FILE", help="The function's configuration.")
]
StageOption = Annotated[str, typer.Option(help="The stage. Overrides the file.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Show the changes only. Offline: show the desired state.")
]
DEFAULT_FOLLOW_SECONDS = 365 * 24 * 3600.0


def deploy(
    config: ConfigOption = Path("serverless.yml"),
    stage: StageOption = "",
    archive: Annotated[
        Path | None, typer.Option("--zip", help="Deploy this zip instead of `src`.")
    ] = None,
    code_bucket: Annotated[
        str,
        typer.Option(
            metavar="BUCKET-APPID[.REGION]",
            help="Upload the code through COS. Required above 20 MB.",
        ),
    ] = "",
    take_trigger: Annotated[
        str,
        typer.Option(
            metavar="FUNCTION",
            help="Rebind the account's MPS trigger from [[REGION/]NAMESPACE/]FUNCTION to this function.",
        ),
    ] = "",
    prune: Annotated[
        bool,
        typer.Option(
            "--prune", help="Remove MPS and timer triggers that serverless.yml does not list."
        ),
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Send code and settings even if they are unchanged.")
    ] = False,
    allow_secret: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH", help="Skip the secret scan of this file in the zip. Repeatable."
        ),
    ] = None,
    logs: Annotated[
        bool,
        typer.Option(
            "--logs",
            help="Send logs to a separate CLS topic with an index, an alarm and a dashboard.",
        ),
    ] = False,
    alarm_notice: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="The CLS notice group that the alarm notifies. Implies --logs."
        ),
    ] = "",
    wait: Annotated[str, typer.Option(help="Maximum wait for SCF: 90s, 5m.")] = "5m",
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Deploy the function of serverless.yml and bind its triggers. Unchanged parts are skipped."""
    from scf_mps.deploy.deploy import DeployOptions, prepare_deployment

    options = DeployOptions(
        archive,
        code_bucket,
        take_trigger,
        prune,
        again,
        run_or_fail(lambda: parse_duration(wait)),
        allow_secret or (),
        logs,
        alarm_notice,
    )
    function = _load_target(config, stage)
    with (
        _exit_on_deploy_error(),
        prepare_deployment(function, options, _report, offline=dry_run) as deployment,
    ):
        _print_plan(deployment, as_json)
        if dry_run and deployment.plan.blocked:
            raise typer.Exit(1)
        if not dry_run:
            deployment.apply(_report)
            if not as_json:
                print_line(f"Deployed {_format_target(function)} from {config}", "green")


def remove(
    config: ConfigOption = Path("serverless.yml"),
    stage: StageOption = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Unbind the MPS trigger and delete the function, with its versions and timers."""
    from scf_mps.deploy.deploy import prepare_removal

    function = _load_target(config, stage)
    with _exit_on_deploy_error():
        removal = prepare_removal(function)
        _print_plan(removal, as_json)
        if removal.plan.steps and not dry_run:
            if not yes:
                typer.confirm(f"Remove {_format_target(function)}?", abort=True, err=True)
            removal.apply(_report)


def logs(
    since: Annotated[str, typer.Option(help="How far to look back: 15m, 6h, 7d.")] = "15m",
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait for new runs until Ctrl-C.")
    ] = False,
    within: Annotated[
        str, typer.Option("--for", metavar="SPAN", help="With --follow: for how long, e.g. 10m.")
    ] = "",
    failed: Annotated[bool, typer.Option("--failed", help="Show failed runs only.")] = False,
    request_id: Annotated[
        str, typer.Option("--request", help="Show the runs of this event only.")
    ] = "",
    config: ConfigOption = Path("serverless.yml"),
    stage: StageOption = "",
    as_json: JsonOption = False,
) -> None:
    """Print the logs of the deployed function, grouped by run."""
    from scf_mps.deploy import function_logs

    function = _load_target(config, stage)
    now = time()
    begin = now - run_or_fail(lambda: parse_duration(since))
    seconds = run_or_fail(lambda: parse_duration(within)) if within else DEFAULT_FOLLOW_SECONDS
    run_filter = function_logs.RunFilter(failed, request_id)
    with _exit_on_deploy_error():
        runs: Iterator[Run] = (
            function_logs.follow_runs(function, begin, seconds, run_filter)
            if follow
            else function_logs.fetch_runs(function, begin, now, run_filter)
        )
        for run in runs:
            _print_run(run, as_json)


def invoke_remotely(event: object, config: Path) -> tuple[Any, str]:
    """Invoke the deployed function. Return its result and its error. Print its log on stderr."""
    from scf_mps.deploy.invoke import invoke_remote

    function = _load_target(config, "")
    with _exit_on_deploy_error():
        result = invoke_remote(function, event)
    for line in result.log.removesuffix("\n").split("\n"):
        print_error(line, "")
    return result.returned, result.error


def _load_target(config: Path, stage: str) -> DeployTarget:
    """Return the function of a serverless.yml. Exit if the file is invalid."""
    try:
        from scf_mps.deploy.deploy import load_function
        from scf_mps.deploy.errors import DeployError
    except ImportError as error:  # pragma: no cover - tests have the extra
        fail(
            f"deploying needs the extra 'deploy' ({error}). Run: pip install 'scf-mps[cli,deploy]'"
        )
    config = find_config_file(config)
    try:
        function = load_function(config, stage)
    except DeployError as error:
        fail(str(error))
    for warning in function.warnings:
        print_error(f"warning: {config}: {warning}", "yellow")
    return function


@contextmanager
def _exit_on_deploy_error() -> Iterator[None]:
    """Print a DeployError and exit with code 1."""
    from scf_mps.deploy.errors import DeployError

    try:
        yield
    except DeployError as error:
        print_error(str(error))
        raise typer.Exit(1) from None


def _report(text: str) -> None:
    print_error(text, "dim")


def _format_target(function: DeployTarget) -> str:
    return function.desired.place


def _print_plan(deployment: Deployment, as_json: bool) -> None:
    """Print the difference between the current and the desired state."""
    from scf_mps.deploy.plan import NOTHING

    plan = deployment.plan
    if as_json:
        steps = [
            {
                "product": step.product,
                "action": step.action,
                "changes": [asdict(change) for change in step.changes],
            }
            for step in plan.steps
        ]
        notes, blocked = [*map(str, plan.notes)], [*map(str, plan.blocked)]
        print_json({"steps": steps, "notes": notes, "blocked": blocked})
        return
    rows = [
        {
            "what": change.what,
            "by": step.action,
            "change": change.desired
            if change.current == NOTHING
            else f"{change.current} → {change.desired}",
        }
        for step in plan.steps
        for change in step.changes
    ]
    if rows:
        print_table(rows, title=_format_target(deployment.target))
    else:
        print_line(f"{_format_target(deployment.target)}: no changes")
    for note in plan.notes:
        print_error(str(note), "cyan")
    for problem in plan.blocked:
        print_error(f"blocked: {problem}", "yellow")


def _print_run(run: Run, as_json: bool) -> None:
    if as_json:
        print_json(asdict(run), indent=None)
        return
    retry = f", retry {run.retry}" if run.retry else ""
    outcome = "succeeded" if run.code == 0 else f"failed with {run.code}"
    used = f"{run.milliseconds:.0f} ms, {run.memory / 1024 / 1024:.0f} MB"
    print_line(
        f"{run.begun} {run.request_id} {outcome}, {used}{retry}", "" if run.code == 0 else "red"
    )
    for line in run.log.rstrip("\n").split("\n") if run.log else ():
        print_line(f"  {line}")
    if run.code:
        print_line(f"  {run.returned}")
