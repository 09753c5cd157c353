"""The command line: ``python -m scf_mps``."""

from scf_mps.cli import app  # pragma: no cover - tests run it in a subprocess

app()  # pragma: no cover - as above
