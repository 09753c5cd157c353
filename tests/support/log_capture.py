"""Catches what the package logs, and puts the loggers of the process back as they were."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scf_mps import logs


class Stream(io.StringIO):
    """A stream that remembers each `write`, as SCF's runtime makes a record of every one."""

    def __init__(self, *, terminal: bool = False) -> None:
        super().__init__()
        self.writes: list[str] = []
        self._terminal = terminal

    def write(self, text: str) -> int:
        self.writes.append(text)
        return super().write(text)

    def isatty(self) -> bool:
        return self._terminal

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines, each parsed as strictly as a log service would."""
        return [json.loads(line, parse_constant=_refuse) for line in self.writes]


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


@contextmanager
def loggers_put_back() -> Iterator[None]:
    """Whatever is done to the root logger and to the capped ones inside, nothing of it stays."""
    root = logging.getLogger()
    capped = [logging.getLogger(name) for name in logs.CAPPED_LOGGERS]
    handlers, levels = root.handlers[:], [logger.level for logger in (root, *capped)]
    try:
        yield
    finally:
        root.handlers[:] = handlers
        for logger, level in zip((root, *capped), levels, strict=True):
            logger.setLevel(level)
