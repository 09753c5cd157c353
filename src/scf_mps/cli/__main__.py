"""The command line where the script `scf-mps` is not installed: ``python -m scf_mps.cli``."""

from . import app  # pragma: no cover - as below

app()  # pragma: no cover - the tests run it in a process of its own
