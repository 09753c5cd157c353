"""Mail by SMTP: one letter in text and HTML, over TLS, with an id by which a repetition can be recognised.

Python's own `smtplib` and `email`. One letter goes to all the recipients of an address; what the server says of some
of them alone is told, and not tried again, since the others have it.
"""

from __future__ import annotations

from ...errors import Drop
from ..http_post import MAX_POST_SECONDS
from .delivery import SendContext, is_host
from .email_body import parse_addresses, render_html, render_text
from .errors import NotifyError, explain_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import EmailMessage
    from smtplib import SMTP
    from ssl import SSLContext
    from typing import Any

    from ...common.deadline import Deadline, DeadlineSocket
    from .errors import Codes
    from .message import Message

_PORTS = {"smtps": 465, "smtp": 587}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LOGIN = "user and password in MPS_SMTP: many providers want a code made for programs (授权码) in place of the password"
_CODES: Codes = {
    "530": ("the server wants a user and a password in MPS_SMTP", None),
    "534": ("the server wants another way to log in", None),
    "535": (_LOGIN, None),
    "550": ("is there such an address, and may this user send from from=?", None),
    "552": ("the mailbox is full, or the letter too large", None),
    "553": ("may this user send from from=?", None),
    "554": ("the server takes it for spam, or does not allow it", None),
}


class Server:
    """``smtps://user:password@host:465``, or ``smtp://user:password@host:587``, which turns to TLS by STARTTLS.

    Signs like ``@ / :`` in user and password are written ``%40 %2F %3A``. ``?tls=no`` is for a server on this machine,
    or one that wants no password.

    Raises:
        ValueError: for anything else; no password is shown.
    """

    __slots__ = ("host", "password", "port", "tls", "user")

    def __init__(self, text: str) -> None:
        from urllib.parse import unquote, urlsplit

        expected = (
            "the SMTP server (MPS_SMTP): expected smtps://user:password@host:465 or smtp://…:587"
        )
        try:
            url = urlsplit(text.strip())
            self.host, port = url.hostname or "", url.port
        except ValueError:
            raise ValueError(expected) from None
        told = url.scheme in _PORTS and is_host(self.host)
        if not told or url.path not in ("", "/") or url.fragment:
            raise ValueError(f"{expected} (write / ? # @ in a password as %2F %3F %23 %40)")
        if url.query not in ("", "tls=no") or (url.query and url.scheme == "smtps"):
            raise ValueError(f"{expected}, and behind a ? no more than smtp://…?tls=no")
        self.port = port or _PORTS[url.scheme]
        self.user = unquote(url.username or "")
        self.password = unquote(url.password or "")
        if bool(self.user) != bool(self.password):
            raise ValueError(f"{expected}: with user and password, or without both")
        if not f"{self.user}{self.password}".isascii():
            raise ValueError(f"{expected}: SMTP takes user and password in ASCII alone")
        self.tls = "" if url.query else "from the start" if url.scheme == "smtps" else "STARTTLS"
        if self.password and not self.tls and self.host not in _LOOPBACK:
            raise ValueError(
                "the SMTP server (MPS_SMTP): a password is not sent without TLS: leave out tls=no"
            )


class Mail:
    """``mailto:a@example.com;b@example.com?from=mps@example.com``, by the server of ``MPS_SMTP``."""

    options = ("from",)
    channel = "mailto"

    def __init__(self, address: str, options: Mapping[str, str], server: Server | None) -> None:
        if server is None:
            raise ValueError("mail needs a server: MPS_SMTP=smtps://user:password@host:465")
        self._server = server
        self._to = parse_addresses(address, "addresses behind mailto:,")
        senders = parse_addresses(
            options.get("from", server.user), "from= (or a user in MPS_SMTP that is an address)"
        )
        if len(senders) != 1:
            raise ValueError("expected one address in from=")
        self._from = senders[0]
        self._secrets = (server.password,)

    def send(self, message: Message, sending: SendContext) -> None:
        """Raises NotifyError; Drop if some of the recipients were refused, as the others have it."""
        letter = self._letter(message, sending)
        left = sending.deadline.left()
        if left <= 0:
            raise NotifyError(self.channel, "no time is left to send the message", retryable=True)
        refused = self._transfer(letter, min(MAX_POST_SECONDS, left), sending.cafile)
        if refused:
            raise Drop(f"{self.channel}: sent, but not to {'; '.join(refused)}")

    def _letter(self, message: Message, sending: SendContext) -> EmailMessage:
        from email.message import EmailMessage
        from email.policy import SMTP
        from email.utils import formatdate

        now = sending.now()
        letter = EmailMessage(policy=SMTP)
        letter["From"] = self._from
        letter["To"] = ", ".join(self._to)
        letter["Subject"] = message.title
        letter["Date"] = formatdate(now)
        letter["Message-ID"] = message_id(sending.key, self._from)
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(render_text(message, now), cte="base64")
        letter.add_alternative(render_html(message, now), subtype="html", cte="base64")
        return letter

    def _transfer(self, letter: EmailMessage, seconds: float, cafile: str | None) -> list[str]:
        """Who was refused, and why; one of the others has it at least. Raises NotifyError."""
        import smtplib

        from ...common.certificates import explain_distrust, get_ssl_context
        from ...common.deadline import Deadline

        deadline = Deadline().within(seconds)
        tls = get_ssl_context(cafile) if self._server.tls else None
        server = _make_client(deadline, seconds, tls if self._server.tls != "STARTTLS" else None)
        # The host that the certificate names: smtplib learns it only in a constructor that connects at once.
        vars(server)["_host"] = self._server.host
        try:
            refused = self._converse(server, letter, tls)
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise self._error(code, said) from None
        except smtplib.SMTPResponseException as error:
            raise self._error(error.smtp_code, error.smtp_error) from None
        except smtplib.SMTPNotSupportedError as error:
            raise NotifyError(
                self.channel,
                f"{self._server.host} does not do what is needed: {error} (without STARTTLS it is smtps:// and "
                f"port 465)",
            ) from None
        except (OSError, smtplib.SMTPException) as error:
            refusal = explain_distrust(error)
            if refusal:
                raise NotifyError(self.channel, f"{self._server.host}: {refusal}") from None
            # smtplib raises a closed connection for a timeout of the socket.
            late = any(isinstance(one, TimeoutError) for one in (error, error.__context__))
            raise self._unfinished(seconds if late else type(error).__name__) from None
        finally:
            server.close()
        return [f"{to} ({self._error(*told)})" for to, told in refused.items()]

    def _converse(
        self, server: SMTP, letter: EmailMessage, tls: SSLContext | None
    ) -> dict[str, tuple[int, bytes]]:
        import smtplib
        from contextlib import suppress

        code, said = server.connect(self._server.host, self._server.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, said)
        if self._server.tls == "STARTTLS":
            server.starttls(context=_Upgrade(tls))  # type: ignore[call-overload]
        if self._server.password:
            try:
                server.login(self._server.user, self._server.password)
            except smtplib.SMTPServerDisconnected:
                # After a 535 smtplib goes on with another way to log in, but some servers have gone then.
                raise NotifyError(
                    self.channel,
                    f"{self._server.host} hung up on the login ({_LOGIN})",
                    retryable=True,
                ) from None
        refused = server.sendmail(self._from, self._to, letter.as_bytes())
        with suppress(smtplib.SMTPException, OSError):  # the server has the letter
            server.quit()
        return refused

    def _unfinished(self, why: float | str) -> NotifyError:
        """For what had no end within some seconds, or for a reason."""
        told = why if isinstance(why, str) else f"no end within {why:.3g} s"
        where = f"{self._server.host}:{self._server.port}"
        return NotifyError(self.channel, f"{where} did not take it: {told}", retryable=True)

    def _error(self, code: int, said: bytes | str) -> NotifyError:
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        transient = 400 <= code < 500
        return explain_refusal(self.channel, code, text, _CODES, self._secrets, transient=transient)


def _make_client(deadline: Deadline, seconds: float, tls: SSLContext | None) -> SMTP:
    """Return an SMTP client whose every operation ends by the deadline; with settings for TLS from the start on."""
    import smtplib

    from ...common.deadline import connect

    class Client(smtplib.SMTP):
        def _get_socket(self, host: str, port: int, timeout: float) -> Any:
            sock = connect(host, port, timeout, deadline)
            if tls is not None:
                sock.secure(tls, host)
            return sock

    # A name of its own: smtplib would look it up in DNS, which may take long.
    return Client(local_hostname="[127.0.0.1]", timeout=seconds)


class _Upgrade:
    """Settings of TLS for a socket that has a deadline, in the form that `SMTP.starttls` calls."""

    def __init__(self, context: SSLContext | None) -> None:
        self._context = context

    def wrap_socket(self, sock: DeadlineSocket, server_hostname: str) -> DeadlineSocket:
        assert self._context is not None
        sock.secure(self._context, server_hostname)
        return sock


def message_id(key: str, sender: str) -> str:
    """The id of a letter: the same whenever the same message is sent again from the same address."""
    return f"<{key}.mps@{sender.rpartition('@')[2]}>"
