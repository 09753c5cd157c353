"""Buckets and object versions: COS's object model without HTTP.

Every change is one transaction, so several processes may use one directory and a killed process leaves
only complete objects. Multipart uploads are in `uploads`, pages in `pages`.
"""

from __future__ import annotations

import base64
import secrets

from .database import Database, Transaction
from .errors import CosError
from .names import ANY_REGION
from .records import NULL_VERSION, Bucket, Version, list_columns, list_placeholders

_BUCKET = list_columns(Bucket)
_INSERT = f"INSERT INTO version ({list_columns(Version)}) VALUES ({list_placeholders(Version)})"
_CURRENT = f"SELECT {list_columns(Version)} FROM version WHERE bucket=? AND key=? AND current"
_NAMED = f"SELECT {list_columns(Version)} FROM version WHERE bucket=? AND key=? AND version_id=?"

_REMOVE = "DELETE FROM version WHERE bucket=? AND key=? AND version_id=? RETURNING blob"


class Store:
    """Buckets and their objects in one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._select = database.connection.execute

    # Buckets

    def buckets(self) -> list[Bucket]:
        """Return all buckets, by name."""
        rows = self._select(f"SELECT {_BUCKET} FROM bucket ORDER BY name")
        return [Bucket._make(row) for row in rows]

    def bucket(self, name: str, region: str) -> Bucket:
        """Return the bucket as seen from a region's endpoint.

        Raises:
            CosError: NoSuchBucket if it does not exist or is in another region: bucket hosts are regional.
        """
        row = self._select(f"SELECT {_BUCKET} FROM bucket WHERE name=?", (name,)).fetchone()
        if row is None or (region not in ANY_REGION and region != row[1]):
            raise CosError("NoSuchBucket")
        return Bucket._make(row)

    def create_bucket(self, name: str, region: str, acl: str, now: float) -> None:
        """Create a bucket.

        Raises:
            CosError: BucketAlreadyOwnedByYou, or BucketAlreadyExists in another region.
        """
        with self.database.change() as change:
            query = "SELECT region FROM bucket WHERE name=?"
            row = change.execute(query, (name,)).fetchone()
            if row is not None:
                same = row[0] == region
                raise CosError("BucketAlreadyOwnedByYou" if same else "BucketAlreadyExists")
            change.execute(
                f"INSERT INTO bucket ({_BUCKET}) VALUES ({list_placeholders(Bucket)})",
                Bucket(name, region, now, "", acl),
            )

    def delete_bucket(self, name: str) -> None:
        """Delete a bucket. Raises CosError BucketNotEmpty while it has a version or an unfinished upload."""
        with self.database.change() as change:
            for table in ("version", "upload"):
                query = f"SELECT 1 FROM {table} WHERE bucket=? LIMIT 1"
                if change.execute(query, (name,)).fetchone():
                    raise CosError("BucketNotEmpty")
            change.execute("DELETE FROM bucket WHERE name=?", (name,))
            change.execute("DELETE FROM bucket_document WHERE bucket=?", (name,))

    def set_versioning(self, name: str, status: str) -> None:
        """Set the versioning status to Enabled or Suspended."""
        with self.database.change() as change:
            change.execute("UPDATE bucket SET versioning=? WHERE name=?", (status, name))

    def set_bucket_acl(self, name: str, acl: str) -> None:
        """Replace the bucket's ACL (JSON text of module `acl`)."""
        with self.database.change() as change:
            change.execute("UPDATE bucket SET acl=? WHERE name=?", (acl, name))

    def bucket_document(self, bucket: str, name: str) -> bytes | None:
        """Return a configuration document of a bucket (tagging, lifecycle, …), or None if never put."""
        query = "SELECT body FROM bucket_document WHERE bucket=? AND name=?"
        row = self._select(query, (bucket, name)).fetchone()
        return None if row is None else bytes(row[0])

    def put_bucket_document(self, bucket: str, name: str, body: bytes | None) -> None:
        """Store a configuration document, or remove it if `body` is None."""
        with self.database.change() as change:
            if body is None:
                query = "DELETE FROM bucket_document WHERE bucket=? AND name=?"
                change.execute(query, (bucket, name))
            else:
                change.execute(
                    "INSERT OR REPLACE INTO bucket_document VALUES (?,?,?)", (bucket, name, body)
                )

    # Objects

    def find(self, bucket: str, key: str, version_id: str = "") -> Version | None:
        """Return the current or the named version, possibly a delete marker, or None."""
        if version_id:
            row = self._select(_NAMED, (bucket, key, version_id)).fetchone()
        else:
            row = self._select(_CURRENT, (bucket, key)).fetchone()
        return None if row is None else Version._make(row)

    def get(self, bucket: str, key: str, version_id: str = "") -> Version:
        """Return the current or the named version of an object that must exist.

        Raises:
            CosError: NoSuchKey or NoSuchVersion. For a delete marker with its headers, and
                MethodNotAllowed if it was named (page 436/7753).
        """
        version = self.find(bucket, key, version_id)
        if version is None:
            raise CosError("NoSuchVersion" if version_id else "NoSuchKey")
        if version.is_marker:
            headers = {"x-cos-delete-marker": "true", "x-cos-version-id": version.version_id}
            raise CosError("MethodNotAllowed" if version_id else "NoSuchKey", headers=headers)
        return version

    def put(
        self,
        change: Transaction,
        bucket: Bucket,
        version: Version,
        *,
        forbid_overwrite: bool = False,
    ) -> str:
        """Make `version` the current one of its key and return its version id.

        Raises:
            CosError: FileAlreadyExists for `forbid_overwrite` if the key exists. `x-cos-forbid-overwrite` has
                no effect once versioning was enabled.
        """
        versioning = self._read_versioning(change, bucket)
        if forbid_overwrite and not versioning:
            query = "SELECT 1 FROM version WHERE bucket=? AND key=? AND current"
            if change.execute(query, (version.bucket, version.key)).fetchone():
                raise CosError("FileAlreadyExists")
        version_id = _create_version_id() if versioning == "Enabled" else NULL_VERSION
        if version_id == NULL_VERSION:
            self._remove(change, version.bucket, version.key, NULL_VERSION)
        if versioning:
            change.execute(
                "UPDATE version SET current=0 WHERE bucket=? AND key=? AND current",
                (version.bucket, version.key),
            )
        change.execute(_INSERT, version._replace(version_id=version_id))
        return version_id

    def update(self, change: Transaction, version: Version, **columns: str | float) -> None:
        """Change columns of one existing version (ACL, tags, restore dates)."""
        settings = ", ".join(f"{name}=?" for name in columns)
        change.execute(
            f"UPDATE version SET {settings} WHERE bucket=? AND key=? AND version_id=?",
            (*columns.values(), version.bucket, version.key, version.version_id),
        )

    def delete(
        self, change: Transaction, bucket: Bucket, key: str, version_id: str, now: float
    ) -> Version | None:
        """Delete a key or one version of it. Deleting a missing object succeeds, as in COS.

        Returns:
            The version that was removed by id, the marker that was left, or None if the bucket is not
            versioned or nothing was removed.
        """
        if version_id:
            return self._delete_version(change, bucket.name, key, version_id)
        if not self._read_versioning(change, bucket):
            self._remove(change, bucket.name, key, NULL_VERSION)
            return None
        marker = Version(bucket.name, key, kind="delete-marker", modified=now)
        return marker._replace(version_id=self.put(change, bucket, marker))

    def _read_versioning(self, change: Transaction, bucket: Bucket) -> str:
        """Return the status within the transaction, because another process may have changed it."""
        query = "SELECT versioning FROM bucket WHERE name=?"
        row = change.execute(query, (bucket.name,)).fetchone()
        if row is None:
            raise CosError("NoSuchBucket")
        return str(row[0])

    def _remove(self, change: Transaction, bucket: str, key: str, version_id: str) -> None:
        """Delete one row, if it exists."""
        removed = change.execute(_REMOVE, (bucket, key, version_id)).fetchone()
        if removed is not None:
            change.release(removed[0])

    def _delete_version(
        self, change: Transaction, bucket: str, key: str, version_id: str
    ) -> Version | None:
        row = change.execute(_NAMED, (bucket, key, version_id)).fetchone()
        if row is None:
            return None
        version = Version._make(row)
        self._remove(change, bucket, key, version_id)
        if version.current:
            # The newest of the remaining versions becomes the current one.
            change.execute(
                "UPDATE version SET current=1 WHERE sequence="
                "(SELECT max(sequence) FROM version WHERE bucket=? AND key=?)",
                (bucket, key),
            )
        return version


def _create_version_id() -> str:
    """Return an opaque id in COS's form: base64 of digits, safe in URLs after percent-encoding."""
    return base64.b64encode(f"{secrets.randbelow(10**20):020d}".encode()).decode()
