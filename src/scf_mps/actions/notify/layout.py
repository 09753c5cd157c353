"""Rendering of a message as one text in a style, within a size limit.

The base style is plain text, which email and webhooks contain. Styles for Markdown and HTML are in the modules of
their channels.
"""

from __future__ import annotations

from .size_limit import count_bytes, fit_rows, truncate_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .locale import Locale
    from .message import Link, Message, Row


class Style:
    """Plain text, and the base of the other styles.

    Attributes:
        opening: text between the head and the rows.
        closing: text between the rows and the notes.
    """

    opening = "\n"
    closing = ""

    def __init__(self, locale: Locale) -> None:
        self.locale = locale

    def escape(self, text: str) -> str:
        """Return a value without markup."""
        return text

    def title(self, text: str) -> str:
        """Render the escaped title."""
        return f"{text}\n"

    def fact(self, label: str, value: str) -> str:
        """Render a label and its escaped value."""
        return f"{label}{self.locale.colon}{value}\n"

    def row(self, row: Row, links: list[Link]) -> str:
        """Render a result with some of its links."""
        parts = [self.escape(part) for part in (row.label, row.name, row.details) if part]
        urls = "".join(f"  {link.url}\n" for link in links)
        return f"{row.mark} {'  '.join(parts)}\n{urls}"

    def note(self, text: str) -> str:
        """Render a note below the rows."""
        return f"\n{text}\n"

    def pictures(self, links: list[Link]) -> list[str]:
        """Render pictures by their URLs, up to the number that the channel allows."""
        return []

    def escape_in_custom_text(self, value: str) -> str:
        """Return a value for the user's own text, before `custom_text`."""
        return self.escape(value)

    def custom_text(self, text: str) -> str:
        """Render the user's own text, which contains its values."""
        return text


def render_message(
    message: Message, style: Style, room: int, now: float, size: Callable[[str], int] = count_bytes
) -> str:
    """Return the message in a style.

    Args:
        message: the message.
        style: the style.
        room: maximum size of the text.
        now: seconds since the epoch, for the date in a custom text if the event has none.
        size: returns the size of a part, by default in bytes of UTF-8.
    """
    head, rows, tail = _render_frame(message, style, now, room // 2, size)
    opening, closing = (style.opening, style.closing) if rows else ("", "")
    shown, note = fit_rows(
        [(style.row(row, row.links), style.row(row, [])) for row in rows],
        room - size(head + opening + closing + tail),
        size,
        lambda text: size(style.note(text)),
        message.locale,
    )
    parts = [head, opening, *shown, closing, style.note(note) if note else "", tail]
    room -= size("".join(parts))
    for picture in style.pictures([row.picture for row in rows if row.picture]):
        if size(picture) <= room:
            parts.append(picture)
            room -= size(picture)
    text = "".join(parts)
    # A custom text may consist of empty fields only, but no channel accepts an empty message.
    return text if text.strip() else style.title(style.escape(message.title))


def _render_frame(
    message: Message, style: Style, now: float, room: int, size: Callable[[str], int]
) -> tuple[str, list[Row], str]:
    """Return the text before the rows, the rows, and the text after them."""
    notes = "".join(map(style.note, message.notes))
    custom = message.fill_custom_text(style.escape_in_custom_text, now)
    if custom is None:
        head = style.title(style.escape(message.title))
        head += "".join(style.fact(label, style.escape(value)) for label, value in message.facts)
        return truncate_lines(head, room + room // 2, size), message.rows, notes
    before, after = custom
    head = truncate_lines(style.custom_text(before), room, size)
    if after is None:
        return head, [], ""
    tail = truncate_lines(style.custom_text(after), room // 2, size)
    return head, message.rows, notes + tail
