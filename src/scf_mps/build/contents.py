"""Files of the package and of the project that are deployed, by their path in the zip.

Of the package, everything but the tooling. Of the project, `handlers/` and included paths, without hidden files (`.env`,
`.git`, editors'), bytecode, virtual environments, `node_modules`, backups and tests.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePath
from typing import NamedTuple

import scf_mps

from .errors import BuildError, Problem
from .names import MAX_LEVELS, check_name, escape_name

PACKAGE = Path(scf_mps.__file__).parent

TOOLING = frozenset(["build", "cli", "deploy", "doctor", "local", "testing"])
"""Subpackages of the tooling, which are never deployed."""

_NOT_DEPLOYED = TOOLING | {"__main__.py", "events/generated/callbacks.py", "py.typed"}
"""Paths in the package that no function needs: the tooling, and files for type checkers."""

INDEX = "from handlers import main_handler as main_handler\n"
"""Content of `index.py`. The application is a separate module for every loader of SCF (see docs/architecture.md)."""

_LEFT_OUT = (
    ".*",
    "__pycache__",
    "__MACOSX",
    "node_modules",
    "Thumbs.db",
    "desktop.ini",
    "*.egg-info",
    "*.py[co]",
    "*~",
    "*.sw[op]",
    "*.bak",
    "*.orig",
    "*.rej",
    "tests",
    "test_*.py",
    "*_test.py",
    "conftest.py",
)


def list_package_files() -> dict[str, Path]:
    """Return the files of the package that a function needs, by their path in the zip."""
    walk = _Walk(PACKAGE, set())
    return {
        f"{PACKAGE.name}/{path}": PACKAGE / path
        for path in walk.list_files("")
        if path not in _NOT_DEPLOYED and path.partition("/")[0] not in TOOLING
    }


def list_project_files(
    project: Path, include: Iterable[str] = (), left_out: set[str] | None = None
) -> dict[str, Path]:
    """Return the files of the project that are deployed, by their path in the zip.

    Args:
        project: the folder with `handlers/`.
        include: relative paths of further files and folders.
        left_out: receives the paths that are not deployed.

    Raises:
        BuildError: for a missing `handlers/__init__.py`, an included path that is missing or outside the project, a
            link out of the project, an unreadable folder, or a name that cannot be deployed.
    """
    project = project.resolve()
    if not (project / "handlers" / "__init__.py").is_file():
        message = "missing handlers/__init__.py with a main_handler"
        raise BuildError(Problem("missing_handlers", str(project), message))
    files: dict[str, Path] = {}
    left_out = set() if left_out is None else left_out
    try:
        for name in ("handlers", *include):
            top = _check_include(project, name)
            name = top.relative_to(project).as_posix()
            if top.is_file():
                files[name] = top
                continue
            walk = _Walk(top, set(), project)
            files |= {f"{name}/{path}": top / path for path in walk.list_files("")}
            left_out |= {f"{name}/{path}" for path in walk.left_out}
    except OSError as error:
        path = escape_name(str(error.filename))
        raise BuildError(Problem("unreadable_file", path, str(error.strerror))) from None
    problems = [problem for name in files for problem in check_name(name)]
    if problems:
        raise BuildError(*problems)
    return files


def _check_include(project: Path, name: str) -> Path:
    """Return the file or folder of the project that a relative path names."""
    path = PurePath(name)
    top = project / path
    if path.is_absolute() or ".." in path.parts or not path.parts or not os.path.lexists(top):
        message = f"{name!r} is not a file or folder of the project"
        raise BuildError(Problem("invalid_include", "--include", message))
    for parent in (*list(reversed(top.parents))[len(project.parts) :], top):
        if parent.is_symlink():
            _check_link(parent, project, (project,))
    return top


class _Walk(NamedTuple):
    """A walk through a folder.

    Attributes:
        top: the folder.
        left_out: receives the paths that are not deployed.
        project: links are followed inside of it. None follows all links.
    """

    top: Path
    left_out: set[str]
    project: Path | None = None

    def list_files(self, prefix: str, parents: tuple[Path, ...] = ()) -> Iterator[str]:
        """Yield the paths of files, sorted."""
        folder = self.top / prefix
        if len(parents) > MAX_LEVELS:
            message = f"more than {MAX_LEVELS} levels of folders"
            raise BuildError(Problem("too_many_levels", f"{escape_name(prefix[:80])}…", message))
        parents = (*parents, folder.resolve())
        for path in sorted(folder.iterdir()):
            name = f"{prefix}{path.name}"
            if _is_left_out(path.name) or (path / "pyvenv.cfg").is_file():
                self.left_out.add(name)
                continue
            if path.is_symlink() and self.project is not None:
                _check_link(path, self.project, parents)
            if path.is_dir():
                yield from self.list_files(f"{name}/", parents)
            elif path.is_file():
                yield name
            else:  # a socket, a pipe, a device
                self.left_out.add(name)


def _is_left_out(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in _LEFT_OUT)


def _check_link(link: Path, project: Path, parents: tuple[Path, ...]) -> None:
    """Raise BuildError for a link out of the project, into its own parents, or to a path that is not deployed."""
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a loop, up to CPython 3.12
        message, advice = "link to a missing file", ""
    else:
        message, advice = _describe_target(target, project, parents)
    if message:
        path = escape_name(link.relative_to(project).as_posix())
        raise BuildError(Problem("invalid_link", path, message, advice))


def _describe_target(target: Path, project: Path, parents: tuple[Path, ...]) -> tuple[str, str]:
    """Return what is wrong with the target of a link, and advice. Both are empty for a valid one."""
    if not target.is_relative_to(project):
        return "link out of the project", "Replace it with a copy"
    if target in parents:
        return "link to a folder that contains it", ""
    parts = target.relative_to(project).parts
    if any(map(_is_left_out, parts)):
        return f"link to {'/'.join(parts)}, which is never deployed", ""
    return "", ""
