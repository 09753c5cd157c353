"""Files below a directory, named by keys that anyone may have chosen.

A key is split into names, refused if one of them is not a plain file name, and walked by directory handles that
follow no links. Changes in the meantime cannot lead out of the directory.
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

_MAX_NAME_BYTES = 255
"""Bytes of a file name on Linux."""

_ROOT_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_DIRECTORY_FLAGS = _ROOT_FLAGS | os.O_NOFOLLOW
_NEW_FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: a pipe of that name must not block.
_EXISTING_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def split_path(path: str, item: CosObject) -> list[str]:
    """Return the directories and the file name of a relative path.

    Raises:
        UnsafeKey: a name is empty, ``.``, ``..``, over 255 bytes or holds a NUL.
    """
    names = path.split("/")
    for name in names:
        if name in ("", ".", "..") or "\0" in name or len(os.fsencode(name)) > _MAX_NAME_BYTES:
            raise UnsafeKey(
                f"{name[:60]!r} in its key is not a file name. Give download() an exact path for it",
                code="UnsafeKey",
                object=item,
            )
    return names


def write_file(
    directory: str, names: list[str], item: CosObject, fill: Callable[[int], None]
) -> None:
    """Write a file below a directory. It appears under its name complete or not at all.

    The directory may be a link, because the caller chose it. `fill` writes the bytes to a file descriptor.

    Raises:
        UnsafeKey: a directory in `names` is a link or a file.
        OSError: the file cannot be written, e.g. no space is left.
    """
    parent = open_directory(directory, names[:-1], item)
    try:
        temporary = f".{secrets.token_hex(8)}.part"
        file = os.open(temporary, _NEW_FILE_FLAGS, 0o644, dir_fd=parent)
        try:
            try:
                fill(file)
            finally:
                os.close(file)
            os.replace(temporary, names[-1], src_dir_fd=parent, dst_dir_fd=parent)
        except BaseException:
            os.unlink(temporary, dir_fd=parent)
            raise
    finally:
        os.close(parent)


def open_directory(directory: str, names: list[str], item: CosObject) -> int:
    """Return the handle of a directory below another one, creating it if necessary. Raises UnsafeKey as `write_file`."""
    handle = os.open(directory, _ROOT_FLAGS)
    for name in names:
        try:
            inner = _enter(handle, name, item)
        finally:
            os.close(handle)
        handle = inner
    return handle


def open_existing(directory: str, names: list[str]) -> int | None:
    """Return a descriptor for reading a file below a directory. Return None for a missing file, a link or a pipe."""
    handle = os.open(directory, _ROOT_FLAGS)
    try:
        for name in names[:-1]:
            inner = os.open(name, _DIRECTORY_FLAGS, dir_fd=handle)
            os.close(handle)
            handle = inner
        file = os.open(names[-1], _EXISTING_FILE_FLAGS, dir_fd=handle)
    except OSError:
        return None
    finally:
        os.close(handle)
    if stat.S_ISREG(os.fstat(file).st_mode):
        return file
    os.close(file)
    return None


def _enter(handle: int, name: str, item: CosObject) -> int:
    """Return the handle of a directory in a directory, creating it if necessary."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=handle)
    try:
        return os.open(name, _DIRECTORY_FLAGS, dir_fd=handle)
    except NotADirectoryError:  # Linux raises it for a link too
        raise UnsafeKey(
            f"{name!r} on its path is a link or a file", code="UnsafeKey", object=item
        ) from None
