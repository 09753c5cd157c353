"""Copies inside COS that are known to be right, and moves made of them.

A copy is bound to one version of its source, keeps what COS would drop (its class; headers, where some are replaced),
and is compared: with the source's ETag where that is an MD5, else by CRC64. A copy that is there already is not made
again. A move deletes its sources when every copy is verified, and none before.
"""

from __future__ import annotations

from typing import NamedTuple

from . import bulk, delete, lookup, operations, upload
from .client import Client, build_corrupt_error
from .errors import Conflict, CosError, Denied, NotFound, group
from .metadata import CLASS, Entry, Head, ObjectSettings, guess_content_type, is_md5

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..events.files import CosObject
    from .lookup import ObjectState
    from .progress import ProgressReporter

MAX_COPY_BYTES = 5 * 1024**3
"""Bytes of the largest object that one copy takes (page 436/10881)."""


class CopyOptions(NamedTuple):
    """How copies are made.

    Attributes:
        given: what the copies are to be, where that is not as their sources.
        overwrite: whether an object with other bytes may be replaced.
        resume: leave out what an earlier run did.
        largest: bytes up to which one request is used.
        part: bytes of a part beyond that.
    """

    given: ObjectSettings
    overwrite: bool = True
    resume: bool = True
    largest: int = MAX_COPY_BYTES
    part: int = 1024**3


class CopyTask(NamedTuple):
    """One copy to be made."""

    source: CosObject
    target: CosObject


class Copier:
    """Makes the copies of one call.

    Args:
        moved_before: take a missing source whose copy is there for one that was moved already.
        contents: bytes that copies have in place of their source's.
        versions: the MD5s that sources are known to have, from before.
    """

    def __init__(
        self,
        client: Client,
        rules: CopyOptions,
        moved_before: bool = False,
        contents: Mapping[CosObject, bytes] | None = None,
        versions: Mapping[CosObject, str] | None = None,
    ) -> None:
        self._contents = contents or {}
        self._versions = versions or {}
        self._client = client
        self._rules = rules
        self._moved_before = moved_before
        self._known: dict[CosObject, ObjectState | Exception] = {}
        self._there: dict[CosObject, Entry] = {}
        self._buckets: dict[tuple[str, str], bool] = {}

    def learn(self, pairs: Sequence[CopyTask]) -> None:
        """Find out what the sources are, and what is already where the copies go."""
        self._known = lookup.sources(self._client, [pair.source for pair in pairs])
        if self._rules.resume:
            self._there = lookup.listed(self._client, [pair.target for pair in pairs])

    def make(self, pair: CopyTask) -> CosObject:
        """Make one copy, verified; returns it.

        Raises:
            NotFound: the source is not there.
            Conflict: it changed meanwhile, is archived, or may not overwrite what is there.
            Corrupt: the copy is not what the source is, three times.
        """
        try:
            known = self._known[pair.source]
            if isinstance(known, Exception):
                return self._without_source(pair, known)
            version = self._versions.get(pair.source, known.etag)
            encryption = known.encryption if isinstance(known, Head) else ""
            if is_md5(known.etag) and not encryption and version != known.etag:
                raise Conflict(
                    "it was replaced after it was read", code="Replaced", object=pair.source
                )
            if pair.source in self._contents:
                self._write(pair, self._contents[pair.source])
            elif not self._is_done(pair, known):
                self._copy(pair, known)
        except CosError as error:
            # What a caller can look up is what it passed in; where that was to go is in the text.
            if error.object == pair.target and pair.target != pair.source:
                error.message = f"as {pair.target}: {error.message}"
                error.object = pair.source
            raise
        return pair.target

    def is_copied(self, source: CosObject, now: ObjectState | Exception) -> bool:
        """Whether a source is still the version that was copied, or not there any more."""
        if isinstance(now, Exception):
            return isinstance(now, NotFound)
        before = self._known[source]
        return not isinstance(before, Exception) and before.etag == now.etag

    def _without_source(self, pair: CopyTask, error: Exception) -> CosObject:
        if self._moved_before and isinstance(error, NotFound) and self._has_bucket(pair.source):
            if pair.target in self._there:
                return pair.target
            try:
                operations.head(self._client, pair.target)
            except NotFound:
                raise error from None
            return pair.target
        raise error

    def _has_bucket(self, source: CosObject) -> bool:
        """Return False if the bucket of a source is missing, which the response to a HEAD does not say."""
        bucket = source.bucket, source.region
        if bucket not in self._buckets:
            try:
                next(operations.list_objects(self._client, *bucket, source.key, most=1), None)
                self._buckets[bucket] = True
            except Denied:  # the role may read objects, and not list them
                self._buckets[bucket] = True
            except NotFound:
                self._buckets[bucket] = False
        return self._buckets[bucket]

    def _is_done(self, pair: CopyTask, known: ObjectState) -> bool:
        """Whether what is there is what the copy would become.

        Raises:
            Conflict: other bytes are there, and may not be overwritten.
        """
        rules = self._rules
        there: ObjectState | None = self._there.get(pair.target)
        if rules.overwrite:
            if there is None or not _same_bytes(known, there) or rules.given.acl is not None:
                return False
            if there.last_modified < known.last_modified:
                return False
            if rules.given.replaces or rules.given.encryption:
                there = operations.head(self._client, pair.target)
                return there.stored() == self._wanted(pair.source, known)
            return there.storage_class == (rules.given.storage_class or known.storage_class)
        if there is None or not _same_bytes(known, there):
            # x-cos-forbid-overwrite does nothing in a bucket that ever had versions: look first.
            try:
                there = operations.head(self._client, pair.target)
            except NotFound:
                return False
            known = self._full(pair.source)
        if not (_same_bytes(known, there) or _same_checksum(known, there)):
            raise Conflict("other bytes are there", code="FileAlreadyExists", object=pair.target)
        return True

    def _full(self, source: CosObject) -> Head:
        """All that a HEAD tells of a source, asked for once."""
        known = self._known[source]
        if not isinstance(known, Head):
            known = self._known[source] = operations.head(self._client, source)
        return known

    def _wanted(self, source: CosObject, known: ObjectState) -> dict[str, str]:
        """The stored headers that the copy is to have, whole."""
        head = known if isinstance(known, Head) else self._full(source)
        wanted = self._rules.given.over(head.stored())
        wanted.pop("x-cos-acl", None)
        if wanted.get(CLASS) == "STANDARD":
            del wanted[CLASS]
        return wanted

    def _headers(self, pair: CopyTask, known: ObjectState) -> dict[str, str]:
        """The headers of the copy request."""
        given = self._rules.given
        said = {"x-cos-copy-source-if-match": f'"{known.etag}"'}
        if given.replaces:
            said["x-cos-metadata-directive"] = "Replaced"
            said.update(self._wanted(pair.source, known))
        else:
            if known.storage_class != "STANDARD":
                said[CLASS] = known.storage_class
            if isinstance(known, Head) and known.encryption:
                said["x-cos-server-side-encryption"] = known.encryption
        said = given.over(said) if not given.replaces else said
        if given.acl == "keep":
            said.update(operations.get_acl_headers(self._client, pair.source))
        elif given.acl is not None:
            said["x-cos-acl"] = given.acl
        if not self._rules.overwrite:
            said[operations.FORBID_OVERWRITE] = "true"
        return said

    def _write(self, pair: CopyTask, content: bytes) -> None:
        """Write other bytes with everything that is stored with the source, but its tags and encoding."""
        rules = self._rules
        said = rules.given.over(self._full(pair.source).stored())
        said.pop("content-encoding", None)
        if rules.given.acl == "keep":
            said.update(operations.get_acl_headers(self._client, pair.source))
        if not rules.overwrite:
            # x-cos-forbid-overwrite does nothing in a bucket that ever had versions: look first.
            if operations.has_content(self._client, pair.target, content):
                return
            said[operations.FORBID_OVERWRITE] = "true"
        operations.put(self._client, pair.target, content, said)

    def _copy(self, pair: CopyTask, known: ObjectState) -> None:
        if known.size > self._rules.largest:
            self._copy_in_parts(pair)
            return
        for last in (False, False, True):  # pragma: no branch - the last one returns or raises
            headers = self._headers(pair, known)
            try:
                written = operations.copy(self._client, pair.source, pair.target, headers)
            except Conflict as error:
                if error.code == "FileAlreadyExists" and error.maybe_applied:
                    # An earlier try of ours that nobody answered, or another's copy of the same bytes.
                    there = operations.head(self._client, pair.target)
                    if _same_checksum(self._full(pair.source), there):
                        return
                raise
            if self._is_right(pair, known, written):
                return
            if not self._rules.overwrite:
                # There was nothing before: what is there is ours, and would be in its own way.
                operations.delete(self._client, pair.target)
            if last:
                raise build_corrupt_error(
                    pair.target, f"the copy of {pair.source} is not what it is"
                )

    def _is_right(
        self, pair: CopyTask, known: ObjectState, written: operations.WriteResult
    ) -> bool:
        """Whether the copy's bytes are the source's, by what its answer told, else by asking."""
        if isinstance(known, Head) and known.crc64 and written.crc64:
            return known.crc64 == written.crc64
        if is_md5(known.etag) and written.etag == known.etag:
            return True
        source = self._full(pair.source)
        if source.crc64 and written.crc64:
            return source.crc64 == written.crc64
        target = operations.head(self._client, pair.target)
        if (source.crc64 and target.crc64) or source.etag == target.etag:
            return _same_checksum(source, target)
        # Of an object of several parts without CRC64 the size is all there is to compare.
        return source.size == target.size and not is_md5(source.etag)

    def _copy_in_parts(self, pair: CopyTask) -> None:
        rules = self._rules
        source = self._full(pair.source)
        headers = rules.given.over(source.stored())
        if rules.given.acl == "keep":
            headers.update(operations.get_acl_headers(self._client, pair.source))
        if not rules.overwrite:
            headers[operations.FORBID_OVERWRITE] = "true"
        upload.copy_in_parts(
            self._client,
            pair.source,
            pair.target,
            source.size,
            source.crc64,
            source.etag,
            headers,
            rules.part,
        )


def _same_bytes(left: ObjectState, right: ObjectState) -> bool:
    return left.size == right.size and left.etag == right.etag and is_md5(left.etag)


def _same_checksum(left: ObjectState, right: ObjectState) -> bool:
    if isinstance(left, Head) and isinstance(right, Head) and left.crc64 and right.crc64:
        return left.size == right.size and left.crc64 == right.crc64
    return left.size == right.size and left.etag == right.etag


def copy_layers(
    client: Client,
    layers: Sequence[Sequence[CopyTask]],
    rules: CopyOptions,
    what: str,
    report: ProgressReporter | None,
    contents: Mapping[CosObject, bytes] | None = None,
    versions: Mapping[CosObject, str] | None = None,
) -> list[CosObject]:
    """Make all copies, a layer when the one before is complete; returns them.

    Raises:
        SomeFailed: with the error of each that failed; of what comes behind its layer nothing was begun.
    """
    copier = Copier(client, rules, contents=contents, versions=versions)
    pairs = [pair for layer in layers for pair in layer]
    copier.learn(pairs)
    made: list[CosObject] = []
    for layer in layers:
        copies, errors = bulk.run(client, layer, copier.make, report)
        made += [copy for copy in copies if copy is not None]
        if errors:
            raise group(errors, len(made), len(pairs), what)
    return made


def move_objects(
    client: Client, pairs: Sequence[CopyTask], rules: CopyOptions, report: ProgressReporter | None
) -> list[CosObject]:
    """Copy all; when every copy is verified, delete the sources, in order.

    Raises:
        SomeFailed: a copy failed, or a source was replaced meanwhile (nothing is deleted then), or a deletion failed.
    """
    copier = Copier(client, rules, moved_before=True)
    copier.learn(pairs)
    made = bulk.run_each(client, pairs, copier.make, "move", report)
    copied = [pair.source for pair in pairs]
    # COS knows no deletion on condition: look once more that it is the copied versions that go.
    now = lookup.sources(client, copied)
    replaced: list[Exception] = [
        Conflict("it was replaced while it was moved", code="Replaced", object=source)
        for source in copied
        if not copier.is_copied(source, now[source])
    ]
    if replaced:
        raise group(replaced, 0, len(pairs), "move: nothing is deleted")
    gone = {source for source in copied if isinstance(now[source], NotFound)}
    delete.delete_objects(client, [source for source in copied if source not in gone], None)
    return made


def change_settings(client: Client, item: CosObject, given: ObjectSettings) -> Head:
    """Change what is stored with an object by copying it onto itself; everything else is kept, its ACL too.

    Raises:
        Conflict: it changed meanwhile, or is archived.
    """
    before = operations.head(client, item)
    wanted = given.over(before.stored())
    if wanted == before.stored():
        return before
    if before.size > MAX_COPY_BYTES:
        raise Conflict("over 5 GB cannot be copied onto itself", code="TooLarge", object=item)
    said = {
        "x-cos-metadata-directive": "Replaced",
        "x-cos-copy-source-if-match": f'"{before.etag}"',
        **operations.get_acl_headers(client, item),
        **wanted,
    }
    said.setdefault("content-type", guess_content_type(item.key))
    operations.copy(client, item, item, said)
    after = operations.head(client, item)
    if not _same_checksum(before, after):
        raise build_corrupt_error(
            item, f"the object is not what it was: {before.crc64} became {after.crc64}"
        )
    return after
