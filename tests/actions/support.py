"""An HTTP receiver for tests of actions that post."""

from __future__ import annotations

import http.server
from typing import NamedTuple


class Request(NamedTuple):
    """A received POST."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver(http.server.ThreadingHTTPServer):
    """A server on this machine that records requests and sends `response`: status, body and headers."""

    response: tuple[int, bytes, dict[str, str]] = (200, b"ok", {})

    def __init__(self):
        self.requests = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self):
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append(Request(self.path, dict(self.headers), body))
        status, content, headers = self.server.response
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format, *arguments):
        pass
