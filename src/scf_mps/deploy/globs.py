"""Patterns of the serverless client's ``exclude``: `**` stands for folders, `*` for a part of a name."""

from __future__ import annotations

import re


def glob(pattern: str) -> re.Pattern[str]:
    """A pattern as an expression that a path, with slashes, has to match as a whole."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.removeprefix("./"))
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(words.get(part, re.escape(part)) for part in parts))
