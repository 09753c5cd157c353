"""Slack incoming webhooks: blocks with pictures.

Pages docs.slack.dev/messaging/sending-messages-using-incoming-webhooks and …/reference/block-kit/blocks. The blocks
are plain text and rich text. Rich text elements of the type ``text`` have no markup, so values cannot add links,
mentions or ``<!channel>``. A message has at most 50 blocks. Their total size is undocumented: about 13,000 characters
were refused as ``msg_blocks_too_long``. If Slack cannot fetch a picture, it refuses the message as ``invalid_blocks``
(github.com/slackapi/java-slack-sdk/issues/1396), and it is sent again without pictures.
"""

from __future__ import annotations

from ...common.truncation import truncate_bytes
from ...logs import encode_json
from ..http_post import Response, is_transient
from .delivery import PostRequest, SendContext, deliver, explain_status, parse_endpoint
from .errors import BUSY, NotifyError, Refusals
from .size_limit import fit_rows, truncate_lines
from .text import escape_markdown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .errors import Codes
    from .message import Link, Message, Row

    Block = dict[str, Any]

MAX_BLOCKS_BYTES = 12_000
"""Bytes of all blocks together."""

_MAX_TITLE_BYTES = 150
_MAX_PICTURES = 4
_MAX_PICTURE_URL_CHARACTERS = 3000
_PICTURE_ERROR = "invalid_blocks"
_UNKNOWN = ("unknown webhook: copy its URL", None)
_REFUSED = ("Slack does not accept this message", None)
# docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling-errors and …/apis/web-api/rate-limits: one
# message per second. The whole body is the code.
_CODES: Codes = {
    "action_prohibited": ("an administrator of the workspace does not allow it", None),
    "channel_is_archived": ("the channel is archived", None),
    "channel_not_found": ("unknown channel", None),
    _PICTURE_ERROR: _REFUSED,
    "invalid_payload": _REFUSED,
    "invalid_token": _UNKNOWN,
    "msg_blocks_too_long": ("the message is too long for Slack", None),
    "no_active_hooks": ("the webhook is disabled", None),
    "no_service": _UNKNOWN,
    "no_service_id": _UNKNOWN,
    "no_team": ("unknown workspace", None),
    "rate_limited": BUSY,
    "ratelimited": BUSY,
    "rollup_error": ("internal error of Slack", 1.0),
    "team_disabled": ("the workspace is disabled", None),
}


class Slack:
    """``slack://T…/B…/X…``, with the end of the webhook's URL."""

    options = ("endpoint",)
    channel = "slack"

    def __init__(self, address: str, options: Mapping[str, str]) -> None:
        from urllib.parse import quote

        parts = address.split("/")
        if len(parts) != 3 or not all(parts):
            raise ValueError("invalid address: use slack://T…/B…/X…, the end of the webhook URL")
        self._refusals = Refusals(self.channel, _CODES, (address, parts[2]))
        base = parse_endpoint(options.get("endpoint", "https://hooks.slack.com"))
        self._url = f"{base}/services/{quote(address)}"

    def send(self, message: Message, sending: SendContext) -> None:
        """Send a message. Raise NotifyError."""
        blocks = _build_blocks(message, sending.now())
        body = {
            # Shown in notifications and read out, with Slack's own markup.
            "text": _escape(escape_markdown(message.title)),
            "blocks": blocks,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        try:
            self._deliver(body, sending)
        except NotifyError as error:
            # A picture that Slack cannot fetch must not cost the message.
            text_blocks = [block for block in blocks if block["type"] != "image"]
            if not error.key.startswith(_PICTURE_ERROR) or text_blocks == blocks:
                raise
            self._deliver({**body, "blocks": text_blocks}, sending)

    def _deliver(self, body: Block, sending: SendContext) -> None:
        deliver(self._refusals, lambda: PostRequest(self._url, body), self._judge, sending)

    def _judge(self, response: Response) -> NotifyError | None:
        text = response.text.strip()
        if response.status == 200 and text == "ok":
            return None
        if 300 <= response.status < 400:
            return explain_status(self._refusals, response)
        return self._refusals.explain(
            response.status,
            text,
            key=text,
            transient=is_transient(response.status),
            retry_after=response.retry_after,
        )


def _build_blocks(message: Message, now: float) -> list[Block]:
    """Return the message as blocks of at most `MAX_BLOCKS_BYTES` of JSON."""
    locale = message.locale
    title = truncate_bytes(message.title, _MAX_TITLE_BYTES)
    header = {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}}
    head: list[Block] = [header]
    room = MAX_BLOCKS_BYTES - _count_bytes(head)
    custom = message.fill_custom_text(str, now)
    rows = message.rows
    before = "".join(f"{label}{locale.colon}{value}\n" for label, value in message.facts)
    after = "".join(f"{note}\n" for note in message.notes)
    if custom is not None:
        before = truncate_lines(custom[0], room // 4, _count_json_bytes)
        if custom[1] is None:
            rows, after = [], ""
        else:
            after += truncate_lines(custom[1], room // 8, _count_json_bytes)
    if before.strip():
        head.append(_build_section([_build_text(before.rstrip("\n"))]))
    tail = [_build_section([_build_text(after.rstrip("\n"))])] if after.strip() else []
    shown, note = fit_rows(
        [
            (_build_row(row, row.links, locale.link), _build_row(row, [], locale.link))
            for row in rows
        ],
        room - _count_bytes([*head[1:], *tail, _build_section([])]),
        _count_bytes,
        lambda text: _count_bytes([_build_text(text)]),
        locale,
    )
    elements = [element for row in shown for element in row]
    if note:
        elements.append(_build_text(note))
    blocks = [*head, *([_build_section(elements)] if elements else []), *tail]
    room = MAX_BLOCKS_BYTES - _count_bytes(blocks)
    pictures = [_build_picture(row.picture) for row in rows if row.picture][:_MAX_PICTURES]
    for picture in pictures:
        if (
            _count_bytes([picture]) <= room
            and len(picture["image_url"]) <= _MAX_PICTURE_URL_CHARACTERS
        ):
            blocks.append(picture)
            room -= _count_bytes([picture])
    return blocks


def _build_row(row: Row, links: list[Link], link_text: str) -> list[Block]:
    parts = [
        _build_text(f"{row.mark} "),
        {**_build_text(row.label), "style": {"bold": True}},
        *(_build_text(f"  {part}") for part in (row.name, row.details) if part),
    ]
    for link in links:
        anchor = {"type": "link", "url": link.url, "text": link.name or link_text}
        parts += [_build_text("  "), anchor]
    return [*parts, _build_text("\n")]


def _build_picture(link: Link) -> Block:
    return {"type": "image", "image_url": link.url, "alt_text": link.name or "-"}


def _build_section(elements: list[Block]) -> Block:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def _build_text(text: str) -> Block:
    return {"type": "text", "text": text}


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _count_bytes(blocks: list[Block]) -> int:
    return sum(len(encode_json(block)) + 2 for block in blocks)


def _count_json_bytes(text: str) -> int:
    return len(encode_json(text))
