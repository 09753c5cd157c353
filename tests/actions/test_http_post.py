"""One POST, to real servers on this machine: over TLS, slow ones, ones that redirect, talk too much or hang up."""

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
    signed,
)

Serve = Callable[..., Address]


class Server(http.server.ThreadingHTTPServer):
    """Answers as told, over TLS if it has a context for it."""

    answer = (200, b"ok", {})
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
        status, content, headers = self.server.answer
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
    """Serves bytes to whoever connects, and then hangs up, or never says a word more."""
    with ExitStack() as stack:

        def serve(answer: bytes, hang_up: bool) -> Address:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            over = threading.Event()

            def run() -> None:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)
                    if not hang_up:
                        over.wait(30)

            thread = threading.Thread(target=run)
            thread.start()
            stack.callback(thread.join)
            stack.callback(over.set)
            return Address(f"http://127.0.0.1:{listener.getsockname()[1]}/hidden")

        yield serve


def test_a_post_says_what_it_was_told_to_say(server: Server) -> None:
    answer = post(
        address(server, "/видео/a b?x=%41&y=ü".replace(" ", "%20")),
        b'{"a": 1}',
        {"Idempotency-Key": "k"},
    )
    assert (answer.status, answer.text) == (200, "ok")
    ((path, headers, body),) = server.requests
    assert path == "/%D0%B2%D0%B8%D0%B4%D0%B5%D0%BE/a%20b?x=%41&y=%C3%BC"
    assert body == b'{"a": 1}'
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["Idempotency-Key"] == "k"
    assert "Authorization" not in headers


def test_what_is_signed_is_the_moment_with_the_content() -> None:
    headers = signed(b"content", "a secret", 1_753_099_200.9)
    expected = hmac.new(b"a secret", b"1753099200.content", hashlib.sha256).hexdigest()
    assert headers == {
        "X-Scf-Mps-Timestamp": "1753099200",
        "X-Scf-Mps-Signature": f"sha256={expected}",
    }


@pytest.mark.parametrize(
    ("status", "retryable", "told"),
    [
        (301, False, "a redirect, which is not followed"),
        (307, False, "a redirect, which is not followed"),
        (400, False, "answered with HTTP 400"),
        (401, False, "it refuses who posts"),
        (403, False, "it refuses who posts"),
        (404, False, "nothing takes a POST there"),
        (413, False, "nothing so large"),
        (408, True, "answered with HTTP 408"),
        (425, True, "answered with HTTP 425"),
        (429, True, "answered with HTTP 429"),
        (500, True, "answered with HTTP 500"),
        (503, True, "answered with HTTP 503"),
    ],
)
def test_a_status_that_is_no_success_says_what_to_do_and_never_the_path(
    server: Server, status: int, retryable: bool, told: str
) -> None:
    elsewhere = {"Location": f"http://127.0.0.1:{server.server_port}/hidden-too"}
    server.answer = (status, b"there is no /hook/hidden", elsewhere)
    with pytest.raises(PostFailed) as caught:
        post(address(server), b"{}", {})
    assert told in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert (caught.value.status, caught.value.retryable) == (status, retryable)
    assert caught.value.answer == "there is no /hook/hidden"
    assert len(server.requests) == 1


def test_no_more_of_an_answer_is_read_than_anybody_needs(server: Server) -> None:
    server.answer = (200, b"x" * (MAX_RESPONSE_BYTES + 100_000), {})
    assert len(post(address(server), b"{}", {}).text) == MAX_RESPONSE_BYTES


@pytest.mark.parametrize(
    "begun",
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"],
    ids=["nothing", "half a head", "half a body"],
)
def test_an_answer_that_does_not_come_is_not_waited_for(
    raw: Callable[[bytes, bool], Address], begun: bytes
) -> None:
    begin = time.monotonic()
    with pytest.raises(PostFailed, match=r"no (whole )?answer within 0.3 s") as caught:
        post(raw(begun, False), b"{}", {}, seconds=0.3)
    assert time.monotonic() - begin < 3
    assert (caught.value.status, caught.value.retryable) == (0, True)


def test_drops_of_an_answer_do_not_buy_it_time(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                pause = threading.Event()
                while not pause.wait(0.05):
                    connection.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        begin = time.monotonic()
        with pytest.raises(PostFailed, match=r"no whole answer within 0\.4 s"):
            post(Address(f"http://127.0.0.1:{listener.getsockname()[1]}/"), b"{}", {}, 0.4)
        assert time.monotonic() - begin < 3
        thread.join()


@pytest.mark.parametrize("answer", [b"", b"hidden is no HTTP\r\n\r\n"])
def test_an_answer_that_is_none_is_a_failure(
    raw: Callable[[bytes, bool], Address], answer: bytes
) -> None:
    with pytest.raises(PostFailed, match="did not answer: ") as caught:
        post(raw(answer, True), b"{}", {}, seconds=5)
    assert "hidden" not in str(caught.value)


def test_where_nobody_listens_it_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(PostFailed, match="Connection refused"):
        post(Address(f"http://127.0.0.1:{port}/hidden"), b"{}", {})


def test_without_time_nothing_is_posted(server: Server) -> None:
    with pytest.raises(PostFailed, match="no time is left"):
        post(address(server), b"{}", {}, seconds=0)
    assert server.requests == []


def test_a_post_takes_no_more_than_half_of_what_is_left() -> None:
    assert choose_timeout(Context()) == 10
    assert choose_timeout(Context({"time_limit_in_ms": 4000}, lambda: 0.0)) == 2


# -- TLS


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


def test_a_server_is_posted_to_if_its_certificate_is_trusted(
    server: Server, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = certified(server, authority, "localhost")
    with pytest.raises(PostFailed, match="certificate is not trusted") as caught:
        post(url, b"{}", {})
    assert "hidden" not in str(caught.value)
    assert server.requests == []
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    assert post(url, b"{}", {}).status == 200


def test_the_certificate_of_another_host_is_not_trusted(
    server: Server, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = certified(server, authority, "other.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    with pytest.raises(PostFailed, match="certificate is not trusted"):
        post(url, b"{}", {})
    assert server.requests == []


def test_a_slow_handshake_leaves_less_time_for_the_answer(
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
        with pytest.raises(PostFailed, match=r"no whole answer within 1\.0 s"):
            post(Address(f"https://localhost:{listener.getsockname()[1]}/"), b"{}", {}, 1.0)
        thread.join()


# -- addresses


def test_an_address_shows_its_host_alone() -> None:
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
def test_an_address_of_another_form_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match="expected an address") as caught:
        Address(url)
    assert "hidden" not in str(caught.value)
