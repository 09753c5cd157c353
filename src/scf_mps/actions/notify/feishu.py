"""Feishu (飞书) and Lark: a group's custom bot, told in a rich text.

Pages open.feishu.cn/document/ukTMukTMukTM/ucTM5YjL3ETO24yNxkjN (the bot) and …/im-v1/message/create_json (the text,
``post``). A text is made of elements, of which those of the type ``text`` have no markup: nothing in a value is a
link or a mention. Pictures need a key of Feishu's own, which a custom bot cannot get: they are links. A bot may ask for
a signature (``TIMESTAMP\\nKEY`` is the key, nothing is signed, in the body). The body has 20 KB at most; a bot
takes 100 messages in a minute and 5 in a second.
"""

from __future__ import annotations

from ...logs import encode_json
from ..http_post import Response
from .delivery import PostRequest, SendContext, check_error_code, deliver, parse_endpoint
from .errors import BUSY
from .size_limit import choose_rows, cut
from .text import escape_tags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .errors import Codes, NotifyError
    from .message import Link, Message, Row

    Paragraph = list[dict[str, Any]]

LIMIT = 20_000
"""Bytes of the body."""

_FRAME = 400
"""Bytes of it that are neither title nor paragraphs: timestamp, signature, names."""

_FIELDS = (("code", "msg"), ("StatusCode", "StatusMessage"))
# The bot's page, and open.feishu.cn/document/server-docs/getting-started/server-error-codes for those of five and more
# digits. 9499 with "too many request" is a rate all the same: see `errors.explain_refusal`.
_CODES: Codes = {
    "9499": ("Feishu does not take this message", None),
    "11232": BUSY,
    "11247": BUSY,
    "99991400": BUSY,
    "19001": ("there is no such bot: take the end of its webhook's URL anew", None),
    "19021": (
        "the bot wants a signature: secret= as in its settings; or the clock is an hour off",
        None,
    ),
    "19022": (
        "the bot's settings list the addresses it takes messages from: a function has no fixed one",
        None,
    ),
    "19024": ("the bot wants a word in every message: word= as in its settings", None),
    "19036": ("Feishu does not take a message of this length", None),
}


class Feishu:
    """``feishu://TOKEN?secret=…&word=…``, the end of the webhook's URL."""

    options = ("endpoint", "secret", "word")
    channel = "feishu"
    host = "https://open.feishu.cn"

    def __init__(self, address: str, options: Mapping[str, str]) -> None:
        from urllib.parse import quote

        if not address or "/" in address:
            raise ValueError(f"expected {self.channel}://TOKEN, the end of the bot's webhook URL")
        self._secret = options.get("secret", "")
        self._word = options.get("word", "")
        self._secrets = (address, quote(address, ""), self._secret)
        base = parse_endpoint(options.get("endpoint", self.host))
        self._url = f"{base}/open-apis/bot/v2/hook/{quote(address, '')}"

    def send(self, message: Message, sending: SendContext) -> None:
        """Raises NotifyError."""
        language = {"zh": "zh_cn", "en": "en_us"}[message.words.language]
        title = escape_tags(message.title)
        title = f"{self._word} {title}" if self._word else title
        room = LIMIT - _FRAME - len(encode_json(title))
        text = {"title": title, "content": _paragraphs(message, room, sending.now())}

        def make() -> PostRequest:
            body = {
                "msg_type": "post",
                "content": {"post": {language: text}},
                **self._signature(sending.now()),
            }
            return PostRequest(self._url, body)

        deliver(self.channel, make, self._judge, sending, self._secrets)

    def _signature(self, now: float) -> dict[str, str]:
        if not self._secret:
            return {}
        import hmac
        from base64 import b64encode

        moment = str(int(now))
        key = f"{moment}\n{self._secret}".encode()
        return {"timestamp": moment, "sign": b64encode(hmac.digest(key, b"", "sha256")).decode()}

    def _judge(self, answer: Response) -> NotifyError | None:
        return check_error_code(self.channel, answer, _FIELDS, _CODES, self._secrets)


class Lark(Feishu):
    """``lark://TOKEN?secret=…&word=…``: Feishu's international sibling."""

    channel = "lark"
    host = "https://open.larksuite.com"


def _paragraphs(message: Message, room: int, now: float) -> list[Paragraph]:
    """The message as paragraphs whose JSON has at most `room` bytes."""
    words = message.words
    own = message.own(escape_tags, now)
    rows = message.rows
    behind: list[Paragraph] = []
    if own is None:
        head = [
            _text(f"{label}{words.colon}{escape_tags(value)}") for label, value in message.facts
        ]
        behind = [_text(note) for note in message.notes]
    else:
        before, after = own
        head = _lines(before, room // 4)
        rows = [] if after is None else rows
        if after is not None:
            behind = [*map(_text, message.notes), *_lines(after, room // 8)]
    whole = [_row(row, row.links, words.link) for row in rows]
    short = [_row(row, [], words.link) for row in rows]
    missing = _text(words.links_left_out)
    spare = room - _size([*head, *behind, missing])
    more = _text(words.and_more.format(count=len(rows)))
    sizes = [(_size([one]), _size([other])) for one, other in zip(whole, short, strict=True)]
    chosen = choose_rows(sizes, spare, _size([more]))
    shown = [whole[at] if is_whole else short[at] for at, is_whole in enumerate(chosen)]
    if len(chosen) < len(rows):
        shown.append(_text(words.and_more.format(count=len(rows) - len(chosen))))
    elif not all(chosen):
        shown.append(missing)
    return [*head, *shown, *behind]


def _row(row: Row, links: list[Link], open_: str) -> Paragraph:
    parts = [escape_tags(part) for part in (row.what, row.name, row.details) if part]
    elements: Paragraph = [*_text(f"{row.mark} {'  '.join(parts)}")]
    for link in links:
        name = escape_tags(link.name) or open_
        elements += [*_text("  "), {"tag": "a", "text": name, "href": link.url}]
    return elements


def _lines(text: str, most: int) -> list[Paragraph]:
    """The lines of a text of one's own, those that fit."""
    lines = cut(text, most, lambda part: _size([_text(line) for line in part.splitlines()]))
    return [_text(line) for line in lines.splitlines()]


def _text(text: str) -> Paragraph:
    return [{"tag": "text", "text": text}]


def _size(paragraphs: list[Paragraph]) -> int:
    return sum(len(encode_json(one)) + 2 for one in paragraphs)
