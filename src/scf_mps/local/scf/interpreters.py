"""Finds the CPython that a function is to run on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import which

_TELL = (
    "import sys; v = sys.version_info; print('%d.%d' % v[:2], sys.implementation.name,"
    " getattr(sys, '_base_executable', '') or sys.executable, sep='\\n')"
)


@dataclass(frozen=True)
class Interpreter:
    """A CPython outside of any virtual environment.

    Attributes:
        executable: its path.
        version: such as ``3.10``.
    """

    executable: str
    version: str


@cache
def find_interpreter(wanted: str | None = None) -> Interpreter:
    """The CPython of a version (``3.10``), of an executable (a path), or the one that runs this.

    A version is looked for in this process, among the versions of pyenv, and on the PATH as ``python3.10``.

    Raises:
        ValueError: if there is none, or what is there is no CPython 3.10 or later.
    """
    wanted = wanted or sys.executable
    is_version = re.fullmatch(r"3\.\d+", wanted) is not None
    for candidate in _candidates(wanted) if is_version else [wanted]:
        found = _ask(candidate)
        if found is not None and (found.version == wanted or not is_version):
            return found
    if is_version:
        raise ValueError(
            f"expected a CPython {wanted} on the PATH as python{wanted} or among the versions of pyenv:"
            " install it, or give the path of its executable"
        )
    raise ValueError(f"expected the executable of a CPython 3.10 or later, not {wanted!r}")


def _candidates(version: str) -> Iterator[str]:
    yield sys.executable
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(root.glob(f"versions/{version}.*/bin/python"), reverse=True))
    on_path = which(f"python{version}")
    if on_path:
        yield on_path


def _ask(executable: str) -> Interpreter | None:
    try:
        told = subprocess.run(
            [executable, "-c", _TELL], capture_output=True, text=True, timeout=30, check=True
        ).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return None
    if len(told) != 3 or told[1] != "cpython" or not re.fullmatch(r"3\.\d\d", told[0]):
        return None
    return Interpreter(told[2], told[0])
