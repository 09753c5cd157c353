"""Metadata database: schema, transactions and removal of unused blobs.

SQLite in WAL mode: a committed transaction survives `kill -9`, readers never wait, and several
processes may serve one directory (`BEGIN IMMEDIATE` serialises writes). A power loss may lose the last
transactions but does not damage the file (`synchronous=NORMAL`).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import final

from .blobs import Blobs

_SCHEMA = """
CREATE TABLE IF NOT EXISTS bucket (
    name TEXT PRIMARY KEY, region TEXT NOT NULL, created REAL NOT NULL,
    versioning TEXT NOT NULL DEFAULT '', acl TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bucket_document (
    bucket TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (bucket, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS version (
    sequence INTEGER PRIMARY KEY,
    bucket TEXT NOT NULL, key TEXT NOT NULL, version_id TEXT NOT NULL, current INTEGER NOT NULL,
    kind TEXT NOT NULL, blob TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    crc64 TEXT NOT NULL, modified REAL NOT NULL, storage_class TEXT NOT NULL,
    acl TEXT NOT NULL, tags TEXT NOT NULL, headers TEXT NOT NULL,
    restored_from REAL NOT NULL, restored_until REAL NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS version_name ON version (bucket, key, version_id);
CREATE INDEX IF NOT EXISTS version_blob ON version (blob);
CREATE TABLE IF NOT EXISTS upload (
    upload_id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, initiated REAL NOT NULL,
    storage_class TEXT NOT NULL, acl TEXT NOT NULL, tags TEXT NOT NULL, headers TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS upload_key ON upload (bucket, key, upload_id);
CREATE TABLE IF NOT EXISTS part (
    upload_id TEXT NOT NULL, number INTEGER NOT NULL, blob TEXT NOT NULL, size INTEGER NOT NULL,
    etag TEXT NOT NULL, crc64 TEXT NOT NULL, modified REAL NOT NULL,
    PRIMARY KEY (upload_id, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS part_blob ON part (blob);
"""
# SQLite's BINARY collation compares text as UTF-8 bytes, the order in which COS lists keys.


@final
class Transaction:
    """One atomic change: `with database.change() as change:`.

    It commits on a normal exit and rolls back on an exception. After the commit, blobs passed to `release`
    are removed unless a row still names them, and `after_commit` is called.
    """

    __slots__ = ("_database", "_released", "after_commit", "execute")

    def __init__(self, database: Database) -> None:
        self._database = database
        self._released: list[str] = []
        self.after_commit: Callable[[], object] = lambda: None
        self.execute = database.connection.execute

    def __enter__(self) -> Transaction:
        self.execute("BEGIN IMMEDIATE")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if kind is not None:
            self.execute("ROLLBACK")
            return
        garbage = [blob for blob in self._released if not self._is_named(blob)]
        self.execute("COMMIT")
        self.after_commit()
        for blob in garbage:
            self._database.blobs.remove(blob)

    def release(self, blob: str) -> None:
        """Record that a row naming `blob` was deleted. An empty name stands for an object without bytes."""
        if blob:
            self._released.append(blob)

    def _is_named(self, blob: str) -> bool:
        query = (
            "SELECT EXISTS (SELECT 1 FROM version WHERE blob=:blob)"
            " OR EXISTS (SELECT 1 FROM part WHERE blob=:blob)"
        )
        return bool(self.execute(query, {"blob": blob}).fetchone()[0])


class Database:
    """The metadata file and blob directory below `directory`, created if missing."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.blobs = Blobs(directory / "blobs")
        self._lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        # Only the server's thread uses the connection. The timeout is for other processes.
        self.connection = sqlite3.connect(
            directory / "metadata.sqlite",
            timeout=30,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=NORMAL")
        # A checkpoint syncs the disk. One per 16 MB is rare.
        self.connection.execute("PRAGMA wal_autocheckpoint=4000")
        self.connection.executescript(_SCHEMA)
        self._sweep_if_alone()

    def change(self) -> Transaction:
        """Start a transaction, to be entered with `with`."""
        return Transaction(self)

    def close(self) -> None:
        """Close the file and release the lock that other processes check."""
        self.connection.close()
        os.close(self._lock)

    def _sweep_if_alone(self) -> None:
        """Remove blobs that a killed process wrote but never named.

        Every process holds the lock shared while it serves, so an exclusive lock proves that no other
        process is writing a blob.
        """
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            rows = self.connection.execute("SELECT blob FROM version UNION SELECT blob FROM part")
            self.blobs.sweep({row[0] for row in rows})
        fcntl.flock(self._lock, fcntl.LOCK_SH)
