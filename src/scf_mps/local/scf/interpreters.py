"""Search for the CPython of a function."""

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

_QUERY = (
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
def find_interpreter(version_or_path: str | None = None) -> Interpreter:
    """Return the CPython of a version (``3.10``) or an executable (a path), by default the running one.

    A version is searched in this process, among pyenv's versions and on the PATH as ``python3.10``.

    Raises:
        ValueError: if it is missing or not a CPython 3.10 or later.
    """
    version_or_path = version_or_path or sys.executable
    is_version = re.fullmatch(r"3\.\d+", version_or_path) is not None
    for candidate in _iterate_candidates(version_or_path) if is_version else [version_or_path]:
        interpreter = _query(candidate)
        if interpreter is not None and (interpreter.version == version_or_path or not is_version):
            return interpreter
    if is_version:
        raise ValueError(
            f"CPython {version_or_path} is neither on the PATH as python{version_or_path} nor in pyenv."
            " Install it, or pass the path of its executable"
        )
    raise ValueError(f"{version_or_path!r} is not the executable of a CPython 3.10 or later")


def _iterate_candidates(version: str) -> Iterator[str]:
    yield sys.executable
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(root.glob(f"versions/{version}.*/bin/python"), reverse=True))
    on_path = which(f"python{version}")
    if on_path:
        yield on_path


def _query(executable: str) -> Interpreter | None:
    try:
        lines = subprocess.run(
            [executable, "-c", _QUERY], capture_output=True, text=True, timeout=30, check=True
        ).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return None
    if len(lines) != 3 or lines[1] != "cpython" or not re.fullmatch(r"3\.\d\d", lines[0]):
        return None
    return Interpreter(lines[2], lines[0])
