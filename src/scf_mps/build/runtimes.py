"""The Python runtimes of SCF that a function can be built for, and what holds on all of them."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import BuildError

RUNTIME_NAMES = ("Python3.10", "Python3.12", "Python3.13")
"""SCF's names. Product page 583/40323 lists 3.10; 3.12 and 3.13 are in Tencent's function templates."""

CODE_FOLDER = "/var/user"
"""Where SCF unpacks the code, read-only."""

LAYERS_FOLDER = "/opt"
"""Where SCF unpacks layers, read-only; `sys.path` has it behind the code and before the standard library."""

PLATFORMS = (
    "manylinux2014_x86_64",
    *(f"manylinux_2_{minor}_x86_64" for minor in range(17, 4, -1)),
)
"""Tags of wheels that run there: x86_64 with glibc 2.17 (CentOS 7, product page 583/9694)."""


@dataclass(frozen=True)
class Runtime:
    """A Python of SCF.

    Attributes:
        name: SCF's, e.g. ``Python3.10``.
        version: major and minor, e.g. ``3.10``.
    """

    name: str
    version: str


def parse_runtime(name: str) -> Runtime:
    """The runtime of this name.

    Raises:
        BuildFailed: if SCF has none, or the package does not run on it.
    """
    for offered in RUNTIME_NAMES:
        if name.lower() == offered.lower():
            return Runtime(offered, offered.removeprefix("Python"))
    if name.lower() in ("python3.9", "python3.7", "python3.6", "python2.7"):
        raise BuildError(
            f"scf-mps needs Python 3.10 or later: {name} is too old, use {RUNTIME_NAMES[0]}"
        )
    raise BuildError(f"expected a runtime of SCF, one of {', '.join(RUNTIME_NAMES)}, not {name!r}")
