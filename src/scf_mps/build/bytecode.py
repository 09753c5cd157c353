"""Bytecode for SCF, which never writes any: the code folder is read-only and PYTHONDONTWRITEBYTECODE is set.

It is compiled by a CPython of the function's version, and loaded without a check of the source, which never changes
there. The same sources give the same bytes: a new process compiles all files in order, because bytecode depends on what
a process compiled before, with a fixed hash seed, because the order of constant sets depends on it.
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
    """A syntax error in a file."""

    name: str
    line: int
    message: str


def compile_all(
    folder: Path, names: Sequence[str], prefix: str, python: Interpreter
) -> list[CompileFailure]:
    """Write `__pycache__` for files of a folder.

    Args:
        folder: of the files.
        names: paths of the files in it.
        prefix: path of the folder in the cloud, which bytecode contains instead of a local path.
        python: compiles them.

    Returns:
        The files that this Python cannot compile.
    """
    process = subprocess.run(
        [python.path, "-s", "-S", "-B", "-W", "ignore", "-c", _COMPILE],
        cwd=folder,
        env={
            "PYTHONHASHSEED": "0",
            "PYTHONUTF8": "1",
            "PYTHONSAFEPATH": "1",
            **_get_start_variables(),
        },
        input=json.dumps([sorted(names), prefix]),
        capture_output=True,
        text=True,
        check=True,
    )
    return [CompileFailure(*item) for item in json.loads(process.stdout)]


def _get_start_variables() -> dict[str, str]:
    """Return the variables that an interpreter may need to start."""
    return {
        name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ
    }
