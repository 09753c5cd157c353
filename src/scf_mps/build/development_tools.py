"""Test tools in requirements.txt, which a function does not need."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .resolve import Distribution

_TOOL = re.compile(
    r"black|coverage|flake8|hypothesis|mypy|nox|pre-commit|pylint|pyright|pytest(-.+)?|ruff|tox"
)

_IMPORT = re.compile(r"^\s*(?:from|import)\s+(.+)", re.MULTILINE)


def leave_out_test_tools(
    distributions: Sequence[Distribution],
    names: Collection[str],
    folder: Path,
    keep: Collection[str],
) -> tuple[list[Distribution], list[str]]:
    """Return the distributions that a function needs, and the names of those that only test tools need.

    Args:
        distributions: all of them.
        names: in requirements.txt.
        folder: the project's files. A tool that one of them imports stays.
        keep: names of tools to keep.
    """
    tools = {name for name in names if _TOOL.fullmatch(name)} - set(keep)
    if tools:
        tools -= _find_imported(tools, folder)
    requires = _map_requirements(distributions)
    suspects = _reach(tools, requires)
    needed = _reach((requires.keys() - suspects) | (set(names) - tools), requires)
    left_out = sorted(suspects & requires.keys() - needed)
    return [one for one in distributions if one.name not in left_out], left_out


def _map_requirements(distributions: Iterable[Distribution]) -> dict[str, set[str]]:
    """Return the names that each distribution requires, without those of extras.

    Test tools are in the extras of many distributions. An extra that a distribution of the function asks for brings
    what no other name leads to, which stays.
    """
    return {
        one.name: {
            canonicalize_name(requirement.name)
            for requirement in map(Requirement, one.requires)
            if "extra" not in str(requirement.marker)
        }
        for one in distributions
    }


def _reach(names: Collection[str], requires: Mapping[str, set[str]]) -> set[str]:
    """Return the names and everything they require."""
    reached: set[str] = set()
    left = [*names]
    while left:
        name = left.pop()
        if name not in reached:
            reached.add(name)
            left.extend(requires.get(name, ()))
    return reached


def _find_imported(names: Collection[str], folder: Path) -> set[str]:
    """Return the names of distributions that an import in any file may need."""
    modules = {name.replace("-", "_"): name for name in names}
    words: set[str] = set()
    for path in folder.rglob("*.py"):
        for statement in _IMPORT.findall(path.read_text("utf-8", "replace")):
            words.update(re.findall(r"\w+", statement))
    return {modules[module] for module in modules.keys() & words}
