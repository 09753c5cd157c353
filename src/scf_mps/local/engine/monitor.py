"""Reports of running jobs, and the limit of what they write."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .settings import Settings

Send = Callable[[dict[str, Any]], None]

REPORT_SECONDS = 0.1
MEASURE_SECONDS = 0.5


class Monitor:
    """Sends the progress of jobs, not too often, and raises EngineError when a folder grows over its limit.

    Attributes:
        settings: the limits and the speed.
        send: receives messages.
    """

    def __init__(self, send: Send, settings: Settings, folder: Path | None = None) -> None:
        """Prepare.

        Args:
            send: receives messages.
            settings: the limits and the speed.
            folder: of the files that the jobs write.
        """
        self.settings = settings
        self.send = send
        self._folder = folder
        self._reported = 0.0
        self._measured = 0.0

    def report(self, indexes: Iterable[int], fraction: float) -> None:
        """Send the progress of jobs, 0 to 1."""
        now = time.monotonic()
        if now - self._reported >= REPORT_SECONDS:
            self._reported = now
            self.send({"progress": min(1.0, max(0.0, fraction)), "jobs": list(indexes)})

    def tick(self) -> None:
        """Send a sign of life, and check the folder."""
        now = time.monotonic()
        if now - self._measured >= MEASURE_SECONDS:
            self._measured = now
            self.send({"alive": True})
            self.check_scratch()

    def check_scratch(self) -> None:
        """Raise EngineError if the folder is too large."""
        if self._folder is not None:
            self.settings.check_scratch(measure_folder(self._folder))


def measure_folder(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(path, name)).st_size
            except FileNotFoundError:  # pragma: no cover - the muxer renamed it meanwhile
                continue
    return total
