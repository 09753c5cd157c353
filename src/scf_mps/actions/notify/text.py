"""Untrusted text as part of a message: one line of limited length without markup.

Users who submit tasks choose file names and the session context, so any character may occur. WeCom and DingTalk
document no escapes for their Markdown, so markup characters are replaced by lookalikes there.
"""

from __future__ import annotations

import re

from ...common.truncation import truncate_bytes

# Invisible characters that Python counts as printable: the letters and marks among Unicode's
# Default_Ignorable_Code_Point (DerivedCoreProperties.txt), and the blank of Braille.
_BLANKS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_OUTER_UNDERSCORES = re.compile(r"(?<!\w)_+|_+(?!\w)")
_LOOKALIKES = str.maketrans("*`[]<>#|~@\\", "＊｀［］＜＞＃｜～＠＼")
_SAFE_IN_URL = "#$%&+,/:;=?@~"


def clean(value: object, max_bytes: int = 200) -> str:
    """Return a value as one line of visible characters, at most `max_bytes` long in UTF-8.

    Format, private and unassigned characters (bidirectional controls, zero-width characters, tags) and variation
    selectors are removed. Emoji joined by zero-width joiners are split. Control characters and spaces of any kind
    become one space, a lone surrogate becomes U+FFFD.
    """
    text = str(value)
    if not text.isprintable():
        text = "".join(char if char.isprintable() else _replace(char) for char in text)
    return truncate_bytes(" ".join(_BLANKS.sub("", text).split()), max_bytes)


def _replace(char: str) -> str:
    """Return the replacement of an unprintable character."""
    if "\ud800" <= char <= "\udfff":
        return "\N{REPLACEMENT CHARACTER}"
    return " " if char.isspace() or char < "\xa0" else ""


def escape_markdown(text: str) -> str:
    """Replace Markdown and mention characters by lookalikes."""
    return _OUTER_UNDERSCORES.sub(lambda match: "＿" * len(match[0]), text.translate(_LOOKALIKES))


def escape_tags(text: str) -> str:
    """Replace the brackets of tags, such as Feishu's ``<at user_id="all">``, by lookalikes."""
    return text.replace("<", "＜").replace(">", "＞")


def sanitize_url(url: str) -> str:
    """Quote everything that would end a link in any markup. Return ``""`` unless the scheme is http or https."""
    from urllib.parse import quote

    if not url.lower().startswith(("https://", "http://")):
        return ""
    return quote(url, _SAFE_IN_URL, errors="replace")


def format_duration(seconds: float) -> str:
    """Return the duration of media: ``11.3 s``, ``1:02:03``."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_size(count: int) -> str:
    """Return a size in bytes with a unit: ``402 KB``, ``1.25 GB``."""
    size = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
