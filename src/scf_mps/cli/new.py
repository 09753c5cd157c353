"""The command `new`: create a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import project_template
from .output import fail, out

_NEXT_COMMANDS = {
    "pip install -r requirements-dev.txt": "for tests and builds",
    "pytest": "run the function with sample events",
    "scf-mps dev --open": "process a video and watch the callbacks",
    "scf-mps doctor": "check the project before deploying",
}


def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    name: Annotated[
        str,
        typer.Option(
            help=f"The function's name: {project_template.NAME_RULE}.", show_default="from DIR"
        ),
    ] = "",
    region: Annotated[
        str, typer.Option(help="The region of the function.")
    ] = project_template.DEFAULT_REGION,
) -> None:
    """Create a project with handlers/, tests, serverless.yml and CI."""
    try:
        project_template.check_empty(folder)
        name = name or project_template.make_function_name(folder)
        files = project_template.make_files(name, region)
        project_template.write_files(folder, files)
    except ValueError as error:
        fail(str(error))
    except OSError as error:
        fail(f"cannot write to {folder}: {error}")
    created = f"Created {folder}/ ({len(files)} files). Start with {folder}/README.md"
    out.print(created, style="green", markup=False, soft_wrap=True)
    out.print(f"Next, in {folder.resolve()}:", markup=False, soft_wrap=True)
    width = max(map(len, _NEXT_COMMANDS))
    for command, purpose in _NEXT_COMMANDS.items():
        out.print(f"  {command:{width}}  # {purpose}", markup=False, soft_wrap=True)
