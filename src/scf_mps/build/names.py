"""Names that would go wrong on SCF: of files, of modules, and those in serverless.yml."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Collection, Iterator
from pathlib import Path

from .runtimes import Runtime

HANDLER = "index.main_handler"
"""What SCF is to call: `file.function`, the file at the root of the zip (product page 583/9210)."""

_PLATFORM = ("bootstrap", "runtime")
"""The runtime's own modules, in front of the code on `sys.path`."""


_MAX_NAME_BYTES = 255
"""Of a file's name, without its folders, on the file systems of Linux."""

MAX_LEVELS = 100
"""Folders above a file. Python creates and walks them recursively."""


def check_name(name: str) -> Iterator[str]:
    """Yield the reasons why a path cannot be deployed, with the path escaped."""
    categories = {unicodedata.category(character) for character in name}
    if "Cs" in categories:
        yield f"{escape_name(name)}: the name is not UTF-8; rename it"
    elif {"Cc", "Zl", "Zp"} & categories or "\\" in name:
        yield f"{escape_name(name)}: the name has control characters or backslashes; rename it"
    elif any(len(part.encode()) > _MAX_NAME_BYTES for part in name.split("/")):
        yield f"{name}: the name has more than {_MAX_NAME_BYTES} bytes; rename it"
    elif name.count("/") > MAX_LEVELS:
        yield f"{name[:80]}…: is in more than {MAX_LEVELS} folders"


def escape_name(name: str) -> str:
    """Return a path for a terminal: bytes that are not UTF-8 as ``\\xff``, control characters escaped."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


def find_case_collisions(names: Collection[str]) -> Iterator[str]:
    """Yield a sentence for files that Windows and macOS take for one."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        found.setdefault(name.casefold(), []).append(name)
    for same in found.values():
        if len(same) > 1:
            yield f"{', '.join(same)}: differ in case alone, and are one file on Windows and macOS"


def find_shadowing(names: Collection[str], library: Collection[str]) -> Iterator[str]:
    """A sentence for every top-level module that hides another, or is hidden.

    Args:
        names: paths of files in the zip.
        library: the names of the standard library's modules.
    """
    for module, name in sorted(
        {_module(name): name for name in sorted(names, reverse=True)}.items()
    ):
        if module in _PLATFORM:
            yield f"{name}: SCF's runtime has a module {module!r} of its own, which would be imported instead"
        elif module in library:
            yield f"{name}: would be imported in place of {module!r} of the standard library, by everything"


def _module(name: str) -> str:
    top, slash, _ = name.partition("/")
    if slash:
        return top
    return top.partition(".")[0] if top.endswith((".py", ".so")) else ""


def find_serverless_mismatches(project: Path, runtime: Runtime) -> Iterator[str]:
    """A sentence for each way in which the project's serverless.yml does not fit what is built."""
    path = project / "serverless.yml"
    if not path.is_file():
        return
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
        entry = re.fullmatch(r"\s+(handler|runtime):\s*[\"']?([^\s\"'#]+)[\"']?\s*(#.*)?", line)
        expected = {"handler": HANDLER, "runtime": runtime.name}
        if entry and entry[2] != expected[entry[1]]:
            yield f"{path.name}:{number}: expected {entry[1]}: {expected[entry[1]]}, not {entry[2]}"
