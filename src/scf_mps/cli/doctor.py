"""The command `doctor`: its options and its output."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scf_mps.deploy.configuration import find_config_file

from .arguments import JsonOption
from .cloud import ConfigOption, StageOption
from .output import format_count, print_json, print_line, print_lines

if TYPE_CHECKING:
    from scf_mps.doctor import Examination

_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def doctor(
    account: Annotated[
        bool,
        typer.Option("--account", help="Also check the function and the buckets in the cloud."),
    ] = False,
    no_write: Annotated[
        bool,
        typer.Option(
            "--no-write", help="With --account: write no test object below the ledger's prefix."
        ),
    ] = False,
    dispatch: Annotated[
        bool,
        typer.Option(
            "--dispatch",
            help="Run the callbacks of the sample event, without credentials and ledger.",
        ),
    ] = False,
    archive: Annotated[
        Path | None, typer.Option("--zip", help="Check this zip instead of `src`.")
    ] = None,
    config: ConfigOption = Path("serverless.yml"),
    stage: StageOption = "",
    as_json: JsonOption = False,
) -> None:
    """Check the project before and after deploying. Exit code 0 if there are no errors."""
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
        print_json(asdict(examination))
    else:
        _print_examination(examination)
    if examination.has_errors:
        raise typer.Exit(1)


def _print_examination(examination: Examination) -> None:
    for finding in examination.findings:
        print_lines(f"{finding.level}: {finding.what} ({finding.name})", _STYLES[finding.level])
        print_line(f"  {finding.why}")
        print_line(f"  → {finding.advice}")
    for seen in examination.seen:
        print_line(seen, "dim")
    print_line("Not checked:", "italic")
    for reminder in examination.reminders:
        print_line(f"  {reminder}", "dim")
    counts = Counter(finding.level for finding in examination.findings)
    summary = ", ".join(format_count(count, level) for level, count in counts.items())
    print_line(summary or "no findings", "bold")
