"""Email by SMTP: text and HTML, over TLS, with a stable message id.

It uses Python's `smtplib` and `email`. One email goes to all recipients of an address. If the server refuses some of
them, this is reported and not retried, because the others have the email.
"""

from __future__ import annotations

from ...errors import Drop
from ..http_post import MAX_POST_SECONDS
from .delivery import SendContext, is_host
from .email_body import parse_addresses, render_html, render_text
from .errors import NotifyError, Refusals

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
_INVALID_SERVER = "invalid MPS_SMTP: use smtps://user:password@host:465 or smtp://…:587"
_LOGIN_ADVICE = "check user and password in MPS_SMTP: many providers require an app password (授权码) instead of the password"
_CODES: Codes = {
    "530": ("the server requires a user and a password in MPS_SMTP", None),
    "534": ("the server requires another login method", None),
    "535": (_LOGIN_ADVICE, None),
    "550": ("check the recipient, and whether the user may send from from=", None),
    "552": ("the mailbox is full, or the email too large", None),
    "553": ("check whether the user may send from from=", None),
    "554": ("the server rejects it as spam, or does not allow it", None),
}


class Server:
    """``smtps://user:password@host:465``, or ``smtp://user:password@host:587`` with STARTTLS.

    Write ``@ / :`` in user and password as ``%40 %2F %3A``. ``?tls=no`` is for a server on this machine, or one
    without a password.

    Raises:
        ValueError: the text is invalid. The message contains no password.
    """

    __slots__ = ("host", "password", "port", "tls", "user")

    def __init__(self, text: str) -> None:
        from urllib.parse import unquote, urlsplit

        try:
            url = urlsplit(text.strip())
            self.host, port = url.hostname or "", url.port
        except ValueError:
            raise ValueError(_INVALID_SERVER) from None
        valid = url.scheme in _PORTS and is_host(self.host)
        if not valid or url.path not in ("", "/") or url.fragment:
            raise ValueError(f"{_INVALID_SERVER} (write / ? # @ in a password as %2F %3F %23 %40)")
        if url.query not in ("", "tls=no") or (url.query and url.scheme == "smtps"):
            raise ValueError(f"{_INVALID_SERVER}. The only option is smtp://…?tls=no")
        self.port = port or _PORTS[url.scheme]
        self.user = unquote(url.username or "")
        self.password = unquote(url.password or "")
        if bool(self.user) != bool(self.password):
            raise ValueError(f"{_INVALID_SERVER}, with user and password or without both")
        if not f"{self.user}{self.password}".isascii():
            raise ValueError(f"{_INVALID_SERVER}: user and password must be ASCII")
        self.tls = "" if url.query else "implicit" if url.scheme == "smtps" else "STARTTLS"
        if self.password and not self.tls and self.host not in _LOOPBACK:
            raise ValueError("invalid MPS_SMTP: a password requires TLS. Remove tls=no")


class Mail:
    """``mailto:a@example.com;b@example.com?from=mps@example.com``, by the server of ``MPS_SMTP``."""

    options = ("from",)
    channel = "mailto"

    def __init__(self, address: str, options: Mapping[str, str], server: Server | None) -> None:
        if server is None:
            raise ValueError("missing MPS_SMTP: set smtps://user:password@host:465")
        self._server = server
        self._to = parse_addresses(address, "after mailto:")
        senders = parse_addresses(
            options.get("from", server.user), "in from= (or as the user in MPS_SMTP)"
        )
        if len(senders) != 1:
            raise ValueError("invalid from=: use one address")
        self._from = senders[0]
        self._refusals = Refusals(self.channel, _CODES, (server.password,))

    def send(self, message: Message, sending: SendContext) -> None:
        """Send a message.

        Raises:
            NotifyError: the server refused the email or could not be reached.
            Drop: some recipients were refused. The others have the email.
        """
        email = self._build_email(message, sending)
        left = sending.deadline.remaining()
        if left <= 0:
            raise NotifyError(self.channel, "no time left to send the message", retryable=True)
        refused = self._transfer(email, min(MAX_POST_SECONDS, left), sending.cafile)
        if refused:
            raise Drop(f"{self.channel}: sent, but refused for {'; '.join(refused)}")

    def _build_email(self, message: Message, sending: SendContext) -> EmailMessage:
        from email.message import EmailMessage
        from email.policy import SMTP
        from email.utils import formatdate

        now = sending.now()
        email = EmailMessage(policy=SMTP)
        email["From"] = self._from
        email["To"] = ", ".join(self._to)
        email["Subject"] = message.title
        email["Date"] = formatdate(now)
        email["Message-ID"] = make_message_id(sending.key, self._from)
        email["Auto-Submitted"] = "auto-generated"
        email.set_content(render_text(message, now), cte="base64")
        email.add_alternative(render_html(message, now), subtype="html", cte="base64")
        return email

    def _transfer(self, email: EmailMessage, seconds: float, cafile: str | None) -> list[str]:
        """Transfer an email. Return the refused recipients with reasons. Raise NotifyError if all are refused."""
        import smtplib

        from ...common.certificates import explain_distrust, get_ssl_context
        from ...common.deadline import Deadline

        deadline = Deadline().within(seconds)
        tls = get_ssl_context(cafile) if self._server.tls else None
        client = _create_client(deadline, seconds, tls if self._server.tls != "STARTTLS" else None)
        # smtplib sets the host name for the certificate only in a constructor that connects at once.
        vars(client)["_host"] = self._server.host
        try:
            refused = self._run_session(client, email, tls)
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            raise self._explain(code, text) from None
        except smtplib.SMTPResponseException as error:
            raise self._explain(error.smtp_code, error.smtp_error) from None
        except smtplib.SMTPNotSupportedError as error:
            raise NotifyError(
                self.channel,
                f"missing feature of {self._server.host}: {error} (without STARTTLS use smtps:// and port 465)",
            ) from None
        except (OSError, smtplib.SMTPException) as error:
            distrust = explain_distrust(error)
            if distrust:
                raise NotifyError(self.channel, f"{self._server.host}: {distrust}") from None
            # smtplib reports a timeout of the socket as a closed connection.
            is_late = any(isinstance(cause, TimeoutError) for cause in (error, error.__context__))
            reason = f"not finished within {seconds:.3g} s" if is_late else type(error).__name__
            where = f"{self._server.host}:{self._server.port}"
            raise NotifyError(
                self.channel, f"email not accepted by {where}: {reason}", retryable=True
            ) from None
        finally:
            client.close()
        return [f"{to} ({self._explain(*reply)})" for to, reply in refused.items()]

    def _run_session(
        self, client: SMTP, email: EmailMessage, tls: SSLContext | None
    ) -> dict[str, tuple[int, bytes]]:
        import smtplib
        from contextlib import suppress

        code, text = client.connect(self._server.host, self._server.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, text)
        if self._server.tls == "STARTTLS":
            client.starttls(context=_TlsUpgrade(tls))  # type: ignore[call-overload]
        if self._server.password:
            try:
                client.login(self._server.user, self._server.password)
            except smtplib.SMTPServerDisconnected:
                # After a 535 smtplib tries another method, but some servers have disconnected by then.
                raise NotifyError(
                    self.channel,
                    f"{self._server.host} disconnected during the login ({_LOGIN_ADVICE})",
                    retryable=True,
                ) from None
        refused = client.sendmail(self._from, self._to, email.as_bytes())
        with suppress(smtplib.SMTPException, OSError):  # the server has accepted the email
            client.quit()
        return refused

    def _explain(self, code: int, text: bytes | str) -> NotifyError:
        text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        return self._refusals.explain(code, text, transient=400 <= code < 500)


def _create_client(deadline: Deadline, seconds: float, tls: SSLContext | None) -> SMTP:
    """Return an SMTP client whose operations end by the deadline. `tls` is for implicit TLS."""
    import smtplib

    from ...common.deadline import connect

    class Client(smtplib.SMTP):
        def _get_socket(self, host: str, port: int, timeout: float) -> Any:
            sock = connect(host, port, timeout, deadline)
            if tls is not None:
                sock.secure(tls, host)
            return sock

    # Without a local host name smtplib looks it up in DNS, which may take long.
    return Client(local_hostname="[127.0.0.1]", timeout=seconds)


class _TlsUpgrade:
    """TLS settings for a socket with a deadline, with the interface that `SMTP.starttls` uses."""

    def __init__(self, context: SSLContext | None) -> None:
        self._context = context

    def wrap_socket(self, sock: DeadlineSocket, server_hostname: str) -> DeadlineSocket:
        assert self._context is not None
        sock.secure(self._context, server_hostname)
        return sock


def make_message_id(key: str, sender: str) -> str:
    """Return the id of an email: equal whenever the same message is sent again from the same address."""
    return f"<{key}.mps@{sender.rpartition('@')[2]}>"
