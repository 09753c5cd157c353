"""Byte code for a Python that never writes any: SCF's code folder is read-only and PYTHONDONTWRITEBYTECODE is set.

Compiled by a CPython of the function's own version, and loaded unchecked: nothing changes there. The same sources give
the same bytes: one new process compiles all of them in one order, since what byte code looks like depends on what a
process compiled before, and with one seed of hashes, since the order of constant sets depends on it.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .interpreters import Interpreter

_COMPILE = """
import json, py_compile, sys
failed = []
names, prefix = json.load(sys.stdin)
for name in names:
    try:
        py_compile.compile(name, dfile=prefix + "/" + name, doraise=True,
                           invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    except py_compile.PyCompileError as error:
        value = error.exc_value
        failed.append([name, getattr(value, "lineno", None) or 0, str(getattr(value, "msg", value))])
json.dump(failed, sys.stdout)
"""


@dataclass(frozen=True)
class CompileFailure:
    """A file that is no Python of this version."""

    name: str
    line: int
    message: str


def compile_all(
    folder: Path, names: Sequence[str], prefix: str, python: Interpreter
) -> list[CompileFailure]:
    """Write `__pycache__` for files of a folder, and tell which of them are no Python of this version.

    Args:
        folder: where they are.
        names: their paths in it.
        prefix: where the folder will be in the cloud; byte code holds this path, and so none of this machine.
        python: what compiles them.
    """
    ended = subprocess.run(
        [python.path, "-s", "-S", "-B", "-W", "ignore", "-c", _COMPILE],
        cwd=folder,
        env={"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "PYTHONSAFEPATH": "1", **_started_with()},
        input=json.dumps([sorted(names), prefix]),
        capture_output=True,
        text=True,
        check=True,
    )
    return [CompileFailure(*one) for one in json.loads(ended.stdout)]


def _started_with() -> dict[str, str]:
    """The few variables that an interpreter may not start without."""
    return {
        name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ
    }
