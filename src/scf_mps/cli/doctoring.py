"""`scf-mps doctor` as a command: its options, and the findings in words."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .asking import JsonOption
from .cloud import ConfigOption, StageOption
from .configuration import locate
from .output import print_json, say

if TYPE_CHECKING:
    from scf_mps.deploy.doctor import Examination

_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def doctor(
    account: Annotated[
        bool, typer.Option("--account", help="Look at the function and the buckets in the cloud.")
    ] = False,
    no_write: Annotated[
        bool,
        typer.Option(
            "--no-write", help="With --account: do not try an object below the ledger's prefix."
        ),
    ] = False,
    dispatch: Annotated[
        bool,
        typer.Option(
            "--dispatch",
            help="Run the callbacks of the sample event here, with neither keys nor ledger.",
        ),
    ] = False,
    archive: Annotated[
        Path | None, typer.Option("--zip", help="Look at this zip, in place of what `src` says.")
    ] = None,
    config: ConfigOption = Path("serverless.yml"),
    stage: StageOption = "",
    as_json: JsonOption = False,
) -> None:
    """Look for what would go wrong once deployed, and say what to do. Exit code 0 without errors."""
    from scf_mps.deploy.doctor import Options, examine

    examination = examine(
        Options(
            locate(config),
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
        say(f"{one.level}: {one.what} ({one.name})", _STYLES[one.level])
        say(f"  {one.why}")
        say(f"  → {one.advice}")
    for seen in examination.seen:
        say(seen, "dim")
    say("What cannot be seen from here:", "italic")
    for reminder in examination.reminders:
        say(f"  {reminder}", "dim")
    counts = Counter(one.level for one in examination.findings)
    told = ", ".join(f"{count} {level}{'s' * (count > 1)}" for level, count in counts.items())
    say(told or "nothing found", "bold")
