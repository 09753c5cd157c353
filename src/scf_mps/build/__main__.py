"""`python -m scf_mps.build`: the command alone."""

import typer

from .command import build

typer.run(build)
