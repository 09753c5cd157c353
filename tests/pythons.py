"""Finds the CPythons of this machine that the package is to work on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from shutil import which

VERSIONS = ("3.10", "3.11", "3.12", "3.13")

_TELL = """
import sys
if sys.implementation.name == "cpython":
    print("%d.%d" % sys.version_info[:2], getattr(sys, "_base_executable", "") or sys.executable)
"""


@cache
def find(version: str) -> Path | None:
    """A CPython of this version outside of any virtual environment, or None.

    It is looked for in this process, on the PATH as ``python3.X``, and among the versions of pyenv.
    """
    for candidate in _candidates(version):
        try:
            told = subprocess.run(
                [candidate, "-c", _TELL], capture_output=True, text=True, timeout=30, check=True
            ).stdout
        except (OSError, subprocess.SubprocessError):
            continue
        found, _, executable = told.strip().partition(" ")
        if found == version:
            return Path(executable)
    return None


def _candidates(version: str) -> Iterator[str | Path]:
    if version == "{}.{}".format(*sys.version_info):
        yield sys.executable
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(root.glob(f"versions/{version}.*/bin/python"), reverse=True)
    on_path = which(f"python{version}")
    if on_path:
        yield on_path
