"""Texts of others as parts of a message: in one line, no longer than they may be, and never markup.

Who submits a task chooses the names of files and the session's context, so that any character may be in them. WeCom
and DingTalk document no way to escape their Markdown: there, characters that could be markup are replaced by ones
that look alike. What else a channel needs is in its own module.
"""

from __future__ import annotations

import re

from ...common.truncation import truncate_bytes

# Invisible characters that Python counts as printable: the letters and marks among Unicode's
# Default_Ignorable_Code_Point (DerivedCoreProperties.txt), and the blank of Braille.
_BLANKS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_EDGE = re.compile(r"(?<!\w)_+|_+(?!\w)")
_ALIKE = str.maketrans("*`[]<>#|~@\\", "＊｀［］＜＞＃｜～＠＼")
_IN_URL = "#$%&+,/:;=?@~"


def clean(value: object, most: int = 200) -> str:
    """Return a value as one line of at most `most` bytes in UTF-8, of visible characters alone.

    Removed are the categories of format, private and unassigned characters (bidirectional controls, zero-width
    characters, tags) and variation selectors. Emoji that zero-width joiners combine fall apart into their parts.
    Controls and spaces of any kind become one space, a lone surrogate becomes U+FFFD.
    """
    text = str(value)
    if not text.isprintable():
        text = "".join(one if one.isprintable() else _shown(one) for one in text)
    return truncate_bytes(" ".join(_BLANKS.sub("", text).split()), most)


def _shown(one: str) -> str:
    """Return what stands for a character of the categories Other and Separator."""
    if "\ud800" <= one <= "\udfff":
        return "\N{REPLACEMENT CHARACTER}"
    return " " if one.isspace() or one < "\xa0" else ""


def escape_markdown(text: str) -> str:
    """A text that no Markdown takes for markup or a mention; looks like the one it was."""
    return _EDGE.sub(lambda found: "＿" * len(found[0]), text.translate(_ALIKE))


def escape_tags(text: str) -> str:
    """A text in which no tag can be, such as Feishu's ``<at user_id="all">``; looks like the one it was."""
    return text.replace("<", "＜").replace(">", "＞")


def sanitize_url(url: str) -> str:
    """A URL without what would end a link in any markup; ``""`` for what is none of http or https."""
    from urllib.parse import quote

    if not url.lower().startswith(("https://", "http://")):
        return ""
    return quote(url, _IN_URL, errors="replace")


def format_duration(seconds: float) -> str:
    """A span of media: ``11.3 s``, ``1:02:03``."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_size(count: int) -> str:
    """A number of bytes: ``402 KB``, ``1.25 GB``."""
    size = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
