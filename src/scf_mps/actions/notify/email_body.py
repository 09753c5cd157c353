"""A message as a letter: a subject, a text, and HTML with a table and pictures.

For mails by SMTP and by SES; sending them is left to those.
"""

from __future__ import annotations

from .layout import Style, render_message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .locale import Locale
    from .message import Link, Message, Row

LIMIT = 90_000
"""Bytes of the text and of the HTML each: what is longer is cut off by Gmail, which has the lowest limit known."""

_PICTURES = 8
_CELL = ' style="border:1px solid #ccc;padding:4px 8px;text-align:left"'


def parse_addresses(text: str, what: str) -> list[str]:
    """The addresses of mail in a text, with ``;`` or ``,`` between.

    Raises:
        ValueError: if one is none, or there is none at all.
    """
    import re
    from urllib.parse import unquote

    found = [one.strip() for one in re.split("[;,]", unquote(text)) if one.strip()]
    for one in found:
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+", one):
            raise ValueError(f"expected {what} such as ops@example.com, not {one[:80]!r}")
    if not found:
        raise ValueError(f"expected {what} such as ops@example.com")
    return found


def render_text(message: Message, now: float, room: int = LIMIT) -> str:
    """The letter in plain text."""
    return render_message(message, Style(message.words), room, now)


def render_html(message: Message, now: float) -> str:
    """The letter in HTML."""
    frame = f'<!DOCTYPE html>\n<html lang="{message.words.language}">\n<body>\n'
    return f"{frame}{render_message(message, _Html(message.words), LIMIT, now)}</body>\n</html>\n"


class _Html(Style):
    """HTML; what is in a tag is on one line, so that a text that is cut by lines stays whole."""

    def __init__(self, words: Locale) -> None:
        super().__init__(words)
        cells = "".join(f"<th{_CELL}>{column}</th>" for column in words.columns)
        self.opening = f'<table style="border-collapse:collapse">\n<tr>{cells}</tr>\n'
        self.closing = "</table>\n"

    def escape(self, text: str) -> str:
        from html import escape

        return escape(text)

    def title(self, text: str) -> str:
        return f"<h2>{text}</h2>\n"

    def fact(self, label: str, value: str) -> str:
        return f"<p><b>{label}</b>{self.words.colon}{value}</p>\n"

    def row(self, row: Row, links: list[Link]) -> str:
        shown = " ".join(
            f'<a href="{self.escape(link.url)}">{self.escape(link.name) or self.words.link}</a>'
            for link in links
        )
        texts = (row.mark, *map(self.escape, (row.what, row.name, row.details)), shown)
        return f"<tr>{''.join(f'<td{_CELL}>{text}</td>' for text in texts)}</tr>\n"

    def note(self, text: str) -> str:
        return f"<p>{text}</p>\n"

    def pictures(self, links: list[Link]) -> list[str]:
        return [
            f'<p><img src="{self.escape(link.url)}" alt="{self.escape(link.name)}" width="320"></p>\n'
            for link in links[:_PICTURES]
        ]

    def in_own(self, value: str) -> str:
        return value

    def own(self, text: str) -> str:
        return "".join(f"<p>{self.escape(line)}</p>\n" for line in text.splitlines())
