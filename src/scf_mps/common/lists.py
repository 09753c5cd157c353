"""Comma-separated lists in variables and options."""

from __future__ import annotations


def split_list(text: str) -> list[str]:
    """Return the parts of a text between its commas, stripped, without empty ones."""
    return [part for part in map(str.strip, text.split(",")) if part]
