"""Absolute deadlines, and sockets whose every operation ends before one.

A socket's own timeout starts again with each byte, so that a slow peer never reaches it. `DeadlineSocket` sets the
timeout of each operation to the remaining time. The resolver has no timeout: `connect` abandons its thread.
"""

from __future__ import annotations

import math
import socket
import threading
import time
from time import monotonic

from ..context import RESERVE_SECONDS as RESERVE_SECONDS
from .operations import Operation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from ssl import SSLContext
    from typing import Any

    from typing_extensions import Buffer

    from ..context import Context

_MAX_SEND_BYTES = 64 * 1024
"""Maximum bytes of one send, because TLS returns from a send only after all of them."""


class DeadlineExceeded(TimeoutError):
    """No time remains to begin an operation."""


class Deadline:
    """A point in time that bounds operations.

    Args:
        at: the time on `clock`, in seconds. Infinity by default.
        clock: returns the current time in seconds.
        pause: waits for some seconds on that clock.
        purpose: of the waits: ``cos`` or ``api``.
    """

    __slots__ = ("_pause", "_purpose", "at", "clock")

    def __init__(
        self,
        at: float = math.inf,
        clock: Callable[[], float] = monotonic,
        pause: Callable[[float], None] = time.sleep,
        purpose: str = "cos",
    ) -> None:
        self.at = at
        self.clock = clock
        self._pause = pause
        self._purpose = purpose

    @classmethod
    def before_end(cls, context: Context | None, purpose: str = "cos") -> Deadline:
        """Return the deadline of an invocation, `Context.reserve` before SCF ends it. Infinity without a context."""
        if context is None:
            return cls(purpose=purpose)
        return cls(context.deadline - context.reserve, context.clock, context.sleep, purpose)

    def within(self, seconds: float) -> Deadline:
        """Return the earlier of this deadline and the one `seconds` from now."""
        return Deadline(
            min(self.at, self.clock() + seconds), self.clock, self._pause, self._purpose
        )

    def remaining(self) -> float:
        """Return the remaining seconds, 0 or less after the deadline."""
        return self.at - self.clock()

    def timeout(self, max_seconds: float = math.inf) -> float:
        """Return the timeout of one operation in seconds, at most `max_seconds`.

        Raises:
            DeadlineExceeded: no time remains.
        """
        remaining = self.remaining()
        if remaining <= 0:
            raise DeadlineExceeded("no time remains")
        return min(max_seconds, remaining)

    def sleep(self, seconds: float) -> bool:
        """Wait for some seconds. Return False at once if the wait would reach the deadline."""
        if seconds > 0:
            if seconds >= self.remaining():
                return False
            with Operation("wait", self._purpose):
                self._pause(seconds)
        return True


class DeadlineSocket:
    """A socket, plain or TLS, whose operations end at a deadline.

    It has the methods that `http.client`, `smtplib`, `urllib3` and `redis` use, including `makefile`.

    Args:
        connected: the socket. It is closed with this one.
        timeout: seconds without a byte that end an operation. `settimeout` changes them.
        deadline: bounds all operations. Assign `deadline` to reuse the connection with another one.
    """

    def __init__(
        self, connected: socket.socket, timeout: float | None, deadline: Deadline | None = None
    ) -> None:
        self.deadline = deadline or Deadline()
        self._socket = connected
        self._set: float | None = -1.0
        self._io_refs = 0
        self._closed = False
        self.settimeout(timeout)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def settimeout(self, seconds: float | None) -> None:
        """Set the seconds without a byte that end an operation. With None only the deadline ends it."""
        self._idle = math.inf if seconds is None else seconds

    def gettimeout(self) -> float | None:
        """Return the timeout of the next operation in seconds, or None."""
        timeout = self.deadline.timeout(self._idle)
        return None if timeout == math.inf else timeout

    def _prepare(self) -> socket.socket:
        """Return the socket with the timeout of one operation. Raises DeadlineExceeded."""
        timeout = self.gettimeout()
        if timeout != self._set:
            self._socket.settimeout(timeout)
            self._set = timeout
        return self._socket

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Receive at most `size` bytes."""
        return self._prepare().recv(size, flags)

    def recv_into(self, buffer: Buffer, size: int = 0, flags: int = 0) -> int:
        """Receive bytes into a buffer and return their number."""
        return self._prepare().recv_into(buffer, size, flags)

    def send(self, data: Buffer, flags: int = 0) -> int:
        """Send some of the bytes and return their number."""
        return self._prepare().send(memoryview(data)[:_MAX_SEND_BYTES], flags)

    def sendall(self, data: Buffer, flags: int = 0) -> None:
        """Send all bytes."""
        view = memoryview(data).cast("B")
        while view:
            view = view[self.send(view, flags) :]

    def do_handshake(self) -> None:
        """Complete the TLS handshake."""
        self._prepare().do_handshake()  # type: ignore[attr-defined]

    def secure(self, context: SSLContext, host: str) -> None:
        """Start TLS and verify the certificate of `host`. If that fails, close the socket and raise OSError."""
        try:
            self._socket = context.wrap_socket(
                self._socket, server_hostname=host, do_handshake_on_connect=False
            )
            self.do_handshake()
        except BaseException:
            self.close()
            raise

    # Files of a socket keep it open. Python's own methods count them in `_io_refs`.

    def makefile(self, *arguments: Any, **keywords: Any) -> Any:
        """Return a file of the socket, as `socket.socket.makefile` does."""
        return socket.socket.makefile(self, *arguments, **keywords)  # type: ignore[call-overload]

    def close(self) -> None:
        """Close the socket when all its files are closed."""
        socket.socket.close(self)  # type: ignore[arg-type]

    def _decref_socketios(self) -> None:
        socket.socket._decref_socketios(self)  # type: ignore[attr-defined]

    def _real_close(self) -> None:
        self._socket.close()

    def close_at_once(self) -> None:
        """Close the socket, even if files of it are open."""
        self.close()
        self._real_close()


def _resolve_host(host: str, port: int, deadline: Deadline) -> list[Any]:
    """Return the result of `socket.getaddrinfo`, which takes 20 s and more if a name server is silent.

    Raises:
        OSError: there is no such host. TimeoutError: there is no answer by the deadline.
    """
    results: list[Any] = []

    def resolve() -> None:
        try:
            results.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as error:
            results.append(error)

    timeout = deadline.timeout(threading.TIMEOUT_MAX)
    thread = threading.Thread(target=resolve, name="dns", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # there are too many threads, or the interpreter ends
        resolve()
    else:
        thread.join(timeout)
    if not results:
        raise TimeoutError(f"no address of {host} within {timeout:.1f} s")
    if isinstance(results[0], Exception):
        raise results[0]
    addresses: list[Any] = results[0]
    return addresses


def connect(
    host: str, port: int, timeout: float, deadline: Deadline | None = None
) -> DeadlineSocket:
    """Connect to the first address of a host that answers.

    `timeout` is the seconds for all addresses together, and later without a byte. The deadline also bounds all later
    operations.

    Raises:
        OSError: nothing answers. DeadlineExceeded: no time remains.
    """
    deadline = deadline or Deadline()
    connecting = deadline.within(timeout)
    failure: OSError | None = None
    addresses = _resolve_host(host, port, connecting)
    for number, (family, kind, protocol, _, address) in enumerate(addresses):
        connection = socket.socket(family, kind, protocol)
        try:
            # Each address gets a share of the time, so that a silent one leaves time for the next.
            connection.settimeout(connecting.timeout() / (len(addresses) - number))
            connection.connect(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return DeadlineSocket(connection, timeout, deadline)
        except OSError as error:
            connection.close()
            failure = failure or error
    assert failure is not None  # getaddrinfo returns an address or raises
    raise failure
