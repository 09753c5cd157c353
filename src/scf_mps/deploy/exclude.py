"""Patterns of `exclude` in serverless.yml, with the meaning they have for Tencent's npm client.

The client passes them to fast-glob 3 as `ignore`, with `dot: true` (@serverless/platform-client-china 2.4.2,
src/instance.js). wcmatch does the matching. The code here adds what fast-glob does besides.
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
        names: paths of files, relative, with slashes.
        patterns: as in serverless.yml.

    Raises:
        ImportError: if wcmatch is not installed (extra `deploy`).
    """
    above = {name: [str(one) for one in PurePosixPath(name).parents][:-1] for name in names}
    folders = {folder for parents in above.values() for folder in parents}
    found: dict[str, set[str]] = {}
    for pattern in patterns:
        skipped: set[str] = set()
        matched: set[str] = set()
        for one in _alternatives(pattern):
            literal, expression = _compile(one)
            matched |= {name for name in names if name == literal or expression.match(name)}
            # fast-glob does not enter a folder that matches such a pattern.
            if one.endswith("/**") or not _DYNAMIC.search(one.rpartition("/")[2]):
                skipped |= {one for one in folders if expression.match(one)}
        matched |= {name for name in names if not skipped.isdisjoint(above[name])}
        found[pattern] = matched
    return found


def _alternatives(pattern: str) -> list[str]:
    """Return a pattern without braces, in the syntax of wcmatch."""
    import bracex

    for expression, replacement in _REWRITES:
        pattern = expression.sub(replacement, pattern)
    # A trailing slash is for folders, but fast-glob compares files and folders without one.
    return [one for one in bracex.expand(pattern, keep_escapes=True) if one and one[-1] != "/"]


def _compile(pattern: str) -> tuple[str, re.Pattern[str]]:
    from wcmatch import glob

    flags = glob.GLOBSTAR | glob.DOTGLOB | glob.EXTGLOB | glob.FORCEUNIX | glob.NODOTDIR
    # `a/**` includes `a` itself, `*/**` does not.
    every = [pattern, pattern[:-3]] if re.search(r"[^*]/\*\*$", pattern) else [pattern]
    return pattern, re.compile("|".join(glob.translate(every, flags=flags)[0]))
