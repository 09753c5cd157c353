"""The command line as a module: ``python -m scf_mps.cli``."""

from . import app  # pragma: no cover - see below

app()  # pragma: no cover - tests run it in a subprocess
