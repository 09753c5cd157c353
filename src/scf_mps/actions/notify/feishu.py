r"""Feishu (飞书) and Lark custom bots: rich text.

Pages open.feishu.cn/document/ukTMukTMukTM/ucTM5YjL3ETO24yNxkjN (the bot) and …/im-v1/message/create_json (the type
``post``). A post consists of elements. Those of the type ``text`` have no markup, so values cannot add links or
mentions. Pictures need a key that a custom bot cannot get, so they are links. A bot may require a signature
(``TIMESTAMP\nKEY`` is the HMAC key of an empty text, in the body). The body has at most 20 KB. A bot accepts 100
messages per minute and 5 per second.
"""

from __future__ import annotations

from ...logs import encode_json
from ..http_post import Response
from .delivery import PostRequest, SendContext, check_error_code, deliver, parse_endpoint
from .errors import BUSY, Refusals
from .size_limit import fit_rows, truncate_lines
from .text import escape_tags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .errors import Codes, NotifyError
    from .message import Link, Message, Row

    Paragraph = list[dict[str, Any]]

MAX_BODY_BYTES = 20_000

_FRAME_BYTES = 400
"""Bytes reserved for timestamp, signature and field names."""

_FIELDS = (("code", "msg"), ("StatusCode", "StatusMessage"))
# The bot's page, and open.feishu.cn/document/server-docs/getting-started/server-error-codes for codes of five and more
# digits. 9499 with "too many request" is a rate limit: see `Refusals.explain`.
_CODES: Codes = {
    "9499": ("Feishu does not accept this message", None),
    "11232": BUSY,
    "11247": BUSY,
    "99991400": BUSY,
    "19001": ("unknown bot: copy the end of its webhook URL", None),
    "19021": (
        "the bot requires a signature: set secret= as in its settings. The clock may also be wrong by an hour",
        None,
    ),
    "19022": (
        "the bot accepts messages from listed IP addresses only, but a function has no fixed address",
        None,
    ),
    "19024": ("the bot requires a keyword: set word= as in its settings", None),
    "19036": ("the message is too long for Feishu", None),
}


class Feishu:
    """``feishu://TOKEN?secret=…&word=…``, with the end of the webhook's URL."""

    options = ("endpoint", "secret", "word")
    channel = "feishu"
    host = "https://open.feishu.cn"

    def __init__(self, address: str, options: Mapping[str, str]) -> None:
        from urllib.parse import quote

        if not address or "/" in address:
            raise ValueError(
                f"invalid address: use {self.channel}://TOKEN, the end of the bot's webhook URL"
            )
        self._secret = options.get("secret", "")
        self._word = options.get("word", "")
        secrets = (address, quote(address, ""), self._secret)
        self._refusals = Refusals(self.channel, _CODES, secrets)
        base = parse_endpoint(options.get("endpoint", self.host))
        self._url = f"{base}/open-apis/bot/v2/hook/{quote(address, '')}"

    def send(self, message: Message, sending: SendContext) -> None:
        """Send a message. Raise NotifyError."""
        language = {"zh": "zh_cn", "en": "en_us"}[message.locale.language]
        title = escape_tags(message.title)
        title = f"{self._word} {title}" if self._word else title
        room = MAX_BODY_BYTES - _FRAME_BYTES - len(encode_json(title))
        post = {"title": title, "content": _build_paragraphs(message, room, sending.now())}

        def make() -> PostRequest:
            body = {
                "msg_type": "post",
                "content": {"post": {language: post}},
                **self._sign(sending.now()),
            }
            return PostRequest(self._url, body)

        deliver(self._refusals, make, self._judge, sending)

    def _sign(self, now: float) -> dict[str, str]:
        if not self._secret:
            return {}
        import hmac
        from base64 import b64encode

        timestamp = str(int(now))
        key = f"{timestamp}\n{self._secret}".encode()
        signature = b64encode(hmac.digest(key, b"", "sha256")).decode()
        return {"timestamp": timestamp, "sign": signature}

    def _judge(self, response: Response) -> NotifyError | None:
        return check_error_code(self._refusals, response, _FIELDS)


class Lark(Feishu):
    """``lark://TOKEN?secret=…&word=…``: the international version of Feishu."""

    channel = "lark"
    host = "https://open.larksuite.com"


def _build_paragraphs(message: Message, room: int, now: float) -> list[Paragraph]:
    """Return the message as paragraphs with at most `room` bytes of JSON."""
    locale = message.locale
    custom = message.fill_custom_text(escape_tags, now)
    rows = message.rows
    tail: list[Paragraph] = []
    if custom is None:
        head = [
            _build_text(f"{label}{locale.colon}{escape_tags(value)}")
            for label, value in message.facts
        ]
        tail = [_build_text(note) for note in message.notes]
    else:
        before, after = custom
        head = _build_lines(before, room // 4)
        rows = [] if after is None else rows
        if after is not None:
            tail = [*map(_build_text, message.notes), *_build_lines(after, room // 8)]
    shown, note = fit_rows(
        [
            (_build_row(row, row.links, locale.link), _build_row(row, [], locale.link))
            for row in rows
        ],
        room - _count_bytes([*head, *tail]),
        lambda row: _count_bytes([row]),
        lambda text: _count_bytes([_build_text(text)]),
        locale,
    )
    return [*head, *shown, *([_build_text(note)] if note else []), *tail]


def _build_row(row: Row, links: list[Link], link_text: str) -> Paragraph:
    parts = [escape_tags(part) for part in (row.label, row.name, row.details) if part]
    elements: Paragraph = [*_build_text(f"{row.mark} {'  '.join(parts)}")]
    for link in links:
        name = escape_tags(link.name) or link_text
        elements += [*_build_text("  "), {"tag": "a", "text": name, "href": link.url}]
    return elements


def _build_lines(text: str, room: int) -> list[Paragraph]:
    """Return the first lines of a custom text that fit."""
    lines = truncate_lines(
        text, room, lambda part: _count_bytes([_build_text(line) for line in part.splitlines()])
    )
    return [_build_text(line) for line in lines.splitlines()]


def _build_text(text: str) -> Paragraph:
    return [{"tag": "text", "text": text}]


def _count_bytes(paragraphs: list[Paragraph]) -> int:
    return sum(len(encode_json(paragraph)) + 2 for paragraph in paragraphs)
