"""What of the package and of the project is deployed: files by their path in the zip. Dependencies are not its concern.

Of the package everything but what is for the desk. Of the project `handlers/` and what is asked for besides, without
what belongs to a desk: hidden files (`.env`, `.git`, editors'), byte code, backups, tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import scf_mps

from .problems import BuildFailed

PACKAGE = Path(scf_mps.__file__).parent

FOR_THE_DESK = frozenset(
    {
        "__main__.py",
        "cli",
        "cli.py",
        "local",
        "deploy",
        "testing",
        "testing.py",
        "events/callbacks.py",
        "py.typed",
    }
)
"""Paths in the package that no function needs."""

INDEX = "from handlers import main_handler as main_handler\n"
"""All of `index.py`. Whatever the loader, the application is a module of its own (see docs/architecture.md)."""

_LEFT_OUT = (
    ".*",
    "__pycache__",
    "*.py[co]",
    "*~",
    "*.sw[op]",
    "*.bak",
    "*.orig",
    "*.rej",
    "Thumbs.db",
    "*.egg-info",
    "tests",
    "test_*.py",
    "*_test.py",
    "conftest.py",
)


def own_files() -> dict[str, Path]:
    """The files of the package that a function needs, by their path in the zip."""
    return {
        f"{PACKAGE.name}/{path}": PACKAGE / path
        for path in _walk(PACKAGE, "")
        if path not in FOR_THE_DESK and not any(path.startswith(f"{one}/") for one in FOR_THE_DESK)
    }


def project_files(project: Path, include: Iterable[str] = ()) -> dict[str, Path]:
    """The files of the project that are deployed, by their path in the zip.

    Args:
        project: the folder that has `handlers/`.
        include: what else of it, as paths of files and folders in it.

    Raises:
        BuildFailed: if there is no `handlers/__init__.py`, if something to include is not there or is outside of the
            project, or if a link leads out of the project.
    """
    project = project.resolve()
    if not (project / "handlers" / "__init__.py").is_file():
        raise BuildFailed(f"expected handlers/__init__.py with a main_handler in {project}")
    found: dict[str, Path] = {}
    for name in ("handlers", *include):
        top = project / name
        if not top.exists() or not top.resolve().is_relative_to(project) or top == project:
            raise BuildFailed(f"expected a file or folder of the project to include, not {name!r}")
        name = top.relative_to(project).as_posix()
        if top.is_file():
            found[name] = top
            continue
        found |= {f"{name}/{path}": top / path for path in _walk(top, "", project)}
    return found


def _walk(
    top: Path, below: str, inside: Path | None = None, above: tuple[Path, ...] = ()
) -> Iterator[str]:
    """The paths of files, sorted; links are followed as long as they stay `inside` and lead into no circle."""
    folder = top / below
    above = (*above, folder.resolve())
    for path in sorted(folder.iterdir()):
        if _left_out(path.name):
            continue
        if path.is_symlink() and inside is not None:
            _check_link(path, inside, above)
        name = f"{below}{path.name}"
        if path.is_dir():
            yield from _walk(top, f"{name}/", inside, above)
        elif path.is_file():
            yield name


def _left_out(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in _LEFT_OUT)


def _check_link(link: Path, inside: Path, above: tuple[Path, ...]) -> None:
    """Raise BuildFailed for a link out of the project, into a circle, or to what is not deployed by its own name."""
    shown = link.relative_to(inside).as_posix()
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a circle, up to CPython 3.12
        raise BuildFailed(f"{shown}: a link that leads nowhere") from None
    if not target.is_relative_to(inside):
        raise BuildFailed(f"{shown}: a link that leads out of the project; put a copy in its place")
    if target in above:
        raise BuildFailed(f"{shown}: a link to a folder that it is in")
    parts = target.relative_to(inside).parts
    if any(map(_left_out, parts)):
        raise BuildFailed(f"{shown}: a link to what is never deployed, {'/'.join(parts)}")
