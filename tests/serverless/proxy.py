"""HTTPS proxy to local servers, for clients that connect to the cloud's host names.

A client sends ``CONNECT host:443`` and gets a TLS server with a certificate for that host, signed by an authority of
this run. The proxy passes the decrypted bytes to the local server for the host.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from fnmatch import fnmatchcase
from typing import final

import trustme

HOST = "127.0.0.1"
_CHUNK = 64 * 1024


@final
class LoopbackProxy:
    """HTTPS proxy in a background thread.

        with LoopbackProxy({"*.tencentcloudapi.com": api.port}, folder) as proxy: ...

    Args:
        ports: local port by glob of hosts.
        folder: gets `ca_file`, the certificate that clients must trust.

    Attributes:
        url: the proxy's URL.
        ca_file: the certificate.
        refused: requests for other hosts.
    """

    def __init__(self, ports, folder):
        self._ports = ports
        self._authority = trustme.CA()
        self._tls_ports = {}
        self._servers = []
        self._open = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self.ca_file = folder / "ca.pem"
        self.refused = []
        self.url = ""

    def __enter__(self):
        self._authority.cert_pem.write_to_path(str(self.ca_file))
        self._thread.start()
        port = asyncio.run_coroutine_threadsafe(self._listen(None, 0), self._loop).result()
        self.url = f"http://{HOST}:{port}"
        return self

    def __exit__(self, _, __, ___):
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self, tls, backend):
        """Serve CONNECT, or with `tls` pass connections to a backend. Return the port."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._open.add(task)
            try:
                # Clients may disconnect at any time.
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

    async def _connect(self, reader, writer):
        """Respond to ``CONNECT`` and return the host's local port, 0 for an unknown host."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target, _ = head.partition("\r\n")[0].split(" ")
        host, _, port = target.partition(":")
        backends = [backend for glob, backend in self._ports.items() if fnmatchcase(host, glob)]
        if method != "CONNECT" or not backends:
            self.refused.append(f"{method} {target}")
            writer.write(b"HTTP/1.1 502 Unknown host\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return 0
        if port != "443":
            backend_port = backends[0]
        elif host in self._tls_ports:
            backend_port = self._tls_ports[host]
        else:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._authority.issue_cert(host).configure_cert(context)
            backend_port = self._tls_ports[host] = await self._listen(context, backends[0])
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return backend_port

    async def _stop(self):
        for server in self._servers:
            server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)


async def _join(reader, writer, port):
    """Pass bytes in both directions until both sides end."""
    backend_reader, backend_writer = await asyncio.open_connection(HOST, port)
    try:
        await asyncio.gather(_copy(reader, backend_writer), _copy(backend_reader, writer))
    finally:
        backend_writer.close()


async def _copy(reader, writer):
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
    writer.close()
