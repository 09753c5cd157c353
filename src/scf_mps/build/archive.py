"""Writes a folder as a zip that depends on nothing but what is in it: names in order, one date, one kind of host."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold
_UNIX = 3


def list_files(folder: Path) -> list[str]:
    """The paths of all files in a folder, sorted, with slashes."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def write_zip(folder: Path, archive: Path, names: Iterable[str] | None = None) -> dict[str, int]:
    """Write files of a folder, all unless they are named, and tell how many bytes each takes in the zip."""
    with zipfile.ZipFile(archive, "w") as opened:
        for name in list_files(folder) if names is None else names:
            info = zipfile.ZipInfo(name, _DATE)
            info.create_system = _UNIX
            info.external_attr = (0o100000 | get_mode(folder / name)) << 16
            content = (folder / name).read_bytes()
            opened.writestr(info, content, zipfile.ZIP_DEFLATED, 9)
        return {info.filename: info.compress_size for info in opened.infolist()}


def get_mode(path: Path) -> int:
    """The permissions that a file is deployed with: whether it can be run is all that a desk has a say in."""
    return 0o755 if path.stat().st_mode & 0o100 else 0o644
