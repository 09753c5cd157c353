"""Commands for the function in the cloud: deploy, remove, logs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from scf_mps.common.durations import parse_duration

from .arguments import JsonOption, or_invalid
from .configuration import find_config_file
from .output import fail, print_json, say, show, warn

if TYPE_CHECKING:
    from scf_mps.deploy.deploy import Deployment, FunctionTarget
    from scf_mps.deploy.function_logs import Run

ConfigOption = Annotated[Path, typer.Option("--config", metavar="FILE", help="The desired state.")]
StageOption = Annotated[str, typer.Option(help="The stage, in place of the file's.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Only show the changes. Offline: the desired state.")
]
FOREVER = 365 * 24 * 3600.0


def deploy(
    config: ConfigOption = Path("serverless.yml"),
    stage: StageOption = "",
    archive: Annotated[
        Path | None,
        typer.Option("--zip", help="Deploy this zip instead of `src`."),
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
            metavar="[[REGION/]NAMESPACE/]FUNCTION",
            help="Take the account's MPS trigger from this function.",
        ),
    ] = "",
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Remove MPS and timer triggers that are not in the file."),
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Send code and settings again, though they are equal.")
    ] = False,
    allow_secret: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="Allow a file in the zip to look like a secret."),
    ] = None,
    wait: Annotated[str, typer.Option(help="How long to wait for SCF: 90s, 5m.")] = "5m",
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Deploy the function of serverless.yml and bind its triggers. Equal parts are left alone."""
    from scf_mps.deploy.deploy import DeployOptions, prepare_deployment

    request = DeployOptions(
        archive,
        code_bucket,
        take_trigger,
        prune,
        again,
        or_invalid(lambda: parse_duration(wait)),
        allow_secret or (),
    )
    function = _function(config, stage)
    with _refusals(), prepare_deployment(function, request, _tell, offline=dry_run) as ready:
        _show_plan(ready, as_json)
        if dry_run and ready.plan.blocked:
            raise typer.Exit(1)
        if not dry_run:
            ready.carry_out(_tell)
            if not as_json:
                say(f"{_place(function)} is deployed as in {config}", "green")


def remove(
    config: ConfigOption = Path("serverless.yml"),
    stage: StageOption = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Unbind the MPS trigger and delete the function, with its versions and timers."""
    from scf_mps.deploy.deploy import prepare_removal

    function = _function(config, stage)
    with _refusals():
        ready = prepare_removal(function)
        _show_plan(ready, as_json)
        if ready.plan.steps and not dry_run:
            if not yes:
                typer.confirm(f"Remove {_place(function)}?", abort=True, err=True)
            ready.carry_out(_tell)


def logs(
    since: Annotated[str, typer.Option(help="How far to look back: 15m, 6h, 7d.")] = "15m",
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait for new runs, until Ctrl-C.")
    ] = False,
    within: Annotated[
        str, typer.Option("--for", metavar="SPAN", help="With --follow: how long, e.g. 10m.")
    ] = "",
    failed: Annotated[bool, typer.Option("--failed", help="Only runs that failed.")] = False,
    request_id: Annotated[str, typer.Option("--request", help="Only this event's runs.")] = "",
    config: ConfigOption = Path("serverless.yml"),
    stage: StageOption = "",
    as_json: JsonOption = False,
) -> None:
    """Print the logs of the deployed function, run by run."""
    from scf_mps.deploy import function_logs

    function = _function(config, stage)
    now = time()
    begin = now - or_invalid(lambda: parse_duration(since))
    seconds = or_invalid(lambda: parse_duration(within)) if within else FOREVER
    chosen = function_logs.RunFilter(failed, request_id)
    with _refusals():
        found: Iterator[Run] = (
            function_logs.follow_runs(function.cloud, function.wanted, begin, seconds, chosen)
            if follow
            else function_logs.fetch_runs(function.cloud, function.wanted, begin, now, chosen)
        )
        for run in found:
            _show_run(run, as_json)


def invoke_remotely(event: object, config: Path) -> tuple[Any, str]:
    """Invoke the deployed function. Return its result and its error. Its log goes to stderr."""
    from scf_mps.deploy.invoke import invoke_remote

    function = _function(config, "")
    with _refusals():
        answer = invoke_remote(function.cloud, function.wanted, event)
    for line in answer.log.removesuffix("\n").split("\n"):
        warn(line, "")
    return answer.returned, answer.error


def _function(config: Path, stage: str) -> FunctionTarget:
    """Return the function of a file. An invalid file ends the command."""
    try:
        from scf_mps.deploy.deploy import load_function
        from scf_mps.deploy.errors import DeployError
    except ImportError as error:  # pragma: no cover - the tests have it
        fail(f"deploying needs another extra: pip install 'scf-mps[cli,deploy]' ({error})")
    config = find_config_file(config)
    try:
        function = load_function(config, stage)
    except DeployError as error:
        fail(str(error))
    for warning in function.warnings:
        warn(f"warning: {config}: {warning}", "yellow")
    return function


@contextmanager
def _refusals() -> Iterator[None]:
    """End the command with exit code 1 on an error of the cloud."""
    from scf_mps.deploy.errors import DeployError

    try:
        yield
    except DeployError as error:
        _end(error)


def _end(error: Exception) -> NoReturn:
    warn(str(error), "red")
    raise typer.Exit(1)


def _tell(what: str) -> None:
    warn(what, "dim")


def _place(function: FunctionTarget) -> str:
    wanted = function.wanted
    return f"{wanted.region}/{wanted.namespace}/{wanted.name}"


def _show_plan(ready: Deployment, as_json: bool) -> None:
    """Show the difference between the current and the desired state."""
    from scf_mps.deploy.plan import NOTHING

    plan = ready.plan
    if as_json:
        steps = [
            {
                "product": step.product,
                "action": step.action,
                "changes": [asdict(change) for change in step.changes],
            }
            for step in plan.steps
        ]
        print_json({"steps": steps, "notes": plan.notes, "blocked": plan.blocked})
        return
    rows = [
        {
            "what": one.what,
            "by": step.action,
            "change": one.wanted if one.live == NOTHING else f"{one.live} → {one.wanted}",
        }
        for step in plan.steps
        for one in step.changes
    ]
    if rows:
        show(rows, title=_place(ready.function))
    else:
        say(f"{_place(ready.function)}: nothing to do")
    for note in plan.notes:
        warn(note, "cyan")
    for why in plan.blocked:
        warn(f"blocked: {why}", "yellow")


def _show_run(run: Run, as_json: bool) -> None:
    if as_json:
        print_json(asdict(run), indent=None)
        return
    retry = f", retry {run.retry}" if run.retry else ""
    outcome = "succeeded" if run.code == 0 else f"failed with {run.code}"
    used = f"{run.milliseconds:.0f} ms, {run.memory / 1024 / 1024:.0f} MB"
    say(f"{run.begun} {run.request_id} {outcome}, {used}{retry}", "" if run.code == 0 else "red")
    for line in run.log.rstrip("\n").split("\n") if run.log else ():
        say(f"  {line}")
    if run.code:
        say(f"  {run.returned}")
