"""A minimal COS client for tests of the bytes on the wire.

It signs by COS's documentation, independently of the emulator's code, and sends exactly the given
request target.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

from scf_mps.local.cos import CosEmulator, Key

BUCKET = "demo-1250000000"
REGION = "ap-guangzhou"
HOST = f"{BUCKET}.cos.{REGION}.myqcloud.com"


def encode(text):
    return quote(text, safe="-_.~")


def authorization(key, method, path, query, headers, *, start=None, seconds=600):
    """Return the q-sign… string over all of `query` and `headers`. `path` is decoded."""
    begin = int(time.time() if start is None else start) - 1
    key_time = f"{begin};{begin + seconds}"

    def canonicalize(values: Mapping[str, str]) -> tuple[str, str]:
        pairs = sorted((encode(name).lower(), encode(value)) for name, value in values.items())
        return ";".join(name for name, _ in pairs), "&".join(f"{n}={v}" for n, v in pairs)

    header_names, header_text = canonicalize(headers)
    query_names, query_text = canonicalize(query)
    text = f"{method.lower()}\n{path}\n{query_text}\n{header_text}\n"
    to_sign = f"sha1\n{key_time}\n{hashlib.sha1(text.encode()).hexdigest()}\n"
    sign_key = hmac.new(key.secret_key.encode(), key_time.encode(), "sha1").hexdigest()
    signature = hmac.new(sign_key.encode(), to_sign.encode(), "sha1").hexdigest()
    return (
        f"q-sign-algorithm=sha1&q-ak={key.secret_id}&q-sign-time={key_time}"
        f"&q-key-time={key_time}&q-header-list={header_names}"
        f"&q-url-param-list={query_names}&q-signature={signature}"
    )


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Message
    body: bytes

    @property
    def code(self):
        return self.text("Code")

    @property
    def error(self):
        """The status and the code of an error."""
        return f"{self.status} {self.code}"

    def xml(self):
        return ElementTree.fromstring(self.body)

    def text(self, path):
        return self.xml().findtext(path) or ""

    def texts(self, path):
        return [element.text or "" for element in self.xml().iterfind(path)]


@dataclass
class Wire:
    """Requests to one emulator, by default signed with its key."""

    cos: CosEmulator
    key: Key | None = None
    host: str = HOST
    proxy: bool = False
    """Send absolute-form targets, as a client with a proxy setting does."""
    now: float | None = None
    """The time of signatures, by default the current time."""

    def target(self, path, query):
        target = path + (f"?{urlencode(query)}" if query else "")
        return f"http://{self.host}{target}" if self.proxy else target

    def request(
        self, method, key="", query=None, headers=None, body=None, *, path=None, signed=True
    ):
        """Send a request. `path` is the raw path, by default the percent-coded `key`."""
        query, headers = dict(query or {}), dict(headers or {})
        if signed:
            used = self.key or self.cos.key
            if used.token:
                headers["x-cos-security-token"] = used.token
            headers["Authorization"] = authorization(
                used, method, f"/{key}", query, {"host": self.host}, start=self.now
            )
        raw = f"/{quote(key)}" if path is None else path
        connection = http.client.HTTPConnection("127.0.0.1", self.cos.port, timeout=30)
        try:
            connection.putrequest(method, self.target(raw, query), skip_host=True)
            connection.putheader("Host", self.host)
            chunked = not isinstance(body, bytes | None)
            if not isinstance(body, bytes | None):
                connection.putheader("Transfer-Encoding", "chunked")
            elif "Content-Length" not in headers and (body is not None or method != "GET"):
                connection.putheader("Content-Length", str(len(body or b"")))
            for name, value in headers.items():
                connection.putheader(name, value.encode())
            connection.endheaders(body, encode_chunked=chunked)
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    def put(self, key, body=b"", **headers):
        """Put an object. Header names are written with `_` for `-`."""
        reply = self.request("PUT", key, headers=_names(headers), body=body)
        assert reply.status == 200, reply.body
        return reply

    def get(self, key, query=None, **headers):
        return self.request("GET", key, query, _names(headers))

    def head(self, key, **headers):
        return self.request("HEAD", key, headers=_names(headers))

    def copy(self, source, key, **headers):
        """Copy an object within the bucket."""
        names = {"x-cos-copy-source": f"{HOST}/{quote(source)}", **_names(headers)}
        return self.request("PUT", key, headers=names)

    def document(self, method, key, query, body):
        """Send an XML document to a sub-resource."""
        return self.request(method, key, {query: ""}, body=body.encode())


def _names(headers):
    return {name.replace("_", "-"): value for name, value in headers.items()}


def raw_exchange(port, request, *, hang_up=False):
    """Send bytes, optionally close the sending side, and read until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        received = bytearray()
        while chunk := connection.recv(65536):
            received += chunk
        return bytes(received)
