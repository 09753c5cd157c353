"""HTTP POSTs to real servers: TLS, slow and broken responses, redirects, and invalid URLs."""

from __future__ import annotations

import hashlib
import hmac
import socket
import ssl
import time

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
from tests.support.raw_server import Peer, Server


def address(receiver, path="/hook/hidden?key=hidden"):
    return Address(f"http://127.0.0.1:{receiver.server_port}{path}")


def test_post_sends_path_headers_and_body(receiver):
    response = post(
        address(receiver, "/видео/a b?x=%41&y=ü".replace(" ", "%20")),
        b'{"a": 1}',
        {"Idempotency-Key": "k"},
    )
    assert (response.status, response.text) == (200, "ok")
    ((path, headers, body),) = receiver.requests
    assert path == "/%D0%B2%D0%B8%D0%B4%D0%B5%D0%BE/a%20b?x=%41&y=%C3%BC"
    assert body == b'{"a": 1}'
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["Idempotency-Key"] == "k"
    assert "Authorization" not in headers


def test_signature_covers_timestamp_and_content():
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
def test_post_fails_without_path_for_unsuccessful_status(receiver, status, retryable, word):
    elsewhere = {"Location": f"http://127.0.0.1:{receiver.server_port}/hidden-too"}
    receiver.response = (status, b"there is no /hook/hidden", elsewhere)
    with pytest.raises(PostFailed, match=word) as caught:
        post(address(receiver), b"{}", {})
    assert "hidden" not in str(caught.value)
    assert (caught.value.status, caught.value.retryable) == (status, retryable)
    assert caught.value.response_text == "there is no /hook/hidden"
    assert len(receiver.requests) == 1


def test_post_reads_limited_response(receiver):
    receiver.response = (200, b"x" * (MAX_RESPONSE_BYTES + 100_000), {})
    assert len(post(address(receiver), b"{}", {}).text) == MAX_RESPONSE_BYTES


@pytest.mark.parametrize(
    "begun",
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"],
    ids=["nothing", "half a head", "half a body"],
)
def test_post_times_out_for_incomplete_response(begun):
    begin = time.monotonic()
    with (
        Server(lambda peer: (peer.read_request(), peer.send(begun), peer.wait())) as server,
        pytest.raises(PostFailed, match="within") as caught,
    ):
        post(Address(server.url), b"{}", {}, seconds=0.3)
    assert time.monotonic() - begin < 3
    assert (caught.value.status, caught.value.retryable) == (0, True)


@pytest.mark.parametrize("content", [b"", b"hidden is no HTTP\r\n\r\n"])
def test_post_fails_for_malformed_response(content):
    with (
        Server(lambda peer: (peer.read_request(), peer.send(content))) as server,
        pytest.raises(PostFailed, match="response") as caught,
    ):
        post(Address(f"{server.url}/hidden"), b"{}", {}, seconds=5)
    assert "hidden" not in str(caught.value)


def test_post_fails_for_closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(PostFailed, match="refused"):
        post(Address(f"http://127.0.0.1:{port}/hidden"), b"{}", {})


def test_post_sends_nothing_without_time(receiver):
    with pytest.raises(PostFailed, match="time"):
        post(address(receiver), b"{}", {}, seconds=0)
    assert receiver.requests == []


def test_timeout_is_half_of_remaining_time():
    assert choose_timeout(Context()) == 10
    assert choose_timeout(Context({"time_limit_in_ms": 4000}, lambda: 0.0)) == 2


def test_slow_handshake_counts_toward_timeout(tmp_path, monkeypatch):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    def handle(peer: Peer) -> None:
        peer.wait(0.7)
        with context.wrap_socket(peer.sock, server_side=True) as secured:
            secured.recv(65536)
            peer.wait(0.7)
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with Server(handle) as server, pytest.raises(PostFailed, match="within"):
        post(Address(f"https://localhost:{server.port}/"), b"{}", {}, 1.0)


def test_address_shows_only_host():
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
def test_address_rejects_invalid_url_without_showing_it(url):
    with pytest.raises(ValueError, match="URL") as caught:
        Address(url)
    assert "hidden" not in str(caught.value)
