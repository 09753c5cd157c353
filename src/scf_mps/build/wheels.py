"""Unpacking of wheels into one flat folder, as SCF imports them.

Left out: type stubs, sources of extension modules, folders of tests, scripts, headers, and all of `*.dist-info` except
the files that `importlib.metadata` reads at run time.
"""

from __future__ import annotations

import csv
import re
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .errors import BuildError, Problem
from .names import check_name, escape_name
from .resolve import Distribution

_LEFT_OUT = ("*.pyi", "*.pyc", "*.pyx", "*.pxd", "*.c", "*.h", "*.pth", "py.typed")
_TESTS = ("tests", "test", "__pycache__")
_METADATA = ("METADATA", "entry_points.txt")


@dataclass
class UnpackedWheels:
    """Content of the unpacked wheels.

    Attributes:
        owners: distribution of every file, by the path of the file.
        pruned: bytes that were left out.
        disputed: distribution that a file was taken from, by path, if unrelated distributions have different versions
            of the file.
    """

    owners: dict[str, str] = field(default_factory=dict[str, str])
    pruned: int = 0
    disputed: dict[str, str] = field(default_factory=dict[str, str])


class _Entry(NamedTuple):
    """A file of a wheel. `name` is its path in the function, or None if only an installation needs it."""

    name: str | None
    info: zipfile.ZipInfo
    content: bytes


def unpack_wheels(
    wheels: Mapping[str, Path],
    distributions: Iterable[Distribution],
    folder: Path,
    keep: Collection[str] = (),
) -> UnpackedWheels:
    """Unpack wheels into a folder.

    If two distributions contain the same file and one requires the other, the file of the required one is used,
    otherwise that of the first by name. (All `tencentcloud-sdk-python-*` have their own `tencentcloud/__init__.py`.)

    Args:
        wheels: by name of their distribution.
        distributions: of the wheels.
        folder: target.
        keep: globs of paths that are not left out.

    Raises:
        BuildError: if a wheel cannot be read, or has a path that is not that of a file in the folder.
    """
    requirements = {
        item.name: {canonicalize_name(Requirement(need).name) for need in item.requires}
        for item in distributions
    }
    unpacked = UnpackedWheels()
    folders: set[str] = set()
    for distribution, wheel in sorted(wheels.items()):
        for name, info, content in _read(wheel):
            if name is None or _is_left_out(name, keep):
                unpacked.pruned += info.file_size
                continue
            parents = {str(parent) for parent in PurePosixPath(name).parents}
            if name in folders or parents & unpacked.owners.keys():
                message = f"{name}: a file and a folder have the same name"
                raise BuildError(Problem("invalid_wheel", wheel.name, message))
            path, owner = folder / name, unpacked.owners.get(name)
            if owner and path.read_bytes() != content:
                if owner == distribution:
                    message = f"{name}: is in the wheel twice"
                    raise BuildError(Problem("invalid_wheel", wheel.name, message))
                is_required = distribution in requirements.get(owner, ())
                if not is_required and owner not in requirements.get(distribution, ()):
                    unpacked.disputed[name] = owner
                if not is_required:
                    continue
            unpacked.owners[name] = distribution
            folders |= parents
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o755 if info.external_attr >> 16 & 0o100 else 0o644)
    return unpacked


def _read(wheel: Path) -> Iterator[_Entry]:
    """Yield the files of a wheel, and check their paths."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for info in archive.infolist():
                content = archive.read(info)
                if info.filename.endswith(".dist-info/RECORD"):
                    text = content.decode("utf-8", "replace")
                    for row in csv.reader(text.splitlines()):
                        _check_path(wheel, row[0] if row else "RECORD")
                yield _Entry(_get_deployed_name(info, wheel), info, content)
    except (
        *(OSError, RuntimeError, NotImplementedError),
        *(csv.Error, zipfile.BadZipFile, zlib.error),
    ) as error:
        problem = Problem("invalid_wheel", wheel.name, f"not a valid wheel: {error}")
        raise BuildError(problem) from None


def _check_path(wheel: Path, name: str) -> PurePosixPath:
    """Return a path of a wheel. Raise BuildError if it leads out of the folder, or cannot be deployed."""
    path = PurePosixPath(name)
    messages = [problem.summary for problem in check_name(name)]
    if path.is_absolute() or ".." in path.parts or re.match("[A-Za-z]:", name):
        messages = [f"{escape_name(name)}: leads out of the folder"]
    elif not path.parts:
        messages = ["a file without a name"]
    if messages:
        raise BuildError(*(Problem("invalid_wheel", wheel.name, message) for message in messages))
    return path


def _get_deployed_name(info: zipfile.ZipInfo, wheel: Path) -> str | None:
    """Return the path of a file in the function, or None if nothing imports it."""
    path = _check_path(wheel, info.filename)
    if info.is_dir():
        return None
    top = path.parts[0]
    if top.endswith(".data"):
        if len(path.parts) < 3:
            message = f"{path}: not a file in a folder of {top}/"
            raise BuildError(Problem("invalid_wheel", wheel.name, message))
        if path.parts[1] not in ("purelib", "platlib"):
            return None
        path = path.relative_to(*path.parts[:2])
    if path.parts[0].endswith(".dist-info") and path.name not in _METADATA:
        return None
    return str(path)


def _is_left_out(name: str, keep: Collection[str]) -> bool:
    *folders, last = name.split("/")
    is_unused = any(fnmatch(last, pattern) for pattern in _LEFT_OUT) or any(
        folder in _TESTS for folder in folders
    )
    return is_unused and not any(fnmatch(name, pattern) for pattern in keep)
