"""The part of `Cos` that copies, moves, publishes and deletes."""

from __future__ import annotations

from typing import overload

from . import copy, delete, locations, operations, outputs, relocation
from .base import Base
from .copy import CopyOptions, CopyTask
from .metadata import ObjectSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Unpack

    from ..events.base import Result
    from ..events.files import CosObject
    from .locations import ManyObjects, OneObject
    from .metadata import WriteOptions
    from .outputs import Tree
    from .progress import ProgressCallback


class Writing(Base):
    """See `Cos`."""

    @overload
    def copy(
        self,
        objects: OneObject,
        to: str | CosObject,
        *,
        overwrite: bool = True,
        resume: bool = True,
        base: str | None = None,
        progress: ProgressCallback | None = None,
        **stored: Unpack[WriteOptions],
    ) -> CosObject: ...
    @overload
    def copy(
        self,
        objects: ManyObjects,
        to: str | CosObject,
        *,
        overwrite: bool = True,
        resume: bool = True,
        base: str | None = None,
        progress: ProgressCallback | None = None,
        **stored: Unpack[WriteOptions],
    ) -> list[CosObject]: ...
    def copy(
        self,
        objects: Any,
        to: str | CosObject,
        *,
        overwrite: bool = True,
        resume: bool = True,
        base: str | None = None,
        progress: ProgressCallback | None = None,
        **stored: Unpack[WriteOptions],
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
            Corrupt: the copy is not what the source is, three times.
            Conflict: the source is archived or was replaced meanwhile, or other bytes are there.
        """
        single, items = self._items(objects)
        rules = CopyOptions(ObjectSettings(**stored), overwrite, resume)
        pairs = self._pairs(items, to, single, base)
        report = self._report("copy", len(pairs), progress)
        if single:
            copier = copy.Copier(self._client, rules)
            copier.learn(pairs)
            made = copier.make(pairs[0])
            if report:
                report.finished(None)
            return made
        return copy.copy_layers(self._client, [pairs], rules, "copy", report)

    @overload
    def move(
        self,
        objects: OneObject,
        to: str | CosObject,
        *,
        overwrite: bool = True,
        resume: bool = True,
        base: str | None = None,
        progress: ProgressCallback | None = None,
        **stored: Unpack[WriteOptions],
    ) -> CosObject: ...
    @overload
    def move(
        self,
        objects: ManyObjects,
        to: str | CosObject,
        *,
        overwrite: bool = True,
        resume: bool = True,
        base: str | None = None,
        progress: ProgressCallback | None = None,
        **stored: Unpack[WriteOptions],
    ) -> list[CosObject]: ...
    def move(
        self,
        objects: Any,
        to: str | CosObject,
        *,
        overwrite: bool = True,
        resume: bool = True,
        base: str | None = None,
        progress: ProgressCallback | None = None,
        **stored: Unpack[WriteOptions],
    ) -> Any:
        """Copy objects as `copy`, then delete the sources: when every copy is verified, and none before.

        The sources are deleted in their order, a thousand a request. The same call again finishes what was left: a
        source that is gone while its copy is there is taken for moved.

        Playlists and WebVTTs are read first: their bytes stay as they are, so all that they name has to move along or
        be there already.

        Raises:
            SomeFailed: also for one object, if a copy failed (nothing is deleted then) or a deletion. A `Conflict`
                with the code ``BrokenReference`` if a playlist would name what is not there; nothing is moved then.
        """
        single, items = self._items(objects)
        rules = CopyOptions(ObjectSettings(**stored), overwrite, resume)
        relocation.check_move(self._client, self._pairs(items, to, single, base))
        moved = self._move(items, to, single, base, rules, progress)
        return moved[0] if single else moved

    def _move(
        self,
        items: list[CosObject],
        to: str | CosObject,
        single: bool,
        base: str | None,
        rules: CopyOptions,
        progress: ProgressCallback | None = None,
    ) -> list[CosObject]:
        """Move objects as they are, playlists too."""
        pairs = self._pairs(items, to, single, base)
        report = self._report("move", len(pairs), progress)
        return copy.move_objects(self._client, pairs, rules, report)

    def publish(
        self,
        of: Result | OneObject | ManyObjects,
        to: str | CosObject,
        *,
        overwrite: bool = True,
        resume: bool = True,
        base: str | None = None,
        progress: ProgressCallback | None = None,
        **stored: Unpack[WriteOptions],
    ) -> list[CosObject]:
        """Copy all files of a result (see `Cos.files`) so that a player never meets half of them.

        Segments and pictures go first, then what names them, the manifest last; a layer begins when the one before is
        complete and verified. The arguments are those of `copy`; the directories between manifest and segments are
        kept. A copied playlist finds every file where it is: references that would not (``/vod/show/a.ts``, URLs of
        the bucket) are made relative in the copy, which is written plain and without tags then.

        Returns:
            The copies, the manifest last.

        Raises:
            NotInCos: all outputs are in AWS S3, in VOD or at a URL elsewhere.
            SomeFailed: some copies failed; what names them was not begun. Or a playlist cannot be read: `NotFound`,
                `NotAPlaylist`, `UnknownManifest`.
        """
        rules = CopyOptions(ObjectSettings(**stored), overwrite, resume)
        tree = outputs.build_tree(self._client, outputs.find_named_objects(of))
        targets = dict(self._pairs(tree.items, to, False, base))
        return self._publish(tree, targets, rules, progress)

    def _publish(
        self,
        tree: Tree,
        targets: dict[CosObject, CosObject],
        rules: CopyOptions,
        progress: ProgressCallback | None = None,
    ) -> list[CosObject]:
        """Copy a tree, each object to its target, layer by layer. See `publish`."""
        self._client.allowed.check_all([*targets, *targets.values()])
        contents = relocation.rewrite(tree, targets)
        report = self._report("publish", len(targets), progress)
        pairs = [[CopyTask(item, targets[item]) for item in layer] for layer in tree.layers]
        read = {item: document.md5 for item, document in tree.documents.items()}
        return copy.copy_layers(self._client, pairs, rules, "publish", report, contents, read)

    def _pairs(
        self, items: list[CosObject], to: str | CosObject, single: bool, base: str | None
    ) -> list[CopyTask]:
        targets = locations.map_destinations(items, to, single, base)
        self._client.allowed.check_all(items)
        self._client.allowed.check_all(targets)
        return [CopyTask(*pair) for pair in zip(items, targets, strict=True)]

    def delete(
        self, objects: OneObject | ManyObjects, *, progress: ProgressCallback | None = None
    ) -> None:
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
            delete.delete_objects(self._client, items, report)
