"""The log of aiohttp in emulators: a request that is not valid HTTP is one line."""

from __future__ import annotations

import logging

from aiohttp.http import HttpProcessingError


def _shorten(record: logging.LogRecord) -> bool:
    """Replace the traceback of an invalid request, which is not the emulator's failure, by its reason."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        reason = error.message.strip().partition("\n")[0].rstrip(":")
        record.msg, record.args = "invalid HTTP request: %s", (reason,)
        record.exc_info = None
    return True


logger = logging.getLogger(__name__)
logger.addFilter(_shorten)
