"""Mail: letters that a real SMTP server takes, over TLS, and what is said where it does not."""

from __future__ import annotations

import asyncio
import email
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timezone
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from scf_mps import Context, Drop
from scf_mps.actions import Notify, NotifyError
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample
from tests.support.sample_data import payload

from .notify_support import KEY, NOON, context_of, documented, tell

TO = "mailto:a@example.com;b@example.com?from=mps@example.com"
PASSWORD = "p@ss/w:rd?"
QUOTED = "p%40ss%2Fw%3Ard%3F"


class Mailbox:
    """What a server has taken, and what it says to recipients."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.sessions: list[Session] = []
        self.refused: dict[str, str] = {}
        self.answer = "250 taken"

    async def handle_RCPT(  # noqa: N802 - as aiosmtpd names it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(  # noqa: N802 - as aiosmtpd names it
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.answer.startswith("250"):
            self.envelopes.append(envelope)
            self.sessions.append(session)
        return self.answer

    @property
    def letters(self) -> list[EmailMessage]:
        contents = [one.content for one in self.envelopes]
        return [
            email.message_from_bytes(content, policy=default)
            for content in contents
            if isinstance(content, bytes)
        ]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trusted(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("authority") / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="module")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


def authenticator(server: SMTP, session: Session, *rest: Any) -> AuthResult:
    data = rest[-1]
    good = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
    return AuthResult(success=good and data.login == b"mps@example.com", handled=good)


class Closing(Controller):
    """Closes what is connected when it stops: what asyncio leaves open is a warning in whichever test runs then."""

    def __init__(self, mailbox: Mailbox, **settings: Any) -> None:
        self.served: list[SMTP] = []
        super().__init__(mailbox, **settings)

    def factory(self) -> SMTP:
        self.served.append(super().factory())
        return self.served[-1]

    def stop(self, no_assert: bool = False) -> None:
        async def close() -> None:
            for one in self.served:
                if one.transport is not None:
                    one.transport.abort()
            for _ in range(3):  # a TLS transport tells the socket's in the next round
                await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(close(), self.loop).result(5)
        super().stop(no_assert)


@contextmanager
def listening(mailbox: Mailbox, **settings: Any) -> Iterator[int]:
    """The port of a server on the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Closing(mailbox, hostname="127.0.0.1", port=port, **settings)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


Serve = Callable[..., AbstractContextManager[int]]


@pytest.fixture
def plain(mailbox: Mailbox) -> Iterator[str]:
    """A server without TLS and passwords, as MPS_SMTP."""
    with listening(mailbox) as port:
        yield f"smtp://127.0.0.1:{port}?tls=no"


def test_a_letter_has_text_and_html_and_the_headers_of_what_a_program_sends(
    plain: str, mailbox: Mailbox
) -> None:
    tell(TO, smtp=plain, clock=lambda: NOON)
    (envelope,), (letter,) = mailbox.envelopes, mailbox.letters
    assert envelope.mail_from == "mps@example.com"
    assert envelope.rcpt_tos == ["a@example.com", "b@example.com"]
    assert letter["From"] == "mps@example.com"
    assert letter["To"] == "a@example.com, b@example.com"
    assert letter["Subject"] == "MPS 任务部分失败（1/4）：dianping2.mp4"
    assert letter["Message-ID"] == f"<{KEY}.mps@example.com>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Date"].datetime.replace(tzinfo=timezone.utc).timestamp() == NOON
    assert letter.get_content_type() == "multipart/alternative"
    text, html = (part.get_content() for part in letter.iter_parts())
    assert (
        text.splitlines()
        == """\
MPS 任务部分失败（1/4）：dianping2.mp4
任务：2450000654-WorkflowTask-f46dac7fe2436c470000**d71946986t0
事件：WorkflowTask
源文件：cos://macgzptest-1250000654.ap-guangzhou/dianping2.mp4

❌ AnimatedGraphics 20000  30010 (TencentVodPlatErr Or Unkown) — MPS 未说明重新提交是否有用
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


def test_half_a_character_costs_a_letter_nothing(plain: str, mailbox: Mailbox) -> None:
    event = sample("WorkflowTask", Transcode="SUCCESS", session_context="a\ud800\u200bb")
    event["WorkflowTaskEvent"]["InputInfo"]["CosInputInfo"]["Object"] = "/a\udfffb\U000e0041.mp4"
    task = event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]
    task["Output"]["Path"] = "/\udcff.mp4"
    tell(TO, parse_event(event), smtp=plain, links=None)
    (letter,) = mailbox.letters
    assert letter["Subject"] == "MPS 任务成功：a\ufffdb.mp4"
    text, html = (part.get_content() for part in letter.iter_parts())
    assert "a\ufffdb\n" in text.replace("\r", "")
    assert "http" not in text
    assert "<a " not in html


def test_a_letter_may_be_in_english_and_in_a_text_of_ones_own(
    plain: str, mailbox: Mailbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "notice.txt").write_text("Order {session_context}\n{results}\nBye <b>\n")
    tell(
        f"{TO}&lang=en&template=notice.txt",
        documented(SessionContext="<i>42</i>"),
        smtp=plain,
    )
    (letter,) = mailbox.letters
    text, html = (part.get_content() for part in letter.iter_parts())
    assert letter["Subject"] == "MPS task partly failed (1 of 4): dianping2.mp4"
    assert text.splitlines()[0] == "Order <i>42</i>"
    assert text.rstrip().endswith("Bye <b>")
    assert "<p>Order &lt;i&gt;42&lt;/i&gt;</p>" in html
    assert "<p>Bye &lt;b&gt;</p>" in html


def test_a_name_cannot_become_a_header(plain: str, mailbox: Mailbox) -> None:
    notification = sample("EditMediaTask")
    notification["SessionContext"] = "x\r\n.\r\nQUIT\r\n"
    source = notification["EditMediaTaskEvent"]["Input"]["FileInfoSet"][0]["InputInfo"]
    source["CosInputInfo"]["Object"] = "/a\r\nBcc: evil@example.com\r\n\r\nbody.mp4"
    tell(TO, parse_event(notification), smtp=plain)
    (letter,), (envelope,) = mailbox.letters, mailbox.envelopes
    assert letter["Bcc"] is None
    assert letter["Subject"] == "MPS 任务成功：a Bcc: evil@example.com body.mp4"
    assert envelope.rcpt_tos == ["a@example.com", "b@example.com"]


def test_a_letter_goes_by_starttls_with_user_and_password(
    mailbox: Mailbox, tls: ssl.SSLContext, trusted: str
) -> None:
    settings = {"tls_context": tls, "require_starttls": True}
    login = {"authenticator": authenticator, "auth_required": True}
    with listening(mailbox, **settings, **login) as port:
        smtp = f"smtp://mps%40example.com:{QUOTED}@127.0.0.1:{port}"
        tell("mailto:a@example.com", smtp=smtp, cafile=trusted)
        assert mailbox.letters[0]["From"] == "mps@example.com"
        assert mailbox.sessions[0].ssl is not None
        wrong = smtp.replace(QUOTED, "5ecret")
        with pytest.raises(NotifyError, match=r"535: .*授权码") as caught:
            tell("mailto:a@example.com", smtp=wrong, cafile=trusted)
        assert "5ecret" not in str(caught.value)
        assert not caught.value.retryable
        with pytest.raises(NotifyError, match=r"530: .*the server wants a user and a password"):
            tell(TO, smtp=f"smtp://127.0.0.1:{port}", cafile=trusted)
    assert len(mailbox.letters) == 1


def test_a_letter_goes_by_tls_from_the_start_and_only_to_whom_is_trusted(
    mailbox: Mailbox, tls: ssl.SSLContext, trusted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Closing(mailbox, hostname="127.0.0.1", port=port, ssl_context=tls)
    # aiosmtpd knocks without trusting the certificate; so it is told of it.
    monkeypatch.setenv("SSL_CERT_FILE", trusted)
    controller.start()
    try:
        smtp = f"smtps://127.0.0.1:{port}"
        tell(TO, smtp=smtp)
        monkeypatch.delenv("SSL_CERT_FILE")
        tell(TO, smtp=smtp, cafile=trusted)
        with pytest.raises(NotifyError, match=r"is not trusted: .*SSL_CERT_FILE"):
            tell(TO, smtp=smtp)
    finally:
        controller.stop()
    assert len(mailbox.letters) == 2


def test_a_server_without_starttls_gets_nothing(mailbox: Mailbox, plain: str) -> None:
    with pytest.raises(NotifyError, match=r"STARTTLS .*smtps://") as caught:
        tell(TO, smtp=plain.removesuffix("?tls=no"))
    assert not caught.value.retryable
    assert mailbox.letters == []


@pytest.mark.parametrize(
    ("answer", "told", "retryable"),
    [
        ("451 try later", "451: try later", True),
        ("554 looks like spam", "554: looks like spam (the server takes it for spam", False),
        ("571 no", "571: no", False),
    ],
)
def test_what_a_server_says_to_a_letter_is_told(
    answer: str, told: str, retryable: bool, plain: str, mailbox: Mailbox
) -> None:
    mailbox.answer = answer
    with pytest.raises(NotifyError) as caught:
        tell(TO, smtp=plain)
    assert told in str(caught.value)
    assert caught.value.retryable == retryable


def test_a_letter_whose_recipients_are_all_refused_is_an_error(
    plain: str, mailbox: Mailbox
) -> None:
    mailbox.refused = {"a@example.com": "450 greylisted", "b@example.com": "550 unknown"}
    with pytest.raises(NotifyError, match="450: greylisted") as caught:
        tell(TO, smtp=plain)
    assert caught.value.retryable
    assert mailbox.letters == []


def test_a_letter_of_which_some_recipients_are_refused_is_not_sent_again(
    plain: str, mailbox: Mailbox, application: Callable[..., ModuleType], tmp_path: Path
) -> None:
    mailbox.refused = {"b@example.com": "550 unknown"}
    with pytest.raises(Drop, match=r"sent, but not to b@example.com .*550: unknown \(is there"):
        tell(TO, smtp=plain)
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
    assert len(mailbox.letters) == 2


def talking(*lines: bytes, wait: bool = False, end: bytes = b"\r\n") -> AbstractContextManager[int]:
    """The port of a server that says some lines, one for each of its client's, and hangs up."""

    @contextmanager
    def serve() -> Iterator[int]:
        over = threading.Event()
        with socket.create_server(("127.0.0.1", 0)) as server:

            def talk() -> None:
                connection, _ = server.accept()
                with connection, connection.makefile("rb") as heard:
                    for line in lines:
                        connection.sendall(line + end)
                        while line.startswith(b"354") and heard.readline() != b".\r\n":
                            pass
                        if not line.startswith(b"354"):
                            heard.readline()
                    if wait:
                        over.wait(20)

            thread = threading.Thread(target=talk, daemon=True)
            thread.start()
            try:
                yield server.getsockname()[1]
            finally:
                over.set()
                thread.join(5)

    return serve()


def test_a_server_that_hangs_up_after_it_took_the_letter_has_it() -> None:
    lines = (b"220 hi", b"250 hi", b"250 ok", b"250 ok", b"250 ok", b"354 go", b"250 taken")
    with talking(*lines) as port:
        tell(TO, smtp=f"smtp://127.0.0.1:{port}?tls=no")


@pytest.mark.parametrize(
    ("lines", "wait", "told"),
    [
        ((b"220 hi", b"250 hi"), False, "did not take it: SMTPServerDisconnected"),
        ((b"220 hi",), True, r"did not take it: no end within 0\."),
        ((b"421 busy",), False, "421: busy"),
    ],
)
def test_a_server_that_breaks_off_is_left_to_the_next_delivery(
    lines: tuple[bytes, ...], wait: bool, told: str
) -> None:
    with talking(*lines, wait=wait) as port:
        smtp = f"smtp://127.0.0.1:{port}?tls=no"
        with pytest.raises(NotifyError, match=told) as caught:
            tell(TO, smtp=smtp, context=context_of(1.2))
    assert caught.value.retryable


def test_an_answer_that_is_cut_off_is_no_code_of_the_server() -> None:
    with talking(b"2", wait=True, end=b"") as port:
        smtp = f"smtp://127.0.0.1:{port}?tls=no"
        with pytest.raises(NotifyError, match=r"did not take it: no end within 0\.") as caught:
            tell(TO, smtp=smtp, context=context_of(1.2))
    assert caught.value.retryable


def test_a_server_that_hangs_up_on_a_wrong_password_is_told_as_that() -> None:
    lines = (b"220 hi", b"250-hi\r\n250 AUTH LOGIN PLAIN", b"535 Error: authentication failed")
    with talking(*lines) as port:
        smtp = f"smtp://mps%40example.com:{QUOTED}@127.0.0.1:{port}?tls=no"
        with pytest.raises(NotifyError, match=r"hung up on the login .*授权码") as caught:
            tell(TO, smtp=smtp)
    assert PASSWORD not in str(caught.value)


def test_a_server_that_is_not_there_is_left_to_the_next_delivery() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NotifyError, match="did not take it: ConnectionRefusedError") as caught:
        tell(TO, smtp=f"smtp://127.0.0.1:{port}?tls=no")
    assert caught.value.retryable


def test_without_time_no_letter_is_sent(plain: str, mailbox: Mailbox) -> None:
    with pytest.raises(NotifyError, match="no time is left"):
        tell(TO, smtp=plain, context=Context({"time_limit_in_ms": 5}, clock=iter([0, 9]).__next__))
    assert mailbox.letters == []


@pytest.mark.parametrize(
    ("to", "smtp", "told"),
    [
        ("mailto:", "smtps://h", "expected addresses behind mailto:, such as ops@example.com"),
        ("mailto:ops", "smtps://h", "such as ops@example.com, not 'ops'"),
        ("mailto:a@b.cn", "smtps://h", "expected from= (or a user in MPS_SMTP that is an address)"),
        ("mailto:a@b.cn?from=a@b.cn;c@d.cn", "smtps://h", "expected one address in from="),
        (TO, "", "mail needs a server: MPS_SMTP="),
        (TO, f"imap://u:{QUOTED}@h", "expected smtps://user:password@host:465"),
        (TO, "smtps://u:p@ss/w0rd@h", "write / ? # @ in a password as"),
        (TO, "smtps://u:p@h:port", "expected smtps://user:password@host:465"),
        (TO, "smtps://", "expected smtps://user:password@host:465"),
        (TO, f"smtps://{'h' * 64}", "expected smtps://user:password@host:465"),
        (TO, "smtps://u@h", "with user and password, or without both"),
        (TO, "smtps://u:w0rd%E5%AF%86@h", "user and password in ASCII alone"),
        (TO, "smtps://ü:w0rd@h", "user and password in ASCII alone"),
        (TO, "smtps://h?tls=no", "behind a ? no more than smtp://…?tls=no"),
        (TO, "smtp://h?starttls=no", "behind a ? no more than smtp://…?tls=no"),
        (TO, "smtp://u:w0rd@example.com?tls=no", "a password is not sent without TLS"),
    ],
)
def test_a_server_or_an_address_that_cannot_be_meant_is_a_mistake(
    to: str, smtp: str, told: str
) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        Notify(to, smtp=smtp)
    assert told in str(caught.value)
    assert "w0rd" not in str(caught.value)
    assert QUOTED not in str(caught.value)


def test_ports_are_those_that_servers_have() -> None:
    from scf_mps.actions.notify.mail import Server

    assert (Server("smtps://h").port, Server("smtp://h").port) == (465, 587)
    assert Server("smtp://u:p@127.0.0.1?tls=no").password == "p"


def test_who_was_told_is_in_the_log_without_a_secret(
    plain: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        tell(TO, smtp=plain)
    (record,) = [record for record in caplog.records if record.getMessage() == "notified"]
    assert vars(record)["channel"] == "mailto"
    assert vars(record)["outcome"] == "partly"
