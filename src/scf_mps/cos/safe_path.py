"""Where a key may become a file: below the directory it was meant for and nowhere else.

A key is any text, chosen by whoever wrote the object. It is taken apart into names, refused if one of them is no plain
file name, and walked by directory handles that follow no link, so that nothing that changes meanwhile leads out.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat

from .errors import UnsafeKey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..events.files import CosObject

_LONGEST_NAME = 255
"""Bytes of a file name on Linux."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def split_path(relative: str, item: CosObject) -> list[str]:
    """The directories and the file name that a relative key stands for.

    Raises:
        UnsafeKey: if one of them is empty, ``.``, ``..``, over 255 bytes or holds a NUL.
    """
    names = relative.split("/")
    for name in names:
        if name in ("", ".", "..") or "\0" in name or len(os.fsencode(name)) > _LONGEST_NAME:
            raise UnsafeKey(
                f"{name[:60]!r} in its key is no file name: give download() an exact path for it",
                code="UnsafeKey",
                object=item,
            )
    return names


def write(directory: str, names: list[str], item: CosObject, fill: Callable[[int], None]) -> None:
    """Make a file below a directory: it appears under its name when it is whole, or not at all.

    Args:
        directory: exists; may be a link itself, as the caller chose it.
        names: see `split_path`.
        fill: writes the bytes into the file descriptor it is given.

    Raises:
        UnsafeKey: a directory on the way is a link or a file.
        OSError: the file cannot be made, e.g. there is no space left.
    """
    handle = open_directory(directory, names[:-1], item)
    try:
        hidden = f".{secrets.token_hex(8)}.part"
        file = os.open(hidden, _NEW, 0o644, dir_fd=handle)
        try:
            try:
                fill(file)
            finally:
                os.close(file)
            os.replace(hidden, names[-1], src_dir_fd=handle, dst_dir_fd=handle)
        except BaseException:
            os.unlink(hidden, dir_fd=handle)
            raise
    finally:
        os.close(handle)


def open_directory(directory: str, names: list[str], item: CosObject) -> int:
    """Return the handle of a directory below another one, made if need be. Raises UnsafeKey as `write`."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for name in names:
        try:
            inner = _enter(handle, name, item)
        finally:
            os.close(handle)
        handle = inner
    return handle


def open_existing(directory: str, names: list[str]) -> int | None:
    """A descriptor for reading a file below a directory; None if there is no plain file on a plain way."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in names[:-1]:
            inner = os.open(name, _DIRECTORY, dir_fd=handle)
            os.close(handle)
            handle = inner
        # Not to be held up by a pipe of that name.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.open(names[-1], flags, dir_fd=handle)
    except OSError:
        return None
    finally:
        os.close(handle)
    if stat.S_ISREG(os.fstat(file).st_mode):
        return file
    os.close(file)
    return None


def _enter(handle: int, name: str, item: CosObject) -> int:
    """The handle of a directory in a directory, made if need be."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=handle)
    try:
        return os.open(name, _DIRECTORY, dir_fd=handle)
    except NotADirectoryError:  # what Linux says of a link, too
        raise UnsafeKey(
            f"{name!r} on its way is a link or a file", code="UnsafeKey", object=item
        ) from None
