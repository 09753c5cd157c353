"""A ledger in a folder of files, for local use. Processes of one machine share it.

A file is created by linking a complete temporary file to its name, which only one process can do. `object_store.py`
explains the files. Nothing is synced to disk: a machine that loses power may lose the last seconds.
"""

from __future__ import annotations

import errno
import logging
import os
from time import monotonic, time

from ..errors import DamagedRecord, LedgerError
from .object_store import ObjectLedger, ObjectStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from ..events.base import Event
    from .base import Lease
    from .object_layout import StoredObject

log = logging.getLogger("scf_mps")

_TEMPORARY_FOLDER = ".writing"
_PURGE_INTERVAL = 3600.0
"""Seconds between two purges. A temporary file of this age belongs to a writer that died."""
_FIXES = {
    errno.ENOSPC: "Free space on its disk",
    errno.EDQUOT: "Free space on its disk",
    errno.EFBIG: "Raise the limit of a file's size (ulimit -f)",
    errno.EROFS: "Mount its disk writable",
    errno.EACCES: "Give this user read and write permission",
    errno.EPERM: "Give this user read and write permission",
}


class FileLedger(ObjectLedger):
    """A ledger in a folder. It purges expired events on first use, and then every hour. See `Ledger`.

    Args:
        folder: created on first use with mode 0700, its files with 0600. An existing folder keeps its mode.
        keep: seconds for which events are kept.
        clocks: see `ObjectLedger`.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        keep: float = 30 * 86400.0,
        clocks: Collection[Callable[[], float]] = (monotonic, time),
    ) -> None:
        super().__init__(f"in {os.fspath(folder)}", keep, clocks)
        self._store = FileStore(folder)
        self._next_purge = 0.0

    def claim(
        self,
        event: Event,
        calls: Collection[str],
        seconds: float,
        *,
        forced: Collection[str] = (),
        owner: str = "",
    ) -> Lease:
        now = monotonic()
        if now >= self._next_purge:
            self._next_purge = now + _PURGE_INTERVAL
            try:
                self._store.delete_temporary_files()
                self.purge(time() - self.keep)
            except LedgerError as error:
                # The error is about other events than this one.
                log.warning("expired events were not purged: %s", error)
        return super().claim(event, calls, seconds, forced=forced, owner=owner)

    def _open_store(self, timeout: float) -> ObjectStore:
        return self._store


class FileStore(ObjectStore):
    """An `ObjectStore` of files. Its clock is the file system's, which may differ from this machine's."""

    resolution = 0.02

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = os.path.abspath(os.fspath(folder))
        self._temporary = os.path.join(self._folder, _TEMPORARY_FOLDER)

    def create(self, name: str, data: bytes) -> bool:
        with _LedgerErrors(self._folder):
            temporary = self._write_temporary(data)
            try:
                self._place(os.link, temporary, name)
            except FileExistsError:
                return False
            finally:
                os.unlink(temporary)
            return True

    def put(self, name: str, data: bytes) -> None:
        with _LedgerErrors(self._folder):
            temporary = self._write_temporary(data)
            try:
                self._place(os.replace, temporary, name)
            except OSError:
                os.unlink(temporary)
                raise

    def get(self, name: str) -> StoredObject | None:
        with _LedgerErrors(self._folder):
            try:
                with open(self._get_path(name), "rb", opener=_open_nonblocking) as file:
                    modified = os.fstat(file.fileno()).st_mtime
                    return file.read(), lambda: self._read_clock() - modified
            except FileNotFoundError:
                return None
            except (IsADirectoryError, PermissionError) as error:
                raise DamagedRecord(
                    f"cannot read {self._get_path(name)} in the ledger: {error.strerror}. Restore or delete it"
                ) from error

    def list_names(self, prefix: str) -> Iterator[tuple[str, float]]:
        folder, slash, _ = prefix.partition("/")
        with _LedgerErrors(self._folder):
            for entry, is_folder in [(folder, True)] if slash else self._list_folder(prefix):
                if not is_folder:
                    yield entry, 0.0
                    continue
                try:
                    names = sorted(os.listdir(self._get_path(entry)))
                except FileNotFoundError:
                    continue  # purged meanwhile
                for name in names:
                    if name[0] == ".":
                        continue
                    try:
                        modified = os.stat(self._get_path(f"{entry}/{name}")).st_mtime
                    except FileNotFoundError:
                        continue
                    yield f"{entry}/{name}", modified

    def delete(self, names: Sequence[str]) -> None:
        with _LedgerErrors(self._folder):
            for name in names:
                try:
                    os.unlink(self._get_path(name))
                except FileNotFoundError:
                    continue
            for folder in {name.partition("/")[0] for name in names}:
                try:
                    os.rmdir(self._get_path(folder))
                except OSError:
                    continue  # not empty, or not empty again

    def delete_temporary_files(self) -> None:
        """Delete temporary files of writers that died."""
        with _LedgerErrors(self._folder):
            try:
                names = os.listdir(self._temporary)
            except FileNotFoundError:
                return
            before = self._read_clock() - _PURGE_INTERVAL
            for name in names:
                path = os.path.join(self._temporary, name)
                try:
                    if os.stat(path).st_mtime < before:
                        os.unlink(path)
                except FileNotFoundError:
                    continue  # its writer placed it

    def _get_path(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def _list_folder(self, prefix: str) -> list[tuple[str, bool]]:
        """Return the names with a prefix, and True for folders. Hidden ones are ours or a file manager's."""
        try:
            with os.scandir(self._folder) as entries:
                return sorted(
                    (entry.name, entry.is_dir())
                    for entry in entries
                    if entry.name.startswith(prefix) and entry.name[0] != "."
                )
        except FileNotFoundError:
            return []

    def _write_temporary(self, data: bytes) -> str:
        """Write a new temporary file, and return its path."""
        path = os.path.join(self._temporary, os.urandom(12).hex())
        try:
            _write_private_file(path, data)
        except FileNotFoundError:
            for folder in (self._folder, self._temporary):
                os.makedirs(folder, mode=0o700, exist_ok=True)
            _write_private_file(path, data)
        return path

    def _place(self, place: Callable[[str, str], None], temporary: str, name: str) -> None:
        path = self._get_path(name)
        while True:
            try:
                return place(temporary, path)
            except FileNotFoundError:
                if not os.path.exists(temporary):
                    raise  # someone empties the ledger's folder
                # The event has no folder yet, or not any more.
                os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)

    def _read_clock(self) -> float:
        """Return the time that a file written now would get. On a read-only disk, this machine's time."""
        try:
            path = self._write_temporary(b"")
        except OSError:
            return time()
        try:
            return os.stat(path).st_mtime
        finally:
            os.unlink(path)


def _open_nonblocking(path: str, flags: int) -> int:
    """Open a file. A pipe without a writer does not block."""
    return os.open(path, flags | os.O_NONBLOCK)


def _write_private_file(path: str, data: bytes) -> None:
    """Create a file that only this user may read."""
    with open(path, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        try:
            file.write(data)
            file.flush()
        except OSError:
            os.unlink(path)
            raise


class _LedgerErrors:
    """A context manager that turns an OSError into a LedgerError."""

    __slots__ = ("_folder",)

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        return

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, OSError):
            fix = _FIXES.get(error.errno or 0)
            raise LedgerError(
                f"the ledger in {self._folder} failed: {type(error).__name__}: {error}"
                + (f". {fix}" if fix else "")
            ) from error
