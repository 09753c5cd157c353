"""`scf-mps build` as a command: its options, and the report in words."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from . import BuildError, BuildOptions
from . import build as built
from .report import ArchiveReport, Report, format_size

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def build(
    project: Annotated[
        Path | None,
        typer.Argument(
            help="The folder with handlers/ and, if need be, requirements.txt.",
            show_default="found upwards",
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--out", help="Where the code is put unpacked.", show_default="build"),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option("--zip", help="The function's zip.", show_default="dist/function.zip"),
    ] = None,
    runtime: Annotated[
        str,
        typer.Option(help="SCF's name of the Python.", show_default="serverless.yml's"),
    ] = "",
    layer: Annotated[
        bool,
        typer.Option(
            "--layer", help="Put scf_mps and all dependencies into layer.zip beside the zip."
        ),
    ] = False,
    include: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="More of the project than handlers/; may be repeated."),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOB",
            help="Keep this part of dependencies: Crypto, tencentcloud/cvm, '*/tests/*'.",
        ),
    ] = None,
    allow_secret: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="A file that may look like a secret."),
    ] = None,
    python: Annotated[
        Path | None, typer.Option(help="A CPython of the runtime's version, if it is not found.")
    ] = None,
    require_bytecode: Annotated[
        bool, typer.Option("--require-bytecode", help="Fail if there is no such CPython.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Make the function's zip: handlers/, scf_mps and dependencies, with byte code, checked."""
    from scf_mps.cli.configuration import find_folder

    found = find_folder(Path.cwd()) or Path.cwd()
    base = Path() if project or found == Path.cwd() else found  # of outputs that were not given
    project = project or base
    folder = folder or base / "build"
    archive = archive or base / "dist" / "function.zip"
    options = BuildOptions(
        project=project,
        folder=folder,
        archive=archive,
        runtime=runtime,
        layer=archive.with_name("layer.zip") if layer else None,
        include=include or (),
        keep=keep or (),
        allow_secret=allow_secret or (),
        python=python,
        require_bytecode=require_bytecode,
    )
    try:
        options = replace(options, runtime=_configure(project, runtime))
        report = built(options)
    except BuildError as failed:
        for problem in failed.problems:
            err.print(problem, style="red", markup=False)
        raise typer.Exit(1) from None
    if as_json:
        print(json.dumps(report.as_json()))
    else:
        _print_archive(report.code)
        if report.layer:
            _print_archive(report.layer)
        _print_rest(report)
    for warning in report.warnings:
        err.print(f"warning: {warning}", style="yellow", markup=False)


def _configure(project: Path, runtime: str) -> str:
    """Set the variables of the project's serverless.yml. Return the runtime that was given, else its, else the default.

    Raises:
        BuildFailed: if it cannot be read.
    """
    from scf_mps.cli.configuration import read_configuration
    from scf_mps.deploy.errors import DeployError

    try:
        configuration = read_configuration(project)
    except DeployError as error:
        raise BuildError(*error.problems) from None
    os.environ.update(configuration.variables)  # handlers may read them when they are imported
    return runtime or configuration.runtime or BuildOptions.runtime


def _print_archive(archive: ArchiveReport) -> None:
    title = (
        f"{archive.path}: {format_size(archive.bytes)}, unpacked {format_size(archive.unpacked)}"
    )
    out.print(title, style="bold", markup=False)
    table = Table()
    table.add_column("what", overflow="fold")
    for column in ("files", "source", "byte code", "other", "in the zip"):
        table.add_column(column, justify="right")
    for part in archive.parts:
        sizes = (part.source, part.bytecode, part.other, part.zipped)
        table.add_row(part.name, str(part.files), *map(format_size, sizes))
    out.print(table)
    out.print(f"sha256 {archive.sha256}", style="dim")


def _print_rest(report: Report) -> None:
    if report.dependencies:
        chosen = ", ".join(f"{name} {version}" for name, version in report.dependencies.items())
        out.print(f"dependencies: {chosen}", markup=False)
    for omission in report.omissions:
        out.print(f"left out: {omission}", markup=False)
    tried = "imported by its own Python" if report.imported else "not imported"
    out.print(f"for {report.runtime}: {tried}; unpacked in {report.folder}", markup=False)
