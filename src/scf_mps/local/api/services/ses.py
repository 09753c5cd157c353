"""SES, product API 2020-10-02: SendEmail. No email leaves the machine."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ApiError
from ..service import Call, Service, action

MAX_RECIPIENTS = 50
"""Most recipients of one email (page 1288/51034)."""


@dataclass(frozen=True, slots=True)
class SentEmail:
    """An accepted email."""

    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    """The filled template, or the base64 HTML or text of ``Simple``."""
    message_id: str
    """``SmtpMessageId``, or empty."""


class Ses(Service):
    """Accepts emails: `with CloudApi([ses := Ses({123: "{{title}}"})])`.

    Args:
        templates: the approved templates, number to text with fields such as ``{{name}}``.
        domains: the verified sender domains. None: all.
        simple: whether the account may send without a template, as some old accounts may.
    """

    name = "ses"
    version = "2020-10-02"
    regions = frozenset(["ap-guangzhou", "ap-hongkong", "ap-singapore"])

    def __init__(
        self,
        templates: Mapping[int, str] | None = None,
        *,
        domains: Collection[str] | None = None,
        simple: bool = False,
    ) -> None:
        self._templates = dict(templates or {})
        self._domains = domains
        self._simple = simple
        self._lock = threading.Lock()
        self._sent: list[SentEmail] = []

    @property
    def sent(self) -> list[SentEmail]:
        """The accepted emails, oldest first."""
        with self._lock:
            return list(self._sent)

    @action("SendEmail")
    def send_email(self, call: Call) -> Mapping[str, Any]:
        """Accept one email."""
        sender = call.text("FromEmailAddress")
        if self._domains is not None and sender.rpartition("@")[2].strip(">") not in self._domains:
            raise ApiError("FailedOperation.NotAuthenticatedSender")
        to = call.parameters.get("Destination") or []
        if not isinstance(to, list) or not to or not all(_is_address(address) for address in to):
            raise ApiError("FailedOperation.IncorrectEmail")
        if len(to) > MAX_RECIPIENTS:
            raise ApiError("FailedOperation.TooManyRecipients")
        text = self._render_text(call)
        email = SentEmail(
            sender, tuple(to), call.text("Subject"), text, call.text("SmtpMessageId", "")
        )
        with self._lock:
            self._sent.append(email)
            number = len(self._sent)
        return {"MessageId": f"qcloudses-30-1250000000-date-20260101000000-{number:012}"}

    def _render_text(self, call: Call) -> str:
        template, simple = call.parameters.get("Template"), call.parameters.get("Simple")
        if isinstance(template, dict):
            return self._fill_template(template)
        if not isinstance(simple, dict) or not (simple.get("Html") or simple.get("Text")):
            raise ApiError("FailedOperation.MissingEmailContent")
        if not self._simple:
            raise ApiError("FailedOperation.WithOutPermission")
        return str(simple.get("Html") or simple["Text"])

    def _fill_template(self, template: Mapping[str, Any]) -> str:
        text = self._templates.get(template.get("TemplateID", 0))
        if text is None:
            raise ApiError("FailedOperation.InvalidTemplateID")
        try:
            values = json.loads(template.get("TemplateData") or "{}")
        except (TypeError, ValueError):
            values = None
        if not isinstance(values, dict):
            raise ApiError("FailedOperation.WrongContentJson")
        return re.sub(r"\{\{(\w+)\}\}", lambda field: str(values.get(field[1], "")), text)


def _is_address(text: object) -> bool:
    return isinstance(text, str) and re.fullmatch(r"[^\s@<>]+@[^\s@<>]+", text) is not None
