"""Isolation of tests: no variables and no connections of this machine reach the cloud."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

DROPPED_PREFIXES = ("MPS_", "TENCENT")

_LOOPBACK_NAMES = ("localhost", "::1", "", "0.0.0.0", "::")


class ConnectionRefusedInTest(OSError):
    """A test tried to reach another machine."""


@contextmanager
def drop_variables() -> Iterator[None]:
    """Remove the variables of the function and of credentials. Restore all of them at the end."""
    before = _find_variables()
    for name in before:
        del os.environ[name]
    try:
        yield
    finally:
        for name in _find_variables():
            del os.environ[name]
        os.environ.update(before)


def _find_variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(DROPPED_PREFIXES)}


@contextmanager
def refuse_network() -> Iterator[None]:
    """Refuse connections, datagrams and name look-ups off the loopback interface."""
    resolve: Any = socket.getaddrinfo

    def check(family: int, address: Any) -> None:
        if family in (socket.AF_INET, socket.AF_INET6):
            _check_host(address[0])

    def connect(self: socket.socket, address: Any) -> None:
        check(self.family, address)
        super(socket.socket, self).connect(address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        check(self.family, address)
        return super(socket.socket, self).connect_ex(address)

    def sendto(self: socket.socket, data: Any, *arguments: Any) -> int:
        check(self.family, arguments[-1])
        return super(socket.socket, self).sendto(data, *arguments)

    def getaddrinfo(host: Any, *arguments: Any, **keywords: Any) -> Any:
        _check_host(host)
        return resolve(host, *arguments, **keywords)

    replaced: dict[str, Any] = {"connect": connect, "connect_ex": connect_ex, "sendto": sendto}
    before = {name: function for name in replaced if (function := vars(socket.socket).get(name))}
    for name, function in replaced.items():
        setattr(socket.socket, name, function)
    socket.getaddrinfo = getaddrinfo
    try:
        yield
    finally:
        socket.getaddrinfo = resolve
        for name in replaced:
            delattr(socket.socket, name)
        for name, function in before.items():
            setattr(socket.socket, name, function)


def _check_host(host: object) -> None:
    name = host.decode("idna") if isinstance(host, bytes) else str(host or "")
    if name not in _LOOPBACK_NAMES and not name.startswith("127."):
        raise ConnectionRefusedInTest(
            f"this test may not connect to {name}. Ask the fixture mps for an emulator (mps.cos, mps.api), or replace "
            f"the client with mps.override()"
        )
