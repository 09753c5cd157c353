"""Objects to files: each is verified before it appears under its name.

Where a file may be is `safety.py`'s, how its bytes arrive `streams.py`'s. Memory stays at one piece for each object
that is on its way.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from . import operations, safe_path, upload
from .errors import Corrupt, UnsafeKey
from .streams import Stream, iterate_passes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..events.files import CosObject
    from .client import Client


class Download:
    """One object and the file it becomes.

    A key that ends in a slash is the marker of a folder, which consoles create: it becomes an empty directory.

    Attributes:
        item: the object.
        path: the file, or the directory.
    """

    __slots__ = ("_directory", "_is_folder", "_names", "item", "path")

    def __init__(self, item: CosObject, directory: str, relative: str) -> None:
        """Raises UnsafeKey if `relative` names no file below `directory`."""
        self.item = item
        self._directory = directory
        self._is_folder = item.key.endswith("/") and relative[-1:] in ("", "/")
        if self._is_folder and not relative:  # the marker of the base itself
            self._names = []
        else:
            named = relative.removesuffix("/") if self._is_folder else relative
            self._names = safe_path.split_path(named, item)
        self.path = Path(directory, *self._names)

    def run(self, client: Client, count: Callable[[int], None]) -> Path:
        """Fetch, verify and put in place; `count` is told the bytes of every piece.

        Raises:
            CosError: it cannot be had, `Corrupt` if what came was damaged three times.
            OSError: the file cannot be made; ``ENOSPC``, before anything is fetched, if it has no room.
        """
        os.makedirs(self._directory, exist_ok=True)
        if self._is_folder:
            self._make_folder(client)
            return self.path
        if self._is_done(client):
            return self.path
        safe_path.write(
            self._directory, self._names, self.item, lambda file: self._fill(client, file, count)
        )
        return self.path

    def _make_folder(self, client: Client) -> None:
        """Make the directory of a marker. Raises UnsafeKey if the object has bytes, which no directory can hold."""
        if operations.head(client, self.item).size:
            raise UnsafeKey(
                "its key is that of a folder, and it has bytes: give download() an exact path for it",
                code="UnsafeKey",
                object=self.item,
            )
        os.close(safe_path.open_directory(self._directory, self._names, self.item))

    def _is_done(self, client: Client) -> bool:
        """Whether an earlier run has put the same bytes there, by size and CRC64."""
        file = safe_path.open_existing(self._directory, self._names)
        if file is None:
            return False
        try:
            head = operations.head(client, self.item)
            size = os.fstat(file).st_size
            if size != head.size or not head.crc64:
                return False
            _, crc = upload.FileSlice(file, 0, size).checksums()
            return str(crc) == head.crc64
        finally:
            os.close(file)

    def _fill(self, client: Client, file: int, count: Callable[[int], None]) -> None:
        for last in iterate_passes(client):  # pragma: no branch - the last pass returns or raises
            stream = Stream(client, self.item)
            counted = 0
            try:
                stream.open()
                room = os.fstatvfs(file)
                if (stream.size or 0) > room.f_bavail * room.f_frsize:
                    raise OSError(
                        errno.ENOSPC,
                        f"no room for the {stream.size} bytes of {self.item}",
                        str(self.path),
                    )
                for data in stream:
                    view = memoryview(data)
                    while view:
                        view = view[os.write(file, view) :]
                    count(len(data))
                    counted += len(data)
                return
            except Corrupt:
                if last:
                    raise
                count(-counted)
                os.lseek(file, 0, os.SEEK_SET)
                os.ftruncate(file, 0)
            finally:
                stream.close()


def plan(
    objects: list[CosObject], to: str | os.PathLike[str], single: bool, base: str
) -> list[Download]:
    """Which file each object becomes.

    One object becomes the file `to`, unless that is a directory or ends in a slash. Many go below the directory `to`,
    with their keys below `base`.

    Raises:
        UnsafeKey: a key names no file, or two objects would become one file.
    """
    target = os.fspath(to)
    if single and not (target.endswith(os.sep) or os.path.isdir(target)):
        directory, name = os.path.split(target)
        return [Download(objects[0], directory or os.curdir, name)]
    downloads = [Download(item, target, item.key[len(base) :]) for item in objects]
    taken: dict[Path, CosObject] = {}
    for download in downloads:
        other = taken.setdefault(download.path, download.item)
        if other != download.item:
            raise UnsafeKey(
                f"{other} would become the same file", code="UnsafeKey", object=download.item
            )
    return downloads
