"""Body of an email: plain text, and HTML with a table and pictures. For SMTP and SES."""

from __future__ import annotations

from .layout import Style, render_message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .locale import Locale
    from .message import Link, Message, Row

MAX_BODY_BYTES = 90_000
"""Bytes of the text and of the HTML each. Gmail, with the lowest known limit, clips longer ones."""

_MAX_PICTURES = 8
_CELL = ' style="border:1px solid #ccc;padding:4px 8px;text-align:left"'


def parse_addresses(text: str, where: str) -> list[str]:
    """Parse email addresses separated by ``;`` or ``,``.

    Raises:
        ValueError: an address is invalid or missing.
    """
    import re
    from urllib.parse import unquote

    addresses = [part.strip() for part in re.split("[;,]", unquote(text)) if part.strip()]
    for address in addresses:
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+", address):
            raise ValueError(
                f"invalid email address {address[:80]!r} {where}: use the form ops@example.com"
            )
    if not addresses:
        raise ValueError(f"missing email address {where}: use the form ops@example.com")
    return addresses


def render_text(message: Message, now: float, room: int = MAX_BODY_BYTES) -> str:
    """Return the message as plain text."""
    return render_message(message, Style(message.locale), room, now)


def render_html(message: Message, now: float) -> str:
    """Return the message as an HTML page."""
    opening = f'<!DOCTYPE html>\n<html lang="{message.locale.language}">\n<body>\n'
    body = render_message(message, _Html(message.locale), MAX_BODY_BYTES, now)
    return f"{opening}{body}</body>\n</html>\n"


class _Html(Style):
    """HTML. Each element is on one line, so truncation by lines keeps it complete."""

    def __init__(self, locale: Locale) -> None:
        super().__init__(locale)
        cells = "".join(f"<th{_CELL}>{column}</th>" for column in locale.columns)
        self.opening = f'<table style="border-collapse:collapse">\n<tr>{cells}</tr>\n'
        self.closing = "</table>\n"

    def escape(self, text: str) -> str:
        from html import escape

        return escape(text)

    def title(self, text: str) -> str:
        return f"<h2>{text}</h2>\n"

    def fact(self, label: str, value: str) -> str:
        return f"<p><b>{label}</b>{self.locale.colon}{value}</p>\n"

    def row(self, row: Row, links: list[Link]) -> str:
        anchors = " ".join(
            f'<a href="{self.escape(link.url)}">{self.escape(link.name) or self.locale.link}</a>'
            for link in links
        )
        cells = (row.mark, *map(self.escape, (row.label, row.name, row.details)), anchors)
        return f"<tr>{''.join(f'<td{_CELL}>{cell}</td>' for cell in cells)}</tr>\n"

    def note(self, text: str) -> str:
        return f"<p>{text}</p>\n"

    def pictures(self, links: list[Link]) -> list[str]:
        return [
            f'<p><img src="{self.escape(link.url)}" alt="{self.escape(link.name)}" width="320"></p>\n'
            for link in links[:_MAX_PICTURES]
        ]

    def escape_in_custom_text(self, value: str) -> str:
        return value

    def custom_text(self, text: str) -> str:
        return "".join(f"<p>{self.escape(line)}</p>\n" for line in text.splitlines())
