"""The tables of docs/doctor.md, made from the checks."""

from __future__ import annotations

from . import AREAS


def render_tables() -> str:
    """Return a Markdown table for each area: finding, level, reason and fix."""
    lines = []
    for area in AREAS:
        lines += [f"## {area.title}", "", "| finding | | why | fix |", "|---|---|---|---|"]
        for check in area.checks:
            cells = (f"`{check.name}` {check.about}", check.level, check.why, check.advice)
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
        lines.append("")
    return "\n".join(lines).rstrip()
