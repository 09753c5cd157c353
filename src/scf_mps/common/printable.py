"""Foreign text, made safe for one line of a terminal, a log or a record."""

from __future__ import annotations


def escape_controls(text: str, keep: str = "") -> str:
    r"""Return a text in which characters that move a cursor, end a line or are invisible are escaped.

    Terminals execute such characters (ECMA-48), and a line break in a task id forges a line of a log. Escapes are those
    of Python source: ``\x1b``, ``\n``, ``\u202e``. Spaces of all widths remain.

    Args:
        text: any text, even with lone surrogates.
        keep: control characters that remain, such as ``"\n"`` for a traceback.
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in keep or _is_space(character)
        else character.encode("unicode_escape").decode()
        for character in text
    )


def _is_space(character: str) -> bool:
    """Return True for the spaces of Unicode beyond ASCII (category Zs), which do not end a line."""
    return character.isspace() and character > "\x9f" and character not in "\u2028\u2029"
