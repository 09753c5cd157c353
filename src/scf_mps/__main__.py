"""The command line where the script `scf-mps` is not installed: ``python -m scf_mps``."""

from scf_mps.cli import app  # pragma: no cover - the tests run it in a process of its own

app()  # pragma: no cover - as above
