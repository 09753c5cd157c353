"""Trial import of a zip as SCF does it: unpacked, read-only, by the function's own Python, without other packages.

Every module of `handlers/` is imported, so that a missing module is found before the deployment.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from .errors import Problem
from .interpreters import Interpreter
from .runtimes import CODE_FOLDER, LAYERS_FOLDER

MAX_IMPORT_SECONDS = 60
"""SCF's default time limit for the initialisation of a function (product page 583/19805)."""

_CHILD = """
import sys

report, *folders = sys.argv[1:]
sys.path[:0] = folders
import importlib, json, os, pkgutil, traceback

failed = []


def attempt(name):
    try:
        return importlib.import_module(name)
    except BaseException as error:
        place = ""
        for frame in traceback.extract_tb(error.__traceback__):
            for folder in folders:
                if frame.filename.startswith(folder + os.sep):
                    place = "%s:%s" % (frame.filename[len(folder) + 1:].replace(os.sep, "/"), frame.lineno)
        failed.append([place or name, "%s: %s" % (type(error).__name__, error)])


def below(package):
    for info in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if not info.name.endswith(".__main__"):
            module = attempt(info.name)
            if module is not None and info.ispkg:
                below(module)


handlers = attempt("handlers")
if handlers is not None:
    below(handlers)
    index = attempt("index")
    if index is not None and not callable(index.main_handler):
        failed.append(["handlers/__init__.py", "main_handler is not callable: %r" % (index.main_handler,)])
with open(report, "w", encoding="utf-8") as file:
    json.dump(failed, file)
"""


def can_import(names: Sequence[str]) -> bool:
    """Return True if this machine can import the files. Extension modules are for Linux on x86_64."""
    here = (sys.platform, platform.machine()) == ("linux", "x86_64")
    return here or not any(name.endswith(".so") for name in names)


def check_imports(
    archives: Sequence[Path], python: Interpreter, work: Path, seconds: float = MAX_IMPORT_SECONDS
) -> Iterator[Problem]:
    """Yield a problem for everything that cannot be imported.

    The environment is that of the caller without credentials, because handlers may read variables when they are
    imported.

    Args:
        archives: zip of the code, and of the layer if there is one.
        python: of the function's version.
        work: an empty folder.
        seconds: time limit.
    """
    folders = []
    for archive, place in zip(archives, (CODE_FOLDER, LAYERS_FOLDER), strict=False):
        folder = work / place.strip("/")
        folder.mkdir(parents=True)
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(folder)
        folders.append(folder)
    _set_modes(folders, 0o555, 0o444)
    report = work / "report.json"
    try:
        process = subprocess.run(
            [python.path, "-I", "-S", "-B", "-c", _CHILD, report, *folders],
            cwd=work,
            env=_environment(work),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
        )
        failed = json.loads(report.read_text("utf-8")) if report.exists() else None
    except subprocess.TimeoutExpired:
        message = f"importing the function takes longer than {seconds} s, SCF's time limit"
        yield Problem("import_timeout", "", message)
        return
    finally:
        _set_modes(folders, 0o755, 0o644)
    if failed is None:
        code, output = process.returncode, process.stderr[-500:]
        message = f"importing the function ends its process with exit code {code}: {output}"
        yield Problem("import_failed", "", message)
        return
    for place, message in dict.fromkeys((place, message) for place, message in failed):
        yield Problem("import_failed", place, f"cannot be imported: {message}")


def _environment(work: Path) -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("PYTHON", "TENCENT", "COS_SECRET", "PIP_"))
    }
    return {
        **inherited,
        "HOME": str(work),
        "TENCENTCLOUD_RUNENV": "SCF",
        "USER_CODE_ROOT": f"{CODE_FOLDER}/",
    }


def _set_modes(folders: Sequence[Path], folder_mode: int, file_mode: int) -> None:
    for top in folders:
        for path in [top, *top.rglob("*")]:
            path.chmod(folder_mode if path.is_dir() else file_mode)
