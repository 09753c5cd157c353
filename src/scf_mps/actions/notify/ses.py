"""Mail by Tencent Cloud's SES, through the official SDK: a template of the account, filled in.

`SendEmail` of version 2020-10-02 (page 1288/51034). SES takes what an approved template makes (``template=``); letters
as they are (``Simple``) only from accounts to which it was granted in former times. The role of the function needs
``ses:SendEmail``, the function the SDK (`pip install 'scf-mps[mps]'`).
"""

from __future__ import annotations

from ...tencent.client import ApiClient, ApiError
from .email_body import parse_addresses, render_html, render_text
from .errors import explain_refusal
from .layout import Style, render_message
from .mail import message_id
from .size_limit import take
from .text import escape_tags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ...context import Context
    from .delivery import SendContext
    from .errors import Codes
    from .message import Link, Message, Row

REGIONS = ("ap-guangzhou", "ap-hongkong", "ap-singapore")
"""Where SES is: the first two of Tencent Cloud in China, the third of the international one."""

MAX_RECIPIENTS = 50
"""Of one letter, at most."""

MAX_LINKS = 5
"""Links in a template."""

_TEXT = 6_000
"""Bytes of the results and of the links in a template: how long its values may be is documented nowhere."""

# The errors of SendEmail (page 1288/51034), without "FailedOperation." in front.
_CODES: Codes = {
    "EmailAddrInBlacklist": ("an address bounced before: take it off SES's blocklist", None),
    "ExceedSendLimit": ("the account's letters of today are used up", None),
    "FrequencyLimit": ("10 letters to one address in an hour: tell fewer tasks", 3600.0),
    "IllegalURL": ("SES does not take a link: leave {{links}} out of the template", None),
    "InsufficientBalance": ("the account owes money", None),
    "InsufficientQuota": ("the package of letters is used up", None),
    "InvalidTemplateID": (
        "template= is none of this account, in this region, or not approved",
        None,
    ),
    "MissingEmailContent": (
        "template= is needed: SES takes no other letters of this account",
        None,
    ),
    "NotAuthenticatedSender": ("the domain of the sender is not verified in SES", None),
    "ServiceNotAvailable": ("SES has a fault", 1.0),
    "TemporaryBlocked": ("the receiving side's limit: SES waits for ten minutes", 600.0),
    "URLForbidden": (
        "SES does not take links of this account: leave {{links}} out of the template",
        None,
    ),
    "WithOutPermission": ("template= is needed: SES takes no other letters of this account", None),
}


class Ses(ApiClient):
    """SES for one invocation; see `ApiClient`."""

    service = "ses"
    version = "2020-10-02"


class SesMail:
    """``ses://from@example.com?to=a@example.com;b@example.com&template=123&region=ap-guangzhou``."""

    options = ("endpoint", "region", "template", "to")
    channel = "ses"

    def __init__(self, address: str, options: Mapping[str, str]) -> None:
        senders = parse_addresses(address, "an address behind ses://,")
        if len(senders) != 1:
            raise ValueError("expected one address behind ses://")
        self._from = senders[0]
        self._to = parse_addresses(options.get("to", ""), "addresses in to=,")
        if len(self._to) > MAX_RECIPIENTS:
            raise ValueError(f"SES takes {MAX_RECIPIENTS} addresses in to= at most")
        template = options.get("template", "")
        if template and not (template.isascii() and template.isdecimal()):
            raise ValueError("expected template= the number of a template of SES")
        self._template = int(template) if template else None
        self._region = options.get("region", REGIONS[0])
        if self._region not in REGIONS:
            raise ValueError(f"SES is in {', '.join(REGIONS)}: choose one by region=")
        self._endpoint = options.get("endpoint")
        self._api(None)  # an endpoint of another form is a mistake now

    def send(self, message: Message, sending: SendContext) -> None:
        """Raises NotifyError."""
        try:
            self._api(sending.context).call(
                "SendEmail",
                FromEmailAddress=self._from,
                Destination=self._to,
                Subject=message.title,
                TriggerType=1,
                SmtpMessageId=message_id(sending.key, self._from),
                **self._content(message, sending.now()),
            )
        except ApiError as error:
            raise explain_refusal(
                self.channel,
                error.code,
                error.message,
                _CODES,
                (),
                key=error.code.removeprefix("FailedOperation."),
                transient=error.retryable,
            ) from None

    def _api(self, context: Context | None) -> Ses:
        return Ses(context=context, region=self._region, endpoint=self._endpoint)

    def _content(self, message: Message, now: float) -> dict[str, Any]:
        """The template and its values, in which no tag can be; or the letter as it is."""
        import json
        from base64 import b64encode

        if self._template is None:
            text, html = render_text(message, now), render_html(message, now)
            return {
                "Simple": {
                    "Html": b64encode(html.encode()).decode(),
                    "Text": b64encode(text.encode()).decode(),
                }
            }
        facts = dict(message.facts)
        links = [link.url for row in message.rows for link in row.links[:1]]
        links = take(links[:MAX_LINKS], _TEXT, lambda link: len(link) + 1)
        values = {
            "title": message.title,
            "outcome": message.outcome,
            "task_id": facts.get(message.words.task, ""),
            "source": facts.get(message.words.source, ""),
            "session_context": facts.get(message.words.context, ""),
            "results": render_message(message, _WithoutLinks(message.words), _TEXT, now),
            "links": " ".join(links),
        }
        # Nothing says that SES escapes what it puts into a template, which is HTML.
        values = {name: escape_tags(value) for name, value in values.items()}
        return {
            "Template": {
                "TemplateID": self._template,
                "TemplateData": json.dumps(values, ensure_ascii=False),
            }
        }


class _WithoutLinks(Style):
    """Plain text for a template, to which links are given apart: some accounts may not send any."""

    def row(self, row: Row, links: list[Link]) -> str:
        return super().row(row, [])
