"""The user's frames in the text of a traceback."""

from __future__ import annotations

import re
import sysconfig
import traceback
from pathlib import Path
from typing import NamedTuple

from scf_mps.build.contents import INDEX

_FRAME = re.compile(r'[\s|+-]*File "(?P<path>.+)", line (?P<line>\d+)(?:, in (?P<function>.+))?')
_TRACE_STARTS = ("Traceback (most recent call last)", "Exception Group Traceback")
_INSTALLED = ("/site-packages/", "/dist-packages/", "/scf_mps/", "/runtime/bootstrap.py")
_EMULATED_CODE = re.compile(r"(?:/[^/\s]+)+/scf-[^/\s]+/code-[^/\s]+/user/")
"""The folder of the code in the SCF emulator, which is ``/var/user`` in SCF."""
_STDLIB = sysconfig.get_path("stdlib")
_STDLIB_PATTERN = re.compile(r"/lib(?:64)?/python3\.\d+/")
_PACKAGE = str(Path(__file__).parents[1])


class Frame(NamedTuple):
    """A frame of a traceback, with its source line if known."""

    path: str
    line: int
    function: str
    source: str

    def __str__(self) -> str:
        inside = f" in {self.function}" if self.function not in ("", "<module>") else ""
        where = f"{shorten_path(self.path)}:{self.line}{inside}"
        return f"{where}\n    {self.source}" if self.source else where


def find_user_frames(text: str) -> list[Frame]:
    """Return the frames of the user's code in the text of a traceback, innermost last, without duplicates.

    Frames of this package, the standard library and installed packages are excluded.
    """
    frames: dict[Frame, None] = {}
    lines = text.split("\n")
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        match = _FRAME.match(line)
        if match and _is_user_path(match["path"]):
            source = "" if _FRAME.match(below) else below.strip(" \t|+-")
            if source == INDEX.strip():
                continue  # index.py of a build
            frames[Frame(match["path"], int(match["line"]), match["function"] or "", source)] = None
    return list(frames)


def split_traceback(text: str) -> tuple[list[str], list[Frame]]:
    """Return the lines before the traceback of a text, and the user's frames in the traceback.

    If the text begins with the traceback, return its last line (the exception) instead.
    """
    lines = text.split("\n")
    starts = [
        index for index, line in enumerate(lines) if line.lstrip(" +|").startswith(_TRACE_STARTS)
    ]
    if not starts:
        return lines, []
    return lines[: starts[0]] or lines[-1:], find_user_frames(text)


def find_error_frames(error: BaseException) -> list[Frame]:
    """Return the user's frames of an exception and its causes. See `find_user_frames`."""
    return find_user_frames("".join(traceback.format_exception(error)))


def describe_frames(frames: list[Frame], indent: str = "  ") -> str:
    """Return frames as indented lines."""
    return "\n".join(indent + line for frame in frames for line in str(frame).split("\n"))


def shorten_path(path: str) -> str:
    """Return a path relative to the working directory, or to the code folder of the SCF emulator."""
    path = _EMULATED_CODE.sub("", path)
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path


def shorten_paths(text: str) -> str:
    """Return a text with the project's paths shortened. See `shorten_path`."""
    return _EMULATED_CODE.sub("", text).replace(f"{Path.cwd()}/", "")


def _is_user_path(path: str) -> bool:
    is_builtin = path.startswith((_PACKAGE, _STDLIB, "<")) or _STDLIB_PATTERN.search(path)
    return not is_builtin and not any(part in path for part in _INSTALLED)
