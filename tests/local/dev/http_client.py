"""A client of the console that sends what its page sends."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from typing import Any

from scf_mps.local.dev.server import Console

PAGE_HEADERS = {"X-Scf-Mps": "1", "Sec-Fetch-Site": "same-origin"}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return str(self.json["error"])


@dataclass
class Page:
    """The requests of the page of one console."""

    console: Console

    def request(
        self, method: str, target: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """Send a request. Bytes are sent as octet-stream, an iterable of bytes in chunks, other bodies as JSON."""
        sent = dict(headers or {})
        if method not in ("GET", "HEAD"):
            is_json = not isinstance(body, bytes | Iterator)
            kind = "application/json" if is_json else "application/octet-stream"
            sent = {**PAGE_HEADERS, "Origin": self.console.url, "Content-Type": kind, **sent}
            if is_json and body is not None:
                body = json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.console.port, timeout=30)
        try:
            connection.request(method, target, body, sent)
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, target: str, **headers: str) -> Reply:
        """Send a GET. Header names are written with `_` for `-`."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("GET", target, headers=names)

    def read(self, target: str) -> Any:
        """Return the JSON of a GET."""
        reply = self.get(target)
        assert reply.status == 200, reply.body
        return reply.json

    def post(self, target: str, body: Any = None, method: str = "POST") -> Any:
        """Return the JSON of a successful change."""
        reply = self.request(method, target, body)
        assert reply.status == 200, reply.body
        return reply.json


@dataclass
class ServerEvent:
    """One event of a stream."""

    id: int
    event: str
    data: dict[str, Any]


class Stream:
    """An open stream of changes."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.headers = response.headers
        self._lines = response

    def read_block(self) -> list[str]:
        """Return the lines until the next empty one. An ended stream has none."""
        lines = []
        while line := self._lines.readline().decode():
            if line == "\n":
                break
            lines.append(line.rstrip("\n"))
        return lines

    def read(self) -> ServerEvent:
        """Return the next event, without comments and settings."""
        while block := self.read_block():
            fields = dict(line.split(": ", 1) for line in block)
            if "event" in fields:
                return ServerEvent(int(fields["id"]), fields["event"], json.loads(fields["data"]))
        raise EOFError


@contextmanager
def open_stream(
    console: Console, after: int | None = None, last: int | str | None = None
) -> Iterator[Stream]:
    """Open a stream of changes, with the parameter `after` or the header Last-Event-ID `last`."""
    connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=30)
    try:
        query = "" if after is None else f"?after={after}"
        headers = {} if last is None else {"Last-Event-ID": str(last)}
        connection.request("GET", f"/events{query}", headers=headers)
        response = connection.getresponse()
        assert response.status == 200
        stream = Stream(response)
        assert stream.read_block() == ["retry: 500"]
        yield stream
    finally:
        connection.close()
