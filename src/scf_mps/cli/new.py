"""The command that starts a user's own project, and says what to do next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import project_template
from .output import fail, out

NEXT = {
    "pip install -r requirements-dev.txt": "for tests and builds",
    "pytest": "run the function with sample events",
    "scf-mps doctor": "check the project before deploying",
}


def new(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder that is empty, or not there yet.")
    ],
    name: Annotated[
        str,
        typer.Option(
            help=f"The function's name: {project_template.NAME_RULE}.",
            show_default="made of the folder's",
        ),
    ] = "",
    region: Annotated[str, typer.Option(help="Where the function runs.")] = project_template.REGION,
) -> None:
    """Start a project of your own: handlers/, tests, serverless.yml and CI."""
    try:
        project_template.check_free(folder)
        name = name or project_template.function_name(folder)
        files = project_template.project_files(name, region)
        project_template.write_project(folder, files)
    except ValueError as error:
        fail(str(error))
    except OSError as error:
        fail(f"expected a folder that can be written at {folder}: {error}")
    created = f"Created {folder}/ ({len(files)} files). Start with {folder}/README.md"
    out.print(created, style="green", markup=False, soft_wrap=True)
    out.print(f"Next, in {folder.resolve()}:", markup=False, soft_wrap=True)
    width = max(map(len, NEXT))
    for command, why in NEXT.items():
        out.print(f"  {command:{width}}  # {why}", markup=False, soft_wrap=True)
