"""HTTP POSTs to real servers: TLS, slow and broken responses, redirects, and invalid URLs."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import trustme

from scf_mps import Context
from scf_mps.actions.http_post import (
    MAX_RESPONSE_BYTES,
    Address,
    PostFailed,
    choose_timeout,
    post,
    sign_content,
)

Serve = Callable[..., Address]


class Server(http.server.ThreadingHTTPServer):
    """Sends `response`, over TLS if it has a `context`."""

    response = (200, b"ok", {})
    context: ssl.SSLContext | None = None

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        with suppress(OSError):  # a client that does not trust the certificate
            if self.context is not None:
                request = self.context.wrap_socket(request, server_side=True)
            super().finish_request(request, client_address)
            request.close()


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, dict(self.headers), body))
        status, content, headers = self.server.response
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def address(server: Server, path: str = "/hook/hidden?key=hidden") -> Address:
    return Address(f"http://127.0.0.1:{server.server_port}{path}")


@pytest.fixture
def raw() -> Iterator[Callable[[bytes, bool], Address]]:
    """Return a function that serves bytes once, then closes the connection or keeps it open."""
    with ExitStack() as stack:

        def serve(content: bytes, hang_up: bool) -> Address:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            over = threading.Event()

            def run() -> None:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(content)
                    if not hang_up:
                        over.wait(30)

            thread = threading.Thread(target=run)
            thread.start()
            stack.callback(thread.join)
            stack.callback(over.set)
            return Address(f"http://127.0.0.1:{listener.getsockname()[1]}/hidden")

        yield serve


def test_post_sends_path_headers_and_body(server: Server) -> None:
    response = post(
        address(server, "/видео/a b?x=%41&y=ü".replace(" ", "%20")),
        b'{"a": 1}',
        {"Idempotency-Key": "k"},
    )
    assert (response.status, response.text) == (200, "ok")
    ((path, headers, body),) = server.requests
    assert path == "/%D0%B2%D0%B8%D0%B4%D0%B5%D0%BE/a%20b?x=%41&y=%C3%BC"
    assert body == b'{"a": 1}'
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["Idempotency-Key"] == "k"
    assert "Authorization" not in headers


def test_signature_covers_timestamp_and_content() -> None:
    headers = sign_content(b"content", "a secret", 1_753_099_200.9)
    expected = hmac.new(b"a secret", b"1753099200.content", hashlib.sha256).hexdigest()
    assert headers == {
        "X-Scf-Mps-Timestamp": "1753099200",
        "X-Scf-Mps-Signature": f"sha256={expected}",
    }


@pytest.mark.parametrize(
    ("status", "retryable", "word"),
    [
        (301, False, "redirects"),
        (307, False, "redirects"),
        (400, False, "400"),
        (401, False, "denied"),
        (403, False, "denied"),
        (404, False, "path"),
        (413, False, "large"),
        (408, True, "408"),
        (425, True, "425"),
        (429, True, "429"),
        (500, True, "500"),
        (503, True, "503"),
    ],
)
def test_post_fails_without_path_for_unsuccessful_status(
    server: Server, status: int, retryable: bool, word: str
) -> None:
    elsewhere = {"Location": f"http://127.0.0.1:{server.server_port}/hidden-too"}
    server.response = (status, b"there is no /hook/hidden", elsewhere)
    with pytest.raises(PostFailed, match=word) as caught:
        post(address(server), b"{}", {})
    assert "hidden" not in str(caught.value)
    assert (caught.value.status, caught.value.retryable) == (status, retryable)
    assert caught.value.response_text == "there is no /hook/hidden"
    assert len(server.requests) == 1


def test_post_reads_limited_response(server: Server) -> None:
    server.response = (200, b"x" * (MAX_RESPONSE_BYTES + 100_000), {})
    assert len(post(address(server), b"{}", {}).text) == MAX_RESPONSE_BYTES


@pytest.mark.parametrize(
    "begun",
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"],
    ids=["nothing", "half a head", "half a body"],
)
def test_post_times_out_for_incomplete_response(
    raw: Callable[[bytes, bool], Address], begun: bytes
) -> None:
    begin = time.monotonic()
    with pytest.raises(PostFailed, match="within") as caught:
        post(raw(begun, False), b"{}", {}, seconds=0.3)
    assert time.monotonic() - begin < 3
    assert (caught.value.status, caught.value.retryable) == (0, True)


@pytest.mark.parametrize("content", [b"", b"hidden is no HTTP\r\n\r\n"])
def test_post_fails_for_malformed_response(
    raw: Callable[[bytes, bool], Address], content: bytes
) -> None:
    with pytest.raises(PostFailed, match="no response") as caught:
        post(raw(content, True), b"{}", {}, seconds=5)
    assert "hidden" not in str(caught.value)


def test_post_fails_for_closed_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(PostFailed, match="refused"):
        post(Address(f"http://127.0.0.1:{port}/hidden"), b"{}", {})


def test_post_sends_nothing_without_time(server: Server) -> None:
    with pytest.raises(PostFailed, match="time"):
        post(address(server), b"{}", {}, seconds=0)
    assert server.requests == []


def test_timeout_is_half_of_remaining_time() -> None:
    assert choose_timeout(Context()) == 10
    assert choose_timeout(Context({"time_limit_in_ms": 4000}, lambda: 0.0)) == 2


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    return made


def certified(server: Server, authority: trustme.CA, *names: str) -> Address:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    server.context = context
    return Address(f"https://localhost:{server.server_port}/hidden")


def test_post_requires_trusted_certificate(
    server: Server, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = certified(server, authority, "localhost")
    with pytest.raises(PostFailed, match="trusted") as caught:
        post(url, b"{}", {})
    assert "hidden" not in str(caught.value)
    assert server.requests == []
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    assert post(url, b"{}", {}).status == 200


def test_slow_handshake_counts_toward_timeout(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            never = threading.Event()
            never.wait(0.7)
            with suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(65536)
                never.wait(0.7)
                secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(PostFailed, match="within"):
            post(Address(f"https://localhost:{listener.getsockname()[1]}/"), b"{}", {}, 1.0)
        thread.join()


def test_address_shows_only_host() -> None:
    shown = Address("https://hooks.example.com:8443/hidden?key=hidden")
    assert str(shown) == "hooks.example.com:8443"
    assert repr(shown) == "<Address hooks.example.com:8443>"
    assert shown.target == "/hidden?key=hidden"
    assert Address("https://hooks.example.com").target == "/"


@pytest.mark.parametrize(
    "url",
    [
        "hidden",
        "ftp://host/hidden",
        "http://host/hidden",
        "http://127.0.0.1.example.com/hidden",
        "https://user@host/hidden",
        "https://host/hidden#x",
        "https://host/hid den",
        "https://host\\hidden",
        "https://host/hidden\r\nX: y",
        "https://[::1/hidden",
        "https://host:99999/hidden",
    ],
)
def test_address_rejects_invalid_url_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError, match="URL") as caught:
        Address(url)
    assert "hidden" not in str(caught.value)
