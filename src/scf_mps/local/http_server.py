"""aiohttp servers of the emulators: start, connection reset, and one log line for invalid HTTP."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiohttp import web
from aiohttp.http import HttpProcessingError

HOST = "127.0.0.1"

_SHUTDOWN_SECONDS = 0.5
"""Time that requests in progress have before a stop cancels them."""

_MAX_STOP_ATTEMPTS = 3


def _shorten(record: logging.LogRecord) -> bool:
    """Replace the traceback of an invalid request by its reason."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        reason = error.message.strip().partition("\n")[0].rstrip(":")
        record.msg, record.args = "invalid HTTP request: %s", (reason,)
        record.exc_info = None
    return True


logger = logging.getLogger(__name__)
logger.addFilter(_shorten)


async def start_server(
    handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
    port: int,
    *,
    backlog: int = 128,
    **options: Any,
) -> web.ServerRunner:
    """Listen on the loopback interface.

    Args:
        handler: called with each request.
        port: 0 for a free one.
        backlog: the most connections that wait to be accepted.
        options: of `aiohttp.web.Server`.

    Raises:
        OSError: if the port is taken.
    """
    server = web.Server(handler, access_log=None, logger=logger, **options)
    runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port, backlog=backlog).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner


async def stop_server(runner: web.ServerRunner) -> None:
    """Stop listening, and end the connections.

    Before CPython 3.13 a timeout that expires while its body ends leaves a request to cancel the task (docs of
    `asyncio.Task.uncancel`). It then ends aiohttp's attempt, and the next one ends the remaining connections. After a
    success there is nothing left to do.
    """
    for _ in range(_MAX_STOP_ATTEMPTS):
        with suppress(asyncio.CancelledError):
            await runner.cleanup()


def get_port(runner: web.ServerRunner) -> int:
    """Return the port on which a server listens."""
    return int(runner.addresses[0][1])


def reset_connection(request: web.BaseRequest) -> None:
    """Close the connection with a TCP reset, so that the client does not see a regular end."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
