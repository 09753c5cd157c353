"""Capture of log lines, and restoring loggers."""

import io
import json
import logging
from contextlib import contextmanager

from scf_mps import logs


class Stream(io.StringIO):
    """A stream that records each `write`, because SCF's runtime makes a record of each."""

    def __init__(self, *, terminal=False):
        super().__init__()
        self.writes = []
        self._terminal = terminal

    def write(self, text):
        self.writes.append(text)
        return super().write(text)

    def isatty(self):
        return self._terminal

    @property
    def lines(self):
        """The lines, parsed as strictly as a log service does."""
        return [json.loads(line, parse_constant=_refuse) for line in self.writes]


def _refuse(constant):
    raise ValueError(f"{constant} is not JSON")


@contextmanager
def restore_loggers():
    """Restore the root logger and the capped loggers after the block."""
    root = logging.getLogger()
    capped = [logging.getLogger(name) for name in logs.CAPPED_LOGGERS]
    handlers, levels = root.handlers[:], [logger.level for logger in (root, *capped)]
    try:
        yield
    finally:
        root.handlers[:] = handlers
        for logger, level in zip((root, *capped), levels, strict=True):
            logger.setLevel(level)
