"""How far long work is: told to a callback after every object and, of large ones, every piece."""

from __future__ import annotations

import sys
import threading
from typing import NamedTuple

from ..common.locks import free_in_child

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    ProgressCallback = Callable[["Progress"], None]


class Progress(NamedTuple):
    """How far it is.

    Attributes:
        what: the work, e.g. ``copy``.
        done: objects that are done.
        total: objects in all.
        bytes: bytes that were moved through this process: those of downloads and uploads.
    """

    what: str
    done: int
    total: int
    bytes: int


class ProgressReporter:
    """Counts for one piece of work. The callback is never called by two threads at once."""

    def __init__(self, what: str, total: int, tell: ProgressCallback) -> None:
        self._progress = Progress(what, 0, total, 0)
        self._tell = tell
        self._lock = free_in_child(threading.Lock())

    def finished(self, _: object) -> None:
        """One more object is done."""
        with self._lock:
            self._progress = self._progress._replace(done=self._progress.done + 1)
            self._tell(self._progress)

    def count(self, length: int) -> None:
        """So many more bytes were moved; negative for what has to be moved again."""
        with self._lock:
            self._progress = self._progress._replace(bytes=self._progress.bytes + length)
            self._tell(self._progress)


def bar(stream: TextIO | None = None) -> ProgressCallback:
    """A callback that draws a bar on a terminal (stderr by default), and writes nothing elsewhere."""
    output = stream or sys.stderr

    def draw(progress: Progress) -> None:
        if not output.isatty():
            return
        share = progress.done / progress.total if progress.total else 1.0
        filled = "█" * round(30 * share)
        moved = f" {progress.bytes / 1e6:.1f} MB" if progress.bytes else ""
        end = "\n" if progress.done == progress.total else ""
        output.write(
            f"\r{progress.what} |{filled:<30}| {progress.done}/{progress.total}{moved}{end}"
        )
        output.flush()

    return draw
