"""The command `scf-mps build`."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from .builder import DEFAULT_RUNTIME, BuildOptions
from .builder import build as build_function
from .errors import BuildError
from .report import ArchiveReport, Report, format_size

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def build(
    project: Annotated[
        Path | None,
        typer.Argument(
            help="Folder with handlers/ and requirements.txt.", show_default="nearest one upwards"
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for the unpacked code.", show_default="build"),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option("--zip", help="Path of the zip.", show_default="dist/function.zip"),
    ] = None,
    runtime: Annotated[
        str,
        typer.Option(
            help="Python runtime of SCF, e.g. Python3.10.", show_default="as in serverless.yml"
        ),
    ] = "",
    layer: Annotated[
        bool,
        typer.Option(
            "--layer", help="Put scf_mps and all dependencies into layer.zip, next to the zip."
        ),
    ] = False,
    include: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="Another path of the project to pack. Repeatable."),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOB",
            help="Part of dependencies to keep: Crypto, tencentcloud/cvm, '*/tests/*'.",
        ),
    ] = None,
    allow_secret: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="File that may look like a secret.")
    ] = None,
    python: Annotated[
        Path | None, typer.Option(help="CPython of the runtime's version, if none is found.")
    ] = None,
    require_bytecode: Annotated[
        bool,
        typer.Option("--require-bytecode", help="Fail without a CPython of the runtime's version."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Build the function's zip: handlers/, scf_mps and dependencies, with bytecode."""
    from scf_mps.deploy.configuration import find_folder

    nearest = find_folder(Path.cwd()) or Path.cwd()
    base = Path() if project or nearest == Path.cwd() else nearest  # of default outputs
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
        report = build_function(options)
    except BuildError as error:
        for problem in error.problems:
            err.print(str(problem), style="red", markup=False)
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
    """Set the variables of the project's serverless.yml, and return the runtime to build for.

    Raises:
        BuildError: if serverless.yml cannot be read.
    """
    from scf_mps.deploy.configuration import read_configuration
    from scf_mps.deploy.errors import DeployError

    try:
        configuration = read_configuration(project)
    except DeployError as error:
        raise BuildError(*error.problems) from None
    os.environ.update(configuration.variables)  # handlers may read them during their import
    return runtime or configuration.runtime or DEFAULT_RUNTIME


def _print_archive(archive: ArchiveReport) -> None:
    title = (
        f"{archive.path}: {format_size(archive.bytes)}, unpacked {format_size(archive.unpacked)}"
    )
    out.print(title, style="bold", markup=False)
    table = Table()
    table.add_column("what", overflow="fold")
    for column in ("files", "source", "bytecode", "other", "in the zip"):
        table.add_column(column, justify="right")
    for part in archive.parts:
        sizes = (part.source, part.bytecode, part.other, part.zipped)
        table.add_row(part.name, str(part.files), *map(format_size, sizes))
    out.print(table)
    out.print(f"sha256 {archive.sha256}", style="dim")


def _print_rest(report: Report) -> None:
    if report.dependencies:
        versions = ", ".join(f"{name} {version}" for name, version in report.dependencies.items())
        out.print(f"dependencies: {versions}", markup=False)
    for omission in report.omissions:
        out.print(f"left out: {omission}", markup=False)
    check = "imported by its own Python" if report.imported else "not imported"
    out.print(f"for {report.runtime}: {check}, unpacked in {report.folder}", markup=False)
