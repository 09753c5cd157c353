"""The table of all findings for docs/doctor.md, made of the checks themselves, so that it cannot tell of others."""

from __future__ import annotations

from . import AREAS


def render_tables() -> str:
    """A table in Markdown for each area: finding, level, what it is, why, and what to do."""
    lines = []
    for area in AREAS:
        lines += [f"## {area.title}", "", "| finding | | why | what to do |", "|---|---|---|---|"]
        for check in area.checks:
            cells = (f"`{check.name}` {check.about}", check.level, check.why, check.advice)
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
        lines.append("")
    return "\n".join(lines).rstrip()
