"""Tells what was built: what takes the room, what is close to a limit of SCF, what was chosen and left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .names import escape_name

MB = 1024 * 1024

SIZE_LIMITS = (
    ("zip", 20 * MB, "an update by the API takes no zip beyond 20 MB: go by COS"),
    ("zip", 50 * MB, "SCF creates no function of a zip beyond 50 MB: go by COS"),
    ("unpacked", 500 * MB, "SCF runs no function beyond 500 MB with its layers"),
)
"""Which size, how much of it, and what is beyond (product page 583/11637)."""

WARNING_RATIO = 3 / 4
"""From which part of a limit on it is told; the API takes zips in Base64, which adds a third."""


@dataclass
class Part:
    """A package or module at the root of a zip, in bytes."""

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
    """What came of a build.

    Attributes:
        runtime: SCF's name of the Python.
        folder: where the code is unpacked.
        code: the function's zip.
        layer: the layer's, if one was asked for.
        dependencies: name to version; ``built from source`` without a wheel.
        left_out: paths of the project that were passed over.
        pruned: what was taken out of dependencies, and its bytes.
        bytecode: whether the zips hold it.
        imported: whether the function was imported by its own Python.
        warnings: sentences.
    """

    runtime: str
    folder: str
    code: ArchiveReport
    layer: ArchiveReport | None = None
    dependencies: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    pruned: dict[str, int] = field(default_factory=dict)
    bytecode: bool = False
    imported: bool = False
    warnings: list[str] = field(default_factory=list)

    @property
    def omissions(self) -> list[str]:
        """A phrase for each thing that was left out."""
        names = sorted({escape_name(path.rpartition("/")[2]) for path in self.left_out})
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        project = [f"of the project: {', '.join(names[:12])}{more}"] if names else []
        return project + [
            f"{name}, {format_size(size)}" for name, size in self.pruned.items() if size
        ]

    def as_json(self) -> dict[str, Any]:
        """All of it, as it can be printed."""
        return asdict(self)


def measure_parts(
    folder: Path, zipped: Mapping[str, int], versions: Mapping[str, str]
) -> list[Part]:
    """What takes the room, the most first.

    Args:
        folder: what was zipped.
        zipped: the bytes of every path in the zip.
        versions: distribution and version of top-level names.
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
    """The package or module that a path in a zip belongs to; ``*.dist-info`` stands for all of them."""
    top, _, below = name.partition("/")
    if top == "__pycache__":
        return f"{below.partition('.')[0]}.py"
    return "*.dist-info" if top.endswith(".dist-info") else top


def format_size(size: int) -> str:
    """Return a number of bytes as it is printed."""
    return f"{size / MB:.1f} MB" if size >= MB else f"{size / 1024:.1f} KB" if size else "-"


def check_limits(archives: Iterable[ArchiveReport]) -> Iterator[str]:
    """A sentence for every limit of SCF that the archives come near or exceed."""
    archives = list(archives)
    unpacked = sum(one.unpacked for one in archives)
    for which, limit, beyond in SIZE_LIMITS:
        sizes = (
            {"unpacked": unpacked}
            if which == "unpacked"
            else {one.path: one.bytes for one in archives}
        )
        for what, size in sizes.items():
            if size > WARNING_RATIO * limit:
                yield f"{what} is {size / MB:.1f} MB: {beyond}"
