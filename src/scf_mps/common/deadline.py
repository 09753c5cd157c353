"""An absolute deadline, and a socket whose every operation ends before it.

A socket's own timeout starts again with each byte, so a peer that drips never meets it. `DeadlineSocket` sets the timeout
of each operation from the time that is left. The resolver takes no timeout: `connect` gives up on its thread.
"""

from __future__ import annotations

import math
import socket
import threading
import time
from time import monotonic

from ..context import RESERVE_SECONDS as RESERVE_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from ssl import SSLContext
    from typing import Any

    from typing_extensions import Buffer

    from ..context import Context

_MAX_SEND_BYTES = 64 * 1024
"""Bytes of one send: TLS returns from a send only when all of them are gone."""


class DeadlineExceeded(TimeoutError):
    """No time is left to begin an operation."""


class Deadline:
    """A point in time that bounds all operations begun with it.

    Args:
        at: when, on `clock`, in seconds. Infinity by default.
        clock: returns the current time in seconds.
    """

    __slots__ = ("at", "clock")

    def __init__(self, at: float = math.inf, clock: Callable[[], float] = monotonic) -> None:
        self.at = at
        self.clock = clock

    @classmethod
    def before_end(cls, context: Context | None) -> Deadline:
        """Return the deadline of an invocation, `Context.reserve` before SCF ends it. Without a context: infinity."""
        return cls(context.deadline - context.reserve, context.clock) if context else cls()

    def within(self, seconds: float) -> Deadline:
        """Return this deadline, or the one `seconds` from now if that is earlier."""
        return Deadline(min(self.at, self.clock() + seconds), self.clock)

    def left(self) -> float:
        """Return the seconds that are left: 0 or less after the deadline."""
        return self.at - self.clock()

    def timeout(self, longest: float = math.inf) -> float:
        """Return the seconds that one operation may take, at most `longest`.

        Raises:
            DeadlineExceeded: none are left.
        """
        left = self.left()
        if left <= 0:
            raise DeadlineExceeded("no time is left")
        return min(longest, left)

    def sleep(self, seconds: float) -> bool:
        """Wait. Return False at once if the wait would reach the deadline."""
        if seconds > 0:
            if seconds >= self.left():
                return False
            time.sleep(seconds)
        return True


class DeadlineSocket:
    """A socket, plain or TLS, that no operation keeps waiting past a deadline.

    It has the methods that `http.client`, `smtplib`, `urllib3` and `redis` use, `makefile` included.

    Args:
        connected: the socket. It is closed with this one.
        timeout: seconds without a byte that end an operation, as `settimeout` changes them.
        deadline: the bound of all operations. Assign `deadline` to reuse the connection with another one.
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
        """Set the seconds without a byte that end an operation. None: only the deadline does."""
        self._idle = math.inf if seconds is None else seconds

    def gettimeout(self) -> float | None:
        """Return the seconds that the next operation may take."""
        timeout = self.deadline.timeout(self._idle)
        return None if timeout == math.inf else timeout

    def _bound(self) -> socket.socket:
        """Return the socket, ready for one operation. Raises DeadlineExceeded."""
        timeout = self.gettimeout()
        if timeout != self._set:
            self._socket.settimeout(timeout)
            self._set = timeout
        return self._socket

    def recv(self, size: int, flags: int = 0) -> bytes:
        return self._bound().recv(size, flags)

    def recv_into(self, buffer: Buffer, size: int = 0, flags: int = 0) -> int:
        return self._bound().recv_into(buffer, size, flags)

    def send(self, data: Buffer, flags: int = 0) -> int:
        return self._bound().send(memoryview(data)[:_MAX_SEND_BYTES], flags)

    def sendall(self, data: Buffer, flags: int = 0) -> None:
        view = memoryview(data).cast("B")
        while view:
            view = view[self.send(view, flags) :]

    def do_handshake(self) -> None:
        self._bound().do_handshake()  # type: ignore[attr-defined]

    def secure(self, context: SSLContext, host: str) -> None:
        """Turn to TLS, by a certificate of `host`. Raises OSError, and closes the socket, if that fails."""
        try:
            self._socket = context.wrap_socket(
                self._socket, server_hostname=host, do_handshake_on_connect=False
            )
            self.do_handshake()
        except BaseException:
            self.close()
            raise

    # Files made from a socket keep it open. Python's own methods count them, in `_io_refs`.

    def makefile(self, *arguments: Any, **keywords: Any) -> Any:
        return socket.socket.makefile(self, *arguments, **keywords)  # type: ignore[call-overload]

    def close(self) -> None:
        socket.socket.close(self)  # type: ignore[arg-type]

    def _decref_socketios(self) -> None:
        socket.socket._decref_socketios(self)  # type: ignore[attr-defined]

    def _real_close(self) -> None:
        self._socket.close()

    def close_at_once(self) -> None:
        """Close the socket, although there may be files that were made from it."""
        self.close()
        self._real_close()


def _look_up(host: str, port: int, deadline: Deadline) -> list[Any]:
    """Return what `socket.getaddrinfo` returns. A name server that is silent takes it 20 s and more.

    Raises:
        OSError: there is no such host, TimeoutError without an answer by the deadline.
    """
    answers: list[Any] = []

    def look_up() -> None:
        try:
            answers.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as error:
            answers.append(error)

    timeout = deadline.timeout(threading.TIMEOUT_MAX)
    thread = threading.Thread(target=look_up, name="dns", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no thread is left, or the interpreter ends
        look_up()
    else:
        thread.join(timeout)
    if not answers:
        raise TimeoutError(f"no address of {host} within {timeout:.1f} s")
    if isinstance(answers[0], Exception):
        raise answers[0]
    found: list[Any] = answers[0]
    return found


def connect(
    host: str, port: int, timeout: float, deadline: Deadline | None = None
) -> DeadlineSocket:
    """Connect to the first address of a host that answers.

    Args:
        timeout: seconds for all addresses together, and from then on without a byte.
        deadline: the bound of all operations, of this one on.

    Raises:
        OSError: nothing answers, DeadlineExceeded if no time is left.
    """
    deadline = deadline or Deadline()
    connecting = deadline.within(timeout)
    failure: OSError | None = None
    addresses = _look_up(host, port, connecting)
    for number, (family, kind, protocol, _, address) in enumerate(addresses):
        connection = socket.socket(family, kind, protocol)
        try:
            # A share for each address that is left, so that one that is silent leaves time for the next.
            connection.settimeout(connecting.timeout() / (len(addresses) - number))
            connection.connect(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return DeadlineSocket(connection, timeout, deadline)
        except OSError as error:
            connection.close()
            failure = failure or error
    assert failure is not None  # getaddrinfo returns an address or raises
    raise failure
