"""SES, product API 2020-10-02, as far as it sends single letters: SendEmail. Nothing leaves the machine.

What an account may do is said when it is made: which templates are approved, whose letters it sends, and whether it is
one of the old ones that send letters without a template.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ApiError
from ..service import Call, Service, action

RECIPIENTS = 50
"""Of one letter, at most (page 1288/51034)."""


@dataclass(frozen=True, slots=True)
class SentEmail:
    """A letter that was sent."""

    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    """The template with its values filled in, or the ``Simple`` HTML or text as it came, in base64."""
    message_id: str
    """``SmtpMessageId``, or empty."""


class Ses(Service):
    """Takes letters: `with CloudApi([ses := Ses({123: "{{title}}"})])`.

    - `templates` are the approved ones: their number to their text, with fields as ``{{name}}``.
    - `domains` are those that are verified; None: all.
    - `simple` says whether the account may send without a template.
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
        """The letters, oldest first."""
        with self._lock:
            return list(self._sent)

    @action("SendEmail")
    def send_email(self, call: Call) -> Mapping[str, Any]:
        """Takes one letter."""
        sender = call.text("FromEmailAddress")
        if self._domains is not None and sender.rpartition("@")[2].strip(">") not in self._domains:
            raise ApiError("FailedOperation.NotAuthenticatedSender")
        to = call.parameters.get("Destination") or []
        if not isinstance(to, list) or not to or not all(_is_address(one) for one in to):
            raise ApiError("FailedOperation.IncorrectEmail")
        if len(to) > RECIPIENTS:
            raise ApiError("FailedOperation.TooManyRecipients")
        text = self._text(call)
        letter = SentEmail(
            sender, tuple(to), call.text("Subject"), text, call.text("SmtpMessageId", "")
        )
        with self._lock:
            self._sent.append(letter)
            number = len(self._sent)
        return {"MessageId": f"qcloudses-30-1250000000-date-20260101000000-{number:012}"}

    def _text(self, call: Call) -> str:
        template, simple = call.parameters.get("Template"), call.parameters.get("Simple")
        if isinstance(template, dict):
            return self._filled(template)
        if not isinstance(simple, dict) or not (simple.get("Html") or simple.get("Text")):
            raise ApiError("FailedOperation.MissingEmailContent")
        if not self._simple:
            raise ApiError("FailedOperation.WithOutPermission")
        return str(simple.get("Html") or simple["Text"])

    def _filled(self, template: Mapping[str, Any]) -> str:
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
