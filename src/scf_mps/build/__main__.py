"""The command `scf-mps build` as `python -m scf_mps.build`."""

import typer

from .command import build

typer.run(build)
