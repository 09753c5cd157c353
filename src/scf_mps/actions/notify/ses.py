"""Email by Tencent Cloud SES through the official SDK, with a template of the account.

`SendEmail` of version 2020-10-02 (page 1288/51034). SES sends approved templates (``template=``). Only older accounts
may send free content (``Simple``). The function needs the SDK (`pip install 'scf-mps[mps]'`) and its role
``ses:SendEmail``.
"""

from __future__ import annotations

from ...tencent.client import ApiClient, ApiError
from .email_body import parse_addresses, render_html, render_text
from .errors import Refusals
from .layout import Style, render_message
from .mail import make_message_id
from .size_limit import take_within
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
"""Regions of SES: the first two of Tencent Cloud in China, the third of the international site."""

MAX_RECIPIENTS = 50
"""Recipients of one email."""

MAX_LINKS = 5
"""Links in a template value."""

_MAX_VALUE_BYTES = 6_000
"""Bytes of the results and of the links in a template. The limit of its values is undocumented."""

# Errors of SendEmail (page 1288/51034) without the prefix "FailedOperation.".
_TEMPLATE_REQUIRED = ("set template=: SES accepts nothing else from this account", None)
_CODES: Codes = {
    "EmailAddrInBlacklist": ("an address bounced before: remove it from SES's blocklist", None),
    "ExceedSendLimit": ("the daily quota of the account is used up", None),
    "FrequencyLimit": ("rate limit: 10 emails per address and hour. Report fewer tasks", 3600.0),
    "IllegalURL": ("SES does not accept a link: remove {{links}} from the template", None),
    "InsufficientBalance": ("the balance of the account is negative", None),
    "InsufficientQuota": ("the email package is used up", None),
    "InvalidTemplateID": ("template= is not in this account and region, or not approved", None),
    "MissingEmailContent": _TEMPLATE_REQUIRED,
    "NotAuthenticatedSender": ("the domain of the sender is not verified in SES", None),
    "ServiceNotAvailable": ("internal error of SES", 1.0),
    "TemporaryBlocked": ("rate limit of the recipient: SES waits for ten minutes", 600.0),
    "URLForbidden": (
        "SES does not accept links of this account: remove {{links}} from the template",
        None,
    ),
    "WithOutPermission": _TEMPLATE_REQUIRED,
}


class Ses(ApiClient):
    """SES for one invocation. See `ApiClient`."""

    service = "ses"
    version = "2020-10-02"


class SesMail:
    """``ses://from@example.com?to=a@example.com;b@example.com&template=123&region=ap-guangzhou``."""

    options = ("endpoint", "region", "template", "to")
    channel = "ses"

    def __init__(self, address: str, options: Mapping[str, str]) -> None:
        senders = parse_addresses(address, "after ses://")
        if len(senders) != 1:
            raise ValueError("invalid sender: use one address after ses://")
        self._from = senders[0]
        self._to = parse_addresses(options.get("to", ""), "in to=")
        if len(self._to) > MAX_RECIPIENTS:
            raise ValueError(f"invalid to=: SES allows {MAX_RECIPIENTS} addresses")
        template = options.get("template", "")
        if template and not (template.isascii() and template.isdecimal()):
            raise ValueError("invalid template=: use the number of a template of SES")
        self._template = int(template) if template else None
        self._region = options.get("region", REGIONS[0])
        if self._region not in REGIONS:
            raise ValueError(f"invalid region=: use one of {', '.join(REGIONS)}")
        self._endpoint = options.get("endpoint")
        self._create_client(None)  # reports an invalid endpoint now
        self._refusals = Refusals(self.channel, _CODES, ())

    def send(self, message: Message, sending: SendContext) -> None:
        """Send a message. Raise NotifyError."""
        try:
            self._create_client(sending.context).call(
                "SendEmail",
                FromEmailAddress=self._from,
                Destination=self._to,
                Subject=message.title,
                TriggerType=1,
                SmtpMessageId=make_message_id(sending.key, self._from),
                **self._build_content(message, sending.now()),
            )
        except ApiError as error:
            raise self._refusals.explain(
                error.code,
                error.message,
                key=error.code.removeprefix("FailedOperation."),
                transient=error.retryable,
            ) from None

    def _create_client(self, context: Context | None) -> Ses:
        return Ses(context=context, region=self._region, endpoint=self._endpoint)

    def _build_content(self, message: Message, now: float) -> dict[str, Any]:
        """Return the template with values that contain no tags, or the free content of an older account."""
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
        locale, facts = message.locale, dict(message.facts)
        links = [link.url for row in message.rows for link in row.links[:1]]
        links = take_within(links[:MAX_LINKS], _MAX_VALUE_BYTES, lambda link: len(link) + 1)
        values = {
            "title": message.title,
            "outcome": message.outcome,
            "task_id": facts.get(locale.task, ""),
            "source": facts.get(locale.source, ""),
            "session_context": facts.get(locale.context, ""),
            "results": render_message(message, _WithoutLinks(locale), _MAX_VALUE_BYTES, now),
            "links": " ".join(links),
        }
        # SES documents no escaping of values, and the template is HTML.
        values = {name: escape_tags(value) for name, value in values.items()}
        return {
            "Template": {
                "TemplateID": self._template,
                "TemplateData": json.dumps(values, ensure_ascii=False),
            }
        }


class _WithoutLinks(Style):
    """Plain text without links, which have their own value because some accounts may not send any."""

    def row(self, row: Row, links: list[Link]) -> str:
        return super().row(row, [])
