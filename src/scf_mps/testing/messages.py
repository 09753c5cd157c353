"""Messages that the application sends in tests: chats, webhooks and mails."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from scf_mps.local.chat_webhooks import ChatWebhookStub, ReceivedMessage
from scf_mps.local.mail_sink import MailSink, ReceivedMail
from scf_mps.local.messages import read_mail, read_message, redirect_messages

REDIRECTED = ("MPS_NOTIFY", "MPS_FORWARD")
"""Variables whose addresses lead to the servers of this module."""

DEFAULT_SENDER = "mps@example.com"


@dataclass(frozen=True)
class Message:
    """A message.

    Attributes:
        channel: ``wecom``, ``dingtalk``, ``feishu``, ``slack``, ``webhook`` or ``mail``.
        title: ``""`` without one.
        text: what people read.
        raw: the JSON body, or the `EmailMessage`.
    """

    channel: str
    title: str
    text: str
    raw: Any

    @property
    def lines(self) -> list[str]:
        """The lines of the text."""
        return self.text.splitlines()


class Messages(list[Message]):
    """The messages of a test, oldest first."""

    @property
    def only(self) -> Message:
        """The single message. Raises AssertionError for any other number."""
        if len(self) != 1:
            raise AssertionError(f"there are {len(self)} messages, not one: {list(self)}")
        return self[0]


class MessageServers:
    """The receivers of a session. Their addresses stay, so that applications can be loaded once."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._messages = Messages()
        self.chat = self._stack.enter_context(ChatWebhookStub())
        self.mail = self._stack.enter_context(MailSink())
        self.chat.observe(self._add_chat)
        self.mail.observe(self._add_mail)

    def close(self) -> None:
        """Stop the servers."""
        self._stack.close()

    def start_test(self) -> Messages:
        """Return the list of messages from now on, and drop scripted responses."""
        with self._lock:
            self._messages = Messages()
        self.chat.respond_with(replace=True)
        return self._messages

    def redirect(self, variables: dict[str, str]) -> None:
        """Let the addresses in variables lead here.

        Raises:
            ValueError: an address cannot be redirected.
        """
        for name in REDIRECTED:
            notices: list[str] = []
            redirect_messages(variables, name, self.chat.url, notices)
            if notices:
                raise ValueError("; ".join(notices))
        if "mailto:" in variables.get("MPS_NOTIFY", ""):
            variables["MPS_SMTP"] = self.mail.build_url(DEFAULT_SENDER)

    def _add_chat(self, received: ReceivedMessage) -> None:
        title, text = read_message(received.channel, received.message)
        self._add(Message(received.channel, title, text, received.message))

    def _add_mail(self, received: ReceivedMail) -> None:
        self._add(Message("mail", *read_mail(received), received.message))

    def _add(self, message: Message) -> None:
        with self._lock:
            self._messages.append(message)
