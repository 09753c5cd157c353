"""`python -m scf_mps.deploy.packing`: the command alone."""

import typer

from .command import build

typer.run(build)
