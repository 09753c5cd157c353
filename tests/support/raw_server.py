"""Servers of raw sockets, whose connections a function of the test handles."""

import socket
import threading
from contextlib import suppress


class Peer:
    """One connection to a server, with slow writes until the server is closed."""

    def __init__(self, sock, closing):
        self.sock = sock
        self.closing = closing

    def read_head(self):
        """Return the head of a request."""
        head = b""
        while b"\r\n\r\n" not in head and (byte := self.sock.recv(1)):
            head += byte
        return head

    def read_request(self):
        """Read a request and return its head."""
        head = self.read_head()
        _, _, rest = head.lower().partition(b"content-length: ")
        left = int(rest.split(b"\r\n")[0]) if rest else 0
        while left and (data := self.sock.recv(min(left, 1 << 16))):
            left -= len(data)
        return head

    def send(self, data):
        self.sock.sendall(data)

    def wait(self, seconds=60.0):
        """Stay silent. Return True if the server closes meanwhile."""
        return self.closing.wait(seconds)

    def drip(self, pieces, seconds=0.1):
        """Send the pieces, with a pause after each."""
        for piece in pieces:
            self.send(piece)
            if self.wait(seconds):
                return


class Server:
    """A server on a loopback port.

    Args:
        handle: handles one connection in a thread. It ends with the connection: OSErrors are expected.
        context: TLS for every connection.

    Attributes:
        connections: how many were accepted.
        on_exit: what to call before it closes, e.g. to close the clients.
    """

    def __init__(self, handle, context=None):
        self.connections = 0
        self.on_exit = []
        self._handle = handle
        self._context = context
        self._closing = threading.Event()
        self._threads = []
        self._sockets = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        self._start(self._accept)
        return self

    def __exit__(self, *_):
        for close in self.on_exit:
            close()
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _start(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._sockets.append(sock)
            self._start(self._serve, sock)

    def _serve(self, sock):
        sock.settimeout(30)
        with sock, suppress(OSError):
            if self._context is None:
                self._handle(Peer(sock, self._closing))
            else:
                with self._context.wrap_socket(sock, server_side=True) as secure:
                    self._handle(Peer(secure, self._closing))
