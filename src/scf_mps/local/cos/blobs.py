"""Storage of object bytes: immutable files with random names under one directory.

A blob is written once, under its final name, and becomes visible when a database row names it. Equal
objects can name the same blob, so a copy moves no bytes. The database decides when a blob is garbage.
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
"""Bytes moved at once, and so the most of one body that is in memory."""


@final
class Writer:
    """A blob being written. The context manager removes it unless `keep` was called."""

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
        """Append `chunk` to the blob and to its checksums."""
        self.sums.update(chunk)
        view = memoryview(chunk)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def keep(self) -> None:
        """Keep the file: its bytes are complete and a committed row names it."""
        self._kept = True


@dataclass(slots=True)
class OpenSlice:
    """`length` bytes of an open blob from its current position. The holder closes it.

    The open descriptor keeps the bytes readable when the object is deleted.
    """

    descriptor: int
    length: int

    def read(self) -> bytes:
        """Return the next bytes, at most `CHUNK`, or b"" at the end of the slice."""
        chunk = os.read(self.descriptor, min(CHUNK, self.length))
        self.length -= len(chunk)
        return chunk

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)


class Blobs:
    """A directory of blobs, spread over 256 subdirectories."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        """Return the path of the blob `name`."""
        return self._directory / name[:2] / name

    def create(self) -> Writer:
        """Return a writer for a new blob."""
        name = secrets.token_hex(16)
        return Writer(self.path(name), name)

    def open(self, name: str, offset: int, length: int) -> OpenSlice:
        """Open `length` bytes of a blob from `offset`.

        Raises:
            FileNotFoundError: if the blob was removed.
        """
        descriptor = os.open(self.path(name), os.O_RDONLY)
        if offset:
            os.lseek(descriptor, offset, os.SEEK_SET)
        return OpenSlice(descriptor, length)

    def append_to(self, writer: Writer, name: str, offset: int, length: int) -> None:
        """Copy bytes of a blob to the end of the blob that `writer` writes."""
        source = self.open(name, offset, length)
        try:
            while chunk := source.read():
                writer.write(chunk)
        finally:
            source.close()

    def remove(self, name: str) -> None:
        """Delete a blob that no row names."""
        self.path(name).unlink(missing_ok=True)

    def sweep(self, named: Container[str]) -> int:
        """Remove every blob that is not in `named`, as a killed process left it. Return their number."""
        removed = 0
        for path in self._directory.glob("??/*"):
            if path.name not in named:
                path.unlink(missing_ok=True)
                removed += 1
        return removed
