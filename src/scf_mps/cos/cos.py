"""`Cos`, the COS helper for callbacks.

A callback declares it as an annotated parameter, and gets one with the credentials and the deadline of its invocation.
"""

from __future__ import annotations

import json
import os
from functools import partial
from typing import overload

from ..common.deadline import Deadline
from ..common.retry import Retry
from ..tencent.credentials import load_credentials
from . import bulk, locations, operations, outputs, relocation, streams
from .client import Client, Limits
from .copy import Copier, CopyOptions, CopyTask, change_settings, copy_layers, move_objects
from .delete import delete_objects
from .download import plan_downloads
from .errors import Conflict
from .metadata import ObjectSettings, guess_content_type
from .presign import presign_url
from .progress import ProgressReporter
from .rate_limit import AdaptiveConcurrency, RateLimiter
from .request import Target
from .transport import Transport
from .upload import Uploader
from .verify import verify_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from io import BufferedReader
    from pathlib import Path
    from typing import Any, TypeVar

    from typing_extensions import Unpack

    from ..context import Context
    from ..dispatch.invocation import Invocation
    from ..events.base import Result
    from ..events.files import CosObject
    from ..tencent.credentials import Credentials
    from .locations import ManyObjects, OneObject
    from .metadata import CopyKeywords, Entry, Head, HeaderKeywords, UploadKeywords, WriteOptions
    from .outputs import Tree
    from .progress import ProgressCallback
    from .transport import Pool

    R = TypeVar("R")
    FilePath = str | os.PathLike[str]
    Values = Mapping[str, str | int | None]

    LazyCos = object
else:
    from . import Cos as LazyCos

DEFAULT_MAX_READ_BYTES = 64 * 1024 * 1024
"""Bytes of the largest object that `Cos.read` loads into memory."""


class Cos(LazyCos):
    """COS for one invocation: its credentials, its deadline and the buckets it may touch. Safe for threads.

    One object is a `CosObject` or a ``cos://bucket.region/key`` text. Many objects are any iterable of them, e.g.
    ``transcode.files`` or the result of `list`. Bulk operations try every object, then raise `SomeFailed` listing the
    failures. Repeating the call processes the rest.

    Args:
        credentials: by default those of the environment, in SCF those of the execution role.
        context: of the invocation. Its deadline bounds every wait, retry and operation on a connection.
        proxy: ``http://host:port`` of a COS emulator, which is reached without encryption. By default
            ``MPS_COS_PROXY``.
        buckets: names or globs of the buckets that may be touched. By default ``MPS_BUCKETS``; without it all buckets.
        concurrency: maximum number of requests at a time.
        retry: limit of attempts.
        timeout: seconds without a byte after which an attempt ends.
        domain: of bucket hosts.
        rate: share of COS's documented request rates to use.
        pool: of connections, by default that of the process.

    Raises:
        ValueError: the proxy is not ``http://host:port``.
        ConfigurationError: `buckets` names no bucket.
    """

    def __init__(  # noqa: PLR0913
        self,
        credentials: Credentials | None = None,
        *,
        context: Context | None = None,
        proxy: str | None = None,
        buckets: str | Iterable[str] | None = None,
        concurrency: int = 32,
        retry: Retry | None = None,
        timeout: float = 15.0,
        domain: str = "myqcloud.com",
        rate: float = 1.0,
        pool: Pool | None = None,
    ) -> None:
        proxy = os.environ.get("MPS_COS_PROXY", "") if proxy is None else proxy
        buckets = os.environ.get("MPS_BUCKETS") or None if buckets is None else buckets
        deadline = Deadline.before_end(context)
        self._client = Client(
            Transport(proxy, domain, pool),
            credentials or load_credentials(context),
            locations.BucketAllowlist(buckets),
            Limits(
                deadline,
                retry or Retry(),
                RateLimiter(rate, deadline.clock),
                AdaptiveConcurrency(concurrency, deadline.clock),
                timeout,
            ),
        )

    @classmethod
    def __provide__(cls, invocation: Invocation) -> Cos:
        """Return the instance of an invocation."""
        return invocation.share(cls, lambda: cls(context=invocation.context))

    # Looking up

    @overload
    def head(self, objects: OneObject) -> Head: ...
    @overload
    def head(self, objects: ManyObjects) -> builtins.list[Head]: ...
    def head(self, objects: Any) -> Any:
        """Return size, ETag, CRC64, metadata and class of objects. Raises `NotFound`."""
        return self._run_each(objects, partial(operations.head, self._client), "head")

    @overload
    def exists(self, objects: OneObject) -> bool: ...
    @overload
    def exists(self, objects: ManyObjects) -> builtins.list[bool]: ...
    def exists(self, objects: Any) -> Any:
        """Return True for each object that exists. Raises `Denied` if the credentials may not find out."""
        return self._run_each(objects, partial(operations.exists, self._client), "exists")

    def list(self, where: str | CosObject, *, recursive: bool = True) -> Iterator[Entry]:
        """Return the objects whose keys begin with a prefix, ordered by key, a thousand per request.

        Args:
            where: ``cos://bucket.region/prefix``. End it with a slash for a directory. Slashes before the prefix are
                ignored, because MPS writes them. Give a `CosObject.exact` to list keys that begin with one.
            recursive: True to include the directories below.
        """
        location = locations.Location.parse(where)
        prefix = Target(location.bucket, location.region, location.prefix)
        return operations.list_objects(self._client, prefix, "" if recursive else "/")

    def files(self, of: Result | OneObject | ManyObjects) -> builtins.list[CosObject]:
        """Return all files of a result: those the event names, and those its HLS playlists and sprites name.

        A file precedes those that name it, so the manifest is the last one. Only objects of the playlist's own bucket
        are files. A result without files, and outputs outside COS besides others inside it, are logged as warnings.

        Raises:
            NotInCos: all outputs are in AWS S3, in VOD or at a URL elsewhere.
            NotFound: a playlist is missing.
        """
        return self._build_tree(of).items

    def verify(
        self,
        of: Result | OneObject | ManyObjects,
        *,
        content: bool = False,
        progress: ProgressCallback | None = None,
    ) -> builtins.list[Head]:
        """Verify that all files of a result (see `files`) exist and match the event.

        Size and MD5 are compared if the event has them for one file, the MD5 if COS has it too.

        Args:
            of: a result, an object or objects.
            content: True to read every byte as well, and compare CRC64 and the event's MD5.
            progress: called after each file.

        Raises:
            SomeFailed: with `NotFound` or `Corrupt` of each file that is missing or differs.
        """
        return verify_files(self._client, of, content, progress)

    # Reading

    @overload
    def read(self, objects: OneObject, *, limit: int = DEFAULT_MAX_READ_BYTES) -> bytes: ...
    @overload
    def read(
        self, objects: ManyObjects, *, limit: int = DEFAULT_MAX_READ_BYTES
    ) -> builtins.list[bytes]: ...
    def read(self, objects: Any, *, limit: int = DEFAULT_MAX_READ_BYTES) -> Any:
        """Return all bytes of objects, verified by CRC64.

        Raises:
            ValueError: an object has more than `limit` bytes. Use `open` or `download`.
            Corrupt: it was damaged three times.
        """
        return self._run_each(objects, partial(self._read, limit=limit), "read")

    @overload
    def read_text(
        self, objects: OneObject, *, encoding: str = "utf-8", limit: int = DEFAULT_MAX_READ_BYTES
    ) -> str: ...
    @overload
    def read_text(
        self, objects: ManyObjects, *, encoding: str = "utf-8", limit: int = DEFAULT_MAX_READ_BYTES
    ) -> builtins.list[str]: ...
    def read_text(
        self, objects: Any, *, encoding: str = "utf-8", limit: int = DEFAULT_MAX_READ_BYTES
    ) -> Any:
        """Return the text of objects. See `read`. Raises UnicodeDecodeError for other content."""
        return self._run_each(
            objects, lambda item: self._read(item, limit).decode(encoding), "read_text"
        )

    @overload
    def read_json(self, objects: OneObject, *, limit: int = DEFAULT_MAX_READ_BYTES) -> Any: ...
    @overload
    def read_json(
        self, objects: ManyObjects, *, limit: int = DEFAULT_MAX_READ_BYTES
    ) -> builtins.list[Any]: ...
    def read_json(self, objects: Any, *, limit: int = DEFAULT_MAX_READ_BYTES) -> Any:
        """Return the JSON values of objects. See `read`. Raises ValueError for other content."""
        return self._run_each(
            objects, lambda item: json.loads(self._read(item, limit)), "read_json"
        )

    def _read(self, item: CosObject, limit: int) -> bytes:
        return streams.read_object(self._client, item, limit)

    @overload
    def open(self, objects: OneObject) -> BufferedReader: ...
    @overload
    def open(self, objects: ManyObjects) -> builtins.list[BufferedReader]: ...
    def open(self, objects: Any) -> Any:
        """Return objects as binary files for reading and seeking, streamed. See `Reader`. Close them."""
        from io import BufferedReader

        return self._run_each(
            objects, lambda item: BufferedReader(streams.Reader(self._client, item)), "open"
        )

    @overload
    def download(
        self,
        objects: OneObject,
        to: FilePath,
        *,
        base: str | None = None,
        progress: ProgressCallback | None = None,
    ) -> Path: ...
    @overload
    def download(
        self,
        objects: ManyObjects,
        to: FilePath,
        *,
        base: str | None = None,
        progress: ProgressCallback | None = None,
    ) -> builtins.list[Path]: ...
    def download(
        self,
        objects: Any,
        to: FilePath,
        *,
        base: str | None = None,
        progress: ProgressCallback | None = None,
    ) -> Any:
        """Download objects. Each file appears when it is complete and verified by CRC64.

        A file that has the object's size and CRC64 is not downloaded again. The marker of a folder, an empty object
        whose key ends in a slash, becomes a directory.

        Args:
            objects: one object or many.
            to: the file that one object becomes, unless it is a directory or ends in a slash. Else the directory of
                the files, which are named by their keys below `base`.
            base: by default the deepest directory that holds all objects.
            progress: called after each object and each piece of it.

        Raises:
            UnsafeKey: a key would lead out of the directory, or is not a valid file name. Nothing is downloaded then.
                A folder's key with bytes fails alone.
            Corrupt: an object was damaged three times. There is no file.
        """
        single, items = self._parse(objects)
        downloads = plan_downloads(items, to, single, locations.find_base(items, base))
        report = ProgressReporter("download", len(downloads), progress)
        return self._run(
            single,
            downloads,
            lambda planned: planned.run(self._client, report.count_bytes),
            "download",
            report,
        )

    @overload
    def url(
        self,
        objects: OneObject,
        *,
        expires: float = 3600.0,
        method: str = "GET",
        params: Mapping[str, str] | None = None,
    ) -> str: ...
    @overload
    def url(
        self,
        objects: ManyObjects,
        *,
        expires: float = 3600.0,
        method: str = "GET",
        params: Mapping[str, str] | None = None,
    ) -> builtins.list[str]: ...
    def url(
        self,
        objects: Any,
        *,
        expires: float = 3600.0,
        method: str = "GET",
        params: Mapping[str, str] | None = None,
    ) -> Any:
        """Return presigned URLs, which anyone can use until they expire. No request is made.

        A URL contains the session token of temporary credentials and expires with them at the latest, if their
        expiry is known. SCF does not provide it (at most 6 hours).

        Args:
            objects: one object or many.
            expires: seconds of validity.
            method: HTTP method to allow.
            params: to sign with it, e.g. ``{"response-content-disposition": "attachment"}``.
        """
        return self._run_each(
            objects,
            lambda item: presign_url(self._client, item, expires, method, params or {}),
            "url",
        )

    # Writing

    @overload
    def upload(
        self, source: FilePath | bytes, to: str | CosObject, **options: Unpack[UploadKeywords]
    ) -> CosObject: ...
    @overload
    def upload(
        self,
        source: builtins.list[str] | tuple[str, ...] | Sequence[os.PathLike[str]],
        to: str | CosObject,
        **options: Unpack[UploadKeywords],
    ) -> builtins.list[CosObject]: ...
    def upload(
        self,
        source: Any,
        to: str | CosObject,
        *,
        overwrite: bool = True,
        progress: ProgressCallback | None = None,
        **stored: Unpack[WriteOptions],
    ) -> Any:
        """Upload a file, bytes, or several files. COS compares MD5 before they appear. CRC64 is compared after.

        Args:
            source: path of a file, bytes, or paths of files.
            to: the object. If it ends in a slash, the files' names are appended.
            overwrite: False to refuse if the object exists or is created meanwhile. In a bucket that ever had versions
                COS ignores that, so that only objects that exist before the upload are protected.
            progress: called after each file and each piece of it.
            **stored: ``content_type`` (by default that of the name's suffix) and the other settings of `copy`.

        Returns:
            The object, or for several files a list.

        Raises:
            Conflict: with ``overwrite=False``, the object exists.
        """
        settings = ObjectSettings(**stored)
        location = locations.Location.parse(to)
        single = isinstance(source, str | bytes | os.PathLike)
        sources = [source] if single else [*source]
        pairs = [(each, _find_upload_target(each, location, single)) for each in sources]
        targets = {target for _, target in pairs}
        self._client.allowlist.check_all(targets)
        if len(targets) < len(pairs):
            raise ValueError("several files would become one object")
        report = ProgressReporter("upload", len(pairs), progress)
        uploader = Uploader(self._client, report.count_bytes)

        def send(pair: tuple[Any, CosObject]) -> CosObject:
            content, target = pair
            headers = settings.merge_into({"content-type": guess_content_type(target.key)})
            if not overwrite:
                if operations.exists(self._client, target):
                    raise Conflict("it exists already", code="FileAlreadyExists", object=target)
                headers[operations.FORBID_OVERWRITE] = "true"
            if isinstance(content, bytes):
                operations.put(self._client, target, content, headers)
                report.count_bytes(len(content))
            else:
                uploader.upload(content, target, headers)
            return target

        return self._run(single, pairs, send, "upload", report)

    @overload
    def copy(
        self, objects: OneObject, to: str | CosObject, **options: Unpack[CopyKeywords]
    ) -> CosObject: ...
    @overload
    def copy(
        self, objects: ManyObjects, to: str | CosObject, **options: Unpack[CopyKeywords]
    ) -> builtins.list[CosObject]: ...
    def copy(  # noqa: PLR0913
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
        """Copy objects inside COS, also between buckets and regions. Every copy is compared with its source.

        Content type, cache control, ``x-cos-meta-*``, tags and the storage class are kept. The ACL becomes that of the
        bucket (COS does so, page 436/10881) unless given.

        Args:
            objects: one object or many.
            to: the copy of one object. If it ends in a slash, the keys below `base` are appended.
            overwrite: False to refuse to replace other bytes. The same bytes are left unchanged. In a bucket that ever
                had versions COS ignores that, so that only objects that exist before the copy are protected.
            resume: True to skip copies that exist with the same bytes, class and headers and are not older than their
                source, if there are 20 objects or more.
            base: by default the deepest directory that holds all objects.
            progress: called after each copy.
            content_type: ``Content-Type``. To replace this or one of the next three takes a HEAD for each object.
            cache_control: ``Cache-Control``.
            content_disposition: ``Content-Disposition``.
            metadata: ``x-cos-meta-*``. A value of None removes one.
            storage_class: e.g. ``STANDARD_IA``.
            acl: a canned ACL, e.g. ``public-read``. ``keep`` copies the source's, at one more request per object.
            encryption: ``AES256``.
            **stored: the seven settings above.

        Returns:
            The copy, or the list of copies.

        Raises:
            Corrupt: the copy differed from its source three times.
            Conflict: the source is archived or was replaced meanwhile, or the target has other bytes.
        """
        options = CopyOptions(ObjectSettings(**stored), overwrite, resume)
        single, items = self._parse(objects)
        tasks = self._plan_copies(items, to, single, base)
        copier = Copier(self._client, options)
        report = ProgressReporter("copy", len(tasks), progress)
        if not single:
            return copy_layers(self._client, copier, [tasks], "copy", report)
        copier.prepare(tasks)
        return self._run(single, tasks, copier.copy, "copy", report)

    @overload
    def move(
        self, objects: OneObject, to: str | CosObject, **options: Unpack[CopyKeywords]
    ) -> CosObject: ...
    @overload
    def move(
        self, objects: ManyObjects, to: str | CosObject, **options: Unpack[CopyKeywords]
    ) -> builtins.list[CosObject]: ...
    def move(  # noqa: PLR0913
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
        """Copy objects as `copy` does, then delete the sources. Nothing is deleted before every copy is verified.

        The sources are deleted in their order, a thousand per request. Repeating the call completes it: a missing
        source whose copy exists counts as moved.

        Playlists and WebVTTs are read first. Their bytes do not change, so everything they name must move along or
        exist at the destination.

        Raises:
            SomeFailed: also for one object: a copy failed, and nothing is deleted; or a deletion failed. A `Conflict`
                with the code ``BrokenReference`` if a playlist would name missing files, and nothing is moved.
        """
        options = CopyOptions(ObjectSettings(**stored), overwrite, resume)
        single, items = self._parse(objects)
        tasks = self._plan_copies(items, to, single, base)
        relocation.check_move(self._client, tasks)
        copies = self._move(tasks, options, progress)
        return copies[0] if single else copies

    def publish(  # noqa: PLR0913
        self,
        of: Result | OneObject | ManyObjects,
        to: str | CosObject,
        *,
        overwrite: bool = True,
        resume: bool = True,
        base: str | None = None,
        progress: ProgressCallback | None = None,
        **stored: Unpack[WriteOptions],
    ) -> builtins.list[CosObject]:
        """Copy all files of a result (see `files`) so that a player never finds an incomplete set.

        Segments and pictures are copied first, then the files that name them, the manifest last. A layer begins when
        the one before is complete and verified. The arguments are those of `copy`. The directories between manifest
        and segments are kept. References that would not resolve at the copy (``/vod/show/a.ts``, URLs of the bucket)
        are made relative. Such a playlist is written uncompressed and without tags.

        Returns:
            The copies, the manifest last.

        Raises:
            NotInCos: all outputs are in AWS S3, in VOD or at a URL elsewhere.
            SomeFailed: some copies failed, and the files that name them were not begun. Or a playlist cannot be read:
                `NotFound`, `NotAPlaylist`, `UnknownManifest`.
        """
        options = CopyOptions(ObjectSettings(**stored), overwrite, resume)
        tree = self._build_tree(of)
        targets = dict(self._plan_copies(tree.items, to, False, base))
        return self._publish(tree, targets, options, progress)

    @overload
    def set_metadata(
        self, objects: OneObject, metadata: Values | None = None, **headers: Unpack[HeaderKeywords]
    ) -> Head: ...
    @overload
    def set_metadata(
        self,
        objects: ManyObjects,
        metadata: Values | None = None,
        **headers: Unpack[HeaderKeywords],
    ) -> builtins.list[Head]: ...
    def set_metadata(
        self,
        objects: Any,
        metadata: Values | None = None,
        *,
        content_type: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
    ) -> Any:
        """Change ``x-cos-meta-*`` and headers of objects. All others, class, ACL and tags are kept.

        Args:
            objects: one object or many.
            metadata: names without the prefix. A value of None removes one.
            content_type: ``Content-Type``.
            cache_control: ``Cache-Control``.
            content_disposition: ``Content-Disposition``.

        Raises:
            Conflict: an object was replaced meanwhile, is archived, or is larger than 5 GB.
        """
        settings = ObjectSettings(content_type, cache_control, content_disposition, metadata)
        return self._change_settings(objects, settings, "set_metadata")

    @overload
    def set_storage_class(self, objects: OneObject, storage_class: str) -> Head: ...
    @overload
    def set_storage_class(
        self, objects: ManyObjects, storage_class: str
    ) -> builtins.list[Head]: ...
    def set_storage_class(self, objects: Any, storage_class: str) -> Any:
        """Change the storage class of objects, e.g. to ``ARCHIVE``. Everything else is kept.

        Raises:
            Conflict: an object was replaced meanwhile, is archived and not restored, or is larger than 5 GB.
        """
        settings = ObjectSettings(storage_class=storage_class)
        return self._change_settings(objects, settings, "set_storage_class")

    @overload
    def tag(self, objects: OneObject, tags: Values) -> dict[str, str]: ...
    @overload
    def tag(self, objects: ManyObjects, tags: Values) -> builtins.list[dict[str, str]]: ...
    def tag(self, objects: Any, tags: Values) -> Any:
        """Add, change or (by a value of None) remove tags of objects. Return all their tags."""
        return self._run_each(objects, partial(self._tag, tags=tags), "tag")

    def _tag(self, item: CosObject, tags: Values) -> dict[str, str]:
        before = operations.get_tags(self._client, item)
        after = {
            name: str(value) for name, value in {**before, **tags}.items() if value is not None
        }
        if after != before:
            operations.put_tags(self._client, item, after)
        return after

    @overload
    def restore(self, objects: OneObject, *, days: int = 1, tier: str = "Standard") -> bool: ...
    @overload
    def restore(
        self, objects: ManyObjects, *, days: int = 1, tier: str = "Standard"
    ) -> builtins.list[bool]: ...
    def restore(self, objects: Any, *, days: int = 1, tier: str = "Standard") -> Any:
        """Make archived objects readable for some days. Return True for each that is readable already.

        It takes minutes to hours. Check ``head(…).is_readable``. A restore in progress is not an error.

        Args:
            objects: one object or many.
            days: days that they stay readable.
            tier: ``Expedited``, ``Standard`` or ``Bulk`` (page 436/12633).
        """
        return self._run_each(
            objects, lambda item: operations.restore(self._client, item, days, tier), "restore"
        )

    def delete(
        self, objects: OneObject | ManyObjects, *, progress: ProgressCallback | None = None
    ) -> None:
        """Delete objects in their order, a thousand per request. Missing objects count as deleted.

        In a bucket with versions they get a delete marker.

        Raises:
            SomeFailed: of many, for each that was not deleted. Later requests were not begun.
        """
        single, items = self._parse(objects)
        report = ProgressReporter("delete", len(items), progress)
        if single:
            self._run(single, items, partial(operations.delete, self._client), "delete", report)
        else:
            delete_objects(self._client, items, report)

    # Shared parts

    def _parse(self, objects: Any) -> tuple[bool, builtins.list[CosObject]]:
        """Return True for one object, and the objects. Raises TypeError for anything else."""
        item = locations.find_object(objects)
        items = [item] if item is not None else locations.collect_objects(objects)
        self._client.allowlist.check_all(items)
        return item is not None, items

    def _run_each(self, objects: Any, work: Callable[[CosObject], R], verb: str) -> Any:
        """Return the result for one object, or the list of results for many."""
        return self._run(*self._parse(objects), work, verb)

    def _run(
        self,
        single: bool,
        items: Sequence[Any],
        work: Callable[[Any], R],
        verb: str,
        report: ProgressReporter | None = None,
    ) -> Any:
        """Do work on each item. Return the result of a single one, or the list of results."""
        if not single:
            return bulk.run_each(self._client, items, work, verb, report)
        result = work(items[0])
        if report is not None:
            report.finish_object()
        return result

    def _build_tree(self, of: Result | OneObject | ManyObjects) -> Tree:
        return outputs.build_tree(self._client, outputs.find_named_objects(of))

    def _plan_copies(
        self, items: builtins.list[CosObject], to: str | CosObject, single: bool, base: str | None
    ) -> builtins.list[CopyTask]:
        targets = locations.map_destinations(items, to, single, base)
        self._client.allowlist.check_all([*items, *targets])
        return [CopyTask(*pair) for pair in zip(items, targets, strict=True)]

    def _move(
        self,
        tasks: builtins.list[CopyTask],
        options: CopyOptions,
        progress: ProgressCallback | None = None,
    ) -> builtins.list[CosObject]:
        """Move objects unchanged, playlists too."""
        report = ProgressReporter("move", len(tasks), progress)
        return move_objects(self._client, tasks, options, report)

    def _publish(
        self,
        tree: Tree,
        targets: dict[CosObject, CosObject],
        options: CopyOptions,
        progress: ProgressCallback | None = None,
    ) -> builtins.list[CosObject]:
        """Copy a tree, each object to its target, layer by layer. See `publish`."""
        self._client.allowlist.check_all([*targets, *targets.values()])
        contents = relocation.rewrite_playlists(tree, targets)
        versions = {item: document.md5 for item, document in tree.documents.items()}
        copier = Copier(self._client, options, contents=contents, versions=versions)
        layers = [[CopyTask(item, targets[item]) for item in layer] for layer in tree.layers]
        report = ProgressReporter("publish", len(targets), progress)
        return copy_layers(self._client, copier, layers, "publish", report)

    def _change_settings(self, objects: Any, settings: ObjectSettings, verb: str) -> Any:
        return self._run_each(
            objects, lambda item: change_settings(self._client, item, settings), verb
        )


def _find_upload_target(source: Any, location: locations.Location, single: bool) -> CosObject:
    """Return the object that a source becomes."""
    if not location.is_directory:
        if not single:
            raise ValueError("several files would become one object. Add a slash at its end")
        return location.object("")
    if isinstance(source, bytes):
        raise ValueError("bytes have no name. Give the whole key")
    return location.object(os.path.basename(os.fspath(source)))
