"""Which rows of a message are sent whole, in short or not at all, so that a channel's limit is kept.

A row that was cut might end inside a link or a tag: rows are sent without their links where these would take the room
of other rows (a presigned link of a function is longer than all the rest of its row), and left out from the end.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeVar

    T = TypeVar("T")


def choose_rows(rows: Sequence[tuple[int, int]], room: int, more: int) -> list[bool]:
    """For each row that is sent, whether it is sent whole; the rows behind those are left out.

    Args:
        rows: the size of each row, whole and in short.
        room: for all of them.
        more: the size of the line that tells of the rows that are left out.
    """
    from itertools import accumulate

    spare = room - sum(short for _, short in rows)
    if spare >= 0:
        chosen = []
        for whole, short in rows:
            fits = whole - short <= spare
            spare -= whole - short if fits else 0
            chosen.append(fits)
        return chosen
    ends = accumulate(short for _, short in rows)
    return [False for end in ends if end <= room - more]


def cut(text: str, room: int, size: Callable[[str], int]) -> str:
    """The first lines of a text that fit into some room, and a ``…`` where there were more.

    Args:
        size: of a part of the text; that of a whole is the sum of its lines'.
    """
    if size(text) <= room:
        return text
    from itertools import accumulate

    lines = text.splitlines(keepends=True)
    room -= size("…\n")
    ends = accumulate(map(size, lines))
    kept = [line for line, end in zip(lines, ends, strict=True) if end <= room]
    return f"{''.join(kept)}…\n"


def take(values: Iterable[T], room: int, size: Callable[[T], int]) -> list[T]:
    """Return the first values that together fit into some room."""
    taken = []
    for value in values:
        room -= size(value)
        if room < 0:
            break
        taken.append(value)
    return taken


def count_bytes(text: str) -> int:
    """The size of a text in UTF-8."""
    return len(text.encode())
