"""Texts within a limit of characters or bytes. A truncated text ends in an ellipsis."""

from __future__ import annotations

ELLIPSIS = "…"


def truncate(text: str, max_characters: int) -> str:
    """Return the text if it has at most `max_characters`, else its beginning and an ellipsis after it."""
    return text if len(text) <= max_characters else text[:max_characters] + ELLIPSIS


def truncate_bytes(text: str, max_bytes: int) -> str:
    """Return a text of at most `max_bytes` in UTF-8, ellipsis included. No character is cut in two."""
    content = text.encode("utf-8", "surrogatepass")
    if len(content) <= max_bytes:
        return text
    return content[: max_bytes - len(ELLIPSIS.encode())].decode(errors="ignore") + ELLIPSIS
