"""Email by SMTP to a real server."""

from __future__ import annotations

import asyncio
import email
import logging
import re
import socket
import ssl
from contextlib import contextmanager
from datetime import timezone
from email.policy import default

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from scf_mps import Context, Drop
from scf_mps.actions import Notify, NotifyError
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample
from tests.support.raw_server import Server
from tests.support.sample_data import payload

from .support import KEY, NOON, make_context, make_documented, send

TO = "mailto:a@example.com;b@example.com?from=mps@example.com"
PASSWORD = "p@ss/w:rd?"
QUOTED = "p%40ss%2Fw%3Ard%3F"


class Mailbox:
    """The accepted emails of a server, and its replies."""

    def __init__(self):
        self.envelopes = []
        self.sessions = []
        self.refused = {}
        self.reply = "250 taken"

    async def handle_RCPT(  # noqa: N802 - as aiosmtpd names it
        self, server, session, envelope, address, options
    ):
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(  # noqa: N802 - as aiosmtpd names it
        self, server, session, envelope
    ):
        if self.reply.startswith("250"):
            self.envelopes.append(envelope)
            self.sessions.append(session)
        return self.reply

    @property
    def messages(self):
        contents = [envelope.content for envelope in self.envelopes]
        return [
            email.message_from_bytes(content, policy=default)
            for content in contents
            if isinstance(content, bytes)
        ]


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def trusted(authority, tmp_path_factory):
    path = tmp_path_factory.mktemp("authority") / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="module")
def tls(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def mailbox():
    return Mailbox()


def authenticator(server, session, *data):
    login = data[-1]
    good = isinstance(login, LoginPassword) and login.password == PASSWORD.encode()
    return AuthResult(success=good and login.login == b"mps@example.com", handled=good)


class Closing(Controller):
    """Closes its connections when it stops: asyncio would warn about them in a later test."""

    def __init__(self, mailbox, **settings):
        self.served = []
        super().__init__(mailbox, **settings)

    def factory(self):
        self.served.append(super().factory())
        return self.served[-1]

    def stop(self, no_assert=False):
        async def close() -> None:
            for server in self.served:
                if server.transport is not None:
                    server.transport.abort()
            for _ in range(3):  # a TLS transport closes its socket in the next round
                await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(close(), self.loop).result(5)
        super().stop(no_assert)


@contextmanager
def run_server(mailbox, **settings):
    """Run a server on the loopback interface. Yield its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Closing(mailbox, hostname="127.0.0.1", port=port, **settings)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@pytest.fixture
def plain(mailbox):
    """Return MPS_SMTP of a server without TLS and login."""
    with run_server(mailbox) as port:
        yield f"smtp://127.0.0.1:{port}?tls=no"


def test_email_has_text_html_and_headers(plain, mailbox):
    send(TO, smtp=plain, clock=lambda: NOON)
    (envelope,), (message,) = mailbox.envelopes, mailbox.messages
    assert envelope.mail_from == "mps@example.com"
    assert envelope.rcpt_tos == ["a@example.com", "b@example.com"]
    assert message["From"] == "mps@example.com"
    assert message["To"] == "a@example.com, b@example.com"
    assert message["Subject"] == "MPS 任务部分失败（1/4）：dianping2.mp4"
    assert message["Message-ID"] == f"<{KEY}.mps@example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime.replace(tzinfo=timezone.utc).timestamp() == NOON
    assert message.get_content_type() == "multipart/alternative"
    text, html = (part.get_content() for part in message.iter_parts())
    assert (
        text.splitlines()
        == """\
MPS 任务部分失败（1/4）：dianping2.mp4
任务：2450000654-WorkflowTask-f46dac7fe2436c470000**d71946986t0
事件：WorkflowTask
源文件：cos://macgzptest-1250000654.ap-guangzhou/dianping2.mp4

❌ AnimatedGraphics 20000  30010 (TencentVodPlatErr Or Unkown) — MPS 未说明重新提交是否有效
✅ Transcode 10  dianping2_transcode_10.mp4  180×320 · 11.3 s · 402 KB
  https://cdn.example.com/dasda/dianping2_transcode_10.mp4
✅ SnapshotByTimeOffset 10  dianping2_snapshotByOffset_10_0.jpg
  https://cdn.example.com/dasda/dianping2_snapshotByOffset_10_0.jpg
✅ ImageSprites 10  dianping2_imageSprite_10_0.jpg  142×80 · 共 2 个文件
  https://cdn.example.com/dasda/imageSprite/dianping2_imageSprite_10_0.jpg
  https://cdn.example.com/dasda/imageSprite/dianping2_imageSprite_10.vtt
""".splitlines()
    )
    assert "<h2>MPS 任务部分失败（1/4）：dianping2.mp4</h2>" in html
    assert html.count("<tr>") == 5
    assert '<img src="https://cdn.example.com/dasda/dianping2_snapshotByOffset_10_0.jpg"' in html


def test_email_survives_lone_surrogates(plain, mailbox):
    event = sample("WorkflowTask", Transcode="SUCCESS", session_context="a\ud800\u200bb")
    event["WorkflowTaskEvent"]["InputInfo"]["CosInputInfo"]["Object"] = "/a\udfffb\U000e0041.mp4"
    task = event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]
    task["Output"]["Path"] = "/\udcff.mp4"
    send(TO, parse_event(event), smtp=plain, links=None)
    (message,) = mailbox.messages
    assert message["Subject"] == "MPS 任务成功：a\ufffdb.mp4"
    text, html = (part.get_content() for part in message.iter_parts())
    assert "a\ufffdb\n" in text.replace("\r", "")
    assert "http" not in text
    assert "<a " not in html


def test_email_in_english_with_custom_text(plain, mailbox, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "notice.txt").write_text("Order {session_context}\n{results}\nBye <b>\n")
    send(
        f"{TO}&lang=en&template=notice.txt", make_documented(SessionContext="<i>42</i>"), smtp=plain
    )
    (message,) = mailbox.messages
    text, html = (part.get_content() for part in message.iter_parts())
    assert message["Subject"] == "MPS task partly failed (1 of 4): dianping2.mp4"
    assert text.splitlines()[0] == "Order <i>42</i>"
    assert text.rstrip().endswith("Bye <b>")
    assert "<p>Order &lt;i&gt;42&lt;/i&gt;</p>" in html
    assert "<p>Bye &lt;b&gt;</p>" in html


def test_file_name_cannot_become_header(plain, mailbox):
    notification = sample("EditMediaTask")
    notification["SessionContext"] = "x\r\n.\r\nQUIT\r\n"
    source = notification["EditMediaTaskEvent"]["Input"]["FileInfoSet"][0]["InputInfo"]
    source["CosInputInfo"]["Object"] = "/a\r\nBcc: evil@example.com\r\n\r\nbody.mp4"
    send(TO, parse_event(notification), smtp=plain)
    (message,), (envelope,) = mailbox.messages, mailbox.envelopes
    assert message["Bcc"] is None
    assert message["Subject"] == "MPS 任务成功：a Bcc: evil@example.com body.mp4"
    assert envelope.rcpt_tos == ["a@example.com", "b@example.com"]


def test_email_uses_starttls_and_login(mailbox, tls, trusted):
    settings = {"tls_context": tls, "require_starttls": True}
    login = {"authenticator": authenticator, "auth_required": True}
    with run_server(mailbox, **settings, **login) as port:
        smtp = f"smtp://mps%40example.com:{QUOTED}@127.0.0.1:{port}"
        send("mailto:a@example.com", smtp=smtp, cafile=trusted)
        assert mailbox.messages[0]["From"] == "mps@example.com"
        assert mailbox.sessions[0].ssl is not None
        wrong = smtp.replace(QUOTED, "5ecret")
        with pytest.raises(NotifyError, match="授权码") as caught:
            send("mailto:a@example.com", smtp=wrong, cafile=trusted)
        assert "5ecret" not in str(caught.value)
        assert (caught.value.code, caught.value.retryable) == ("535", False)
        with pytest.raises(NotifyError, match="530"):
            send(TO, smtp=f"smtp://127.0.0.1:{port}", cafile=trusted)
    assert len(mailbox.messages) == 1


def test_email_uses_implicit_tls_with_trusted_server(mailbox, tls, trusted, monkeypatch):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Closing(mailbox, hostname="127.0.0.1", port=port, ssl_context=tls)
    # aiosmtpd connects to itself, and must trust the certificate.
    monkeypatch.setenv("SSL_CERT_FILE", trusted)
    controller.start()
    try:
        smtp = f"smtps://127.0.0.1:{port}"
        send(TO, smtp=smtp)
        monkeypatch.delenv("SSL_CERT_FILE")
        send(TO, smtp=smtp, cafile=trusted)
        with pytest.raises(NotifyError, match="SSL_CERT_FILE"):
            send(TO, smtp=smtp)
    finally:
        controller.stop()
    assert len(mailbox.messages) == 2


def test_server_without_starttls_gets_nothing(mailbox, plain):
    with pytest.raises(NotifyError, match="STARTTLS") as caught:
        send(TO, smtp=plain.removesuffix("?tls=no"))
    assert not caught.value.retryable
    assert mailbox.messages == []


@pytest.mark.parametrize(
    ("reply", "retryable"),
    [("451 try later", True), ("554 looks like spam", False), ("571 no", False)],
)
def test_server_refusal_raises_error_with_code(reply, retryable, plain, mailbox):
    mailbox.reply = reply
    with pytest.raises(NotifyError) as caught:
        send(TO, smtp=plain)
    assert (caught.value.code, caught.value.retryable) == (reply[:3], retryable)
    assert reply[4:] in str(caught.value)


def test_refusal_of_all_recipients_raises_error(plain, mailbox):
    mailbox.refused = {"a@example.com": "450 greylisted", "b@example.com": "550 unknown"}
    with pytest.raises(NotifyError, match="450") as caught:
        send(TO, smtp=plain)
    assert caught.value.retryable
    assert mailbox.messages == []


def test_refusal_of_some_recipients_is_not_retried(plain, mailbox, application, tmp_path):
    mailbox.refused = {"b@example.com": "550 unknown"}
    with pytest.raises(Drop, match=r"b@example\.com"):
        send(TO, smtp=plain)
    assert mailbox.envelopes[0].rcpt_tos == ["a@example.com"]
    handlers = application(MPS_NOTIFY=TO, MPS_SMTP=plain, MPS_LEDGER=f"file://{tmp_path}")
    outcomes = [
        {
            call["callback"]: call["outcome"]
            for call in handlers.main_handler(payload("synth_edit_media_success"), {})["callbacks"]
        }["handlers.notifying.mailto"]
        for _ in range(2)
    ]
    assert outcomes == ["dropped", "skipped"]
    assert len(mailbox.messages) == 2


def serve_lines(*lines, wait=False, end=b"\r\n"):
    """Return a server that sends one line for each line of its client, then closes the connection."""

    def talk(peer):
        with peer.sock.makefile("rb") as heard:
            for line in lines:
                peer.send(line + end)
                while line.startswith(b"354") and heard.readline() != b".\r\n":
                    pass
                if not line.startswith(b"354"):
                    heard.readline()
            if wait:
                peer.wait(20)

    return Server(talk)


def test_disconnect_after_acceptance_is_success():
    lines = (b"220 hi", b"250 hi", b"250 ok", b"250 ok", b"250 ok", b"354 go", b"250 taken")
    with serve_lines(*lines) as server:
        send(TO, smtp=f"smtp://127.0.0.1:{server.port}?tls=no")


@pytest.mark.parametrize(
    ("lines", "end", "wait", "word"),
    [
        ((b"220 hi", b"250 hi"), b"\r\n", False, "SMTPServerDisconnected"),
        ((b"220 hi",), b"\r\n", True, "within"),
        ((b"421 busy",), b"\r\n", False, "421"),
        ((b"2",), b"", True, "within"),  # an incomplete reply is no code
    ],
)
def test_incomplete_session_raises_retryable_error(lines, end, wait, word):
    with serve_lines(*lines, wait=wait, end=end) as server:
        smtp = f"smtp://127.0.0.1:{server.port}?tls=no"
        with pytest.raises(NotifyError, match=word) as caught:
            send(TO, smtp=smtp, context=make_context(1.2))
    assert caught.value.retryable


def test_disconnect_after_wrong_password_names_login():
    lines = (b"220 hi", b"250-hi\r\n250 AUTH LOGIN PLAIN", b"535 Error: authentication failed")
    with serve_lines(*lines) as server:
        smtp = f"smtp://mps%40example.com:{QUOTED}@127.0.0.1:{server.port}?tls=no"
        with pytest.raises(NotifyError, match="login") as caught:
            send(TO, smtp=smtp)
    assert PASSWORD not in str(caught.value)


def test_unreachable_server_raises_retryable_error():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NotifyError, match="ConnectionRefusedError") as caught:
        send(TO, smtp=f"smtp://127.0.0.1:{port}?tls=no")
    assert caught.value.retryable


def test_email_is_not_sent_without_time(plain, mailbox):
    with pytest.raises(NotifyError, match="time"):
        send(TO, smtp=plain, context=Context({"time_limit_in_ms": 5}, clock=iter([0, 9]).__next__))
    assert mailbox.messages == []


@pytest.mark.parametrize(
    ("to", "smtp", "word"),
    [
        ("mailto:", "smtps://h", "mailto:"),
        ("mailto:ops", "smtps://h", "'ops'"),
        ("mailto:a@b.cn", "smtps://h", "from="),
        ("mailto:a@b.cn?from=a@b.cn;c@d.cn", "smtps://h", "from="),
        (TO, "", "MPS_SMTP"),
        (TO, f"imap://u:{QUOTED}@h", "smtps://user:password@host:465"),
        (TO, "smtps://u:p@ss/w0rd@h", "%2F"),
        (TO, "smtps://u:p@h:port", "smtps://user:password@host:465"),
        (TO, "smtps://", "smtps://user:password@host:465"),
        (TO, f"smtps://{'h' * 64}", "smtps://user:password@host:465"),
        (TO, "smtps://u@h", "user"),
        (TO, "smtps://u:w0rd%E5%AF%86@h", "ASCII"),
        (TO, "smtps://ü:w0rd@h", "ASCII"),
        (TO, "smtps://h?tls=no", "tls=no"),
        (TO, "smtp://h?starttls=no", "tls=no"),
        (TO, "smtp://u:w0rd@example.com?tls=no", "TLS"),
    ],
)
def test_mail_rejects_invalid_address_or_server(to, smtp, word):
    with pytest.raises(ValueError, match=re.escape(word)) as caught:
        Notify(to, smtp=smtp)
    assert "w0rd" not in str(caught.value)
    assert QUOTED not in str(caught.value)


def test_server_has_default_ports():
    from scf_mps.actions.notify.mail import Server

    assert (Server("smtps://h").port, Server("smtp://h").port) == (465, 587)
    assert Server("smtp://u:p@127.0.0.1?tls=no").password == "p"


def test_sent_email_is_logged_by_channel(plain, caplog):
    with caplog.at_level(logging.INFO):
        send(TO, smtp=plain)
    (record,) = [record for record in caplog.records if record.getMessage() == "notified"]
    assert vars(record)["channel"] == "mailto"
    assert vars(record)["outcome"] == "partly"
