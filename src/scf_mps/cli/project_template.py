"""A user's own project, made from the material of this repository's root.

`handlers/` and `serverless.yml` are the very files that are deployed and tested here. `starter/` holds what a project
has besides: its tests, CI and settings. A wheel has all three beside this module, where the build puts them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from .wheel import build_wheel

REGION = "ap-guangzhou"

PUBLISHED = False
"""Whether `pip install scf-mps` works. Until then a project brings the wheel of the scf-mps that made it."""

NAME_RULE = "2 to 60 letters, digits, - and _, a letter first, a letter or digit last"

_NAME = re.compile("[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z0-9]")
_REGION = re.compile("[a-z]+(-[a-z0-9]+)+")

_IN_A_WHEEL = Path(__file__).parent / "material"
_MATERIAL = _IN_A_WHEEL if _IN_A_WHEEL.is_dir() else Path(__file__).resolve().parents[3]

_LEFT_OUT = ("__pycache__", ".*_cache")
"""What tools leave in a checkout, and pip in an installation."""

_TOLD = 5

_NOT_PUBLISHED = """\
# Not on PyPI yet. To update it, replace the wheel and the version by those of a project of a newer `scf-mps new`.
--find-links wheels
"""


def check_free(folder: Path) -> None:
    """Whether a project can be put into a folder: one that is not there yet, or has nothing but a `.git` in it.

    Raises:
        ValueError: if something is in the way, with its name.
        OSError: if the folder cannot be looked into.
    """
    if not folder.is_dir():
        if folder.exists():
            raise ValueError(f"expected a folder to start in, and {folder} is a file")
        return
    there = sorted(path.name for path in folder.iterdir() if path.name != ".git")
    if there:
        more = f" and {len(there) - _TOLD} more" if len(there) > _TOLD else ""
        raise ValueError(
            f"expected an empty folder, and in {folder} there is {', '.join(there[:_TOLD])}{more}:"
            " name another folder, or move them away; nothing was written"
        )


def function_name(folder: Path) -> str:
    """The name of a function that is most like a folder's: what SCF does not take becomes ``-``.

    Raises:
        ValueError: if nothing is left of it.
    """
    own = folder.resolve().name
    name = re.sub("[^A-Za-z0-9_]+", "-", own).lstrip("0123456789_-")[:60].rstrip("_-")
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"expected a folder whose name can be a function's ({NAME_RULE}), not {own!r}:"
            " give the function a name with --name"
        )
    return name


def project_files(name: str, region: str = REGION) -> dict[str, bytes]:
    """The files of a project, by their path in it.

    Args:
        name: of the function in SCF (CreateFunction, FunctionName).
        region: of SCF, where the function runs.

    Raises:
        ValueError: for a name that SCF does not take, or what cannot be a region.
        OSError: if the material cannot be read.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"expected a name of {NAME_RULE}, not {name!r}")
    if not _REGION.fullmatch(region):
        raise ValueError(f"expected a region such as {REGION}, not {region!r}")
    found = {
        path: (_MATERIAL / "starter" / path).read_bytes() for path in _walk(_MATERIAL / "starter")
    }
    found |= {
        f"handlers/{path}": (_MATERIAL / "handlers" / path).read_bytes()
        for path in _walk(_MATERIAL / "handlers")
    }
    found["serverless.yml"] = (_MATERIAL / "serverless.yml").read_bytes()
    version = ""
    if not PUBLISHED:
        version, wheel, content = _own_wheel()
        found[f"wheels/{wheel}"] = content
    for path, changes in _changes(name, region, version).items():
        for old, new in changes.items():
            before, there, after = found[path].partition(old.encode())
            assert there, f"{path} has no {old!r} to be changed"
            found[path] = before + new.encode() + after
    return dict(sorted(found.items()))


def _own_wheel() -> tuple[str, str, bytes]:
    """Return version, file name and content of the wheel of this very scf-mps. Raise ValueError without its metadata."""
    try:
        own = distribution("scf-mps")
    except PackageNotFoundError:
        raise ValueError(
            "scf-mps is not installed here, only importable: install it, see README.md of scf-mps"
        ) from None
    package = Path(__file__).parents[1]
    code = {f"scf_mps/{path}": (package / path).read_bytes() for path in _walk(package)}
    # A wheel has the material in the package already: these are the same files then.
    material = "scf_mps/cli/material"
    code[f"{material}/serverless.yml"] = (_MATERIAL / "serverless.yml").read_bytes()
    for folder in ("handlers", "starter"):
        top = _MATERIAL / folder
        code |= {f"{material}/{folder}/{path}": (top / path).read_bytes() for path in _walk(top)}
    return build_wheel(own, code)


def _changes(name: str, region: str, version: str) -> dict[str, dict[str, str]]:
    """What a project says in other words than this repository, file by file."""
    quoted = json.dumps(name)  # YAML takes `on` and `null` for something else
    return {
        "README.md": {"# my-function\n": f"# {name}\n"},
        "requirements-dev.txt": {
            "\nscf-mps[cli,deploy,local]\n": f"\n{_NOT_PUBLISHED}scf-mps[cli,deploy,local]=={version}\n"
        }
        if version
        else {},
        "serverless.yml": {
            # Tencent's platform knows an application by this, the stage and the `name` below it.
            "\napp: scf-mps\n": f"\napp: {quoted}\n",
            "\n  name: scf-mps-dev-mps-events\n": f"\n  name: {quoted}\n",
            "\n  region: ap-guangzhou ": f"\n  region: {region} ",
            "\n    hook: make build ": "\n    hook: scf-mps build ",
            "# `make build` is `scf-mps build`: it makes ": "# `scf-mps build` makes ",
            "# Why each line is as it is was tried with that client: tests/serverless/test_traps.py.\n": "",
        },
    }


def _walk(top: Path) -> Iterator[str]:
    """Yield the paths of the files in a folder, without those that tools leave there."""
    for path in top.rglob("*"):
        parts = path.relative_to(top).parts
        if path.is_file() and not any(fnmatch(part, one) for part in parts for one in _LEFT_OUT):
            yield "/".join(parts)


def write_project(folder: Path, files: dict[str, bytes]) -> None:
    """Write the files of a project into a folder, which is made if need be.

    Raises:
        OSError: if that cannot be done.
    """
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
