"""All files of a result: those the event names, and those its playlists name.

The event names only the manifest of an HLS output, and the WebVTT of a sprite. The objects come in layers, each of
which names only objects in earlier layers. Written in that order, a player never finds a reference to a missing file.
Deleted in that order, the rest can still be found by its manifest. The content of an object decides if it is a playlist.
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
from .request import Request

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
DOCUMENT_SUFFIXES = (".m3u8", ".m3u", ".vtt")
_PLAYLIST_SUFFIXES = (".m3u8", ".m3u")
_PLAYLIST_TYPES = ("mpegurl", "dash+xml", "ms-sstr+xml")
_SNIFFED_BYTES = 1024
_GZIP_START = b"\x1f\x8b"
_GZIP_WBITS = 31


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
    """A site in front of a bucket: a CDN."""

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
        """Return a URL of the site without its host and query, which may hold a signature; other URIs unchanged."""
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


class _TreeBuilder:
    """A tree that is built level by level."""

    def __init__(self, client: Client, site: Site | None) -> None:
        self._client = client
        self._site = site
        self._depths: dict[CosObject, int] = {}
        self._documents: dict[CosObject, Document] = {}
        self._required: set[CosObject] = set()
        self._queued: set[CosObject] = set()

    def build(self, named: Sequence[CosObject]) -> Tree:
        """Return the tree of objects."""
        self._depths = dict.fromkeys(named, 0)
        self._required = set(named)
        level = [
            _Unread(item, UNKNOWN, True, {})
            for item in self._depths
            if _may_name_others(item, UNKNOWN)
        ]
        self._queued = {unread.item for unread in level}
        depth = 0
        while level:
            depth += 1
            if depth > MAX_DEPTH:
                raise UnknownManifest(
                    f"playlists name playlists more than {MAX_DEPTH} levels deep",
                    code="UnknownManifest",
                    object=level[0].item,
                )
            level = self._read_level(level, depth)
        return Tree(self._arrange_layers(), self._documents)

    def _read_level(self, level: list[_Unread], depth: int) -> list[_Unread]:
        """Read the documents of a level. Return the objects of the next level."""
        documents = bulk.run_each(
            self._client, level, lambda unread: _read(self._client, unread), "read playlists"
        )
        next_level: list[_Unread] = []
        for unread, document in zip(level, documents, strict=True):
            if document is not None:
                next_level += self._add(unread.item, document, depth)
        return next_level

    def _add(self, item: CosObject, document: Document, depth: int) -> list[_Unread]:
        """Add a document. Return the objects it names that are to be read."""
        if self._site is not None:
            document = self._site.localize(item, document)
        self._documents[item] = document
        for problem in document.problems:
            log.warning("%s: %s", item, problem)
        unread = []
        for reference in document.references:
            target = hls.resolve_uri(item, reference.uri)
            if target is None or target == item:
                continue
            # An object that several playlists name belongs before all of them.
            self._depths[target] = max(depth, self._depths.get(target, 0))
            if reference.required:
                self._required.add(target)
            if target not in self._queued and _may_name_others(target, reference.kind):
                self._queued.add(target)
                unread.append(
                    _Unread(target, reference.kind, reference.required, document.variables)
                )
        return unread

    def _arrange_layers(self) -> list[list[CosObject]]:
        optional = [item for item in self._depths if item not in self._required]
        exist = bulk.run_each(
            self._client,
            optional,
            lambda item: operations.exists(self._client, item),
            "look for files",
        )
        missing = {item for item, is_there in zip(optional, exist, strict=True) if not is_there}
        layers: dict[int, list[CosObject]] = {}
        for item, depth in self._depths.items():
            if item not in missing:
                layers.setdefault(self._rank(item, depth), []).append(item)
        return [layers[rank] for rank in sorted(layers, reverse=True)]

    def _rank(self, item: CosObject, depth: int) -> int:
        """Return the rank of the layer, 0 for the last one. A playlist follows every other object."""
        document = self._documents.get(item)
        if document is not None and document.is_playlist:
            return depth
        is_webvtt = document is not None or item.key.lower().endswith(".vtt")
        return MAX_DEPTH + (1 if is_webvtt else 2)


def build_tree(client: Client, named: Sequence[CosObject], site: Site | None = None) -> Tree:
    """Find everything that objects name. Each playlist is read once.

    A line that may name a file in an unknown way is logged as a warning. A file that may be missing, e.g. that of a
    gap, is part of the tree if it exists.

    Raises:
        SomeFailed: with `NotFound`, `NotAPlaylist` or `UnknownManifest` of each playlist that cannot be read.
        UnknownManifest: for a DASH manifest, and for more than `MAX_DEPTH` levels of playlists.
    """
    return _TreeBuilder(client, site).build(named)


def _may_name_others(item: CosObject, kind: str) -> bool:
    """Return True if an object must be read to know which files it names."""
    key = item.key.lower()
    if key.endswith(".mpd") and kind != FILE:
        raise UnknownManifest(
            "DASH manifests are not supported. List the directory of its segments",
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
    if key.endswith((*_PLAYLIST_SUFFIXES, ".mpd")):
        return True
    return not key.endswith(".vtt") and not is_media_name(key) and _sniff(client, item)


def read_if_document(client: Client, item: CosObject) -> Document | None:
    """Return the document of a playlist or WebVTT; None for other objects and for one that cannot be read."""
    if is_media_name(item.key):
        return None
    try:
        return _read(client, _Unread(item, UNKNOWN, False, {}))
    except CosError:
        return None


def _read(client: Client, unread: _Unread) -> Document | None:
    """Return the document of a playlist or WebVTT; None for other objects and for an optional missing one."""
    item = unread.item
    key = item.key.lower()
    is_sure = key.endswith(DOCUMENT_SUFFIXES) or (
        unread.kind == PLAYLIST and not is_media_name(key)
    )
    try:
        if not (is_sure or _sniff(client, item)):
            if unread.kind == PLAYLIST:
                log.warning("%s has the name of a playlist but is not one", item)
            return None
        return read_document(client, item, unread.variables)
    except NotFound:
        # The event names the pictures of a sprite. Copying its WebVTT reports that it is missing.
        if unread.required and (unread.kind == PLAYLIST or key.endswith(_PLAYLIST_SUFFIXES)):
            raise
        return None


def read_document(
    client: Client, item: CosObject, variables: Mapping[str, str] | None = None
) -> Document:
    """Read and parse a playlist or WebVTT.

    Raises:
        NotAPlaylist: its content is neither, or its encoding is unknown.
        UnknownManifest: see `hls.parse_document`.
        CosError: it cannot be read.
    """
    try:
        raw = streams.read_object(client, item, MAX_PLAYLIST_BYTES)
        document = _parse(client, item, _decompress(raw), variables)
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
            error.message = f"unknown Content-Encoding {encoding!r}. Store it plain or with gzip"
        raise


def _decompress(data: bytes) -> bytes:
    """Return the content of gzip, of at most `MAX_PLAYLIST_BYTES`; other data unchanged."""
    if not data.startswith(_GZIP_START):
        return data
    import zlib

    parts, size, remaining = [], 0, data
    try:
        while remaining:
            inflater = zlib.decompressobj(_GZIP_WBITS)
            part = inflater.decompress(remaining, MAX_PLAYLIST_BYTES + 1 - size)
            parts.append(part)
            size += len(part)
            if size > MAX_PLAYLIST_BYTES:
                raise NotAPlaylist(
                    f"its gzip holds more than {MAX_PLAYLIST_BYTES} bytes", code="TooLarge"
                )
            if not inflater.eof:
                raise NotAPlaylist("its gzip is truncated", code="NotAPlaylist")
            remaining = inflater.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise NotAPlaylist(f"its gzip is damaged: {error}", code="NotAPlaylist") from None
    return b"".join(parts)


def _sniff(client: Client, item: CosObject) -> bool:
    """Return True if the first bytes of an object, or its Content-Type, are those of a playlist or manifest."""
    try:
        response = client.call(Request(item, headers={"range": f"bytes=0-{_SNIFFED_BYTES - 1}"}))
    except CosError as error:
        if error.status == 416:  # an empty object has no first byte
            return False
        raise
    data = response.body[:_SNIFFED_BYTES]
    if data.startswith(_GZIP_START):
        import zlib

        try:
            data = zlib.decompressobj(_GZIP_WBITS).decompress(data, _SNIFFED_BYTES)
        except zlib.error:
            return False
    start = data.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if start.startswith(("#EXTM3U", "WEBVTT")) or hls.find_unknown_format(start):
        return True
    content_type = response.headers.get("content-type", "").lower()
    return any(name in content_type for name in _PLAYLIST_TYPES)


def find_named_objects(of: Any) -> list[CosObject]:
    """Return the objects that a result names, or the object or objects themselves.

    A result that names no object, and outputs outside COS next to others inside it, are logged as warnings.

    Raises:
        NotInCos: no output of a result is in COS, but in AWS S3, in VOD or at another URL.
    """
    from ..events.base import Result
    from ..events.files import find_files, find_unreachable_outputs

    if not isinstance(of, Result):
        item = locations.find_object(of)
        return [item] if item is not None else locations.collect_objects(of)
    items: dict[CosObject, None] = {}
    for result in (of, *getattr(of, "subtasks", ())):
        files = find_files(result)
        for error in find_unreachable_outputs(result):
            if not files:
                raise error
            log.warning("%s: output skipped: %s", result, error)
        items.update(dict.fromkeys(files))
    if not items:
        log.warning("no files in COS: %s", of)
    return list(items)
