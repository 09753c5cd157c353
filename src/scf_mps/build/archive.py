"""Reproducible zips: the bytes depend only on the packed files.

Names are sorted, and all entries have the same date and host system.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest date in a zip
_UNIX = 3


def list_files(folder: Path) -> list[str]:
    """Return the relative paths of all files in a folder, sorted, with slashes."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def write_zip(folder: Path, archive: Path, names: Iterable[str] | None = None) -> dict[str, int]:
    """Write the files of a folder into a zip.

    Args:
        folder: the files.
        archive: path of the zip.
        names: relative paths of the files. None for all.

    Returns:
        Compressed bytes by path.
    """
    with zipfile.ZipFile(archive, "w") as zipped:
        for name in list_files(folder) if names is None else names:
            info = zipfile.ZipInfo(name, _DATE)
            info.create_system = _UNIX
            info.external_attr = (0o100000 | get_mode(folder / name)) << 16
            content = (folder / name).read_bytes()
            zipped.writestr(info, content, zipfile.ZIP_DEFLATED, 9)
        return {info.filename: info.compress_size for info in zipped.infolist()}


def get_mode(path: Path) -> int:
    """Return the permissions that a file is deployed with. Only its executable bit is kept."""
    return 0o755 if path.stat().st_mode & 0o100 else 0o644
