"""Texts of others as parts of a message: in one line, no longer than they may be, and never markup.

Who submits a task chooses the names of files and the session's context, so that any character may be in them. WeCom
and DingTalk document no way to escape their Markdown: there, characters that could be markup are replaced by ones
that look alike. What else a channel needs is in its own module.
"""

from __future__ import annotations

import re

_SPACES = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")
# Marks that turn the direction of writing, that take no room, and halves of characters.
_UNSEEN = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_HALVES = re.compile("[\ud800-\udfff]")
_EDGE = re.compile(r"(?<!\w)_+|_+(?!\w)")
_ALIKE = str.maketrans("*`[]<>#|~@\\", "＊｀［］＜＞＃｜～＠＼")
_IN_URL = "#$%&+,/:;=?@~"
_MORE = "…"


def clean(value: object, most: int = 200) -> str:
    """A value in one line of at most `most` bytes in UTF-8, without what could not be seen."""
    text = _SPACES.sub(" ", _UNSEEN.sub("", str(value))).strip()
    return clipped(_HALVES.sub("\N{REPLACEMENT CHARACTER}", text), most)


def clipped(text: str, most: int) -> str:
    """A text of at most `most` bytes in UTF-8; one that was longer ends in ``…``, never inside a character."""
    content = text.encode()
    if len(content) <= most:
        return text
    return content[: most - len(_MORE.encode())].decode(errors="ignore") + _MORE


def literal(text: str) -> str:
    """A text that no Markdown takes for markup or a mention; looks like the one it was."""
    return _EDGE.sub(lambda found: "＿" * len(found[0]), text.translate(_ALIKE))


def without_tags(text: str) -> str:
    """A text in which no tag can be, such as Feishu's ``<at user_id="all">``; looks like the one it was."""
    return text.replace("<", "＜").replace(">", "＞")


def safe_url(url: str) -> str:
    """A URL without what would end a link in any markup; ``""`` for what is none of http or https."""
    from urllib.parse import quote

    if not url.lower().startswith(("https://", "http://")):
        return ""
    return quote(url, _IN_URL, errors="replace")


def duration_of(seconds: float) -> str:
    """A span of media: ``11.3 s``, ``1:02:03``."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size_of(count: int) -> str:
    """A number of bytes: ``402 KB``, ``1.25 GB``."""
    size = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
