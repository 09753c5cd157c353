"""The command line where the script `scf-mps` is not installed: ``python -m scf_mps.cli``."""

from . import app

app()
