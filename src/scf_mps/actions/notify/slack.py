"""Slack: an incoming webhook, told in blocks with pictures.

Pages docs.slack.dev/messaging/sending-messages-using-incoming-webhooks and …/reference/block-kit/blocks. The blocks
are plain text and rich text, whose elements of the type ``text`` have no markup: nothing in a value is a link, a
mention or ``<!channel>``. A message has 50 blocks; how long they may be together is documented nowhere, and
about 13,000 characters have been refused as ``msg_blocks_too_long``. A picture that Slack cannot fetch has the whole
message refused as ``invalid_blocks`` (github.com/slackapi/java-slack-sdk/issues/1396): it is sent without pictures then.
"""

from __future__ import annotations

from ...common.truncation import truncate_bytes
from ...logs import encode_json
from ..http_post import Response, is_transient
from .delivery import PostRequest, SendContext, deliver, explain_status, parse_endpoint
from .errors import BUSY, NotifyError, explain_refusal
from .size_limit import choose_rows, cut
from .text import escape_markdown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .errors import Codes
    from .message import Link, Message, Row

    Block = dict[str, Any]

LIMIT = 12_000
"""Bytes of the blocks together."""

_TITLE = 150
_PICTURES = 4
_LONGEST_URL = 3000
_GONE = ("there is no such webhook any more: take its URL anew", None)
_REFUSED = ("Slack does not take this message", None)
# docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling-errors and …/apis/web-api/rate-limits: one
# message in a second. The code is the whole body.
_CODES: Codes = {
    "action_prohibited": ("an administrator of the workspace does not allow it", None),
    "channel_is_archived": ("the channel is archived", None),
    "channel_not_found": ("there is no such channel any more", None),
    "invalid_blocks": _REFUSED,
    "invalid_payload": _REFUSED,
    "invalid_token": _GONE,
    "msg_blocks_too_long": ("Slack does not take a message of this length", None),
    "no_active_hooks": ("the webhook is switched off", None),
    "no_service": _GONE,
    "no_service_id": _GONE,
    "no_team": ("there is no such workspace any more", None),
    "rate_limited": BUSY,
    "ratelimited": BUSY,
    "rollup_error": ("Slack has a fault", 1.0),
    "team_disabled": ("the workspace is switched off", None),
}


class Slack:
    """``slack://T…/B…/X…``, the end of the webhook's URL."""

    options = ("endpoint",)
    channel = "slack"

    def __init__(self, address: str, options: Mapping[str, str]) -> None:
        from urllib.parse import quote

        parts = address.split("/")
        if len(parts) != 3 or not all(parts):
            raise ValueError("expected slack://T…/B…/X…, the end of the webhook's URL")
        self._secrets = (address, parts[2])
        base = parse_endpoint(options.get("endpoint", "https://hooks.slack.com"))
        self._url = f"{base}/services/{quote(address)}"

    def send(self, message: Message, sending: SendContext) -> None:
        """Raises NotifyError."""
        blocks = _blocks(message, sending.now())
        body = {
            # What is shown in a notice outside of Slack, and read out: its markup is that of Slack.
            "text": _escaped(escape_markdown(message.title)),
            "blocks": blocks,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        try:
            self._deliver(body, sending)
        except NotifyError as error:
            # Slack fetches the pictures, and posts nothing if it cannot: the message is worth more.
            words = [block for block in blocks if block["type"] != "image"]
            if not error.message.startswith("invalid_blocks") or words == blocks:
                raise
            self._deliver({**body, "blocks": words}, sending)

    def _deliver(self, body: Block, sending: SendContext) -> None:
        deliver(
            self.channel, lambda: PostRequest(self._url, body), self._judge, sending, self._secrets
        )

    def _judge(self, answer: Response) -> NotifyError | None:
        said = answer.text.strip()
        if answer.status == 200 and said == "ok":
            return None
        if 300 <= answer.status < 400:
            return explain_status(self.channel, answer, self._secrets)
        return explain_refusal(
            self.channel,
            answer.status,
            said,
            _CODES,
            self._secrets,
            key=said,
            transient=is_transient(answer.status),
            retry_after=answer.retry_after,
        )


def _blocks(message: Message, now: float) -> list[Block]:
    """The message as blocks of at most `LIMIT` bytes of JSON."""
    words = message.words
    title = {"type": "plain_text", "text": _short(message.title), "emoji": False}
    head: list[Block] = [{"type": "header", "text": title}]
    room = LIMIT - _size(head[0])
    own = message.own(str, now)
    rows = message.rows
    before = "".join(f"{label}{words.colon}{value}\n" for label, value in message.facts)
    behind = "".join(f"{note}\n" for note in message.notes)
    if own is not None:
        before, after = cut(own[0], room // 4, _json_size), own[1]
        rows = [] if after is None else rows
        behind = "" if after is None else behind + cut(after, room // 8, _json_size)
    if before.strip():
        head.append(_rich([_text(before.rstrip("\n"))]))
    tail = [_rich([_text(behind.rstrip("\n"))])] if behind.strip() else []
    whole = [_row(row, row.links, words.link) for row in rows]
    short = [_row(row, [], words.link) for row in rows]
    missing = _text(words.links_left_out)
    spare = room - sum(map(_size, [*head[1:], *tail, _rich([missing])]))
    more = _text(words.and_more.format(count=len(rows)))
    sizes = [(_length(one), _length(other)) for one, other in zip(whole, short, strict=True)]
    chosen = choose_rows(sizes, spare, _size(more))
    shown = [
        part for at, is_whole in enumerate(chosen) for part in (whole if is_whole else short)[at]
    ]
    if len(chosen) < len(rows):
        shown.append(_text(words.and_more.format(count=len(rows) - len(chosen))))
    elif not all(chosen):
        shown.append(missing)
    blocks = [*head, *([_rich(shown)] if shown else []), *tail]
    room = LIMIT - sum(map(_size, blocks))
    pictures = [_picture(row.picture) for row in rows if row.picture][:_PICTURES]
    for picture in pictures:
        if _size(picture) <= room and len(picture["image_url"]) <= _LONGEST_URL:
            blocks.append(picture)
            room -= _size(picture)
    return blocks


def _row(row: Row, links: list[Link], open_: str) -> list[Block]:
    parts = [
        _text(f"{row.mark} "),
        {**_text(row.what), "style": {"bold": True}},
        *(_text(f"  {part}") for part in (row.name, row.details) if part),
    ]
    for link in links:
        parts += [_text("  "), {"type": "link", "url": link.url, "text": link.name or open_}]
    return [*parts, _text("\n")]


def _picture(link: Link) -> Block:
    return {"type": "image", "image_url": link.url, "alt_text": link.name or "-"}


def _rich(elements: list[Block]) -> Block:
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": elements}],
    }


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _short(title: str) -> str:
    return truncate_bytes(title, _TITLE)


def _length(elements: list[Block]) -> int:
    return sum(map(_size, elements))


def _size(block: Block) -> int:
    return len(encode_json(block)) + 2


def _json_size(text: str) -> int:
    return len(encode_json(text))
