"""Unpacks wheels into one flat folder, the way SCF imports them; what only an installation needs stays out.

Left out: type stubs, sources of extension modules, folders of tests, scripts, headers, and of `*.dist-info` all but
what `importlib.metadata` reads at run time.
"""

from __future__ import annotations

import csv
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .errors import BuildError
from .names import check_name, escape_name
from .resolve import Distribution

_LEFT_OUT = ("*.pyi", "*.pyc", "*.pyx", "*.pxd", "*.c", "*.h", "*.pth", "py.typed")
_TESTS = ("tests", "test", "__pycache__")
_METADATA = ("METADATA", "entry_points.txt")


@dataclass(frozen=True)
class UnpackedWheels:
    """What the wheels hold.

    Attributes:
        owners: the distribution of every file, by the file's path.
        pruned: how many bytes were left out.
        disputed: paths that distributions which do not need each other have with different contents, and of which one
            it was taken.
    """

    owners: dict[str, str]
    pruned: int
    disputed: dict[str, str]


def unpack_wheels(
    wheels: Mapping[str, Path],
    chosen: Iterable[Distribution],
    folder: Path,
    keep: Iterable[str] = (),
) -> UnpackedWheels:
    """Unpack wheels, each by the name of its distribution, into a folder.

    Where two have the same file, that of the distribution that the other needs is taken, else of the first by name.
    (`tencentcloud-sdk-python-*` all have a `tencentcloud/__init__.py` with their own version in it.)

    Args:
        wheels: what to unpack.
        chosen: what is known of them.
        folder: where to.
        keep: globs of paths that are not left out.

    Raises:
        BuildFailed: if a wheel cannot be read, or has a path that is not one of a file in the folder.
    """
    needs = {
        one.name: {canonicalize_name(Requirement(need).name) for need in one.requires}
        for one in chosen
    }
    owners: dict[str, str] = {}
    folders: set[str] = set()
    disputed: dict[str, str] = {}
    pruned = 0
    for distribution, wheel in sorted(wheels.items()):
        for name, info, content in _read(wheel):
            if name is None or (
                _is_left_out(name) and not any(fnmatch(name, pattern) for pattern in keep)
            ):
                pruned += info.file_size
                continue
            path, other = folder / name, owners.get(name)
            parents = {str(one) for one in PurePosixPath(name).parents}
            if name in folders or parents & owners.keys():
                raise BuildError(f"{wheel.name}: {name}: a file and a folder have the same name")
            if other and path.read_bytes() != content:
                if other == distribution:
                    raise BuildError(f"{wheel.name}: {name}: is in the wheel twice")
                below = distribution in needs.get(other, ())
                if not below and other not in needs.get(distribution, ()):
                    disputed[name] = other
                if not below:
                    continue
            owners[name] = distribution
            folders |= parents
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o755 if info.external_attr >> 16 & 0o100 else 0o644)
    return UnpackedWheels(owners, pruned, disputed)


def _read(wheel: Path) -> Iterator[tuple[str | None, zipfile.ZipInfo, bytes]]:
    """Yield the files of a wheel: the path in the function, or None for what only an installation needs."""
    try:
        with zipfile.ZipFile(wheel) as opened:
            for info in opened.infolist():
                content = opened.read(info)
                if info.filename.endswith(".dist-info/RECORD"):
                    text = content.decode("utf-8", "replace")
                    for row in csv.reader(text.splitlines()):
                        _check_path(wheel, row[0] if row else "RECORD")
                yield _deployed_name(info, wheel), info, content
    except (
        *(OSError, RuntimeError, NotImplementedError),
        *(csv.Error, zipfile.BadZipFile, zlib.error),
    ) as error:
        raise BuildError(f"{wheel.name}: not a valid wheel: {error}") from None


def _check_path(wheel: Path, name: str) -> PurePosixPath:
    """Return a path of a wheel. Raise BuildFailed if it leads out of the folder, or cannot be deployed."""
    path = PurePosixPath(name)
    problems = [*check_name(name)]
    if path.is_absolute() or ".." in path.parts or re.match("[A-Za-z]:", name):
        problems = [f"{escape_name(name)}: leads out of the folder"]
    elif not path.parts:
        problems = ["a file without a name"]
    if problems:
        raise BuildError(*(f"{wheel.name}: {one}" for one in problems))
    return path


def _deployed_name(info: zipfile.ZipInfo, wheel: Path) -> str | None:
    """Return the path of a file in the function, or None if nothing imports it."""
    path = _check_path(wheel, info.filename)
    if info.is_dir():
        return None
    top = path.parts[0]
    if top.endswith(".data"):
        if len(path.parts) < 3:
            raise BuildError(f"{wheel.name}: {path}: expected a file in a folder of {top}/")
        if path.parts[1] not in ("purelib", "platlib"):
            return None
        path = path.relative_to(*path.parts[:2])
    if path.parts[0].endswith(".dist-info") and path.name not in _METADATA:
        return None
    return str(path)


def _is_left_out(name: str) -> bool:
    *folders, last = name.split("/")
    return any(fnmatch(last, pattern) for pattern in _LEFT_OUT) or any(
        folder in _TESTS for folder in folders
    )
