"""Names that would go wrong on SCF: of modules, and those that serverless.yml tells SCF."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from .runtimes import Runtime

HANDLER = "index.main_handler"
"""What SCF is to call: `file.function`, the file at the root of the zip (product page 583/9210)."""

_PLATFORM = ("bootstrap", "runtime")
"""The runtime's own modules, in front of the code on `sys.path`."""


def shadowing(names: Collection[str], library: Collection[str]) -> Iterator[str]:
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


def serverless_differs(project: Path, runtime: Runtime) -> Iterator[str]:
    """A sentence for each way in which the project's serverless.yml does not fit what is built."""
    path = project / "serverless.yml"
    if not path.is_file():
        return
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
        entry = re.fullmatch(r"\s+(handler|runtime):\s*[\"']?([^\s\"'#]+)[\"']?\s*(#.*)?", line)
        expected = {"handler": HANDLER, "runtime": runtime.name}
        if entry and entry[2] != expected[entry[1]]:
            yield f"{path.name}:{number}: expected {entry[1]}: {expected[entry[1]]}, not {entry[2]}"
