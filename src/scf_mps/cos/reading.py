"""The part of `Cos` that looks and fetches, and changes nothing in COS."""

from __future__ import annotations

import json
from functools import partial
from typing import overload

from . import bulk, download, locations, operations, outputs, presign, streams, verify
from .base import Base
from .errors import NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    import builtins
    import os
    from collections.abc import Iterator, Mapping
    from io import BufferedReader
    from pathlib import Path
    from typing import Any

    from ..events.base import Result
    from ..events.files import CosObject
    from .locations import ManyObjects, OneObject
    from .metadata import Entry, Head
    from .outputs import Tree
    from .progress import ProgressCallback


LIMIT = 64 * 1024 * 1024
"""Bytes of the largest object that `Cos.read` takes into memory."""


class Reading(Base):
    """See `Cos`."""

    # What is there

    @overload
    def head(self, objects: OneObject) -> Head: ...
    @overload
    def head(self, objects: ManyObjects) -> builtins.list[Head]: ...
    def head(self, objects: Any) -> Any:
        """Size, ETag, CRC64, metadata and class of objects. Raises `NotFound`."""
        return self._each(objects, partial(operations.head, self._client), "head")

    @overload
    def exists(self, objects: OneObject) -> bool: ...
    @overload
    def exists(self, objects: ManyObjects) -> builtins.list[bool]: ...
    def exists(self, objects: Any) -> Any:
        """Whether objects are there. Raises `Denied` where one may not know: that is not a no."""
        return self._each(objects, self._exists, "exists")

    def _exists(self, item: CosObject) -> bool:
        try:
            operations.head(self._client, item)
        except NotFound:
            return False
        return True

    def list(self, where: str | CosObject, *, recursive: bool = True) -> Iterator[Entry]:
        """Return the objects whose keys begin with a prefix, in the order of their keys, a thousand a request.

        Args:
            where: ``cos://bucket.region/prefix``; end it with a slash to mean a directory. Slashes before the prefix are
                ignored, as MPS writes them: give a `CosObject.exact` to list keys that begin with one.
            recursive: those in the directories below as well.
        """
        place = locations.Location.parse(where)
        delimiter = "" if recursive else "/"
        return operations.list_objects(
            self._client, place.bucket, place.region, place.prefix, delimiter
        )

    def files(self, of: Result | OneObject | ManyObjects) -> builtins.list[CosObject]:
        """All files of a result: those the event names, and what its HLS playlists and sprites name in turn.

        What others name comes before them, the manifest last. Only objects of the playlist's own bucket are files.
        A result without files, and outputs outside COS beside others inside it, are logged as warnings.

        Raises:
            NotInCos: all outputs are in AWS S3, in VOD or at a URL elsewhere.
            NotFound: a playlist is not there.
        """
        return self._expand(of).items

    def _expand(self, of: Result | OneObject | ManyObjects) -> Tree:
        return outputs.build_tree(self._client, outputs.find_named_objects(of))

    # Bytes

    @overload
    def read(self, objects: OneObject, *, limit: int = LIMIT) -> bytes: ...
    @overload
    def read(self, objects: ManyObjects, *, limit: int = LIMIT) -> builtins.list[bytes]: ...
    def read(self, objects: Any, *, limit: int = LIMIT) -> Any:
        """All bytes of objects, their CRC64 verified.

        Raises:
            ValueError: one is larger than `limit` bytes: use `open` or `download`.
            Corrupt: its bytes came damaged, three times.
        """
        return self._each(objects, lambda item: streams.read(self._client, item, limit), "read")

    @overload
    def read_text(
        self, objects: OneObject, *, encoding: str = "utf-8", limit: int = LIMIT
    ) -> str: ...
    @overload
    def read_text(
        self, objects: ManyObjects, *, encoding: str = "utf-8", limit: int = LIMIT
    ) -> builtins.list[str]: ...
    def read_text(self, objects: Any, *, encoding: str = "utf-8", limit: int = LIMIT) -> Any:
        """The text of objects, as `read`. Raises UnicodeDecodeError if it is none."""
        return self._each(
            objects,
            lambda item: streams.read(self._client, item, limit).decode(encoding),
            "read_text",
        )

    @overload
    def read_json(self, objects: OneObject, *, limit: int = LIMIT) -> Any: ...
    @overload
    def read_json(self, objects: ManyObjects, *, limit: int = LIMIT) -> builtins.list[Any]: ...
    def read_json(self, objects: Any, *, limit: int = LIMIT) -> Any:
        """The JSON values of objects, as `read`. Raises ValueError if it is none."""
        return self._each(
            objects,
            lambda item: json.loads(streams.read(self._client, item, limit)),
            "read_json",
        )

    @overload
    def open(self, objects: OneObject) -> BufferedReader: ...
    @overload
    def open(self, objects: ManyObjects) -> builtins.list[BufferedReader]: ...
    def open(self, objects: Any) -> Any:
        """Objects as binary files for reading and seeking, streamed; see `Reader`. Close them."""
        from io import BufferedReader

        return self._each(
            objects, lambda item: BufferedReader(streams.Reader(self._client, item)), "open"
        )

    @overload
    def download(
        self,
        objects: OneObject,
        to: str | os.PathLike[str],
        *,
        base: str | None = None,
        progress: ProgressCallback | None = None,
    ) -> Path: ...
    @overload
    def download(
        self,
        objects: ManyObjects,
        to: str | os.PathLike[str],
        *,
        base: str | None = None,
        progress: ProgressCallback | None = None,
    ) -> builtins.list[Path]: ...
    def download(
        self,
        objects: Any,
        to: str | os.PathLike[str],
        *,
        base: str | None = None,
        progress: ProgressCallback | None = None,
    ) -> Any:
        """Download objects; each file appears when it is whole and its CRC64 verified.

        A file that has the object's size and CRC64 already is left as it is. The marker of a folder, an empty object
        whose key ends in a slash, becomes a directory.

        Args:
            to: the file that one object becomes, if it is no directory and does not end in a slash; else the
                directory to put files in, with their keys below `base`.
            base: by default the deepest directory that holds all objects.

        Raises:
            UnsafeKey: a key would lead out of the directory, or names no file. Nothing is downloaded then. A folder's key
                with bytes fails alone.
            Corrupt: its bytes came damaged, three times; there is no file.
        """
        single, items = self._items(objects)
        self._client.allowed.check_all(items)
        plan = download.plan(items, to, single, locations.find_base(items, base))
        report = self._report("download", len(plan), progress)
        count = report.count if report else _ignore
        if single:
            path = plan[0].run(self._client, count)
            if report:
                report.finished(None)
            return path
        return bulk.run_each(
            self._client, plan, lambda one: one.run(self._client, count), "download", report
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
        """Presigned URLs: whoever has one may do that with the object until it ends. No request is made.

        The session token of temporary credentials is part of it, and it ends with them at the latest (where their end
        is known; SCF does not tell it, at most 6 hours).

        Args:
            expires: seconds.
            params: to be signed with it, e.g. ``{"response-content-disposition": "attachment"}``.
        """
        return self._each(
            objects,
            lambda item: presign.presign_url(self._client, item, expires, method, params or {}),
            "url",
        )

    def verify(
        self,
        of: Result | OneObject | ManyObjects,
        *,
        content: bool = False,
        progress: ProgressCallback | None = None,
    ) -> builtins.list[Head]:
        """Make sure that all files of a result (see `files`) are there and are what the event says.

        Size and MD5 are compared where the event tells them of one file, the MD5 if COS has it too.

        Args:
            content: read every byte as well, and compare CRC64 and the event's MD5.

        Raises:
            SomeFailed: of `NotFound` and `Corrupt`, for each file that is not.
        """
        return verify.verify(self._client, of, content, progress)


def _ignore(_: int) -> None:
    pass
