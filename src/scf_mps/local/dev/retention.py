"""Limit of the objects in the COS emulator: the oldest are deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from scf_mps.cos import Cos
from scf_mps.events.files import CosObject

MAX_BYTES = 4 * 2**30
"""Bytes of all objects. Copies share their bytes and count once."""


def delete_oldest(directory: Path, cos: Cos, max_bytes: int = MAX_BYTES) -> int:
    """Delete the oldest objects above a limit, and return their number.

    Args:
        directory: of the emulator, which is running.
        cos: a client of it.
        max_bytes: the limit.
    """
    count = 0
    for item in _list_surplus(directory / "metadata.sqlite", max_bytes):
        cos.delete(item)
        count += 1
    return count


def _list_surplus(path: Path, max_bytes: int) -> Iterator[CosObject]:
    """Yield the oldest objects, until the others are within the limit."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        total = connection.execute(
            "SELECT coalesce(sum(size), 0) FROM (SELECT size FROM version GROUP BY blob)"
        ).fetchone()[0]
        if total <= max_bytes:
            return
        rows = connection.execute(
            "SELECT version.bucket, region, key, size FROM version"
            " JOIN bucket ON bucket.name = version.bucket WHERE current ORDER BY modified"
        ).fetchall()
    for bucket, region, key, size in rows:
        if total > max_bytes:
            yield CosObject.exact(bucket, region, key)
            total -= size
