"""Parts of requirements files that uv does not pass on: hashes, options, and pinned names."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

_FILE = re.compile(r"(?:-r|--requirement|-c|--constraint)[ =]?\s*(\S.*)")
_COMMENT = re.compile(r"(^|\s+)#.*$")
_OPTIONS = re.compile(r"\s--\S.*$")


@dataclass
class Requirements:
    """The lines of a requirements file, and of the files it refers to.

    Attributes:
        hashes: the `--hash` options of each name.
        names: of the distributions, without those of paths.
        pinned: names with one allowed version.
        options: lines that are options.
        files: that were read.
    """

    hashes: dict[str, str] = field(default_factory=dict[str, str])
    names: set[str] = field(default_factory=set[str])
    pinned: set[str] = field(default_factory=set[str])
    options: list[str] = field(default_factory=list[str])
    files: set[Path] = field(default_factory=set[Path])

    def read(self, path: Path) -> Requirements:
        """Read a file and those it refers to. uv and pip report files that cannot be read."""
        path = path.resolve()
        if path not in self.files and path.is_file():
            self.files.add(path)
            for line in _read_lines(path):
                file = _FILE.fullmatch(line)
                if file:
                    self.read(path.parent / file[1].strip())
                elif line.startswith("-"):
                    self.options.append(line)
                else:
                    self._add(line)
        return self

    def _add(self, line: str) -> None:
        options = _OPTIONS.search(line)
        try:
            requirement = Requirement(line[: options.start()] if options else line)
        except InvalidRequirement:  # a path or a URL
            return
        name = canonicalize_name(requirement.name)
        self.names.add(name)
        if options:
            self.hashes[name] = self.hashes.get(name, "") + options[0]
        if requirement.url is not None or any(
            clause.operator == "==="
            or (clause.operator == "==" and not clause.version.endswith("*"))
            for clause in requirement.specifier
        ):
            self.pinned.add(name)


def _read_lines(path: Path) -> Iterator[str]:
    """Yield the logical lines of a file without comments."""
    joined = ""
    content = path.read_bytes()
    # PowerShell writes UTF-16, which uv and pip read too.
    is_utf16 = content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    text = content.decode("utf-16" if is_utf16 else "utf-8-sig", "replace")
    for line in [*text.splitlines(), ""]:
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            joined += line[:-1] + " "
            continue
        joined = _COMMENT.sub("", joined + line).strip()
        if joined:
            yield joined
        joined = ""
