"""The part of `Cos` that changes what is in COS."""

from __future__ import annotations

import os
from typing import overload

from . import addresses, bulk, copying, deleting, files, operations, upload
from .base import Base
from .copying import Pair, Rules
from .errors import Conflict, NotFound
from .metadata import Given, content_type_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..events.files import CosObject
    from ..events.result import Result
    from .addresses import Many, One
    from .progress import Tell

    Local = str | os.PathLike[str]
    Meta = Mapping[str, str | int | None]


class Writing(Base):
    """See `Cos`."""

    @overload
    def upload(
        self,
        source: Local | bytes,
        to: str | CosObject,
        *,
        overwrite: bool = True,
        content_type: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        metadata: Meta | None = None,
        storage_class: str | None = None,
        acl: str | None = None,
        encryption: str | None = None,
        progress: Tell | None = None,
    ) -> CosObject: ...
    @overload
    def upload(
        self,
        source: list[str] | tuple[str, ...] | Sequence[os.PathLike[str]],
        to: str | CosObject,
        *,
        overwrite: bool = True,
        content_type: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        metadata: Meta | None = None,
        storage_class: str | None = None,
        acl: str | None = None,
        encryption: str | None = None,
        progress: Tell | None = None,
    ) -> list[CosObject]: ...
    def upload(
        self,
        source: Any,
        to: str | CosObject,
        *,
        overwrite: bool = True,
        content_type: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        metadata: Meta | None = None,
        storage_class: str | None = None,
        acl: str | None = None,
        encryption: str | None = None,
        progress: Tell | None = None,
    ) -> Any:
        """Upload a file, bytes, or several files; COS compares MD5 before they appear, CRC64 is compared after.

        Args:
            source: path of a file, bytes, or paths of files.
            to: the object; ending in a slash, what the files' names are put behind.
            overwrite: False refuses if the object exists, also if it comes to exist meanwhile (but not in a bucket
                that ever had versions: COS ignores the wish there, so that only a look beforehand protects).
            content_type: by the name's ending by default.
            metadata: ``x-cos-meta-*``.
            storage_class, acl, encryption: as COS names them, e.g. ``STANDARD_IA``, ``public-read``, ``AES256``.

        Returns:
            The object, or for several files a list.

        Raises:
            Conflict: with ``overwrite=False``, it exists.
        """
        given = Given(
            content_type,
            cache_control,
            content_disposition,
            metadata,
            storage_class,
            acl,
            encryption,
        )
        place = addresses.Place.parse(to)
        single = isinstance(source, str | bytes | os.PathLike)
        sources = [source] if single else list(source)
        pairs = [(one, _target_of(one, place, single)) for one in sources]
        self._client.allowed.check_all([target for _, target in pairs])
        if len({target for _, target in pairs}) < len(pairs):
            raise ValueError("several files would become one object")
        report = self._report("upload", len(pairs), progress)
        count = report.count if report else _ignore

        def send(pair: tuple[Any, CosObject]) -> CosObject:
            source, target = pair
            said = given.over({"content-type": content_type_of(target.key)})
            if not overwrite:
                self._refuse_existing(target)
                said[operations.FORBID] = "true"
            if isinstance(source, bytes):
                operations.put(self._client, target, source, said)
                count(len(source))
            else:
                upload.upload_file(self._client, source, target, said, count)
            return target

        if single:
            target = send(pairs[0])
            if report:
                report.finished(None)
            return target
        return bulk.each_of(self._client, pairs, send, "upload", report)

    def _refuse_existing(self, target: CosObject) -> None:
        try:
            operations.head(self._client, target)
        except NotFound:
            return
        raise Conflict("it exists already", code="FileAlreadyExists", object=target)

    @overload
    def copy(
        self,
        objects: One,
        to: str | CosObject,
        *,
        overwrite: bool = True,
        resume: bool = True,
        base: str | None = None,
        content_type: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        metadata: Meta | None = None,
        storage_class: str | None = None,
        acl: str | None = None,
        encryption: str | None = None,
        progress: Tell | None = None,
    ) -> CosObject: ...
    @overload
    def copy(
        self,
        objects: Many,
        to: str | CosObject,
        *,
        overwrite: bool = True,
        resume: bool = True,
        base: str | None = None,
        content_type: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        metadata: Meta | None = None,
        storage_class: str | None = None,
        acl: str | None = None,
        encryption: str | None = None,
        progress: Tell | None = None,
    ) -> list[CosObject]: ...
    def copy(
        self,
        objects: Any,
        to: str | CosObject,
        *,
        overwrite: bool = True,
        resume: bool = True,
        base: str | None = None,
        content_type: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        metadata: Meta | None = None,
        storage_class: str | None = None,
        acl: str | None = None,
        encryption: str | None = None,
        progress: Tell | None = None,
    ) -> Any:
        """Copy objects inside COS, also between buckets and regions; every copy is compared with its source.

        Content type, cache control, ``x-cos-meta-*``, tags and the storage class are kept; the ACL becomes that of the
        bucket (COS does so, page 436/10881) unless given.

        Args:
            to: the object that one object becomes; ending in a slash, what is put before their keys below `base`.
            base: by default the deepest directory that holds all objects.
            overwrite: False refuses to replace other bytes; the same bytes are left as they are. In a bucket that ever
                had versions COS does not help with that, so that only a look beforehand protects.
            resume: of 20 objects and more, leave out those whose copy is there: same bytes, class and headers, and not
                older than its source.
            content_type, cache_control, content_disposition, metadata: replace these; the others are kept. It takes a
                HEAD for each object. A value of None in `metadata` takes it away.
            storage_class, encryption: as COS names them.
            acl: a canned ACL, e.g. ``public-read``; ``keep`` takes the source's, at a request more for each object.

        Returns:
            The copy, or the list of copies.

        Raises:
            Corrupt: the copy is not what the source is, thrice.
            Conflict: the source is archived or was replaced meanwhile, or other bytes are there.
        """
        single, items = self._items(objects)
        rules = Rules(
            Given(
                content_type,
                cache_control,
                content_disposition,
                metadata,
                storage_class,
                acl,
                encryption,
            ),
            overwrite,
            resume,
        )
        pairs = self._pairs(items, to, single, base)
        report = self._report("copy", len(pairs), progress)
        if single:
            copier = copying.Copier(self._client, rules)
            copier.learn(pairs)
            made = copier.make(pairs[0])
            if report:
                report.finished(None)
            return made
        return copying.copy_all(self._client, [pairs], rules, "copy", report)

    @overload
    def move(
        self,
        objects: One,
        to: str | CosObject,
        *,
        overwrite: bool = True,
        resume: bool = True,
        base: str | None = None,
        content_type: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        metadata: Meta | None = None,
        storage_class: str | None = None,
        acl: str | None = None,
        encryption: str | None = None,
        progress: Tell | None = None,
    ) -> CosObject: ...
    @overload
    def move(
        self,
        objects: Many,
        to: str | CosObject,
        *,
        overwrite: bool = True,
        resume: bool = True,
        base: str | None = None,
        content_type: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        metadata: Meta | None = None,
        storage_class: str | None = None,
        acl: str | None = None,
        encryption: str | None = None,
        progress: Tell | None = None,
    ) -> list[CosObject]: ...
    def move(
        self,
        objects: Any,
        to: str | CosObject,
        *,
        overwrite: bool = True,
        resume: bool = True,
        base: str | None = None,
        content_type: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        metadata: Meta | None = None,
        storage_class: str | None = None,
        acl: str | None = None,
        encryption: str | None = None,
        progress: Tell | None = None,
    ) -> Any:
        """Copy objects as `copy`, then delete the sources: when every copy is verified, and none before.

        The sources are deleted in their order, a thousand a request. The same call again finishes what was left: a
        source that is gone while its copy is there is taken for moved.

        Raises:
            SomeFailed: also for one object, if a copy failed (nothing is deleted then) or a deletion.
        """
        single, items = self._items(objects)
        rules = Rules(
            Given(
                content_type,
                cache_control,
                content_disposition,
                metadata,
                storage_class,
                acl,
                encryption,
            ),
            overwrite,
            resume,
        )
        pairs = self._pairs(items, to, single, base)
        report = self._report("move", len(pairs), progress)
        moved = copying.move_all(self._client, pairs, rules, report)
        return moved[0] if single else moved

    def publish(
        self,
        of: Result | One | Many,
        to: str | CosObject,
        *,
        overwrite: bool = True,
        resume: bool = True,
        base: str | None = None,
        content_type: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        metadata: Meta | None = None,
        storage_class: str | None = None,
        acl: str | None = None,
        encryption: str | None = None,
        progress: Tell | None = None,
    ) -> list[CosObject]:
        """Copy all files of a result (see `Cos.files`) so that a player never meets half of them.

        Segments and pictures go first, then what names them, the manifest last; a layer begins when the one before is
        complete and verified. The arguments are those of `copy`; the directories between manifest and segments are
        kept.

        Returns:
            The copies, the manifest last.

        Raises:
            NotInCos: the outputs are in AWS S3 or VOD.
            SomeFailed: some copies failed; what names them was not begun.
        """
        rules = Rules(
            Given(
                content_type,
                cache_control,
                content_disposition,
                metadata,
                storage_class,
                acl,
                encryption,
            ),
            overwrite,
            resume,
        )
        layers = files.layers(self._client, files.named_by(of))
        items = [item for layer in layers for item in layer]
        by_source = {pair.source: pair for pair in self._pairs(items, to, False, base)}
        report = self._report("publish", len(items), progress)
        ordered = [[by_source[item] for item in layer] for layer in layers]
        return copying.copy_all(self._client, ordered, rules, "publish", report)

    def _pairs(
        self, items: list[CosObject], to: str | CosObject, single: bool, base: str | None
    ) -> list[Pair]:
        targets = addresses.destinations(items, to, single, base)
        self._client.allowed.check_all(items)
        self._client.allowed.check_all(targets)
        return [Pair(*pair) for pair in zip(items, targets, strict=True)]

    def delete(self, objects: One | Many, *, progress: Tell | None = None) -> None:
        """Delete objects, a thousand a request, in their order; those that are not there are deleted.

        In a bucket with versions they get a delete marker.

        Raises:
            SomeFailed: of many, for each that could not be deleted; those behind its thousand were not begun.
        """
        single, items = self._items(objects)
        self._client.allowed.check_all(items)
        report = self._report("delete", len(items), progress)
        if single:
            operations.delete(self._client, items[0])
            if report:
                report.finished(None)
        else:
            deleting.delete_all(self._client, items, report)


def _target_of(source: Any, place: addresses.Place, single: bool) -> CosObject:
    """Where an upload goes."""
    if not place.is_directory:
        if not single:
            raise ValueError("several files would become one object: end it with a slash")
        return place.object("")
    if isinstance(source, bytes):
        raise ValueError("bytes have no name: give the whole key")
    return place.object(os.path.basename(os.fspath(source)))


def _ignore(_: int) -> None:
    pass
