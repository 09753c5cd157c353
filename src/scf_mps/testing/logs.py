"""Log records of deliveries."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class _Recorder(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.records.append(record)


@contextmanager
def record_logs() -> Iterator[list[logging.LogRecord]]:
    """Yield a list of all records of the block from INFO on, the level of a function in SCF."""
    root, recorder = logging.getLogger(), _Recorder()
    level = root.level
    root.addHandler(recorder)
    root.setLevel(min(level, logging.INFO) or logging.INFO)
    try:
        yield recorder.records
    finally:
        root.setLevel(level)
        root.removeHandler(recorder)
