"""The command line where the script `scf-mps` is not installed: ``python -m scf_mps``."""

from scf_mps.cli import app  # pragma: no cover - tests run it in a subprocess

app()  # pragma: no cover - as above
