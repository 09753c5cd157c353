"""Selection of the rows of a message within a channel's size limit.

A row cut in the middle could end inside a link or a tag. Rows are sent without links if these would displace other
rows (a presigned link of a function is longer than the rest of its row), and omitted from the end.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeVar

    from .locale import Locale

    T = TypeVar("T")


def fit_rows(
    rows: Sequence[tuple[T, T]],
    room: int,
    size: Callable[[T], int],
    note_size: Callable[[str], int],
    locale: Locale,
) -> tuple[list[T], str]:
    """Return the rows that fit, and a note about omitted rows or links, or ``""``.

    Args:
        rows: each row in its long form, with links, and in its short form.
        room: size of all rows and the note together.
        size: returns the size of a row.
        note_size: returns the size of a note.
        locale: the texts of the notes.
    """
    more = note_size(locale.and_more.format(count=len(rows)))
    sizes = [(size(long), size(short)) for long, short in rows]
    chosen = choose_rows(sizes, room - note_size(locale.links_left_out), more)
    shown = [
        long if is_long else short for (long, short), is_long in zip(rows, chosen, strict=False)
    ]
    if len(chosen) < len(rows):
        return shown, locale.and_more.format(count=len(rows) - len(chosen))
    return shown, "" if all(chosen) else locale.links_left_out


def choose_rows(rows: Sequence[tuple[int, int]], room: int, more: int) -> list[bool]:
    """Return for each row that fits whether its long form fits. The remaining rows are omitted.

    Args:
        rows: size of each row in its long and its short form.
        room: size of all rows together.
        more: size of the note that counts omitted rows.
    """
    from itertools import accumulate

    spare = room - sum(short for _, short in rows)
    if spare >= 0:
        chosen = []
        for long, short in rows:
            fits = long - short <= spare
            spare -= long - short if fits else 0
            chosen.append(fits)
        return chosen
    ends = accumulate(short for _, short in rows)
    return [False for end in ends if end <= room - more]


def truncate_lines(text: str, room: int, size: Callable[[str], int]) -> str:
    """Return the first lines of a text that fit, with a final ``…`` line if some are omitted.

    Args:
        text: the text.
        room: size of the result.
        size: returns the size of a part. The size of a text is the sum of its lines' sizes.
    """
    if size(text) <= room:
        return text
    from itertools import accumulate

    lines = text.splitlines(keepends=True)
    room -= size("…\n")
    ends = accumulate(map(size, lines))
    kept = [line for line, end in zip(lines, ends, strict=True) if end <= room]
    return f"{''.join(kept)}…\n"


def take_within(values: Iterable[T], room: int, size: Callable[[T], int]) -> list[T]:
    """Return the first values whose total size fits."""
    taken = []
    for value in values:
        room -= size(value)
        if room < 0:
            break
        taken.append(value)
    return taken


def count_bytes(text: str) -> int:
    """Return the size of a text in UTF-8."""
    return len(text.encode())
