"""Servers that run in a background thread, with an event loop of their own or of `socketserver`."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from socketserver import BaseServer
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self


class BackgroundServer(ABC):
    """A server that starts and stops in an event loop, usable with `with`."""

    _thread_name = "emulator"
    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread | None = None

    @abstractmethod
    async def start(self) -> None:
        """Listen in the running event loop. Raises OSError if the port is taken."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop listening and close everything that `start` opened."""

    def __enter__(self) -> Self:
        loop = self._loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(self.start())
        except BaseException:
            loop.close()
            raise
        self._thread = threading.Thread(
            target=loop.run_forever, name=self._thread_name, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        loop, thread = self._loop, self._thread
        assert loop is not None
        assert thread is not None
        asyncio.run_coroutine_threadsafe(self.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class ServerThread:
    """A server of `socketserver`, served by a background thread from now on.

    Args:
        server: listens already.
        name: of the thread.
    """

    def __init__(self, server: BaseServer, name: str) -> None:
        self._server = server
        self._thread = threading.Thread(
            target=server.serve_forever, args=(0.02,), name=name, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, and wait for the thread."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def print_line(line: str) -> None:
    """Print a line and flush it, because a parent process may wait for it."""
    print(line, flush=True)
