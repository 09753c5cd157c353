"""WeCom (企业微信): a group's robot ("消息推送"), told in Markdown with a table and pictures.

Messages are of the type ``markdown_v2``, which has tables and images and in which nobody can be mentioned (pages
developer.work.weixin.qq.com/document/path/99110 and, for the codes, 90455). A message has 4,096 bytes at most; a robot
takes 20 in a minute.
"""

from __future__ import annotations

from ..http_post import Response
from .delivery import PostRequest, SendContext, check_error_code, deliver, parse_endpoint
from .errors import BUSY
from .layout import Style, render_message
from .text import escape_markdown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .errors import Codes, NotifyError
    from .locale import Locale
    from .message import Link, Message, Row

LIMIT = 4096
"""Bytes of a message."""

_PICTURES = 2
# Page 90313 (all codes) and 99110 (the rate); each comes with HTTP 200.
_CODES: Codes = {
    "-1": ("WeCom is busy", 1.0),
    "40058": ("WeCom does not take this message", None),
    "45002": ("WeCom does not take a message of this length", None),
    "45009": ("a robot takes 20 messages in a minute: send fewer, or use a second robot", 5.0),
    "45033": BUSY,
    "60020": (
        "this address may not use it: a group's robot needs no list of addresses, an application does",
        None,
    ),
    "93000": ("there is no such robot: take the key at the end of its webhook's URL anew", None),
    "93004": ("the robot is switched off", None),
    "93008": ("the robot is not in the group any more", None),
}


class WeCom:
    """``wecom://KEY``, the key at the end of the webhook's URL."""

    options = ("endpoint",)
    channel = "wecom"

    def __init__(self, address: str, options: Mapping[str, str]) -> None:
        from urllib.parse import quote

        if not address or "/" in address:
            raise ValueError("expected wecom://KEY, the key at the end of the robot's webhook URL")
        self._secrets = (address, quote(address, ""))
        base = parse_endpoint(options.get("endpoint", "https://qyapi.weixin.qq.com"))
        self._url = f"{base}/cgi-bin/webhook/send?key={quote(address, '')}"

    def send(self, message: Message, sending: SendContext) -> None:
        """Raises NotifyError."""
        content = render_message(message, _Table(message.words), LIMIT, sending.now())
        body = {"msgtype": "markdown_v2", "markdown_v2": {"content": content}}
        deliver(
            self.channel, lambda: PostRequest(self._url, body), self._judge, sending, self._secrets
        )

    def _judge(self, answer: Response) -> NotifyError | None:
        return check_error_code(
            self.channel, answer, (("errcode", "errmsg"),), _CODES, self._secrets
        )


class _Table(Style):
    """WeCom's Markdown."""

    def __init__(self, words: Locale) -> None:
        super().__init__(words)
        columns = words.columns
        self.opening = f"\n| {' | '.join(columns)} |\n|{' :--- |' * len(columns)}\n"

    def escape(self, text: str) -> str:
        return escape_markdown(text)

    def title(self, text: str) -> str:
        return f"## {text}\n"

    def fact(self, label: str, value: str) -> str:
        return f"> {label}{self.words.colon}{value}\n"

    def row(self, row: Row, links: list[Link]) -> str:
        shown = " ".join(
            f"[{self.words.link}{number if len(links) > 1 else ''}]({link.url})"
            for number, link in enumerate(links, 1)
        )
        cells = (row.mark, self.escape(row.what), self.escape(row.name), self.escape(row.details))
        return f"| {' | '.join((*cells, shown))} |\n"

    def pictures(self, links: list[Link]) -> list[str]:
        return [f"\n![{self.escape(link.name)}]({link.url})\n" for link in links[:_PICTURES]]
