"""Progress of long work, reported to a callback."""

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
    """Progress of some work.

    Attributes:
        what: the work, e.g. ``copy``.
        done: objects that are done.
        total: objects in all.
        bytes: bytes that went through this process, in downloads and uploads.
    """

    what: str
    done: int
    total: int
    bytes: int


class ProgressReporter:
    """Counts the progress of some work and calls back, never from two threads at once."""

    def __init__(self, verb: str, total: int, callback: ProgressCallback | None) -> None:
        self._progress = Progress(verb, 0, total, 0)
        self._callback = callback
        self._lock = free_in_child(threading.Lock())

    def finish_object(self) -> None:
        """Count one object."""
        self._add(1, 0)

    def count_bytes(self, length: int) -> None:
        """Count bytes. A negative number stands for bytes that must be moved again."""
        self._add(0, length)

    def _add(self, objects: int, length: int) -> None:
        if self._callback is None:
            return
        with self._lock:
            what, done, total, moved = self._progress
            self._progress = Progress(what, done + objects, total, moved + length)
            self._callback(self._progress)


def bar(stream: TextIO | None = None) -> ProgressCallback:
    """Return a callback that draws a bar on a terminal (stderr by default), and writes nothing elsewhere."""
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
