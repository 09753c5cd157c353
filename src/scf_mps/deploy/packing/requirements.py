"""Reads `requirements.txt` for the function's Python, whatever Python and system read it.

pip decides environment markers by the machine it runs on, even with `--python-version`: here they are decided for SCF.
All else is left to pip as it is written: indexes, hashes, constraints, paths and URLs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from .problems import BuildFailed

OURS = "scf-mps"
"""The package itself: a function has the one that builds it, and what is asked for of it are extras."""

_FILE = re.compile(r"(-r|--requirement|-c|--constraint)[ =]?\s*(\S.*)")
_COMMENT = re.compile(r"(^|\s+)#.*$")
_OPTIONS = re.compile(r"\s+--\S.*$")


@dataclass
class Wanted:
    """What the project asks for.

    Attributes:
        lines: for pip, without markers.
        constraints: the same of constraint files.
        named: the requirements among the lines that name a distribution.
        pinned: names that are held to one version.
        ours: what is asked for of this package.
    """

    lines: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    named: list[Requirement] = field(default_factory=list)
    pinned: set[str] = field(default_factory=set)
    ours: list[Requirement] = field(default_factory=list)


def read_requirements(path: Path, markers: Mapping[str, str]) -> Wanted:
    """What a requirements file, and those it refers to, asks for where these markers hold.

    Raises:
        BuildFailed: if a file cannot be read, or asks for an editable installation.
    """
    wanted = Wanted()
    _read(path, markers, wanted, constraint=False, above=())
    return wanted


def _read(
    path: Path,
    markers: Mapping[str, str],
    wanted: Wanted,
    constraint: bool,
    above: tuple[Path, ...],
) -> None:
    path = path.resolve()
    if path in above:
        raise BuildFailed(f"{path.name}: refers to itself")
    for number, line in _lines(path):
        file = _FILE.fullmatch(line)
        if file:
            below = constraint or file[1] in ("-c", "--constraint")
            _read(path.parent / file[2].strip(), markers, wanted, below, (*above, path))
        elif line.startswith(("-e", "--editable")):
            raise BuildFailed(
                f"{path.name}:{number}: {line}: a function cannot hold what is editable"
            )
        else:
            _take(line, markers, wanted, constraint)


def _take(line: str, markers: Mapping[str, str], wanted: Wanted, constraint: bool) -> None:
    options = _OPTIONS.search(line)
    text = line[: options.start()] if options else line
    try:
        requirement = Requirement(text)
    except InvalidRequirement:  # an option, a path, a bare URL
        (wanted.constraints if constraint else wanted.lines).append(line)
        return
    if requirement.marker and not requirement.marker.evaluate(dict(markers)):
        return
    name = canonicalize_name(requirement.name)
    if name == OURS:
        wanted.ours.append(requirement)
        return
    requirement.marker = None
    text = f"{requirement}{options[0] if options else ''}"
    if is_pinned(requirement):
        wanted.pinned.add(name)
    if constraint:
        wanted.constraints.append(text)
    else:
        wanted.lines.append(text)
        wanted.named.append(requirement)


def is_pinned(requirement: Requirement) -> bool:
    """Whether one version alone satisfies it."""
    return requirement.url is not None or any(
        one.operator == "===" or (one.operator == "==" and not one.version.endswith("*"))
        for one in requirement.specifier
    )


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file, continued ones joined, without comments, each with its number."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise BuildFailed(f"{path.name}: {error.strerror}") from error
    joined, began = "", 0
    for number, line in enumerate([*text.splitlines(), ""], 1):
        began = began or number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            joined += line[:-1] + " "
            continue
        joined = _COMMENT.sub("", joined + line).strip()
        if joined:
            yield began, joined
        joined, began = "", 0
