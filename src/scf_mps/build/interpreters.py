"""Search for a CPython of a version on this machine.

Candidates are the running one, those on the PATH, and those of pyenv, uv and the Windows launcher.
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

_DESCRIBE = """
import json, sys
json.dump([sys.implementation.name, "%d.%d" % sys.version_info[:2], sys.executable,
           sorted(sys.stdlib_module_names)], sys.stdout)
"""


@dataclass(frozen=True)
class Interpreter:
    """A CPython.

    Attributes:
        path: of the executable.
        library: names of the modules in its standard library.
    """

    path: Path
    library: frozenset[str]


def find_interpreter(version: str, named: Path | None = None) -> Interpreter | None:
    """Return a CPython of a version, or None.

    Args:
        version: major and minor, e.g. ``3.10``.
        named: path of the only candidate.
    """
    for candidate in [named] if named else _find_candidates(version):
        try:
            output = subprocess.run(
                [*_get_command(candidate), "-I", "-S", "-c", _DESCRIBE],
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            ).stdout
            implementation, actual, executable, library = json.loads(output)
        except (OSError, subprocess.SubprocessError, ValueError):
            continue
        if (implementation, actual) == ("cpython", version):
            return Interpreter(Path(executable), frozenset(library))
    return None


def _get_command(candidate: str | Path | tuple[str, str]) -> list[str]:
    return list(candidate) if isinstance(candidate, tuple) else [str(candidate)]


def _find_candidates(version: str) -> Iterator[str | Path | tuple[str, str]]:
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
        process = subprocess.run(
            [uv, "python", "find", "--no-python-downloads", version],
            capture_output=True,
            text=True,
            timeout=30,
        )
        if process.returncode == 0:
            yield process.stdout.strip()
