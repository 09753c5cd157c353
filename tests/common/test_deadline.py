"""Deadlines, and sockets that end at one."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from contextlib import ExitStack
from itertools import repeat

import pytest
import trustme

from scf_mps.common.deadline import (
    RESERVE_SECONDS,
    Deadline,
    DeadlineExceeded,
    DeadlineSocket,
    connect,
)
from scf_mps.context import Context
from tests.support.raw_server import Peer, Server


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with theirs:
        bound = DeadlineSocket(ours, 5.0)
        yield bound, theirs
        bound.close()


def test_deadline_keeps_a_reserve_of_the_invocation():
    context = Context({"time_limit_in_ms": 10_000}, clock=lambda: 100.0)
    deadline = Deadline.before_end(context)
    assert deadline.remaining() == pytest.approx(10 - RESERVE_SECONDS)
    assert deadline.timeout(3) == 3
    assert deadline.within(3).remaining() == pytest.approx(3)
    assert deadline.within(60).remaining() == deadline.remaining()


def test_deadline_has_no_timeout_when_over():
    assert Deadline.before_end(None).timeout(7) == 7
    with pytest.raises(DeadlineExceeded):
        Deadline(1.0, lambda: 1.0).timeout(5)


def test_deadline_sleeps_only_within_itself():
    begun = time.monotonic()
    deadline = Deadline(begun + 30)
    assert deadline.sleep(0)
    assert deadline.sleep(0.01)
    assert not deadline.sleep(60)
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    ("operation", "argument"),
    [("recv", 1), ("recv_into", bytearray(1)), ("send", b"x"), ("sendall", b"x")],
)
def test_socket_starts_no_operation_after_the_deadline(pair, operation, argument):
    bound, _ = pair
    bound.deadline = Deadline(0.0)
    with pytest.raises(DeadlineExceeded):
        getattr(bound, operation)(argument)


@pytest.mark.parametrize(
    ("operation", "argument"), [("recv", 1), ("sendall", memoryview(bytes(50_000_000)))]
)
def test_socket_ends_an_operation_at_the_deadline(pair, operation, argument):
    bound, _ = pair
    begun = time.monotonic()
    bound.deadline = Deadline(begun + 0.2)
    with pytest.raises(TimeoutError):
        getattr(bound, operation)(argument)
    assert time.monotonic() - begun < 3


def test_socket_may_wait_without_limit(pair):
    bound, theirs = pair
    bound.settimeout(None)
    theirs.sendall(b"x")
    assert bound.recv(1) == b"x"
    assert bound.gettimeout() is None


def test_socket_does_not_wait_when_nonblocking(pair):
    bound, _ = pair
    bound.settimeout(0)
    with pytest.raises(BlockingIOError):
        bound.recv(1)


def test_socket_stays_open_for_its_files(pair):
    bound, theirs = pair
    with bound.makefile("rb") as file:
        bound.close()
        theirs.sendall(b"line\n")
        assert file.readline() == b"line\n"
        assert bound.fileno() != -1
    assert bound.fileno() == -1


def test_file_of_a_socket_ends_at_the_deadline():
    with Server(lambda peer: peer.drip(repeat(b"x"), 0.02)) as server:
        begun = time.monotonic()
        bound = connect("127.0.0.1", server.port, 5.0, Deadline(begun + 0.3))
        with bound.makefile("rb") as file, pytest.raises(TimeoutError):
            file.readline()
        bound.close()
        assert time.monotonic() - begun < 3


def test_http_client_works_over_deadline_socket():
    def answer(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    with Server(answer) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.sock = connect("127.0.0.1", server.port, 5.0)
        connection.request("POST", "/", b"x" * 200_000)
        assert connection.getresponse().read() == b"ok"
        connection.close()


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def test_tls_sends_and_receives(authority):
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(theirs)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)

    def echo(peer: Peer) -> None:
        left = 300_000
        while left:
            data = peer.sock.recv(65536)
            left -= len(data)
            peer.send(data)

    with Server(echo, theirs) as server:
        bound = connect("127.0.0.1", server.port, 5.0, Deadline().within(30))
        bound.secure(ours, "localhost")
        bound.sendall(b"x" * 150_000)
        bound.sendall(b"x" * 150_000)
        with bound.makefile("rb") as file:
            assert file.read(300_000) == b"x" * 300_000
        bound.close()


def test_tls_handshake_ends_at_the_deadline():
    with Server(lambda peer: peer.wait()) as server:
        begun = time.monotonic()
        bound = connect("127.0.0.1", server.port, 5.0, Deadline(begun + 0.2))
        with pytest.raises(TimeoutError):
            bound.secure(ssl.create_default_context(), "localhost")
        bound.close()
        assert time.monotonic() - begun < 3


def resolve_to(monkeypatch, *ports):
    def addresses(host: str, port: int, **_: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", one)) for one in ports]

    monkeypatch.setattr(socket, "getaddrinfo", addresses)


@pytest.fixture
def hanging_port():
    """Yield the port of a listener with a full backlog, so that connecting to it hangs."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_connect_bounds_all_addresses_together(monkeypatch, hanging_port):
    resolve_to(monkeypatch, *[hanging_port] * 5)
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        connect("cos.example", 443, 5.0, Deadline(begun + 0.5))
    assert 0.4 < time.monotonic() - begun < 3


def test_connect_ends_when_name_server_is_silent(monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(60))
    began = time.monotonic()
    try:
        with pytest.raises(TimeoutError):
            connect("media.example.com", 443, 15.0, Deadline().within(0.2))
    finally:
        released.set()
    assert time.monotonic() - began < 10


def test_connect_resolves_without_a_thread(monkeypatch):
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        connect("127.0.0.1", port, 5.0).close()


def test_connect_raises_when_host_is_unknown(monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise socket.gaierror("no such host")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(socket.gaierror):
        connect("media.example.com", 443, 15.0)


def test_connect_leaves_time_for_the_next_address(monkeypatch, hanging_port):
    with Server(lambda peer: peer.send(b"hello")) as server:
        resolve_to(monkeypatch, hanging_port, server.port)
        bound = connect("cos.example", 443, 5.0, Deadline().within(2.0))
        assert bound.recv(5) == b"hello"
        bound.close()


def test_connect_raises_when_refused():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        connect("127.0.0.1", port, 5.0)
