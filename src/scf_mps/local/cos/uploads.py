"""Multipart uploads and their parts (documentation page 436/7742).

The finished object is stored in `store`, its bytes are joined in `blobs`.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from typing import Any

from .database import Database, Transaction
from .errors import CosError
from .records import Part, Upload, list_columns, list_placeholders

MIN_PART_SIZE = 1024 * 1024
"""Smallest part except the last, in bytes: 1 MB, where S3 requires 5 (page 436/7742)."""
MAX_PART_NUMBER = 10_000

_UPLOAD = list_columns(Upload)
_PART = list_columns(Part)


class Uploads:
    """The unfinished uploads of one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._select = database.connection.execute

    def initiate(self, **fields: Any) -> Upload:
        """Start an upload with the given fields of `Upload`. Its id sorts by creation time in microseconds."""
        upload_id = f"{int(fields['initiated'] * 1e6):016d}{secrets.token_hex(16)}"
        upload = Upload(upload_id, **fields)
        with self.database.change() as change:
            change.execute(
                f"INSERT INTO upload ({_UPLOAD}) VALUES ({list_placeholders(Upload)})", upload
            )
        return upload

    def get(self, bucket: str, key: str, upload_id: str) -> Upload:
        """Return an upload. Raises CosError NoSuchUpload for an unknown id or the id of another object."""
        query = f"SELECT {_UPLOAD} FROM upload WHERE upload_id=? AND bucket=? AND key=?"
        row = self._select(query, (upload_id, bucket, key)).fetchone()
        if row is None:
            raise CosError("NoSuchUpload")
        return Upload._make(row)

    def put_part(self, part: Part) -> None:
        """Add a part, or replace the one of the same number.

        Raises:
            CosError: NoSuchUpload if the upload was completed or aborted in the meantime.
        """
        with self.database.change() as change:
            query = "SELECT 1 FROM upload WHERE upload_id=?"
            if change.execute(query, (part.upload_id,)).fetchone() is None:
                raise CosError("NoSuchUpload")
            name = (part.upload_id, part.number)
            query = "SELECT blob FROM part WHERE upload_id=? AND number=?"
            replaced = change.execute(query, name).fetchone()
            change.execute(
                f"INSERT OR REPLACE INTO part ({_PART}) VALUES ({list_placeholders(Part)})", part
            )
            if replaced is not None:
                change.release(replaced[0])

    def parts(self, upload_id: str, after: int = 0, limit: int = -1) -> list[Part]:
        """Return the parts by number, from the one after `after`, all of them without `limit`."""
        query = f"SELECT {_PART} FROM part WHERE upload_id=? AND number>? ORDER BY number LIMIT ?"
        return [Part._make(row) for row in self._select(query, (upload_id, after, limit))]

    def in_progress(self, bucket: str, prefix: str, after_key: str, after_id: str) -> list[Upload]:
        """Return the uploads below `prefix` after a position, by key and then by age.

        Without `after_id` the position is after all uploads of `after_key`.
        """
        rows = self._select(
            f"SELECT {_UPLOAD} FROM upload"
            " WHERE bucket=:bucket AND substr(key, 1, length(:prefix))=:prefix"
            " AND (key>:key OR (key=:key AND :id<>'' AND upload_id>:id)) ORDER BY key, upload_id",
            {"bucket": bucket, "prefix": prefix, "key": after_key, "id": after_id},
        )
        return [Upload._make(row) for row in rows]

    def remove(self, change: Transaction, upload_id: str) -> None:
        """Delete a completed or aborted upload and release the bytes of its parts.

        Raises:
            CosError: NoSuchUpload if another request deleted it first.
        """
        if change.execute("DELETE FROM upload WHERE upload_id=?", (upload_id,)).rowcount == 0:
            raise CosError("NoSuchUpload")
        query = "SELECT blob FROM part WHERE upload_id=?"
        for (blob,) in change.execute(query, (upload_id,)).fetchall():
            change.release(blob)
        change.execute("DELETE FROM part WHERE upload_id=?", (upload_id,))


def choose_parts(stored: Sequence[Part], requested: Sequence[tuple[int, str]]) -> list[Part]:
    """Return the stored parts that a Complete Multipart Upload names by (number, ETag).

    Raises:
        CosError: InvalidPartOrder (not ascending), InvalidPart (unknown, another ETag, or numbers that
            are not 1, 2, 3, …, because COS requires contiguous numbers) or EntityTooSmall.
    """
    numbers = [number for number, _ in requested]
    if numbers != sorted(set(numbers)):
        raise CosError("InvalidPartOrder")
    if not numbers or numbers != list(range(1, len(numbers) + 1)):
        raise CosError("InvalidPart", "Part numbers must be contiguous and begin with 1.")
    by_number = {part.number: part for part in stored}
    selected: list[Part] = []
    for number, etag in requested:
        part = by_number.get(number)
        if part is None or part.etag != etag.strip('"').lower():
            raise CosError("InvalidPart", f"Part {number} was not uploaded with that ETag.")
        selected.append(part)
    if any(part.size < MIN_PART_SIZE for part in selected[:-1]):
        raise CosError("EntityTooSmall")
    return selected


def compute_multipart_etag(parts: Sequence[Part]) -> str:
    """Return the MD5 of the parts' MD5s with their number appended."""
    digests = b"".join(bytes.fromhex(part.etag) for part in parts)
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
