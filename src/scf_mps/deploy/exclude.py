"""Patterns of `exclude` in serverless.yml, with the meaning they have for Tencent's npm client.

The client passes them to fast-glob 3 as `ignore`, with `dot: true` (@serverless/platform-client-china 2.4.2,
src/instance.js). wcmatch does the matching. This module adds the rules that only fast-glob has.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

_DYNAMIC = re.compile(r"[*?\\]|\[[^\[]*\]|[@!+]\(|\([^(]*\|")
_REWRITES = (
    (re.compile(r"^!(?!\()"), ""),  # a negated pattern in `ignore` is the pattern itself
    (re.compile(r"^(?:\./+)+"), ""),
    (re.compile(r"/{2,}"), "/"),
    (re.compile(r"^\*\*(\.\w+)$"), r"**/*\1"),
    (re.compile(r"(?<![@!+*?\\])\("), "@("),
)


def match_exclude(names: Collection[str], patterns: Iterable[str]) -> dict[str, set[str]]:
    """Return the files that each pattern excludes.

    Args:
        names: relative paths of files, with slashes.
        patterns: as in serverless.yml.

    Raises:
        ImportError: if wcmatch is not installed (extra `deploy`).
    """
    parents = {name: [str(path) for path in PurePosixPath(name).parents][:-1] for name in names}
    folders = {folder for above in parents.values() for folder in above}
    excluded: dict[str, set[str]] = {}
    for pattern in patterns:
        skipped: set[str] = set()
        matched: set[str] = set()
        for alternative in _expand_braces(pattern):
            expression = _compile(alternative)
            matched |= {name for name in names if name == alternative or expression.match(name)}
            # fast-glob does not enter a folder that matches such a pattern.
            if alternative.endswith("/**") or not _DYNAMIC.search(alternative.rpartition("/")[2]):
                skipped |= {folder for folder in folders if expression.match(folder)}
        excluded[pattern] = matched | {
            name for name in names if not skipped.isdisjoint(parents[name])
        }
    return excluded


def _expand_braces(pattern: str) -> list[str]:
    """Return the alternatives of a pattern without braces, in the syntax of wcmatch."""
    import bracex

    for expression, replacement in _REWRITES:
        pattern = expression.sub(replacement, pattern)
    # A trailing slash is for folders, but fast-glob compares files and folders without one.
    return [text for text in bracex.expand(pattern, keep_escapes=True) if text and text[-1] != "/"]


def _compile(pattern: str) -> re.Pattern[str]:
    from wcmatch import glob

    flags = glob.GLOBSTAR | glob.DOTGLOB | glob.EXTGLOB | glob.FORCEUNIX | glob.NODOTDIR
    # `a/**` includes `a` itself, `*/**` does not.
    patterns = [pattern, pattern[:-3]] if re.search(r"[^*]/\*\*$", pattern) else [pattern]
    return re.compile("|".join(glob.translate(patterns, flags=flags)[0]))
