"""Output of commands: lines, tables, JSON and errors.

On a terminal a table is as wide as the terminal, and columns without room continue below their row. In a pipe each
row is one line with tabs between its cells. Control characters of foreign text are escaped in both.
"""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from scf_mps.common.printable import escape_controls

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Row = Mapping[str, str]
    """Cells by column, in the order of the columns."""

out = Console(highlight=False, emoji=False)
err = Console(stderr=True, highlight=False, emoji=False)

EXIT_CODE_INVALID = 2
"""The exit code for an invalid event, application or option."""


def format_path(path: Path) -> str:
    """Return a path, relative if it is below the working directory."""
    path = path.resolve()
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


STYLES = {
    "done": "green",
    "yes": "green",
    "no": "dim",
    "failed": "red",
    "interrupted": "red",
    "dropped": "yellow",
    "deferred": "yellow",
    "skipped": "cyan",
    "running": "cyan",
    "unhandled": "yellow",
}
"""Styles of outcomes and states."""

_GAP = 2
_INDENT = "  "
_MIN_TEXT_WIDTH = 20
"""Cells of a last column that make it worth to break its texts."""


def say(text: str, style: str = "", *, console: Console = out) -> None:
    """Print a text in one line."""
    console.print(escape_controls(text), style=style, markup=False, soft_wrap=True)


def say_lines(text: str, style: str = "", *, console: Console = out) -> None:
    """Print a text of several lines. Foreign text in it must be escaped before."""
    for line in text.split("\n"):
        say(line, style, console=console)


def warn(text: str, style: str = "red") -> None:
    """Print lines on stderr, see `say_lines`."""
    say_lines(text, style, console=err)


def fail(message: str) -> NoReturn:
    """Print an error and end the command with exit code 2."""
    warn(message)
    raise typer.Exit(EXIT_CODE_INVALID)


def print_json(value: object, indent: int | None = 2) -> None:
    """Print a value as JSON, with the escapes of JSON for characters that a terminal would execute."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    if escape_controls(text, keep="\n") != text:
        text = "".join(
            one if escape_controls(one, keep="\n") == one else json.dumps(one)[1:-1] for one in text
        )
    print(text, file=out.file, flush=True)


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: ``1 event``, ``2 events``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def show(rows: Sequence[Row], *, title: str = "", empty: str = "") -> None:
    """Print rows: a table on a terminal, one line a row with tabs between the cells in a pipe.

    On a terminal the columns that do not fit come below their row, without a heading, and empty ones are left out.

    Args:
        rows: all with the same columns.
        title: printed above the table on a terminal.
        empty: printed on stderr if there are no rows.
    """
    if not rows:
        warn(empty or f"{title}: none", "dim")
        return
    cells = [[escape_controls(cell) for cell in row.values()] for row in rows]
    if not out.is_terminal:
        print("\n".join(map("\t".join, cells)), file=out.file, flush=True)
        return
    if title:
        say(title, "bold")
    used = [number for number, column in enumerate(zip(*cells, strict=True)) if any(column)]
    names = [list(rows[0])[number] for number in used]
    cells = [[row[number] for number in used] for row in cells]
    widths = [max(map(cell_len, column)) for column in zip(names, *cells, strict=True)]
    fitting = _count_fitting(widths, out.width)
    if fitting == len(names) - 1:
        left = out.width - sum(widths[:-1]) - _GAP * fitting
        longest_word = max(len(word) for row in cells for word in [*row[-1].split(), names[-1]])
        if left >= max(longest_word, _MIN_TEXT_WIDTH):
            widths[-1], fitting = left, len(names)
    out.print(_line(names[:fitting], widths), style="dim", soft_wrap=True)
    for row in cells:
        first, *more = _wrap(row[fitting - 1], widths[fitting - 1])
        out.print(_line([*row[: fitting - 1], first], widths), soft_wrap=True)
        for line in more:
            out.print(" " * (out.width - widths[fitting - 1]) + line, markup=False, soft_wrap=True)
        for line in _pack(row[fitting:], out.width - len(_INDENT)):
            out.print(_INDENT + line, markup=False, soft_wrap=True)


def _count_fitting(widths: Sequence[int], available: int) -> int:
    """Return how many columns fit side by side, at least one."""
    used = -_GAP
    for count, width in enumerate(widths):
        used += _GAP + width
        if used > available:
            return max(1, count)
    return len(widths)


def _line(cells: Sequence[str], widths: Sequence[int]) -> Text:
    """Return cells side by side, each as wide as its column but the last."""
    line = Text()
    for number, (cell, width) in enumerate(zip(cells, widths, strict=False)):
        last = number == len(cells) - 1
        padding = "" if last else " " * (width - cell_len(cell) + _GAP)
        line.append(cell, STYLES.get(cell, "")).append(padding)
    line.rstrip()
    return line


def _pack(cells: Sequence[str], width: int) -> list[str]:
    """Return the lines below a row: cells side by side while they fit, long texts broken at spaces alone."""
    lines: list[str] = []
    for cell in filter(None, cells):
        gap = " " * _GAP
        if lines and cell_len(lines[-1]) + _GAP + cell_len(cell) <= width:
            lines[-1] += gap + cell
        elif cell_len(cell) <= width:
            lines.append(cell)
        else:
            lines += _wrap(cell, width)
    return lines


def _wrap(text: str, width: int) -> list[str]:
    """Return the lines of a text broken at spaces alone, at least one."""
    if cell_len(text) <= width:
        return [text]
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
