"""SMTP server that accepts every mail on the loopback interface and passes none on.

It needs only the standard library:

    with MailSink() as mail:
        mail.observe(print)
        os.environ["MPS_SMTP"] = mail.build_url("mps@example.com")
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from socketserver import StreamRequestHandler, ThreadingTCPServer
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import quote

from .background import ServerThread
from .observers import Observers

if TYPE_CHECKING:
    from typing_extensions import Self

HOST = "127.0.0.1"
MAX_LINE_BYTES = 64 * 1024
MAX_MAIL_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """An accepted mail: sender and recipients of its envelope, and its content."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage


class _Server(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, observers: Observers[ReceivedMail]) -> None:
        super().__init__((HOST, 0), _Session)
        self.observers = observers


class _Session(StreamRequestHandler):
    """A connection of a client (RFC 5321, with AUTH PLAIN of RFC 4954)."""

    timeout = 60

    def handle(self) -> None:
        """Answer commands until QUIT or the end of the connection."""
        self._send("220 mail sink")
        sender, recipients = "", list[str]()
        while line := self.rfile.readline(MAX_LINE_BYTES):
            command, _, argument = line.decode("utf-8", "replace").strip().partition(" ")
            command = command.upper()
            if command == "MAIL":
                sender, recipients = _read_address(argument), []
            elif command == "RCPT":
                recipients.append(_read_address(argument))
            elif command == "DATA":
                self._send("354 go on")
                self._receive(sender, recipients)
                continue
            self._send(_RESPONSES.get(command, "502 not implemented"))
            if command == "QUIT":
                return

    def _receive(self, sender: str, recipients: list[str]) -> None:
        content = bytearray()
        while (line := self.rfile.readline(MAX_LINE_BYTES)) not in (b".\r\n", b""):
            if len(content) <= MAX_MAIL_BYTES:
                content += line.removeprefix(b".") if line.startswith(b"..") else line
        if len(content) > MAX_MAIL_BYTES:
            self._send("552 the mail is too large")
            return
        message = message_from_bytes(bytes(content), policy=policy.default)
        assert isinstance(self.server, _Server)
        self.server.observers.notify(ReceivedMail(sender, tuple(recipients), message))
        self._send("250 accepted")

    def _send(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


_RESPONSES = {
    "EHLO": "250-mail sink\r\n250 AUTH PLAIN",
    "HELO": "250 mail sink",
    "AUTH": "235 accepted",
    "QUIT": "221 bye",
    **dict.fromkeys(("MAIL", "RCPT", "RSET", "NOOP"), "250 ok"),
}


class MailSink:
    """An SMTP server in a background thread: `with MailSink() as mail:`."""

    def __init__(self) -> None:
        self._observers = Observers[ReceivedMail]()
        self._thread: ServerThread | None = None
        self.port = 0

    def observe(self, observer: Callable[[ReceivedMail], object]) -> None:
        """Call a function with every mail, before the response. Its exceptions are logged."""
        self._observers.add(observer)

    def build_url(self, sender: str) -> str:
        """Return the value of ``MPS_SMTP`` with a default sender."""
        return f"smtp://{quote(sender, safe='')}:local@{HOST}:{self.port}?tls=no"

    def __enter__(self) -> Self:
        server = _Server(self._observers)
        self.port = server.server_address[1]
        self._thread = ServerThread(server, "mail-sink")
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        assert self._thread is not None
        self._thread.stop()


def _read_address(argument: str) -> str:
    """Return the address in ``FROM:<address>``."""
    return argument.partition("<")[2].partition(">")[0]
