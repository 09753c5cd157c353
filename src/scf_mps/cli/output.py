"""Output of commands: lines, tables, JSON and errors.

On a terminal, columns that do not fit continue below their row. In a pipe each row is one line of tab-separated cells.
Control characters of foreign text are escaped in both.
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
    """Cells by column, in column order."""

out = Console(highlight=False, emoji=False)
err = Console(stderr=True, highlight=False, emoji=False)

EXIT_CODE_INVALID = 2
"""Exit code for an invalid event, application or option."""


def format_path(path: Path) -> str:
    """Return a path, relative if it is in the working directory."""
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
"""Styles by outcome or state."""

_GAP = 2
_INDENT = "  "
_MIN_TEXT_WIDTH = 20
"""Minimum width of a wrapped last column, in cells."""


def print_line(text: str, style: str = "", *, console: Console = out) -> None:
    """Print a text as one line."""
    console.print(escape_controls(text), style=style, markup=False, soft_wrap=True)


def print_lines(text: str, style: str = "", *, console: Console = out) -> None:
    """Print a text with line breaks. Escape foreign text before."""
    for line in text.split("\n"):
        print_line(line, style, console=console)


def print_error(text: str, style: str = "red") -> None:
    """Print lines on stderr, see `print_lines`."""
    print_lines(text, style, console=err)


def fail(message: str) -> NoReturn:
    """Print an error and exit with code 2."""
    print_error(message)
    raise typer.Exit(EXIT_CODE_INVALID)


def print_json(value: object, indent: int | None = 2) -> None:
    """Print a value as JSON. Escape the characters that control a terminal."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    if escape_controls(text, keep="\n") != text:
        text = "".join(
            char if escape_controls(char, keep="\n") == char else json.dumps(char)[1:-1]
            for char in text
        )
    print(text, file=out.file, flush=True)


def format_count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 event``, ``2 events``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def print_table(rows: Sequence[Row], *, title: str = "", empty: str = "") -> None:
    """Print rows as a table on a terminal, or as lines of tab-separated cells in a pipe.

    A terminal shows no empty columns. Columns that do not fit continue below their row, without a heading.

    Args:
        rows: rows with the same columns.
        title: heading on a terminal.
        empty: text on stderr if there are no rows.
    """
    if not rows:
        print_error(empty or f"{title}: none", "dim")
        return
    cells = [[escape_controls(cell) for cell in row.values()] for row in rows]
    if not out.is_terminal:
        print("\n".join(map("\t".join, cells)), file=out.file, flush=True)
        return
    if title:
        print_line(title, "bold")
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
    out.print(_join_cells(names[:fitting], widths), style="dim", soft_wrap=True)
    for row in cells:
        first, *more = _wrap(row[fitting - 1], widths[fitting - 1])
        out.print(_join_cells([*row[: fitting - 1], first], widths), soft_wrap=True)
        for line in more:
            out.print(" " * (out.width - widths[fitting - 1]) + line, markup=False, soft_wrap=True)
        for line in _pack(row[fitting:], out.width - len(_INDENT)):
            out.print(_INDENT + line, markup=False, soft_wrap=True)


def _count_fitting(widths: Sequence[int], available: int) -> int:
    """Return how many columns fit into a line, at least one."""
    used = -_GAP
    for count, width in enumerate(widths):
        used += _GAP + width
        if used > available:
            return max(1, count)
    return len(widths)


def _join_cells(cells: Sequence[str], widths: Sequence[int]) -> Text:
    """Return a line of cells, padded to the width of their columns."""
    line = Text()
    for number, (cell, width) in enumerate(zip(cells, widths, strict=False)):
        last = number == len(cells) - 1
        padding = "" if last else " " * (width - cell_len(cell) + _GAP)
        line.append(cell, STYLES.get(cell, "")).append(padding)
    line.rstrip()
    return line


def _pack(cells: Sequence[str], width: int) -> list[str]:
    """Return the lines below a row. Long texts break only at spaces."""
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
    """Return the lines of a text, at least one. It breaks only at spaces."""
    if cell_len(text) <= width:
        return [text]
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
