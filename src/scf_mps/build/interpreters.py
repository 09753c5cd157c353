"""Finds a CPython of a version on this machine: byte code is only good for the version that compiled it.

It may be the running one, one on the PATH, or one that pyenv, uv or Windows' launcher knows of.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import which

_TELL = """
import json, sys
json.dump([sys.implementation.name, "%d.%d" % sys.version_info[:2], sys.executable,
           sorted(sys.stdlib_module_names)], sys.stdout)
"""


@dataclass(frozen=True)
class Interpreter:
    """A CPython.

    Attributes:
        path: the executable.
        library: the names of the modules of its standard library.
    """

    path: Path
    library: frozenset[str]


def find_interpreter(version: str, named: Path | None = None) -> Interpreter | None:
    """A CPython of this version (such as ``3.10``), or None.

    Args:
        version: major and minor.
        named: the one to take, in place of looking for one.
    """
    for candidate in [named] if named else _candidates(version):
        try:
            told = subprocess.run(
                [*_command(candidate), "-I", "-S", "-c", _TELL],
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            ).stdout
            implementation, found, executable, library = json.loads(told)
        except (OSError, subprocess.SubprocessError, ValueError):
            continue
        if (implementation, found) == ("cpython", version):
            return Interpreter(Path(executable), frozenset(library))
    return None


def _command(candidate: str | Path | tuple[str, str]) -> list[str]:
    return list(candidate) if isinstance(candidate, tuple) else [str(candidate)]


def _candidates(version: str) -> Iterator[str | Path | tuple[str, str]]:
    if version == "{}.{}".format(*sys.version_info):
        yield sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for pattern in ("bin/python", "python.exe"):
        yield from sorted(pyenv.glob(f"versions/{version}.*/{pattern}"), reverse=True)
    on_path = which(f"python{version}")
    if on_path:
        yield on_path
    launcher = which("py")
    if launcher:
        yield launcher, f"-{version}"
    uv = which("uv")
    if uv:
        found = subprocess.run(
            [uv, "python", "find", "--no-python-downloads", version],
            capture_output=True,
            text=True,
            timeout=30,
        )
        if found.returncode == 0:
            yield found.stdout.strip()
