"""Multipart uploads: parts that wait to become an object (documentation page 436/7742).

Keeps uploads and parts in the database and checks the list a client completes with. Joining the
bytes is done with `blobs`, and the finished object enters the store like any other.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence

from .database import Database, Transaction
from .errors import CosError
from .records import Part, Upload, columns, places

MIN_PART_SIZE = 1024 * 1024
"""Smallest part except the last, in bytes: 1 MB, where S3 wants 5 (page 436/7742)."""
MAX_PART_NUMBER = 10_000

_UPLOAD = columns(Upload)
_PART = columns(Part)


class Uploads:
    """Unfinished uploads in one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._select = database.connection.execute

    def initiate(
        self,
        bucket: str,
        key: str,
        now: float,
        *,
        storage_class: str,
        acl: str,
        tags: str,
        headers: str,
    ) -> Upload:
        """Begin an upload. Its id sorts by the time it was made (whole microseconds)."""
        upload_id = f"{int(now * 1e6):016d}{secrets.token_hex(16)}"
        upload = Upload(upload_id, bucket, key, now, storage_class, acl, tags, headers)
        with self.database.change() as change:
            change.execute(f"INSERT INTO upload ({_UPLOAD}) VALUES ({places(Upload)})", upload)
        return upload

    def get(self, bucket: str, key: str, upload_id: str) -> Upload:
        """Raises CosError NoSuchUpload for an id that is unknown or of another object."""
        query = f"SELECT {_UPLOAD} FROM upload WHERE upload_id=? AND bucket=? AND key=?"
        row = self._select(query, (upload_id, bucket, key)).fetchone()
        if row is None:
            raise CosError("NoSuchUpload")
        return Upload._make(row)

    def put_part(self, part: Part) -> None:
        """Add a part, or replace the one of the same number.

        Raises CosError NoSuchUpload when the upload was finished or aborted meanwhile.
        """
        with self.database.change() as change:
            query = "SELECT 1 FROM upload WHERE upload_id=?"
            if change.execute(query, (part.upload_id,)).fetchone() is None:
                raise CosError("NoSuchUpload")
            name = (part.upload_id, part.number)
            query = "SELECT blob FROM part WHERE upload_id=? AND number=?"
            replaced = change.execute(query, name).fetchone()
            change.execute(f"INSERT OR REPLACE INTO part ({_PART}) VALUES ({places(Part)})", part)
            if replaced is not None:
                change.release(replaced[0])

    def parts(self, upload_id: str, after: int = 0, limit: int = -1) -> list[Part]:
        """Parts by number, from the one after `after`; all of them without `limit`."""
        query = f"SELECT {_PART} FROM part WHERE upload_id=? AND number>? ORDER BY number LIMIT ?"
        return [Part._make(row) for row in self._select(query, (upload_id, after, limit))]

    def in_progress(self, bucket: str, prefix: str, after_key: str, after_id: str) -> list[Upload]:
        """Uploads below `prefix` behind a position, by key and then by age.

        Without `after_id` the position is behind all uploads of `after_key`.
        """
        rows = self._select(
            f"SELECT {_UPLOAD} FROM upload"
            " WHERE bucket=:bucket AND substr(key, 1, length(:prefix))=:prefix"
            " AND (key>:key OR (key=:key AND :id<>'' AND upload_id>:id)) ORDER BY key, upload_id",
            {"bucket": bucket, "prefix": prefix, "key": after_key, "id": after_id},
        )
        return [Upload._make(row) for row in rows]

    def remove(self, change: Transaction, upload_id: str) -> None:
        """Forget an upload, finished or aborted, and release the bytes of its parts.

        Raises CosError NoSuchUpload if another request was faster.
        """
        if change.execute("DELETE FROM upload WHERE upload_id=?", (upload_id,)).rowcount == 0:
            raise CosError("NoSuchUpload")
        query = "SELECT blob FROM part WHERE upload_id=?"
        for (blob,) in change.execute(query, (upload_id,)).fetchall():
            change.release(blob)
        change.execute("DELETE FROM part WHERE upload_id=?", (upload_id,))


def choose_parts(stored: Sequence[Part], wanted: Sequence[tuple[int, str]]) -> list[Part]:
    """The stored parts that a Complete Multipart Upload names by (number, ETag).

    Raises CosError InvalidPartOrder (not ascending), InvalidPart (unknown, other ETag, or numbers
    that are not 1, 2, 3, …: COS wants them contiguous) or EntityTooSmall.
    """
    numbers = [number for number, _ in wanted]
    if numbers != sorted(set(numbers)):
        raise CosError("InvalidPartOrder")
    if not numbers or numbers != list(range(1, len(numbers) + 1)):
        raise CosError("InvalidPart", "Part numbers must be contiguous and begin with 1.")
    by_number = {part.number: part for part in stored}
    chosen: list[Part] = []
    for number, etag in wanted:
        part = by_number.get(number)
        if part is None or part.etag != etag.strip('"').lower():
            raise CosError("InvalidPart", f"Part {number} was not uploaded with that ETag.")
        chosen.append(part)
    if any(part.size < MIN_PART_SIZE for part in chosen[:-1]):
        raise CosError("EntityTooSmall")
    return chosen


def multipart_etag(parts: Sequence[Part]) -> str:
    """MD5 of the parts' MD5s with their number behind: no MD5 of the object's bytes."""
    digests = b"".join(bytes.fromhex(part.etag) for part in parts)
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
