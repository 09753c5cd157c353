"""The bytes of objects: immutable files with random names under one directory.

A blob is written once, under its final name, and is invisible until a row of the database names it;
equal content is shared by naming the same blob again, which is why a copy costs no bytes. Nothing
here knows what a blob belongs to: the database decides when one is garbage.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import final

from .checksums import Checksums

CHUNK = 256 * 1024
"""Bytes moved at once: the most of one body that is ever in memory."""


@final
class Writer:
    """A blob in the making. Use as a context manager: what was not kept is removed."""

    __slots__ = ("_descriptor", "_kept", "_path", "name", "sums")

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self.sums = Checksums()
        self._path = path
        self._kept = False
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            self._descriptor = os.open(path, flags, 0o644)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, flags, 0o644)

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
        if not self._kept:
            self._path.unlink()

    def write(self, chunk: bytes) -> None:
        """Append `chunk` to the blob and to its sums."""
        self.sums.update(chunk)
        view = memoryview(chunk)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def keep(self) -> None:
        """The bytes are whole and a committed row names them: do not remove the file."""
        self._kept = True


@dataclass(slots=True)
class OpenSlice:
    """`length` bytes of an open blob from its current position; the holder closes it.

    An open descriptor keeps the bytes readable even if the object is deleted meanwhile.
    """

    descriptor: int
    length: int

    def read(self) -> bytes:
        """The next bytes, at most CHUNK; empty at the end of the slice."""
        chunk = os.read(self.descriptor, min(CHUNK, self.length))
        self.length -= len(chunk)
        return chunk

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.descriptor)


class Blobs:
    """A directory of blobs, spread over 256 sub-directories."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        """Where the blob `name` is."""
        return self._directory / name[:2] / name

    def create(self) -> Writer:
        """A writer for a new blob."""
        name = secrets.token_hex(16)
        return Writer(self.path(name), name)

    def open(self, name: str, offset: int, length: int) -> OpenSlice:
        """`length` bytes of a blob from `offset`; FileNotFoundError if it was just removed."""
        descriptor = os.open(self.path(name), os.O_RDONLY)
        if offset:
            os.lseek(descriptor, offset, os.SEEK_SET)
        return OpenSlice(descriptor, length)

    def append_to(self, writer: Writer, name: str, offset: int, length: int) -> None:
        """Copy bytes of one blob to the end of another that is being written."""
        source = self.open(name, offset, length)
        try:
            while chunk := source.read():
                writer.write(chunk)
        finally:
            source.close()

    def remove(self, name: str) -> None:
        """Delete a blob that no row names any more."""
        self.path(name).unlink(missing_ok=True)

    def sweep(self, wanted: Container[str]) -> int:
        """Remove every blob not in `wanted` (left by a killed process); returns how many."""
        removed = 0
        for path in self._directory.glob("??/*"):
            if path.name not in wanted:
                path.unlink(missing_ok=True)
                removed += 1
        return removed
