"""Server of the console: addresses, taken ports, stop, and errors of its own."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace

import pytest

from scf_mps.local.dev.server import Console, PortUnavailable

from .http_client import Page, open_stream
from .projects import Start


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_console_listens_on_loopback_only(console: Console, page: Page) -> None:
    assert console.url == f"http://127.0.0.1:{console.port}"
    assert page.get("/").status == 200
    addresses = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    for address in {str(info[4][0]) for info in addresses} - {"127.0.0.1"}:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address, console.port), timeout=5)


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
def test_console_listens_on_ipv6(console: Console) -> None:
    with socket.create_connection(("::1", console.port)) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: [::1]:{console.port}\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_taken_port_is_named(start: Start, host: str) -> None:
    if host == "::1" and not has_ipv6():
        pytest.skip("this machine has no IPv6 loopback")
    stack = start()
    before = threading.active_count()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as taken:
        port = taken.getsockname()[1]
        stack.options = replace(stack.options, port=port)
        with pytest.raises(PortUnavailable, match=str(port)) as caught, Console(stack):
            pass
    assert "--port" in str(caught.value)
    assert host in str(caught.value)
    assert threading.active_count() == before


def test_stop_is_quick_with_open_streams(console: Console, page: Page) -> None:
    assert page.get("/").status == 200
    with open_stream(console), socket.create_connection(("127.0.0.1", console.port)) as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(12) == b"HTTP/1.1 200"
        begin = time.monotonic()
        console.stack.close()
        assert time.monotonic() - begin < 1
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", console.port))
