"""Text from others in a form that is safe in one line of a terminal, a log or a record."""

from __future__ import annotations


def escape_controls(text: str, keep: str = "") -> str:
    r"""Return a text with each character escaped that moves a cursor, ends a line or is invisible.

    Terminals execute such characters (ECMA-48), and a line break in a task id forges a line of a log. They come out
    as in Python source: ``\x1b``, ``\n``, ``\u202e``. Spaces of all widths stay.

    Args:
        text: any text, lone surrogates included.
        keep: control characters that stay, such as ``"\n"`` for a traceback.
    """
    if text.isprintable():
        return text
    return "".join(
        one
        if one.isprintable() or one in keep or _is_space(one)
        else one.encode("unicode_escape").decode()
        for one in text
    )


def _is_space(one: str) -> bool:
    """Return True for the spaces of Unicode beyond ASCII (category Zs), which end no line."""
    return one.isspace() and one > "\x9f" and one not in "\u2028\u2029"
