"""The files of the package and of the project that are deployed, by their path in the zip.

Of the package all that a function needs. Of the project `handlers/` and what is to be included, without hidden files
(`.env`, `.git`, editors'), byte code, virtual environments, `node_modules`, backups and tests.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePath

import scf_mps

from .errors import BuildError
from .names import MAX_LEVELS, check_name, escape_name

PACKAGE = Path(scf_mps.__file__).parent

TOOLING = frozenset(
    {
        "__main__.py",
        "cli",
        "cli.py",
        "local",
        "build",
        "deploy",
        "doctor",
        "testing",
        "testing.py",
        "events/generated/callbacks.py",
        "py.typed",
    }
)
"""Paths in the package that no function needs."""

INDEX = "from handlers import main_handler as main_handler\n"
"""All of `index.py`. Whatever the loader, the application is a module of its own (see docs/architecture.md)."""

_LEFT_OUT = (
    ".*",
    "__pycache__",
    "__MACOSX",
    "node_modules",
    "*.py[co]",
    "*~",
    "*.sw[op]",
    "*.bak",
    "*.orig",
    "*.rej",
    "Thumbs.db",
    "desktop.ini",
    "*.egg-info",
    "tests",
    "test_*.py",
    "*_test.py",
    "conftest.py",
)


def list_package_files() -> dict[str, Path]:
    """The files of the package that a function needs, by their path in the zip."""
    return {
        f"{PACKAGE.name}/{path}": PACKAGE / path
        for path in _walk(PACKAGE, "", set())
        if path not in TOOLING and not any(path.startswith(f"{one}/") for one in TOOLING)
    }


def list_project_files(
    project: Path, include: Iterable[str] = (), left_out: set[str] | None = None
) -> dict[str, Path]:
    """Return the files of the project that are deployed, by their path in the zip.

    Args:
        project: the folder that has `handlers/`.
        include: more of it, as relative paths of files and folders in it.
        left_out: the paths that are passed over are added here.

    Raises:
        BuildFailed: if there is no `handlers/__init__.py`, if something to include is missing or outside of the
            project, if a link leads out of the project, if a folder cannot be read, or a name cannot be deployed.
    """
    project = project.resolve()
    if not (project / "handlers" / "__init__.py").is_file():
        raise BuildError(f"expected handlers/__init__.py with a main_handler in {project}")
    found: dict[str, Path] = {}
    left_out = set() if left_out is None else left_out
    try:
        for name in ("handlers", *include):
            top = _check_include(project, name)
            name = top.relative_to(project).as_posix()
            if top.is_file():
                found[name] = top
                continue
            passed: set[str] = set()
            found |= {f"{name}/{path}": top / path for path in _walk(top, "", passed, project)}
            left_out |= {f"{name}/{path}" for path in passed}
    except OSError as error:
        raise BuildError(f"{escape_name(str(error.filename))}: {error.strerror}") from None
    problems = [one for name in found for one in check_name(name)]
    if problems:
        raise BuildError(*problems)
    return found


def _check_include(project: Path, name: str) -> Path:
    """Return the file or folder of the project that a relative path names."""
    path = PurePath(name)
    top = project / path
    if path.is_absolute() or ".." in path.parts or not path.parts or not os.path.lexists(top):
        raise BuildError(f"expected a file or folder of the project to include, not {name!r}")
    for one in (*list(reversed(top.parents))[len(project.parts) :], top):
        if one.is_symlink():
            _check_link(one, project, (project,))
    return top


def _walk(
    top: Path,
    below: str,
    left_out: set[str],
    inside: Path | None = None,
    above: tuple[Path, ...] = (),
) -> Iterator[str]:
    """Yield the paths of files, sorted. Links are followed while they stay `inside` and lead to no folder above."""
    folder = top / below
    if len(above) > MAX_LEVELS:
        raise BuildError(
            f"{escape_name(below[:80])}…: has more than {MAX_LEVELS} levels of folders"
        )
    above = (*above, folder.resolve())
    for path in sorted(folder.iterdir()):
        name = f"{below}{path.name}"
        if _left_out(path.name) or (path / "pyvenv.cfg").is_file():
            left_out.add(name)
            continue
        if path.is_symlink() and inside is not None:
            _check_link(path, inside, above)
        if path.is_dir():
            yield from _walk(top, f"{name}/", left_out, inside, above)
        elif path.is_file():
            yield name
        else:  # a socket, a pipe, a device
            left_out.add(name)


def _left_out(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in _LEFT_OUT)


def _check_link(link: Path, inside: Path, above: tuple[Path, ...]) -> None:
    """Raise BuildFailed for a link out of the project, into a circle, or to what is not deployed by its own name."""
    shown = escape_name(link.relative_to(inside).as_posix())
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a circle, up to CPython 3.12
        raise BuildError(f"{shown}: a link that leads nowhere") from None
    if not target.is_relative_to(inside):
        raise BuildError(f"{shown}: a link that leads out of the project; put a copy in its place")
    if target in above:
        raise BuildError(f"{shown}: a link to a folder that it is in")
    parts = target.relative_to(inside).parts
    if any(map(_left_out, parts)):
        raise BuildError(f"{shown}: a link to what is never deployed, {'/'.join(parts)}")
