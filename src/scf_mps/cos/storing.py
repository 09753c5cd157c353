"""The part of `Cos` that brings files and bytes into COS."""

from __future__ import annotations

import os
from typing import overload

from . import bulk, locations, operations, upload
from .base import Base
from .errors import Conflict, NotFound
from .metadata import ObjectSettings, guess_content_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from typing_extensions import Unpack

    from ..events.files import CosObject
    from .metadata import WriteOptions
    from .progress import ProgressCallback

    Local = str | os.PathLike[str]


class Storing(Base):
    """See `Cos`."""

    @overload
    def upload(
        self,
        source: Local | bytes,
        to: str | CosObject,
        *,
        overwrite: bool = True,
        progress: ProgressCallback | None = None,
        **stored: Unpack[WriteOptions],
    ) -> CosObject: ...
    @overload
    def upload(
        self,
        source: list[str] | tuple[str, ...] | Sequence[os.PathLike[str]],
        to: str | CosObject,
        *,
        overwrite: bool = True,
        progress: ProgressCallback | None = None,
        **stored: Unpack[WriteOptions],
    ) -> list[CosObject]: ...
    def upload(
        self,
        source: Any,
        to: str | CosObject,
        *,
        overwrite: bool = True,
        progress: ProgressCallback | None = None,
        **stored: Unpack[WriteOptions],
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
        given = ObjectSettings(**stored)
        place = locations.Location.parse(to)
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
            said = given.over({"content-type": guess_content_type(target.key)})
            if not overwrite:
                self._refuse_existing(target)
                said[operations.FORBID_OVERWRITE] = "true"
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
        return bulk.run_each(self._client, pairs, send, "upload", report)

    def _refuse_existing(self, target: CosObject) -> None:
        try:
            operations.head(self._client, target)
        except NotFound:
            return
        raise Conflict("it exists already", code="FileAlreadyExists", object=target)


def _target_of(source: Any, place: locations.Location, single: bool) -> CosObject:
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
