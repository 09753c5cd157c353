"""An HTTPS proxy that ends in local servers, for clients that know nothing but the cloud's real names.

A client says ``CONNECT host:443``; it is given a TLS server with a certificate for that host, of an authority made for
this run, and behind that the local server which plays the host. What is asked of the server is none of this module's
business: bytes go through as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType
from typing import final

import trustme

HOST = "127.0.0.1"
_CHUNK = 64 * 1024


@final
class LoopbackProxy:
    """In a background thread: ``with LoopbackProxy({"*.tencentcloudapi.com": api.port}, folder) as proxy:``.

    - `ports`: which local server plays a host, by globs of hosts.
    - `folder` is where `ca_file` is written, the certificate that clients have to trust.

    Attributes: `url`, `ca_file`, `refused` (the hosts asked for that nobody plays).
    """

    def __init__(self, ports: Mapping[str, int], folder: Path) -> None:
        self._ports = ports
        self._authority = trustme.CA()
        self._tls_ports: dict[str, int] = {}
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self.ca_file = folder / "ca.pem"
        self.refused: list[str] = []
        self.url = ""

    def __enter__(self) -> LoopbackProxy:
        self._authority.cert_pem.write_to_path(str(self.ca_file))
        self._thread.start()
        port = asyncio.run_coroutine_threadsafe(self._listen(None, 0), self._loop).result()
        self.url = f"http://{HOST}:{port}"
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self, tls: ssl.SSLContext | None, backend: int) -> int:
        """Serve CONNECT, or with `tls` hand what comes to a backend; returns the port."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._open.add(task)
            try:
                # A client that goes away in the middle is no news.
                with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                    port = backend or await self._connect(reader, writer)
                    if port:
                        await _join(reader, writer, port)
            finally:
                self._open.discard(task)
                writer.close()

        server = await asyncio.start_server(serve, HOST, 0, ssl=tls)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        """Answer ``CONNECT``; returns the port that plays the host, 0 if none does."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target, _ = head.partition("\r\n")[0].split(" ")
        host, _, port = target.partition(":")
        played = [backend for glob, backend in self._ports.items() if fnmatchcase(host, glob)]
        if method != "CONNECT" or not played:
            self.refused.append(f"{method} {target}")
            writer.write(b"HTTP/1.1 502 Nobody plays this host\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return 0
        if port != "443":
            chosen = played[0]
        elif host in self._tls_ports:
            chosen = self._tls_ports[host]
        else:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._authority.issue_cert(host).configure_cert(context)
            chosen = self._tls_ports[host] = await self._listen(context, played[0])
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return chosen

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Pass bytes both ways until both sides have ended."""
    there, back = await asyncio.open_connection(HOST, port)
    try:
        await asyncio.gather(_copy(reader, back), _copy(there, writer))
    finally:
        back.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
    writer.close()
