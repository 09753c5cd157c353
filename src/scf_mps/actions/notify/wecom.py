"""WeCom (企业微信) group webhooks: Markdown with a table and pictures.

Messages have the type ``markdown_v2``, which supports tables and images and cannot mention people (pages
developer.work.weixin.qq.com/document/path/99110 and, for the codes, 90455). A message has at most 4,096 bytes. A webhook
accepts 20 messages per minute.
"""

from __future__ import annotations

from ..http_post import Response
from .delivery import PostRequest, SendContext, check_error_code, deliver, parse_endpoint
from .errors import BUSY, Refusals
from .layout import Style, render_message
from .text import escape_markdown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .errors import Codes, NotifyError
    from .locale import Locale
    from .message import Link, Message, Row

MAX_MESSAGE_BYTES = 4096

_MAX_PICTURES = 2
# Pages 90313 (all codes) and 99110 (the rate). All have HTTP status 200.
_CODES: Codes = {
    "-1": ("WeCom is busy", 1.0),
    "40058": ("WeCom does not accept this message", None),
    "45002": ("the message is too long for WeCom", None),
    "45009": (
        "rate limit: 20 messages per minute and webhook. Send fewer, or use a second webhook",
        5.0,
    ),
    "45033": BUSY,
    "60020": (
        "the sender's IP address is not allowed: use a group webhook, which needs no IP list",
        None,
    ),
    "93000": ("unknown webhook: copy the key from the end of its URL", None),
    "93004": ("the webhook is disabled", None),
    "93008": ("the webhook was removed from the group", None),
}


class WeCom:
    """``wecom://KEY``, with the key at the end of the webhook's URL."""

    options = ("endpoint",)
    channel = "wecom"

    def __init__(self, address: str, options: Mapping[str, str]) -> None:
        from urllib.parse import quote

        if not address or "/" in address:
            raise ValueError(
                "invalid address: use wecom://KEY, the key at the end of the webhook URL"
            )
        self._refusals = Refusals(self.channel, _CODES, (address, quote(address, "")))
        base = parse_endpoint(options.get("endpoint", "https://qyapi.weixin.qq.com"))
        self._url = f"{base}/cgi-bin/webhook/send?key={quote(address, '')}"

    def send(self, message: Message, sending: SendContext) -> None:
        """Send a message. Raise NotifyError."""
        style = _Table(message.locale)
        content = render_message(message, style, MAX_MESSAGE_BYTES, sending.now())
        body = {"msgtype": "markdown_v2", "markdown_v2": {"content": content}}
        deliver(self._refusals, lambda: PostRequest(self._url, body), self._judge, sending)

    def _judge(self, response: Response) -> NotifyError | None:
        return check_error_code(self._refusals, response, (("errcode", "errmsg"),))


class _Table(Style):
    """WeCom's Markdown."""

    def __init__(self, locale: Locale) -> None:
        super().__init__(locale)
        columns = locale.columns
        self.opening = f"\n| {' | '.join(columns)} |\n|{' :--- |' * len(columns)}\n"

    def escape(self, text: str) -> str:
        return escape_markdown(text)

    def title(self, text: str) -> str:
        return f"## {text}\n"

    def fact(self, label: str, value: str) -> str:
        return f"> {label}{self.locale.colon}{value}\n"

    def row(self, row: Row, links: list[Link]) -> str:
        anchors = " ".join(
            f"[{self.locale.link}{number if len(links) > 1 else ''}]({link.url})"
            for number, link in enumerate(links, 1)
        )
        cells = (row.mark, self.escape(row.label), self.escape(row.name), self.escape(row.details))
        return f"| {' | '.join((*cells, anchors))} |\n"

    def pictures(self, links: list[Link]) -> list[str]:
        return [f"\n![{self.escape(link.name)}]({link.url})\n" for link in links[:_MAX_PICTURES]]
