"""Downloads of objects to files, which appear after they are verified.

Memory stays at one piece for each download in progress.
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
    """An object and the file it becomes.

    A key that ends in a slash is the marker of a folder, which consoles create. It becomes an empty directory.

    Args:
        item: the object.
        directory: the directory of the file.
        name: of the file, with directories below `directory`.

    Raises:
        UnsafeKey: the name is not valid below `directory`.
    """

    __slots__ = ("_directory", "_is_folder", "_names", "item", "path")

    def __init__(self, item: CosObject, directory: str, name: str) -> None:
        self.item = item
        self._directory = directory
        self._is_folder = item.key.endswith("/") and name[-1:] in ("", "/")
        if self._is_folder and not name:  # the marker of the base itself
            self._names = []
        else:
            path = name.removesuffix("/") if self._is_folder else name
            self._names = safe_path.split_path(path, item)
        self.path = Path(directory, *self._names)

    def run(self, client: Client, count_bytes: Callable[[int], None]) -> Path:
        """Fetch and verify the object and put the file in place, unless it is there already.

        Raises:
            CosError: the object is unavailable, `Corrupt` if it was damaged three times.
            OSError: the file cannot be made. ``ENOSPC`` is raised before its bytes are fetched.
        """
        os.makedirs(self._directory, exist_ok=True)
        if self._is_folder:
            self._make_folder(client)
        elif not self._is_done(client):
            safe_path.write_file(
                self._directory,
                self._names,
                self.item,
                lambda file: self._fill(client, file, count_bytes),
            )
        return self.path

    def _make_folder(self, client: Client) -> None:
        """Make the directory of a marker. Raises UnsafeKey if the object has bytes, which no directory can hold."""
        if operations.head(client, self.item).size:
            raise UnsafeKey(
                "its key is that of a folder, but it has bytes. Give download() an exact path for it",
                code="UnsafeKey",
                object=self.item,
            )
        os.close(safe_path.open_directory(self._directory, self._names, self.item))

    def _is_done(self, client: Client) -> bool:
        """Return True if the file has the bytes of the object, by size and CRC64."""
        file = safe_path.open_existing(self._directory, self._names)
        if file is None:
            return False
        try:
            head = operations.head(client, self.item)
            size = os.fstat(file).st_size
            if size != head.size or not head.crc64:
                return False
            _, crc = upload.FileSlice(file, 0, size).compute_checksums()
            return str(crc) == head.crc64
        finally:
            os.close(file)

    def _fill(self, client: Client, file: int, count_bytes: Callable[[int], None]) -> None:
        for is_last in iterate_passes(client):  # pragma: no branch - the last one returns or raises
            stream = Stream(client, self.item)
            counted = 0
            try:
                stream.open()
                self._check_space(file, stream.size or 0)
                for data in stream:
                    view = memoryview(data)
                    while view:
                        view = view[os.write(file, view) :]
                    count_bytes(len(data))
                    counted += len(data)
                return
            except Corrupt:
                if is_last:
                    raise
                count_bytes(-counted)
                os.lseek(file, 0, os.SEEK_SET)
                os.ftruncate(file, 0)
            finally:
                stream.close()

    def _check_space(self, file: int, size: int) -> None:
        space = os.fstatvfs(file)
        if size > space.f_bavail * space.f_frsize:
            raise OSError(
                errno.ENOSPC, f"no space for the {size} bytes of {self.item}", str(self.path)
            )


def plan_downloads(
    objects: list[CosObject], to: str | os.PathLike[str], single: bool, base: str
) -> list[Download]:
    """Return the download of each object.

    A single object becomes the file `to`, unless that is a directory or ends in a slash. Others become files below
    the directory `to`, named by their keys below `base`.

    Raises:
        UnsafeKey: a key is not a valid file name, or two objects would become one file.
    """
    target = os.fspath(to)
    if single and not (target.endswith(os.sep) or os.path.isdir(target)):
        directory, name = os.path.split(target)
        return [Download(objects[0], directory or os.curdir, name)]
    downloads = [Download(item, target, item.key[len(base) :]) for item in objects]
    items: dict[Path, CosObject] = {}
    for download in downloads:
        other = items.setdefault(download.path, download.item)
        if other != download.item:
            raise UnsafeKey(
                f"{other} would become the same file", code="UnsafeKey", object=download.item
            )
    return downloads
