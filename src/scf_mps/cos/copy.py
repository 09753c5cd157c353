"""Verified copies inside COS, and moves made of them.

A copy is bound to one version of its source, and keeps what COS would drop: the class, and the other headers if some
are replaced. It is compared with its source by ETag if that is an MD5, else by CRC64.
"""

from __future__ import annotations

from typing import NamedTuple

from . import bulk, delete, lookup, operations, upload
from .client import Client, build_corrupt_error
from .errors import Conflict, CosError, Denied, NotFound, group_errors
from .metadata import (
    CLASS_HEADER,
    ENCRYPTION_HEADER,
    Entry,
    Head,
    ObjectSettings,
    guess_content_type,
    is_md5,
)
from .request import Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..events.files import CosObject
    from .lookup import ObjectState
    from .operations import WriteResult
    from .progress import ProgressReporter

MAX_COPY_BYTES = 5 * 1024**3
"""Bytes of the largest object that one request copies (page 436/10881)."""


class CopyOptions(NamedTuple):
    """Options of copies.

    Attributes:
        settings: metadata that differs from that of the sources.
        overwrite: True if an object with other bytes may be replaced.
        resume: True to skip copies that an earlier call made.
        max_copy_bytes: bytes up to which one request is used.
        part_bytes: bytes of a part of larger objects.
    """

    settings: ObjectSettings
    overwrite: bool = True
    resume: bool = True
    max_copy_bytes: int = MAX_COPY_BYTES
    part_bytes: int = upload.COPY_PART_BYTES


class CopyTask(NamedTuple):
    """A source and its copy."""

    source: CosObject
    target: CosObject


class Copier:
    """Makes the copies of one call.

    Args:
        client: sends the requests.
        options: options of all copies.
        accept_moved: True if a missing source whose copy exists counts as moved.
        contents: bytes of copies that differ from those of their source.
        versions: MD5s of sources that were read before.
    """

    def __init__(
        self,
        client: Client,
        options: CopyOptions,
        accept_moved: bool = False,
        contents: Mapping[CosObject, bytes] | None = None,
        versions: Mapping[CosObject, str] | None = None,
    ) -> None:
        self._client = client
        self._options = options
        self._accept_moved = accept_moved
        self._contents = contents or {}
        self._versions = versions or {}
        self._sources: dict[CosObject, ObjectState | Exception] = {}
        self._targets: dict[CosObject, Entry] = {}
        self._buckets: dict[tuple[str, str], bool] = {}

    def prepare(self, tasks: Sequence[CopyTask]) -> None:
        """Look up the sources, and the targets of an earlier call."""
        self._sources = lookup.look_up_objects(self._client, [task.source for task in tasks])
        if self._options.resume:
            self._targets = lookup.look_up_listed(self._client, [task.target for task in tasks])

    def copy(self, task: CopyTask) -> CosObject:
        """Make and verify a copy, unless it exists. Return it.

        Raises:
            NotFound: the source is missing.
            Conflict: the source changed meanwhile or is archived, or the target must not be overwritten.
            Corrupt: the copy differed from the source three times.
        """
        try:
            source = self._sources[task.source]
            if isinstance(source, Exception):
                return self._find_moved(task, source)
            self._check_version(task.source, source)
            if task.source in self._contents:
                self._write(task, self._contents[task.source])
            elif self._options.overwrite:
                if not self.already_copied(task, source):
                    self._copy(task, source)
            elif self.check_not_overwriting(task, source):
                self._copy(task, source)
        except CosError as error:
            # Callers know the source, so the error is about it and names the target in its message.
            if error.object == task.target and task.target != task.source:
                error.message = f"as {task.target}: {error.message}"
                error.object = task.source
            raise
        return task.target

    def already_copied(self, task: CopyTask, source: ObjectState) -> bool:
        """Return True if the target has the bytes and settings that the copy would have."""
        settings = self._options.settings
        target = self._targets.get(task.target)
        if target is None or not _has_same_md5(source, target) or settings.acl is not None:
            return False
        if target.last_modified < source.last_modified:
            return False
        if settings.changes_headers or settings.encryption:
            headers = operations.head(self._client, task.target).build_headers()
            return headers == self._build_stored_headers(task.source)
        return target.storage_class == (settings.storage_class or source.storage_class)

    def check_not_overwriting(self, task: CopyTask, source: ObjectState) -> bool:
        """Return True if the target is missing, False if it has the bytes of the source.

        Raises:
            Conflict: the target has other bytes.
        """
        listed = self._targets.get(task.target)
        if listed is not None and _has_same_md5(source, listed):
            return False
        # COS ignores x-cos-forbid-overwrite in a bucket that ever had versions (page 436/7749).
        try:
            target = operations.head(self._client, task.target)
        except NotFound:
            return True
        if not _has_same_checksum(self._fetch_head(task.source), target):
            raise Conflict("other bytes exist there", code="FileAlreadyExists", object=task.target)
        return False

    def is_copied_version(self, source: CosObject, now: ObjectState | Exception) -> bool:
        """Return True if a source is still the version that was copied, or missing."""
        if isinstance(now, Exception):
            return isinstance(now, NotFound)
        before = self._sources[source]
        return not isinstance(before, Exception) and before.etag == now.etag

    def _check_version(self, item: CosObject, source: ObjectState) -> None:
        """Raise Conflict if the source is not the version that was read before."""
        version = self._versions.get(item, source.etag)
        is_encrypted = isinstance(source, Head) and source.encryption
        if is_md5(source.etag) and not is_encrypted and version != source.etag:
            raise Conflict("it was replaced after it was read", code="Replaced", object=item)

    def _find_moved(self, task: CopyTask, error: Exception) -> CosObject:
        """Return the target of a missing source that was moved before. Raise the error of any other."""
        if (
            self._accept_moved
            and isinstance(error, NotFound)
            and self._has_bucket(task.source)
            and (task.target in self._targets or operations.exists(self._client, task.target))
        ):
            return task.target
        raise error

    def _has_bucket(self, source: CosObject) -> bool:
        """Return False if the bucket of a source is missing, which the response to a HEAD does not say."""
        bucket = source.bucket, source.region
        if bucket not in self._buckets:
            prefix = Target(*bucket, source.key)
            try:
                next(operations.list_objects(self._client, prefix, max_pages=1), None)
                self._buckets[bucket] = True
            except Denied:  # the role may read objects, but not list them
                self._buckets[bucket] = True
            except NotFound:
                self._buckets[bucket] = False
        return self._buckets[bucket]

    def _fetch_head(self, source: CosObject) -> Head:
        """Return the complete metadata of a source, requested once."""
        state = self._sources[source]
        if not isinstance(state, Head):
            state = self._sources[source] = operations.head(self._client, source)
        return state

    def _build_stored_headers(self, source: CosObject) -> dict[str, str]:
        """Return all headers that are stored with the copy."""
        headers = self._options.settings.merge_into(self._fetch_head(source).build_headers())
        if headers.get(CLASS_HEADER) == "STANDARD":
            del headers[CLASS_HEADER]
        return headers

    def _build_copy_headers(self, task: CopyTask, source: ObjectState) -> dict[str, str]:
        if self._options.settings.changes_headers:
            headers = {"x-cos-metadata-directive": "Replaced"}
            headers.update(self._build_stored_headers(task.source))
        else:
            stored = {}
            if source.storage_class != "STANDARD":
                stored[CLASS_HEADER] = source.storage_class
            if isinstance(source, Head) and source.encryption:
                stored[ENCRYPTION_HEADER] = source.encryption
            headers = self._options.settings.merge_into(stored)
        headers["x-cos-copy-source-if-match"] = f'"{source.etag}"'
        return self._add_write_headers(task.source, headers)

    def _add_write_headers(self, source: CosObject, headers: dict[str, str]) -> dict[str, str]:
        """Return the headers with the ACL to keep and the ban on overwriting."""
        if self._options.settings.acl == "keep":
            headers.update(operations.get_acl_headers(self._client, source))
        if not self._options.overwrite:
            headers[operations.FORBID_OVERWRITE] = "true"
        return headers

    def _write(self, task: CopyTask, content: bytes) -> None:
        """Write other bytes with all metadata of the source except its tags and encoding."""
        # COS ignores x-cos-forbid-overwrite in a bucket that ever had versions (page 436/7749).
        if not self._options.overwrite and operations.has_content(
            self._client, task.target, content
        ):
            return
        stored = self._fetch_head(task.source).build_headers()
        headers = self._options.settings.merge_into(stored)
        headers.pop("content-encoding", None)
        headers = self._add_write_headers(task.source, headers)
        operations.put(self._client, task.target, content, headers)

    def _copy(self, task: CopyTask, source: ObjectState) -> None:
        if source.size > self._options.max_copy_bytes:
            head = self._fetch_head(task.source)
            headers = self._options.settings.merge_into(head.build_headers())
            headers = self._add_write_headers(task.source, headers)
            part_bytes = self._options.part_bytes
            upload.copy_in_parts(self._client, head, task.target, headers, part_bytes)
            return
        for _ in range(3):
            if self._copy_once(task, source):
                return
        raise build_corrupt_error(task.target, f"the copy differs from {task.source}")

    def _copy_once(self, task: CopyTask, source: ObjectState) -> bool:
        """Copy in one request. Return True if the copy is right."""
        headers = self._build_copy_headers(task, source)
        try:
            written = operations.copy(self._client, task.source, task.target, headers)
        except Conflict as error:
            if error.code == "FileAlreadyExists" and error.maybe_applied:
                # It may be an unanswered attempt of ours.
                target = operations.head(self._client, task.target)
                if _has_same_checksum(self._fetch_head(task.source), target):
                    return True
            raise
        if self._is_right(task, source, written):
            return True
        if not self._options.overwrite:
            # The target did not exist before. A damaged copy would block the next attempt.
            operations.delete(self._client, task.target)
        return False

    def _is_right(self, task: CopyTask, source: ObjectState, written: WriteResult) -> bool:
        """Return True if the copy has the bytes of the source, by the response to the copy, else by HEAD."""
        if isinstance(source, Head) and source.crc64 and written.crc64:
            return source.crc64 == written.crc64
        if is_md5(source.etag) and written.etag == source.etag:
            return True
        head = self._fetch_head(task.source)
        if head.crc64 and written.crc64:
            return head.crc64 == written.crc64
        target = operations.head(self._client, task.target)
        if (head.crc64 and target.crc64) or head.etag == target.etag:
            return _has_same_checksum(head, target)
        # Only the size of a multipart object without CRC64 can be compared.
        return head.size == target.size and not is_md5(head.etag)


def _has_same_md5(left: ObjectState, right: ObjectState) -> bool:
    return left.size == right.size and left.etag == right.etag and is_md5(left.etag)


def _has_same_checksum(left: Head, right: Head) -> bool:
    if left.crc64 and right.crc64:
        return left.size == right.size and left.crc64 == right.crc64
    return left.size == right.size and left.etag == right.etag


def copy_layers(
    client: Client,
    copier: Copier,
    layers: Sequence[Sequence[CopyTask]],
    verb: str,
    report: ProgressReporter,
) -> list[CosObject]:
    """Make all copies, each layer after the one before is complete. Return them.

    Raises:
        SomeFailed: with the error of each copy that failed. Later layers were not begun.
    """
    tasks = [task for layer in layers for task in layer]
    copier.prepare(tasks)
    copies: list[CosObject] = []
    for layer in layers:
        results, errors = bulk.try_each(client, layer, copier.copy, report)
        copies += [copy for copy in results if copy is not None]
        if errors:
            raise group_errors(errors, len(copies), len(tasks), verb)
    return copies


def move_objects(
    client: Client, tasks: Sequence[CopyTask], options: CopyOptions, report: ProgressReporter
) -> list[CosObject]:
    """Copy all objects, then delete the sources in order. Nothing is deleted before every copy is verified.

    Raises:
        SomeFailed: a copy failed or a source was replaced meanwhile, and nothing is deleted; or a deletion failed.
    """
    copier = Copier(client, options, accept_moved=True)
    copier.prepare(tasks)
    copies = bulk.run_each(client, tasks, copier.copy, "move", report)
    sources = [task.source for task in tasks]
    # COS has no conditional delete, so look once more for versions that were not copied.
    now = lookup.look_up_objects(client, sources)
    replaced: list[Exception] = [
        Conflict("it was replaced during the move", code="Replaced", object=source)
        for source in sources
        if not copier.is_copied_version(source, now[source])
    ]
    if replaced:
        raise group_errors(replaced, 0, len(tasks), "move (nothing is deleted)")
    left = [source for source in sources if not isinstance(now[source], NotFound)]
    delete.delete_objects(client, left)
    return copies


def change_settings(client: Client, item: CosObject, settings: ObjectSettings) -> Head:
    """Change settings of an object by copying it onto itself. All others are kept, including its ACL.

    Raises:
        Conflict: it changed meanwhile, is archived or too large.
    """
    before = operations.head(client, item)
    headers = settings.merge_into(before.build_headers())
    if headers == before.build_headers():
        return before
    if before.size > MAX_COPY_BYTES:
        raise Conflict(
            "an object over 5 GB cannot be copied onto itself", code="TooLarge", object=item
        )
    headers = {
        "x-cos-metadata-directive": "Replaced",
        "x-cos-copy-source-if-match": f'"{before.etag}"',
        **operations.get_acl_headers(client, item),
        **headers,
    }
    headers.setdefault("content-type", guess_content_type(item.key))
    operations.copy(client, item, item, headers)
    after = operations.head(client, item)
    if not _has_same_checksum(before, after):
        raise build_corrupt_error(
            item, f"the bytes changed: CRC64 {before.crc64} became {after.crc64}"
        )
    return after
