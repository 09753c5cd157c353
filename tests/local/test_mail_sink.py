"""The mail sink, with the client of the standard library."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from scf_mps.local import mail_sink
from scf_mps.local.mail_sink import MailSink, ReceivedMail


@pytest.fixture
def sink() -> Iterator[MailSink]:
    with MailSink() as running:
        yield running


@pytest.fixture
def mails(sink: MailSink) -> list[ReceivedMail]:
    items: list[ReceivedMail] = []
    sink.observe(items.append)
    return items


@pytest.fixture
def client(sink: MailSink) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", sink.port, timeout=10) as connection:
        yield connection


def test_mail_is_received(client: smtplib.SMTP, mails: list[ReceivedMail]) -> None:
    email = EmailMessage()
    email["Subject"] = "片子"
    email.set_content("first\n.\n..dots\n")
    email.add_alternative("<p>first</p>", subtype="html")
    client.ehlo()
    client.login("mps@example.com", "local")
    for number in range(2):
        client.send_message(email, "mps@example.com", [f"a{number}@example.com", "b@example.com"])
    assert [mail.recipients[0] for mail in mails] == ["a0@example.com", "a1@example.com"]
    first = mails[0]
    assert (first.sender, first.recipients[1]) == ("mps@example.com", "b@example.com")
    assert first.message["Subject"] == "片子"
    part = first.message.get_body(("plain",))
    assert part is not None
    assert part.get_content().splitlines() == ["first", ".", "..dots"]


def test_large_mail_is_refused(
    client: smtplib.SMTP, mails: list[ReceivedMail], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_sink, "MAX_MAIL_BYTES", 100)
    with pytest.raises(smtplib.SMTPDataError) as caught:
        client.sendmail("a@example.com", ["b@example.com"], "x\n" * 200)
    assert caught.value.smtp_code == 552
    assert mails == []


def test_unknown_command_is_refused(client: smtplib.SMTP) -> None:
    client.helo()
    assert client.docmd("VRFY", "someone")[0] == 502
    assert client.noop()[0] == 250


def test_url_has_the_sender(sink: MailSink) -> None:
    url = sink.build_url("mps@example.com")
    assert url == f"smtp://mps%40example.com:local@127.0.0.1:{sink.port}?tls=no"


def test_client_may_disconnect(sink: MailSink) -> None:
    smtplib.SMTP("127.0.0.1", sink.port, timeout=10).close()
