"""A ledger in a folder of files, for a desk: processes of one machine share it, and what is recorded outlives them.

An object is created by linking a whole file to its name, which one process alone can do. What the files mean is in
`objects.py`. Nothing is synced to the disk, so that a machine that loses its power may lose the last seconds.
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
    from .object_store import StoredObject

log = logging.getLogger("scf_mps")

_TEMPORARY = ".writing"
_LOOK = 3600.0
"""Seconds between two looks for what is to be forgotten, and of nobody's work on one file."""
_FIXES = {
    errno.ENOSPC: "free space on its disk",
    errno.EDQUOT: "free space on its disk",
    errno.EFBIG: "raise the limit of a file's size (ulimit -f)",
    errno.EROFS: "mount its disk writable",
    errno.EACCES: "give this user the right to read and write there",
    errno.EPERM: "give this user the right to read and write there",
}


class FileLedger(ObjectLedger):
    """See `Ledger`. It forgets old events by itself, when it is first used and once an hour.

    Args:
        folder: made when it is first used, for this user alone (0700; files 0600). The mode of a folder that is there
            already stays.
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
        self._files = FileStore(folder)
        self._next_look = 0.0

    def claim(
        self,
        event: Event,
        calls: Collection[str],
        seconds: float,
        *,
        again: Collection[str] = (),
        owner: str = "",
    ) -> Lease:
        now = monotonic()
        if now >= self._next_look:
            self._next_look = now + _LOOK
            try:
                self._files.tidy()
                self.purge(time() - self.keep)
            except LedgerError as error:
                # It is about other events than this one.
                log.warning("old events were not forgotten: %s", error)
        return super().claim(event, calls, seconds, again=again, owner=owner)

    def _objects(self, timeout: float) -> ObjectStore:
        return self._files


class FileStore(ObjectStore):
    """`ObjectStore` as files. The clock is the file system's, which need not be this machine's."""

    resolution = 0.02

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = os.path.abspath(os.fspath(folder))
        self._temporary = os.path.join(self._folder, _TEMPORARY)

    def create(self, name: str, data: bytes) -> bool:
        with _Told(self._folder):
            temporary = self._write(data)
            try:
                self._place(os.link, temporary, name)
            except FileExistsError:
                return False
            finally:
                os.unlink(temporary)
            return True

    def put(self, name: str, data: bytes) -> None:
        with _Told(self._folder):
            temporary = self._write(data)
            try:
                self._place(os.replace, temporary, name)
            except OSError:
                os.unlink(temporary)
                raise

    def get(self, name: str) -> StoredObject | None:
        with _Told(self._folder):
            try:
                with open(self._path(name), "rb", opener=_open_at_once) as file:
                    modified = os.fstat(file.fileno()).st_mtime
                    return file.read(), lambda: self._clock() - modified
            except FileNotFoundError:
                return None
            except (IsADirectoryError, PermissionError) as error:
                raise DamagedRecord(
                    f"{self._path(name)} in the ledger cannot be read: {error.strerror}. Restore or delete it"
                ) from error

    def names(self, prefix: str) -> Iterator[tuple[str, float]]:
        folder, slash, _ = prefix.partition("/")
        with _Told(self._folder):
            for one, is_folder in [(folder, True)] if slash else self._there(prefix):
                if not is_folder:
                    yield one, 0.0
                    continue
                try:
                    names = sorted(os.listdir(self._path(one)))
                except FileNotFoundError:
                    continue  # forgotten meanwhile
                for name in names:
                    if name[0] == ".":
                        continue
                    try:
                        yield f"{one}/{name}", os.stat(self._path(f"{one}/{name}")).st_mtime
                    except FileNotFoundError:
                        continue

    def delete(self, names: Sequence[str]) -> None:
        with _Told(self._folder):
            for name in names:
                try:
                    os.unlink(self._path(name))
                except FileNotFoundError:
                    continue
            for folder in {name.partition("/")[0] for name in names}:
                try:
                    os.rmdir(self._path(folder))
                except OSError:
                    continue  # something is left in it, or was put there anew

    def tidy(self) -> None:
        """Take away what writers left behind that died in the middle of it."""
        with _Told(self._folder):
            try:
                names = os.listdir(self._temporary)
            except FileNotFoundError:
                return
            before = self._clock() - _LOOK
            for name in names:
                path = os.path.join(self._temporary, name)
                try:
                    if os.stat(path).st_mtime < before:
                        os.unlink(path)
                except FileNotFoundError:
                    continue  # it was placed

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def _there(self, prefix: str) -> list[tuple[str, bool]]:
        """The names that begin so, and whether they are folders; hidden ones are a file manager's, and our own."""
        try:
            with os.scandir(self._folder) as found:
                return sorted(
                    (one.name, one.is_dir())
                    for one in found
                    if one.name.startswith(prefix) and one.name[0] != "."
                )
        except FileNotFoundError:
            return []

    def _write(self, data: bytes) -> str:
        """A file of its own with these bytes."""
        path = os.path.join(self._temporary, os.urandom(12).hex())
        try:
            _fill(path, data)
        except FileNotFoundError:
            for folder in (self._folder, self._temporary):
                os.makedirs(folder, mode=0o700, exist_ok=True)
            _fill(path, data)
        return path

    def _place(self, place: Callable[[str, str], None], temporary: str, name: str) -> None:
        path = self._path(name)
        while True:
            try:
                return place(temporary, path)
            except FileNotFoundError:
                if not os.path.exists(temporary):
                    raise  # by whoever empties the ledger's folder
                # There is no folder of the event yet, or not any more.
                os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)

    def _clock(self) -> float:
        """Return the time at which a file would be written now: this machine's where none can be written."""
        try:
            path = self._write(b"")
        except OSError:
            return time()
        try:
            return os.stat(path).st_mtime
        finally:
            os.unlink(path)


def _open_at_once(path: str, flags: int) -> int:
    """Open a file, also a pipe in its place that nobody writes to."""
    return os.open(path, flags | os.O_NONBLOCK)


def _fill(path: str, data: bytes) -> None:
    """Create a file that this user alone may read."""
    with open(path, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        try:
            file.write(data)
            file.flush()
        except OSError:
            os.unlink(path)
            raise


class _Told:
    """Makes an OSError the ledger's."""

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
                + (f": {fix}" if fix else "")
            ) from error
