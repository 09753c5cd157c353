"""Report of a build: sizes, dependencies, omissions, and limits of SCF."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .errors import Problem
from .names import escape_name

MB = 1024 * 1024

SIZE_LIMITS = (
    ("zip", 20 * MB, "an update by the API accepts 20 MB", "Send it through COS"),
    ("zip", 50 * MB, "SCF creates functions from 50 MB at most", "Send it through COS"),
    ("unpacked", 500 * MB, "SCF runs functions of 500 MB at most, including layers", ""),
)
"""Measured size, limit, description and advice (product page 583/11637)."""

WARNING_RATIO = 3 / 4
"""Part of a limit from which on a size is a warning. The API receives zips in Base64, which adds a third."""


@dataclass
class Part:
    """Sizes of a package or module at the root of a zip, in bytes."""

    name: str
    version: str = ""
    files: int = 0
    source: int = 0
    bytecode: int = 0
    other: int = 0
    zipped: int = 0


@dataclass
class ArchiveReport:
    """A zip that was written."""

    path: str
    sha256: str
    bytes: int
    unpacked: int
    parts: list[Part]


@dataclass
class Report:
    """Report of a build.

    Attributes:
        runtime: name in SCF.
        folder: with the unpacked code.
        code: zip of the function.
        layer: zip of the layer, if there is one.
        dependencies: version by name, or ``built from source`` without a wheel.
        left_out: paths of the project that are not deployed.
        pruned: bytes of the parts of dependencies that were removed, by description.
        development_tools: distributions that only tests need.
        bytecode: True if the zips contain bytecode.
        imported: True if the function's own Python imported the code.
        warnings: problems that did not stop the build.
    """

    runtime: str
    folder: str
    code: ArchiveReport
    layer: ArchiveReport | None = None
    dependencies: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    pruned: dict[str, int] = field(default_factory=dict)
    development_tools: list[str] = field(default_factory=list)
    bytecode: bool = False
    imported: bool = False
    warnings: list[Problem] = field(default_factory=list)

    @property
    def omissions(self) -> list[str]:
        """A description of each part that is not deployed."""
        names = sorted({escape_name(path.rpartition("/")[2]) for path in self.left_out})
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        project = [f"from the project: {', '.join(names[:12])}{more}"] if names else []
        tools = ", ".join(self.development_tools)
        return [
            *project,
            *(
                [f"test tools that no file imports: {tools} (--keep NAME keeps one)"]
                if tools
                else []
            ),
            *(f"{name}, {format_size(size)}" for name, size in self.pruned.items() if size),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the report as a JSON object, with warnings as strings."""
        return {**asdict(self), "warnings": [str(warning) for warning in self.warnings]}


def measure_parts(
    folder: Path, zipped: Mapping[str, int], versions: Mapping[str, str]
) -> list[Part]:
    """Return the sizes of the parts of a zip, largest first.

    Args:
        folder: the packed folder.
        zipped: compressed bytes by path in the zip.
        versions: distribution and version by top-level name.
    """
    parts: dict[str, Part] = {}
    for name, size in zipped.items():
        top = get_top_level(name)
        part = parts.setdefault(top, Part(top, versions.get(top, "")))
        bytes_ = (folder / name).stat().st_size
        part.files += 1
        part.zipped += size
        if name.endswith(".pyc"):
            part.bytecode += bytes_
        elif name.endswith(".py"):
            part.source += bytes_
        else:
            part.other += bytes_
    return sorted(parts.values(), key=lambda part: (-part.zipped, part.name))


def get_top_level(name: str) -> str:
    """Return the package or module of a path in a zip. All metadata is ``*.dist-info``."""
    top, _, below = name.partition("/")
    if top == "__pycache__":
        return f"{below.partition('.')[0]}.py"
    return "*.dist-info" if top.endswith(".dist-info") else top


def format_size(size: int) -> str:
    """Return a number of bytes for people."""
    return f"{size / MB:.1f} MB" if size >= MB else f"{size / 1024:.1f} KB" if size else "-"


def check_limits(archives: Iterable[ArchiveReport]) -> Iterator[Problem]:
    """Yield a problem for every limit of SCF that the archives exceed or nearly reach."""
    archives = list(archives)
    unpacked = {"unpacked": sum(archive.unpacked for archive in archives)}
    zipped = {archive.path: archive.bytes for archive in archives}
    for kind, limit, description, advice in SIZE_LIMITS:
        for path, size in (unpacked if kind == "unpacked" else zipped).items():
            if size > WARNING_RATIO * limit:
                message = f"{size / MB:.1f} MB, but {description}"
                yield Problem("near_limit", path, message, advice)
