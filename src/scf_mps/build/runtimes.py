"""Python runtimes of SCF that a function can be built for."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import BuildError, Problem

RUNTIME_NAMES = ("Python3.10", "Python3.12", "Python3.13")
"""Names in SCF. Product page 583/40323 lists 3.10. 3.12 and 3.13 are in Tencent's function templates."""

CODE_FOLDER = "/var/user"
"""Folder of the code in SCF, read-only."""

LAYERS_FOLDER = "/opt"
"""Folder of layers in SCF, read-only. On `sys.path` it comes after the code and before the standard library."""

PLATFORMS = ("manylinux2014_x86_64", *(f"manylinux_2_{minor}_x86_64" for minor in range(17, 4, -1)))
"""Tags of compatible wheels: x86_64 with glibc 2.17 (CentOS 7, product page 583/9694)."""

_OUTDATED = ("python3.9", "python3.7", "python3.6", "python2.7")


@dataclass(frozen=True)
class Runtime:
    """A Python runtime of SCF.

    Attributes:
        name: in SCF, e.g. ``Python3.10``.
        version: major and minor, e.g. ``3.10``.
    """

    name: str
    version: str


def parse_runtime(name: str) -> Runtime:
    """Return the runtime of a name, ignoring case.

    Raises:
        BuildError: ``unsupported_runtime``.
    """
    for offered in RUNTIME_NAMES:
        if name.lower() == offered.lower():
            return Runtime(offered, offered.removeprefix("Python"))
    if name.lower() in _OUTDATED:
        message = f"{name} is too old: scf-mps needs Python 3.10 or later"
        advice = f"Use {RUNTIME_NAMES[0]}"
    else:
        message = f"unknown runtime {name!r}"
        advice = f"Use one of {', '.join(RUNTIME_NAMES)}"
    raise BuildError(Problem("unsupported_runtime", "", message, advice))
