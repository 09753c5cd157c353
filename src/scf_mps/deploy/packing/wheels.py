"""Unpacks wheels into one flat folder, the way SCF imports them; what only an installation needs stays out.

Left out: type stubs, sources of extension modules, folders of tests, scripts, headers, and of `*.dist-info` all but
what `importlib.metadata` reads at run time.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .problems import BuildFailed
from .resolution import Chosen

_LEFT_OUT = ("*.pyi", "*.pyc", "*.pyx", "*.pxd", "*.c", "*.h", "*.pth", "py.typed")
_TESTS = ("tests", "test", "__pycache__")
_METADATA = ("METADATA", "entry_points.txt")


@dataclass(frozen=True)
class Unpacked:
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


def unpack(
    wheels: Mapping[str, Path], chosen: Iterable[Chosen], folder: Path, keep: Iterable[str] = ()
) -> Unpacked:
    """Unpack wheels, each by the name of its distribution, into a folder.

    Where two have the same file, that of the distribution that the other needs is taken, else of the first by name.
    (`tencentcloud-sdk-python-*` all have a `tencentcloud/__init__.py` with their own version in it.)

    Args:
        wheels: what to unpack.
        chosen: what is known of them.
        folder: where to.
        keep: globs of paths that are not left out.

    Raises:
        BuildFailed: if a wheel has a file that would not be in the folder.
    """
    needs = {
        one.name: {canonicalize_name(Requirement(need).name) for need in one.requires}
        for one in chosen
    }
    owners: dict[str, str] = {}
    disputed: dict[str, str] = {}
    pruned = 0
    for distribution, wheel in sorted(wheels.items()):
        with zipfile.ZipFile(wheel) as opened:
            for info in opened.infolist():
                name = _deployed_name(info, wheel)
                if name is None or (
                    _is_left_out(name) and not any(fnmatch(name, pattern) for pattern in keep)
                ):
                    pruned += info.file_size
                    continue
                path, content = folder / name, opened.read(info)
                if name in owners and path.read_bytes() != content:
                    other = owners[name]
                    if other not in needs[distribution] and distribution not in needs[other]:
                        disputed[name] = other
                    if distribution not in needs[other]:
                        continue
                owners[name] = distribution
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                path.chmod(0o755 if info.external_attr >> 16 & 0o100 else 0o644)
    return Unpacked(owners, pruned, disputed)


def _deployed_name(info: zipfile.ZipInfo, wheel: Path) -> str | None:
    """Where a file of a wheel comes to be, or None if it is no part of what is imported."""
    path = PurePosixPath(info.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in info.filename:
        raise BuildFailed(f"{wheel.name}: a file that leads out of the folder: {info.filename}")
    if info.is_dir():
        return None
    if path.parts[0].endswith(".data"):
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
