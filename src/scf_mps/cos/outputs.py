"""All files of a result: those the event names, and those its playlists name in turn.

An HLS output is named by its manifest alone, a sprite by pictures and a WebVTT. The objects come in layers, each
naming only objects in layers before it: written in that order, a player never follows a name to nothing; deleted in
that order, the rest can still be found by its manifest. Content decides what a playlist is, not the key's suffix.
"""

from __future__ import annotations

import hashlib
import logging
from typing import NamedTuple

from ..events.files import split_url
from . import bulk, hls, locations, operations, streams
from .errors import CosError, NotFound
from .hls import FILE, PLAYLIST, UNKNOWN, Document, NotAPlaylist, UnknownManifest
from .metadata import is_media_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..events.files import CosObject
    from .client import Client

log = logging.getLogger(__name__)

MAX_PLAYLIST_BYTES = 32 * 1024 * 1024
"""Bytes of the largest playlist that is read, uncompressed: some 300,000 segments."""
MAX_DEPTH = 4
"""Levels of playlists that are read. Master and media playlists are two."""
_SNIFFED_BYTES = 1024
_PLAYLIST_TYPES = ("mpegurl", "dash+xml", "ms-sstr+xml")
_PLAYLIST_NAMES = (".m3u8", ".m3u")
DOCUMENT_SUFFIXES = (*_PLAYLIST_NAMES, ".vtt")


class Tree(NamedTuple):
    """Objects and everything they name.

    Attributes:
        layers: the objects: segments and pictures first, master playlists last.
        documents: the playlists and WebVTTs among them.
    """

    layers: list[list[CosObject]]
    documents: dict[CosObject, Document]

    @property
    def items(self) -> list[CosObject]:
        """The objects of all layers."""
        return [item for layer in self.layers for item in layer]


class Site(NamedTuple):
    """A site in front of a bucket: a CDN.

    Attributes:
        host: its host.
        bucket: the bucket's name.
    """

    host: str
    bucket: str

    def localize(self, item: CosObject, document: Document) -> Document:
        """Return a document of the bucket with the site's URLs as references from the root of the bucket."""
        if item.bucket != self.bucket or not self.host:
            return document
        references = [
            reference._replace(uri=self._strip(reference.uri)) for reference in document.references
        ]
        return document._replace(references=references)

    def _strip(self, uri: str) -> str:
        """Return a URL of the site without its host and query, which may hold a signature; other URIs as they are."""
        if "//" not in uri:
            return uri
        _, host, path = split_url(f"https:{uri}" if uri.startswith("//") else uri)
        _, hash_sign, fragment = uri.partition("#")
        return f"{path}{hash_sign}{fragment}" if host.lower() == self.host else uri


class _Unread(NamedTuple):
    """An object that may name others and is not read yet."""

    item: CosObject
    kind: str
    required: bool
    variables: Mapping[str, str]


def build_tree(client: Client, named: Sequence[CosObject], site: Site | None = None) -> Tree:
    """Find everything that objects name. Each playlist is read once.

    A line that may name a file in an unknown way is logged as a warning. A file that may be missing (of a gap, for
    one) is part of the tree if it exists.

    Args:
        client: reads the playlists.
        named: the objects.
        site: a site whose URLs are objects of a bucket.

    Raises:
        SomeFailed: with `NotFound`, `NotAPlaylist` or `UnknownManifest` of each playlist that cannot be read.
        UnknownManifest: of a DASH manifest, and of playlists below playlists that never end.
    """
    depths: dict[CosObject, int] = dict.fromkeys(named, 0)
    documents: dict[CosObject, Document] = {}
    required = set(named)
    seen = {item for item in named if _may_name_others(item, UNKNOWN)}
    level = [_Unread(item, UNKNOWN, True, {}) for item in depths if item in seen]
    depth = 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise UnknownManifest(
                f"playlists name playlists more than {MAX_DEPTH} levels deep",
                code="UnknownManifest",
                object=level[0].item,
            )
        read = bulk.run_each(client, level, lambda unread: _read(client, unread), "read playlists")
        items = [unread.item for unread in level]
        level = []
        for item, content in zip(items, read, strict=True):
            if content is None:
                continue
            document = documents[item] = site.localize(item, content) if site else content
            for problem in document.problems:
                log.warning("%s: %s", item, problem)
            for reference in document.references:
                target = hls.resolve_uri(item, reference.uri)
                if target is None or target == item:
                    continue
                # An object that several playlists name belongs in front of all of them.
                depths[target] = max(depth, depths.get(target, 0))
                if reference.required:
                    required.add(target)
                if target not in seen and _may_name_others(target, reference.kind):
                    seen.add(target)
                    level.append(
                        _Unread(target, reference.kind, reference.required, document.variables)
                    )
    doubtful = [item for item in depths if item not in required]
    exist = bulk.run_each(client, doubtful, lambda item: _exists(client, item), "look for files")
    missing = {item for item, there in zip(doubtful, exist, strict=True) if not there}
    layers: dict[int, list[CosObject]] = {}
    for item, level_of_item in depths.items():
        if item not in missing:
            layers.setdefault(_rank(item, level_of_item, documents), []).append(item)
    return Tree([layers[rank] for rank in sorted(layers, reverse=True)], documents)


def _rank(item: CosObject, depth: int, documents: Mapping[CosObject, Document]) -> int:
    """Return the rank of a layer, the last one first: a playlist follows every other object."""
    document = documents.get(item)
    if document is not None and document.is_playlist:
        return depth
    return MAX_DEPTH + (1 if document is not None or item.key.lower().endswith(".vtt") else 2)


def _may_name_others(item: CosObject, kind: str) -> bool:
    """Return True if an object has to be read to know which files it names."""
    key = item.key.lower()
    if key.endswith(".mpd") and kind != FILE:
        raise UnknownManifest(
            "a DASH manifest is not read here: list the directory of its segments",
            code="UnknownManifest",
            object=item,
        )
    return kind == PLAYLIST or (kind == UNKNOWN and not is_media_name(key))


def is_playlist(client: Client, item: CosObject) -> bool:
    """Return True if an object is a playlist or a manifest of another format, by its name or else its content.

    Raises:
        CosError: its first bytes cannot be read.
    """
    key = item.key.lower()
    if key.endswith((*_PLAYLIST_NAMES, ".mpd")):
        return True
    return not key.endswith(".vtt") and not is_media_name(key) and _sniff(client, item)


def read_if_document(client: Client, item: CosObject) -> Document | None:
    """Read an object if it is a playlist or WebVTT; None for any other, and for one that cannot be read."""
    if is_media_name(item.key):
        return None
    try:
        return _read(client, _Unread(item, UNKNOWN, False, {}))
    except CosError:
        return None


def _read(client: Client, unread: _Unread) -> Document | None:
    """Read a playlist or WebVTT; None for an object that is neither, and for a missing one that need not exist."""
    item = unread.item
    key = item.key.lower()
    is_sure = key.endswith(DOCUMENT_SUFFIXES) or (
        unread.kind == PLAYLIST and not is_media_name(key)
    )
    try:
        if not (is_sure or _sniff(client, item)):
            if unread.kind == PLAYLIST:
                log.warning("%s is named as a playlist, and is none by name and content", item)
            return None
        return read_document(client, item, unread.variables)
    except NotFound:
        # The pictures of a sprite are named by the event. Copying its WebVTT tells that it is missing.
        if unread.required and (unread.kind == PLAYLIST or key.endswith(_PLAYLIST_NAMES)):
            raise
        return None


def read_document(
    client: Client, item: CosObject, variables: Mapping[str, str] | None = None
) -> Document:
    """Read and parse a playlist or WebVTT.

    Raises:
        NotAPlaylist: its content is neither, or is encoded in a way that is not known here.
        UnknownManifest: see `hls.parse_document`.
        CosError: it cannot be read.
    """
    try:
        raw = streams.read(client, item, MAX_PLAYLIST_BYTES)
        data = _decompress(raw)
        document = _parse(client, item, data, variables)
    except CosError as error:
        error.object = error.object or item
        raise
    return document._replace(md5=hashlib.md5(raw, usedforsecurity=False).hexdigest())


def _parse(
    client: Client, item: CosObject, data: bytes, variables: Mapping[str, str] | None
) -> Document:
    text = data.decode("utf-8", "surrogateescape")
    if item.key.lower().endswith(".vtt") and not text.startswith(("#", "<")):
        return hls.parse_webvtt(text)
    try:
        return hls.parse_document(text, variables)
    except NotAPlaylist as error:
        encoding = operations.head(client, item).headers.get("content-encoding", "")
        if encoding and not data.startswith(b"#"):
            error.message = (
                f"Content-Encoding {encoding!r} is not read here: store it plain or with gzip"
            )
        raise


def _decompress(data: bytes) -> bytes:
    """Return the content of gzip, of at most `MAX_PLAYLIST_BYTES`; anything else as it is."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    import zlib

    parts, size, rest = [], 0, data
    try:
        while rest:
            inflater = zlib.decompressobj(31)
            part = inflater.decompress(rest, MAX_PLAYLIST_BYTES + 1 - size)
            parts.append(part)
            size += len(part)
            if size > MAX_PLAYLIST_BYTES:
                raise NotAPlaylist(
                    f"its gzip holds more than {MAX_PLAYLIST_BYTES} bytes", code="TooLarge"
                )
            if not inflater.eof:
                raise NotAPlaylist("its gzip is truncated", code="NotAPlaylist")
            rest = inflater.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise NotAPlaylist(f"its gzip is damaged: {error}", code="NotAPlaylist") from None
    return b"".join(parts)


def _sniff(client: Client, item: CosObject) -> bool:
    """Return True if the first bytes of an object, or its Content-Type, are those of a playlist or manifest."""
    try:
        answer = client.call(item, "GET", headers={"range": f"bytes=0-{_SNIFFED_BYTES - 1}"})
    except CosError as error:
        if error.status == 416:  # an empty object has no first byte
            return False
        raise
    data = answer.body[:_SNIFFED_BYTES]
    if data.startswith(b"\x1f\x8b"):
        import zlib

        try:
            data = zlib.decompressobj(31).decompress(data, _SNIFFED_BYTES)
        except zlib.error:
            return False
    start = data.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if start.startswith(("#EXTM3U", "WEBVTT")) or hls.find_unknown_format(start):
        return True
    return any(name in answer.headers.get("content-type", "").lower() for name in _PLAYLIST_TYPES)


def _exists(client: Client, item: CosObject) -> bool:
    try:
        operations.head(client, item)
    except NotFound:
        return False
    return True


def find_named_objects(of: Any) -> list[CosObject]:
    """Return the objects that a result names; or the object or objects themselves.

    A result that names no object, and outputs outside COS beside others inside it, are logged as warnings.

    Raises:
        NotInCos: no output of a result is in COS, but in AWS S3, in VOD or at another URL.
    """
    from ..events.base import Result
    from ..events.files import find_files, find_unreachable_outputs

    if not isinstance(of, Result):
        one = locations.one(of)
        return [one] if one is not None else locations.many(of)
    found: dict[CosObject, None] = {}
    for result in (of, *getattr(of, "subtasks", ())):
        files = find_files(result)
        for error in find_unreachable_outputs(result):
            if not files:
                raise error
            log.warning("%s: left out: %s", result, error)
        found.update(dict.fromkeys(files))
    if not found:
        log.warning("%s names no file in COS", of)
    return list(found)
