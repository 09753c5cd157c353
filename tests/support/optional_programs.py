"""Programs that some tests use where they are installed: how a skip says so, and how to install them."""

from __future__ import annotations

import shutil
from typing import NoReturn

import pytest

INSTALL = {
    "git": "apt-get install git",
    "node": "apt-get install nodejs",
    "npm": "apt-get install npm",
    "openssl": "apt-get install openssl",
    "redis-server": "apt-get install redis-server",
}
"""How to install a program."""


def require(*programs: str) -> None:
    """Skip the test unless the programs are on the PATH."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"no {program} on this machine: {INSTALL[program]}")


def skip_without_python(version: str) -> NoReturn:
    """Skip the test: there is no such CPython."""
    pytest.skip(f"no CPython {version} on this machine: pyenv install {version}")
