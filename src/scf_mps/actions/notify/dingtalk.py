"""DingTalk (钉钉): a group's robot, told in Markdown with pictures.

Page open.dingtalk.com/document/robots/custom-robot-access. A robot may ask for a signature (the key signs
``TIMESTAMP\\nKEY``, in the URL) or for a word that every message contains. The body has 20,000 bytes at most (error
460101); a robot takes 20 messages in a minute and after that none for ten. Nobody is mentioned but by the field
``at``, which says so.
"""

from __future__ import annotations

from ...logs import encode_json
from ..http_post import Response
from .delivery import PostRequest, SendContext, check_error_code, deliver, parse_endpoint
from .errors import BUSY
from .layout import Style, render_message
from .text import escape_markdown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .errors import Codes, NotifyError
    from .message import Link, Message, Row

LIMIT = 20_000
"""Bytes of the body."""

_PICTURES = 4
_SLOW = ("a robot takes 20 messages in a minute, and then none for ten minutes", 600.0)
_GONE = ("there is no such robot: take the access_token of its webhook's URL anew", None)
# The page's own table of codes, and open.dingtalk.com/document/orgapp/server-api-error-codes-1; all with HTTP 200.
_CODES: Codes = {
    "-1": ("DingTalk is busy", 1.0),
    "88": ("DingTalk refuses the robot: is its access_token right?", None),
    "130101": _SLOW,
    "300001": _GONE,
    "300005": _GONE,
    "310000": (
        "the robot's security settings: it wants a signature (secret=SEC…), a word in every message (word=), or "
        "messages from listed addresses alone, which a function does not have; or the clock is an hour off",
        None,
    ),
    "400013": ("the group has been dissolved", None),
    "400101": _GONE,
    "400102": ("the robot is switched off", None),
    "400106": _GONE,
    "410100": BUSY,
    "430101": ("DingTalk does not take a link in it", None),
    "430102": ("DingTalk does not take a word in it", None),
    "430103": ("DingTalk does not take a picture in it", None),
    "430104": ("DingTalk does not take what is in it", None),
    "460101": ("DingTalk does not take a message of this length", None),
    "660026": _SLOW,
}


class DingTalk:
    """``dingtalk://TOKEN?secret=SEC…&word=…``, the access_token of the webhook's URL."""

    options = ("endpoint", "secret", "word")
    channel = "dingtalk"

    def __init__(self, address: str, options: Mapping[str, str]) -> None:
        from urllib.parse import quote

        if not address or "/" in address:
            raise ValueError(
                "expected dingtalk://TOKEN, the access_token of the robot's webhook URL"
            )
        self._secret = options.get("secret", "")
        if self._secret and not self._secret.startswith("SEC"):
            raise ValueError("expected a secret= that begins with SEC, as DingTalk shows it")
        self._word = options.get("word", "")
        self._secrets = (address, quote(address, ""), self._secret)
        base = parse_endpoint(options.get("endpoint", "https://oapi.dingtalk.com"))
        self._url = f"{base}/robot/send?access_token={quote(address, '')}"

    def send(self, message: Message, sending: SendContext) -> None:
        """Raises NotifyError."""
        style = _Markdown(message.words)
        markdown = {"title": style.escape(message.title), "text": ""}
        content = {
            "msgtype": "markdown",
            "markdown": markdown,
            "at": {"atMobiles": [], "atUserIds": [], "isAtAll": False},
        }
        if self._word:
            markdown["text"] = f"{self._word}\n\n"
        room = LIMIT - len(encode_json(content))
        markdown["text"] += render_message(message, style, room, sending.now(), _size)
        body = encode_json(content)

        def make() -> PostRequest:
            return PostRequest(self._url + self._signature(sending.now()), body)

        deliver(self.channel, make, self._judge, sending, self._secrets)

    def _signature(self, now: float) -> str:
        """What is put behind the URL, if the robot has a key."""
        if not self._secret:
            return ""
        import hmac
        from base64 import b64encode
        from urllib.parse import quote

        moment = str(int(now * 1000))
        signed = f"{moment}\n{self._secret}".encode()
        signature = b64encode(hmac.digest(self._secret.encode(), signed, "sha256")).decode()
        return f"&timestamp={moment}&sign={quote(signature, '')}"

    def _judge(self, answer: Response) -> NotifyError | None:
        return check_error_code(
            self.channel, answer, (("errcode", "errmsg"),), _CODES, self._secrets
        )


class _Markdown(Style):
    """DingTalk's Markdown: headings, lists, links and pictures; no tables."""

    def escape(self, text: str) -> str:
        return escape_markdown(text)

    def title(self, text: str) -> str:
        return f"### {text}\n\n"

    def fact(self, label: str, value: str) -> str:
        return f"> {label}{self.words.colon}{value}\n>\n"

    def row(self, row: Row, links: list[Link]) -> str:
        parts = [
            f"**{self.escape(row.what)}**",
            *(self.escape(part) for part in (row.name, row.details) if part),
            *(f"[{self.escape(link.name) or self.words.link}]({link.url})" for link in links),
        ]
        return f"- {row.mark} {' · '.join(parts)}\n"

    def pictures(self, links: list[Link]) -> list[str]:
        return [f"\n![{self.escape(link.name)}]({link.url})\n" for link in links[:_PICTURES]]


def _size(text: str) -> int:
    """Bytes of a text within JSON: quotes and ends of lines are two each."""
    return len(encode_json(text)) - 2
