"""A message as one text: head, rows, notes and pictures, in a style and within a limit.

A style knows the markup of a channel. Those here are plain text, which mails and generic webhooks also carry; the
styles of Markdown and HTML are beside the channels that take them.
"""

from __future__ import annotations

from .size_limit import choose_rows, count_bytes, cut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .locale import Locale
    from .message import Link, Message, Row


class Style:
    """Plain text, and the base of the other styles.

    Attributes:
        opening: between the head and the rows.
        closing: between the rows and the notes.
    """

    opening = "\n"
    closing = ""

    def __init__(self, words: Locale) -> None:
        self.words = words

    def escape(self, text: str) -> str:
        """A value so that no markup is in it."""
        return text

    def title(self, text: str) -> str:
        """The title, which is escaped."""
        return f"{text}\n"

    def fact(self, label: str, value: str) -> str:
        """A label and its value, which is escaped."""
        return f"{label}{self.words.colon}{value}\n"

    def row(self, row: Row, links: list[Link]) -> str:
        """A result with some of its links."""
        parts = [self.escape(part) for part in (row.what, row.name, row.details) if part]
        shown = "".join(f"  {link.url}\n" for link in links)
        return f"{row.mark} {'  '.join(parts)}\n{shown}"

    def note(self, text: str) -> str:
        """A line of ours below the rows."""
        return f"\n{text}\n"

    def pictures(self, links: list[Link]) -> list[str]:
        """Pictures, shown by their URLs, as many as may be."""
        return []

    def in_own(self, value: str) -> str:
        """A value as a text of the user's own takes it in, before `own`."""
        return self.escape(value)

    def own(self, text: str) -> str:
        """A text of the user's own, with its values."""
        return text


def render_message(
    message: Message,
    style: Style,
    room: int,
    now: float,
    size: Callable[[str], int] = count_bytes,
) -> str:
    """The message in a style, of at most some size.

    Args:
        room: the size it may have.
        now: seconds since the epoch, for a text of one's own whose event tells no day.
        size: of a part of the text; bytes in UTF-8 by default.
    """
    head, rows, tail = _frame(message, style, now, room // 2, size)
    whole = [style.row(row, row.links) for row in rows]
    short = [style.row(row, []) for row in rows]
    opening, closing = (style.opening, style.closing) if rows else ("", "")
    # What is told of what is missing has its room in any case.
    missing = style.note(message.words.links_left_out)
    spare = room - size(head + opening + closing + tail + missing)
    more = style.note(message.words.and_more.format(count=len(rows)))
    sizes = [(size(one), size(other)) for one, other in zip(whole, short, strict=True)]
    chosen = choose_rows(sizes, spare, size(more))
    shown = "".join(whole[at] if is_whole else short[at] for at, is_whole in enumerate(chosen))
    behind = ""
    if len(chosen) < len(rows):
        behind = style.note(message.words.and_more.format(count=len(rows) - len(chosen)))
    elif not all(chosen):
        behind = missing
    parts = [head, opening, shown, closing, behind, tail]
    room -= size("".join(parts))
    for picture in style.pictures([row.picture for row in rows if row.picture]):
        if size(picture) <= room:
            parts.append(picture)
            room -= size(picture)
    text = "".join(parts)
    # A text of one's own may be of nothing but fields that are empty: no channel takes an empty message.
    return text if text.strip() else style.title(style.escape(message.title))


def _frame(
    message: Message, style: Style, now: float, most: int, size: Callable[[str], int]
) -> tuple[str, list[Row], str]:
    """What stands before the rows, the rows, and what stands behind them."""
    notes = "".join(map(style.note, message.notes))
    own = message.own(style.in_own, now)
    if own is None:
        head = style.title(style.escape(message.title))
        head += "".join(style.fact(label, style.escape(value)) for label, value in message.facts)
        return cut(head, most + most // 2, size), message.rows, notes
    before, behind = own
    head = cut(style.own(before), most, size)
    if behind is None:
        return head, [], ""
    return head, message.rows, notes + cut(style.own(behind), most // 2, size)
