r"""DingTalk (钉钉) group webhooks: Markdown with pictures.

Page open.dingtalk.com/document/robots/custom-robot-access. A webhook may require a signature (the key signs
``TIMESTAMP\nKEY``, in the URL) or a keyword in every message. The body has at most 20,000 bytes (error 460101). A
webhook accepts 20 messages per minute, then none for ten minutes. Only the field ``at`` mentions people.
"""

from __future__ import annotations

from ...logs import encode_json
from ..http_post import Response
from .delivery import PostRequest, SendContext, check_error_code, deliver, parse_endpoint
from .errors import BUSY, Refusals
from .layout import Style, render_message
from .text import escape_markdown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .errors import Codes, NotifyError
    from .message import Link, Message, Row

MAX_BODY_BYTES = 20_000

_MAX_PICTURES = 4
_RATE_LIMIT = ("rate limit: 20 messages per minute and webhook, then a pause of ten minutes", 600.0)
_UNKNOWN = ("unknown webhook: copy the access_token from its URL", None)
# The table of codes on the page, and open.dingtalk.com/document/orgapp/server-api-error-codes-1. All have HTTP 200.
_CODES: Codes = {
    "-1": ("DingTalk is busy", 1.0),
    "88": ("DingTalk refuses the webhook: check its access_token", None),
    "130101": _RATE_LIMIT,
    "300001": _UNKNOWN,
    "300005": _UNKNOWN,
    "310000": (
        "security settings of the webhook: it requires a signature (secret=SEC…), a keyword (word=), or listed IP "
        "addresses, which a function does not have. The clock may also be wrong by an hour",
        None,
    ),
    "400013": ("the group was dissolved", None),
    "400101": _UNKNOWN,
    "400102": ("the webhook is disabled", None),
    "400106": _UNKNOWN,
    "410100": BUSY,
    "430101": ("DingTalk does not accept a link in the message", None),
    "430102": ("DingTalk does not accept a word in the message", None),
    "430103": ("DingTalk does not accept a picture in the message", None),
    "430104": ("DingTalk does not accept the content of the message", None),
    "460101": ("the message is too long for DingTalk", None),
    "660026": _RATE_LIMIT,
}


class DingTalk:
    """``dingtalk://TOKEN?secret=SEC…&word=…``, with the access_token of the webhook's URL."""

    options = ("endpoint", "secret", "word")
    channel = "dingtalk"

    def __init__(self, address: str, options: Mapping[str, str]) -> None:
        from urllib.parse import quote

        if not address or "/" in address:
            raise ValueError(
                "invalid address: use dingtalk://TOKEN, the access_token of the webhook URL"
            )
        self._secret = options.get("secret", "")
        if self._secret and not self._secret.startswith("SEC"):
            raise ValueError("invalid secret=: DingTalk's secrets begin with SEC")
        self._word = options.get("word", "")
        secrets = (address, quote(address, ""), self._secret)
        self._refusals = Refusals(self.channel, _CODES, secrets)
        base = parse_endpoint(options.get("endpoint", "https://oapi.dingtalk.com"))
        self._url = f"{base}/robot/send?access_token={quote(address, '')}"

    def send(self, message: Message, sending: SendContext) -> None:
        """Send a message. Raise NotifyError."""
        style = _Markdown(message.locale)
        markdown = {"title": style.escape(message.title), "text": ""}
        content = {
            "msgtype": "markdown",
            "markdown": markdown,
            "at": {"atMobiles": [], "atUserIds": [], "isAtAll": False},
        }
        if self._word:
            markdown["text"] = f"{self._word}\n\n"
        room = MAX_BODY_BYTES - len(encode_json(content))
        markdown["text"] += render_message(message, style, room, sending.now(), _count_json_bytes)
        body = encode_json(content)

        def make() -> PostRequest:
            return PostRequest(self._url + self._sign(sending.now()), body)

        deliver(self._refusals, make, self._judge, sending)

    def _sign(self, now: float) -> str:
        """Return the URL parameters of the signature, or ``""`` without a secret."""
        if not self._secret:
            return ""
        import hmac
        from base64 import b64encode
        from urllib.parse import quote

        timestamp = str(int(now * 1000))
        content = f"{timestamp}\n{self._secret}".encode()
        signature = b64encode(hmac.digest(self._secret.encode(), content, "sha256")).decode()
        return f"&timestamp={timestamp}&sign={quote(signature, '')}"

    def _judge(self, response: Response) -> NotifyError | None:
        return check_error_code(self._refusals, response, (("errcode", "errmsg"),))


class _Markdown(Style):
    """DingTalk's Markdown: headings, lists, links and pictures, but no tables."""

    def escape(self, text: str) -> str:
        return escape_markdown(text)

    def title(self, text: str) -> str:
        return f"### {text}\n\n"

    def fact(self, label: str, value: str) -> str:
        return f"> {label}{self.locale.colon}{value}\n>\n"

    def row(self, row: Row, links: list[Link]) -> str:
        parts = [
            f"**{self.escape(row.label)}**",
            *(self.escape(part) for part in (row.name, row.details) if part),
            *(f"[{self.escape(link.name) or self.locale.link}]({link.url})" for link in links),
        ]
        return f"- {row.mark} {' · '.join(parts)}\n"

    def pictures(self, links: list[Link]) -> list[str]:
        return [f"\n![{self.escape(link.name)}]({link.url})\n" for link in links[:_MAX_PICTURES]]


def _count_json_bytes(text: str) -> int:
    """Return the size of a text inside JSON, where quotes and line ends need two bytes."""
    return len(encode_json(text)) - 2
