"""Rows of the database: buckets, object versions, uploads and parts.

Named tuples in the column order of their tables, so that a record is also the values of its row.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

NULL_VERSION = "null"
"""Version id of objects written while versioning is not enabled."""

ARCHIVE_CLASSES = frozenset({"ARCHIVE", "DEEP_ARCHIVE", "MAZ_ARCHIVE"})
"""Storage classes whose objects must be restored before they can be read (page 436/33417)."""

STORAGE_CLASSES = ARCHIVE_CLASSES | {
    "STANDARD",
    "STANDARD_IA",
    "INTELLIGENT_TIERING",
    "COLD",
    "MAZ_STANDARD",
    "MAZ_STANDARD_IA",
    "MAZ_INTELLIGENT_TIERING",
    "MAZ_COLD",
}

Kind = Literal["normal", "appendable", "symlink", "delete-marker"]
"""Kind of a version, as in x-cos-object-type. A delete leaves a delete-marker."""


class Bucket(NamedTuple):
    """A bucket. `versioning` is `""` (never enabled), `"Enabled"` or `"Suspended"`."""

    name: str
    region: str
    created: float
    versioning: str
    acl: str


class Version(NamedTuple):
    """One version of an object.

    `etag` has no quotes, `crc64` is decimal (empty if unknown), dates are seconds since the epoch. `acl`,
    `tags` and `headers` are the JSON text of their modules, empty if missing.
    """

    bucket: str
    key: str
    version_id: str = NULL_VERSION
    current: int = 1
    kind: Kind = "normal"
    blob: str = ""
    size: int = 0
    etag: str = ""
    crc64: str = ""
    modified: float = 0.0
    storage_class: str = "STANDARD"
    acl: str = ""
    tags: str = ""
    headers: str = ""
    restored_from: float = 0.0
    restored_until: float = 0.0

    @property
    def is_marker(self) -> bool:
        """True for the marker that a delete leaves in a versioned bucket."""
        return self.kind == "delete-marker"

    @property
    def quoted_etag(self) -> str:
        """The ETag as written in headers and documents."""
        return f'"{self.etag}"'

    def is_readable(self, now: float) -> bool:
        """Return False while an archived object is not restored."""
        if self.storage_class not in ARCHIVE_CLASSES:
            return True
        return self.restored_from <= now < self.restored_until


class Upload(NamedTuple):
    """A multipart upload in progress, with the properties of its future object."""

    upload_id: str
    bucket: str
    key: str
    initiated: float
    storage_class: str
    acl: str
    tags: str
    headers: str


class Part(NamedTuple):
    """One uploaded part. `etag` is the hexadecimal MD5 of its bytes."""

    upload_id: str
    number: int
    blob: str
    size: int
    etag: str
    crc64: str
    modified: float


def list_columns(record: type[Bucket | Version | Upload | Part]) -> str:
    """Return the columns of a record for a SELECT or INSERT."""
    return ", ".join(record._fields)


def list_placeholders(record: type[Bucket | Version | Upload | Part]) -> str:
    """Return one `?` per column, for an INSERT of a whole record."""
    return ", ".join("?" for _ in record._fields)
