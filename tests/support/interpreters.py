"""Installed CPythons of the supported versions."""

from pathlib import Path

from scf_mps.local.scf import interpreters

VERSIONS = ("3.10", "3.11", "3.12", "3.13")


def find(version):
    """Return a CPython of a version outside of virtual environments, or None."""
    try:
        return Path(interpreters.find_interpreter(version).executable)
    except ValueError:
        return None
