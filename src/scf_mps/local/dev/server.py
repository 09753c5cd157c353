"""HTTP server of the console, in a background thread on the loopback interfaces."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, final

from aiohttp import hdrs, web

from ..api.errors import ApiError
from ..api.services.mps import Mps
from ..background import BackgroundServer
from ..engine import EngineError
from ..http_server import HOST, get_port, start_server, stop_server
from ..mps.errors import Refused
from ..scf import InvocationRejected
from .event_stream import EventStreams
from .objects import Objects
from .remux import Remuxes
from .request import Request, parse_query
from .request_guard import Refusal, check_request, make_request, split_target
from .routes import find_route
from .static_files import StaticFiles

if TYPE_CHECKING:
    from .stack import Stack

DEFAULT_PORT = 8790

_HOST_V6 = "::1"

_STATUSES: Mapping[type[Exception], int] = {
    Refused: 400,
    ApiError: 400,
    InvocationRejected: 413,
    EngineError: 502,
    ConnectionError: 499,  # the client disconnected
}
"""HTTP statuses of the refusals of the stack's parts."""

_MAX_STOP_SECONDS = 5
"""Time that a stop waits for cancelled requests."""

_log = logging.getLogger(__name__)


class PortUnavailable(OSError):
    """The console cannot listen on its port, mostly because another program does."""


@final
class Console(BackgroundServer):
    """The console of a running stack: ``with Console(stack) as console:``.

    Args:
        stack: its options have the port, 0 for a free one, and the additional hosts.

    Attributes:
        stack: the running stack.
        port: on which the console listens.
        objects: of the COS emulator.
        remuxes: MP4 files of streams.
        static_files: of the page.
        streams: the open pages.
        service: MPS's API.
    """

    _thread_name = "console"

    objects: Objects
    remuxes: Remuxes
    streams: EventStreams

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.port = stack.options.port
        self.static_files = StaticFiles()
        self.service = Mps(tasks=stack.mps)
        self._hosts = frozenset(name.lower() for name in stack.options.allowed_hosts)
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://{HOST}:{self.port}"

    async def start(self) -> None:
        """Listen on 127.0.0.1, and on ::1 if the machine has it. Raises PortUnavailable."""
        self._runner = await self._listen()
        self.port = get_port(self._runner)
        self.objects = Objects(self.stack.cos.directory)
        self.remuxes = Remuxes(self.objects, self.stack.folder / "remux")
        self.streams = EventStreams(self.stack.activity)

    async def stop(self) -> None:
        """Stop listening, end the streams and remove scratch files."""
        assert self._runner is not None
        self.streams.close()
        await stop_server(self._runner)
        # Cancelled uploads still have to close their connections.
        others = {asyncio.ensure_future(asyncio.sleep(0)), *asyncio.all_tasks()}
        await asyncio.wait(others - {asyncio.current_task()}, timeout=_MAX_STOP_SECONDS)
        self.remuxes.close()
        self.objects.close()

    async def _listen(self) -> web.ServerRunner:
        try:
            runner = await start_server(
                self._handle,
                self.port,
                request_factory=make_request,
                # A page that is closed ends its uploads and streams.
                handler_cancellation=True,
                # Seconds for which a refused upload is read, so that its sender sees the refusal.
                lingering_time=1,
            )
        except OSError as error:
            raise self._build_failure(HOST, error) from None
        site = web.TCPSite(runner, _HOST_V6, get_port(runner))
        (problem,) = await asyncio.gather(site.start(), return_exceptions=True)
        # Without IPv6 the address is unknown. With it, localhost may lead to another program.
        if isinstance(problem, OSError) and problem.errno == errno.EADDRINUSE:
            await runner.cleanup()
            raise self._build_failure(_HOST_V6, problem)
        return runner

    def _build_failure(self, host: str, error: OSError) -> PortUnavailable:
        reason = os.strerror(error.errno or 0)
        return PortUnavailable(
            error.errno,
            f"cannot listen on port {self.port} of {host}: {reason}. Stop the other program, or choose another --port",
        )

    async def _handle(self, raw: web.BaseRequest) -> web.StreamResponse:
        """Process one request, from its parsed head to the last byte of its response."""
        try:
            check_request(raw, self._hosts)
            segments, query = split_target(raw.raw_path)
            handler, parameters = find_route(raw.method, segments)
            result = await handler(self, Request(raw, parameters, parse_query(query)))
        except Refusal as refusal:
            return _build_error(refusal.status, str(refusal), **refusal.headers)
        except tuple(_STATUSES) as error:
            status = next(code for kind, code in _STATUSES.items() if isinstance(error, kind))
            return _build_error(status, str(error))
        except Exception as error:
            _log.exception("%s %s failed", raw.method, raw.raw_path)
            return _build_error(500, f"{type(error).__name__}: {error}. The terminal has more")
        if isinstance(result, web.StreamResponse):
            return result
        return web.Response(body=_dump(result), content_type="application/json")


def _build_error(status: int, message: str, **headers: str) -> web.Response:
    return web.Response(
        status=status,
        body=_dump({"error": message}),
        headers={**headers, hdrs.CONTENT_TYPE: "application/json"},
    )


def _dump(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
