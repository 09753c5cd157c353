"""The files of a new project.

`handlers/` and `serverless.yml` are the files of this repository, which its tests cover. `starter/` adds tests, CI and
settings. A wheel contains all three in `cli/material/`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from .wheel import build_wheel

DEFAULT_REGION = "ap-guangzhou"

PUBLISHED = False
"""True if scf-mps is on PyPI. Otherwise a project contains the wheel of the scf-mps that created it."""

NAME_RULE = "2 to 60 letters, digits, - and _, first a letter, last a letter or digit"

_NAME = re.compile("[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z0-9]")
_REGION = re.compile("[a-z]+(-[a-z0-9]+)+")

_WHEEL_MATERIAL = Path(__file__).parent / "material"
_MATERIAL = _WHEEL_MATERIAL if _WHEEL_MATERIAL.is_dir() else Path(__file__).resolve().parents[3]

_EXCLUDED_PATTERNS = ("__pycache__", ".*_cache")
"""Caches of tools in a checkout, and of pip in an installation."""

_MAX_SHOWN_FILES = 5

_NOT_PUBLISHED = """\
# Not on PyPI yet. To update it, copy the wheel and the version from a project that a newer `scf-mps new` created.
--find-links wheels
"""


def check_empty(folder: Path) -> None:
    """Check that a folder does not exist or contains nothing except `.git`.

    Raises:
        ValueError: if the path is a file or the folder is not empty.
        OSError: if the folder cannot be read.
    """
    if not folder.is_dir():
        if folder.exists():
            raise ValueError(f"{folder} is a file, not a folder")
        return
    names = sorted(path.name for path in folder.iterdir() if path.name != ".git")
    if names:
        hidden = len(names) - _MAX_SHOWN_FILES
        more = f" and {hidden} more" if hidden > 0 else ""
        raise ValueError(
            f"{folder} is not empty: it contains {', '.join(names[:_MAX_SHOWN_FILES])}{more}."
            " Nothing was written. Use another folder, or move the files"
        )


def make_function_name(folder: Path) -> str:
    """Return the name of a folder with ``-`` for the characters that SCF does not accept.

    Raises:
        ValueError: if that is not a valid name.
    """
    folder_name = folder.resolve().name
    name = re.sub("[^A-Za-z0-9_]+", "-", folder_name).lstrip("0123456789_-")[:60].rstrip("_-")
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"the folder name {folder_name!r} is not a valid function name ({NAME_RULE})."
            " Name the function with --name"
        )
    return name


def make_files(name: str, region: str = DEFAULT_REGION) -> dict[str, bytes]:
    """Return the files of a project by their path.

    Args:
        name: the function's name in SCF (CreateFunction, FunctionName).
        region: the function's region in SCF.

    Raises:
        ValueError: if the name or the region is invalid.
        OSError: if the material cannot be read.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"invalid function name {name!r}. Use {NAME_RULE}")
    if not _REGION.fullmatch(region):
        raise ValueError(f"invalid region {region!r}. Use a region such as {DEFAULT_REGION}")
    files = {
        path: (_MATERIAL / "starter" / path).read_bytes() for path in _walk(_MATERIAL / "starter")
    }
    files |= {
        f"handlers/{path}": (_MATERIAL / "handlers" / path).read_bytes()
        for path in _walk(_MATERIAL / "handlers")
    }
    files["serverless.yml"] = (_MATERIAL / "serverless.yml").read_bytes()
    version = ""
    if not PUBLISHED:
        version, wheel, content = _build_own_wheel()
        files[f"wheels/{wheel}"] = content
    for path, changes in _make_changes(name, region, version).items():
        for old, new in changes.items():
            before, match, after = files[path].partition(old.encode())
            assert match, f"{path} does not contain {old!r}"
            files[path] = before + new.encode() + after
    return dict(sorted(files.items()))


def _build_own_wheel() -> tuple[str, str, bytes]:
    """Return version, file name and content of the wheel of this scf-mps. Raise ValueError without metadata."""
    try:
        installed = distribution("scf-mps")
    except PackageNotFoundError:
        raise ValueError("scf-mps is importable but not installed. Install it with pip") from None
    package = Path(__file__).parents[1]
    code = {f"scf_mps/{path}": (package / path).read_bytes() for path in _walk(package)}
    # In a wheel the package contains the material already. The files are the same.
    material = "scf_mps/cli/material"
    code[f"{material}/serverless.yml"] = (_MATERIAL / "serverless.yml").read_bytes()
    for folder in ("handlers", "starter"):
        top = _MATERIAL / folder
        code |= {f"{material}/{folder}/{path}": (top / path).read_bytes() for path in _walk(top)}
    return build_wheel(installed, code)


def _make_changes(name: str, region: str, version: str) -> dict[str, dict[str, str]]:
    """Return (old, new) texts for the files in which a project differs from this repository."""
    quoted = json.dumps(name)  # in YAML `on` and `null` are not texts
    return {
        "README.md": {"# my-function\n": f"# {name}\n"},
        "requirements-dev.txt": {
            "\nscf-mps[cli,deploy,media,testing]\n": f"\n{_NOT_PUBLISHED}scf-mps[cli,deploy,media,testing]=={version}\n"
        }
        if version
        else {},
        "serverless.yml": {
            # Tencent's platform identifies an application by app, stage and `name`.
            "\napp: scf-mps\n": f"\napp: {quoted}\n",
            "\n  name: scf-mps-dev-mps-events\n": f"\n  name: {quoted}\n",
            "\n  region: ap-guangzhou ": f"\n  region: {region} ",
            "\n    hook: make build ": "\n    hook: scf-mps build ",
            "# `make build` runs `scf-mps build`, which makes ": "# `scf-mps build` makes ",
            "# tests/serverless/test_traps.py shows the reason for each setting with this client.\n": "",
        },
    }


def _walk(top: Path) -> Iterator[str]:
    """Yield the relative paths of the files in a folder, without caches."""
    for path in top.rglob("*"):
        parts = path.relative_to(top).parts
        if path.is_file() and not any(
            fnmatch(part, pattern) for part in parts for pattern in _EXCLUDED_PATTERNS
        ):
            yield "/".join(parts)


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    """Write the files of a project into a folder. Create the folder if it is missing.

    Raises:
        OSError: if a file cannot be written.
    """
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
