"""`scf-mps doctor` as a command: its options, and the findings in words."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .arguments import JsonOption
from .cloud import ConfigOption, StageOption
from .configuration import find_config_file
from .output import print_json, say, say_lines

if TYPE_CHECKING:
    from scf_mps.doctor import Examination

_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def doctor(
    account: Annotated[
        bool, typer.Option("--account", help="Check the function and the buckets in the cloud too.")
    ] = False,
    no_write: Annotated[
        bool,
        typer.Option(
            "--no-write", help="With --account: write no object below the ledger's prefix."
        ),
    ] = False,
    dispatch: Annotated[
        bool,
        typer.Option(
            "--dispatch",
            help="Run the callbacks of the sample event, without keys and ledger.",
        ),
    ] = False,
    archive: Annotated[
        Path | None, typer.Option("--zip", help="Check this zip instead of `src`.")
    ] = None,
    config: ConfigOption = Path("serverless.yml"),
    stage: StageOption = "",
    as_json: JsonOption = False,
) -> None:
    """Check the project before and after deploying, with advice. Exit code 0 without errors."""
    from scf_mps.doctor import DoctorOptions, examine_project

    examination = examine_project(
        DoctorOptions(
            find_config_file(config),
            stage,
            archive,
            cloud=account,
            write=not no_write,
            dispatch=dispatch,
        )
    )
    if as_json:
        print_json(examination.as_json())
    else:
        _show(examination)
    if not examination.is_sound:
        raise typer.Exit(1)


def _show(examination: Examination) -> None:
    for one in examination.findings:
        say_lines(f"{one.level}: {one.what} ({one.name})", _STYLES[one.level])
        say(f"  {one.why}")
        say(f"  → {one.advice}")
    for seen in examination.seen:
        say(seen, "dim")
    say("Not checked:", "italic")
    for reminder in examination.reminders:
        say(f"  {reminder}", "dim")
    counts = Counter(one.level for one in examination.findings)
    told = ", ".join(f"{count} {level}{'s' * (count > 1)}" for level, count in counts.items())
    say(told or "nothing found", "bold")
