"""Checks of names: of files, of modules, and of the handler and runtime in serverless.yml."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Collection, Iterator
from pathlib import Path

from .errors import Problem
from .runtimes import Runtime

HANDLER = "index.main_handler"
"""The handler of a build: `file.function`, with the file at the root of the zip (product page 583/9210)."""

MAX_LEVELS = 100
"""Maximum number of folders above a file. Python creates and walks folders recursively."""

_RUNTIME_MODULES = ("bootstrap", "runtime")
"""Modules of SCF's runtime, which come before the code on `sys.path`."""

_MAX_NAME_BYTES = 255
"""Maximum size of a file name without its folders, on the file systems of Linux."""


def check_name(name: str) -> Iterator[Problem]:
    """Yield the reasons why a path cannot be deployed. The path in them is escaped."""
    categories = {unicodedata.category(character) for character in name}
    if "Cs" in categories:
        yield Problem("invalid_name", escape_name(name), "the name is not UTF-8", "Rename it")
    elif {"Cc", "Zl", "Zp"} & categories or "\\" in name:
        message = "the name contains control characters or backslashes"
        yield Problem("invalid_name", escape_name(name), message, "Rename it")
    elif any(len(part.encode()) > _MAX_NAME_BYTES for part in name.split("/")):
        message = f"the name is longer than {_MAX_NAME_BYTES} bytes"
        yield Problem("invalid_name", name, message, "Rename it")
    elif name.count("/") > MAX_LEVELS:
        message = f"more than {MAX_LEVELS} levels of folders"
        yield Problem("too_many_levels", f"{name[:80]}…", message)


def escape_name(name: str) -> str:
    """Return a path for a terminal, with control characters and bytes that are not UTF-8 escaped."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def find_case_collisions(names: Collection[str]) -> Iterator[Problem]:
    """Yield a problem for files that are the same file on Windows and macOS."""
    by_folded: dict[str, list[str]] = {}
    for name in sorted(names):
        by_folded.setdefault(name.casefold(), []).append(name)
    for same in by_folded.values():
        if len(same) > 1:
            message = "these names differ only in case and are one file on Windows and macOS"
            yield Problem("case_collision", ", ".join(same), message)


def find_shadowing(names: Collection[str], library: Collection[str]) -> Iterator[Problem]:
    """Yield a problem for every top-level module that shadows another module, or is shadowed.

    Args:
        names: paths of files in the zip.
        library: names of the modules in the standard library.
    """
    modules = {_get_module(name): name for name in sorted(names, reverse=True)}
    for module, name in sorted(modules.items()):
        if module in _RUNTIME_MODULES:
            message = f"SCF's runtime has its own module {module!r}, which is imported instead"
            yield Problem("shadowed_module", name, message, "Rename it")
        elif module in library:
            message = f"shadows {module!r} of the standard library for all code"
            yield Problem("shadowing_module", name, message, "Rename it")


def find_serverless_mismatches(project: Path, runtime: Runtime) -> Iterator[Problem]:
    """Yield a problem for a handler or runtime in the project's serverless.yml that differs from the build's."""
    path = project / "serverless.yml"
    if not path.is_file():
        return
    expected = {"handler": HANDLER, "runtime": runtime.name}
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
        entry = re.fullmatch(r"\s+(handler|runtime):\s*[\"']?([^\s\"'#]+)[\"']?\s*(#.*)?", line)
        if entry and entry[2] != expected[entry[1]]:
            message = f"{entry[1]} is {entry[2]}, but the build is for {expected[entry[1]]}"
            yield Problem("serverless_mismatch", f"{path.name}:{number}", message)


def _get_module(name: str) -> str:
    """Return the top-level module of a file, or an empty string."""
    top, slash, _ = name.partition("/")
    if slash:
        return top
    return top.partition(".")[0] if top.endswith((".py", ".so")) else ""
