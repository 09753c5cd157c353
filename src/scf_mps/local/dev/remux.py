"""MP4 files made from HLS streams, for browsers that cannot play HLS."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections import OrderedDict
from pathlib import Path

from scf_mps.cos import CosError, CosObject, hls
from scf_mps.local.engine import Engine

from ..mps.model import Location
from .objects import Objects
from .request_guard import Refusal

MAX_FILES = 8
"""Files that are kept for the next ranges of a player."""

MAX_PLAYLIST_BYTES = 4 * 1024 * 1024

_BANDWIDTH = re.compile(r"(?<![A-Z-])BANDWIDTH=([0-9]{1,12})")


class Remuxes:
    """The last remuxed files, below a folder that is removed at the end.

    Args:
        objects: the stored playlists and segments.
        folder: on the file system of the objects, whose files are linked and not copied.
    """

    def __init__(self, objects: Objects, folder: Path) -> None:
        self._objects = objects
        self._folder = folder
        self._files: OrderedDict[tuple[Location, str], Path] = OrderedDict()
        self._lock = asyncio.Lock()
        self._count = 0

    def close(self) -> None:
        """Remove the files."""
        shutil.rmtree(self._folder, ignore_errors=True)

    async def make_file(self, location: Location) -> Path:
        """Return the MP4 of a playlist. For a master playlist it is the stream with the highest bit rate.

        Raises:
            Refusal: 404 if the playlist or a segment is missing, 400 if it is no playlist, 503 without the engine.
        EngineError: the stream is damaged.
        """
        location, text, etag = self._read_playlist(location)
        key = (location, etag)
        async with self._lock:
            path = self._files.pop(key, None)
            if path is None:
                path = await self._make(location, text)
            self._files[key] = path
            while len(self._files) > MAX_FILES:
                _, oldest = self._files.popitem(last=False)
                shutil.rmtree(oldest.parent, ignore_errors=True)
            return path

    async def _make(self, location: Location, text: str) -> Path:
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir(parents=True)
        try:
            playlist = self._collect(location, text, folder)
            target = folder / "stream.mp4"
            await asyncio.to_thread(_remux, playlist, target)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return target

    def _read_playlist(self, location: Location) -> tuple[Location, str, str]:
        """Return the place, text and ETag of a media playlist, that of a master's best stream."""
        for _ in range(2):
            version = self._objects.find_version(location)
            if version.size > MAX_PLAYLIST_BYTES:
                raise Refusal(400, f"{location.key} has {version.size} bytes: it is no playlist")
            text = self._objects.find_path(version).read_bytes().decode("utf-8", "replace")
            stream = _find_best_stream(_parse(location, text))
            if stream is None:
                return location, text, version.etag
            location = _resolve(location, stream)
        raise Refusal(400, f"{location.key} is a master playlist inside another one")

    def _collect(self, location: Location, text: str, folder: Path) -> Path:
        """Link the segments of a playlist into a folder, and write the playlist with their new names."""
        document = _parse(location, text)
        names: dict[str, str] = {}
        changes = []
        for reference in document.references:
            if reference.uri not in names:
                target = _resolve(location, reference)
                path = self._objects.find_path(self._objects.find_version(target))
                suffix = re.sub(r"[^.a-z0-9]", "", Path(target.key).suffix.lower())
                names[reference.uri] = name = f"{len(names)}{suffix}"
                os.link(path, folder / name)
            changes.append((reference, names[reference.uri]))
        playlist = folder / "stream.m3u8"
        playlist.write_text(document.replace(changes), "utf-8")
        return playlist


def _remux(playlist: Path, target: Path) -> None:
    """Remux in a separate engine, which does not wait for the task in progress."""
    with Engine() as engine:
        if not engine.available:
            raise Refusal(503, str(engine.find_problem()))
        engine.remux(playlist, target)


def _parse(location: Location, text: str) -> hls.Document:
    try:
        document = hls.parse_document(text)
    except CosError as error:
        raise Refusal(400, f"{location.key} cannot be read: {error}") from None
    if not document.is_playlist:
        raise Refusal(400, f"{location.key} is WebVTT, not a playlist")
    return document


def _find_best_stream(document: hls.Document) -> hls.Reference | None:
    """Return the stream of a master playlist with the highest bit rate, or None for a media playlist."""
    best, highest = None, -1
    for reference in document.references:
        line = document.text[: reference.start].rpartition("\n")[2]
        if reference.kind != hls.PLAYLIST or line:  # a URI inside a tag
            continue
        tag = document.text.rfind("#EXT-X-STREAM-INF", 0, reference.start)
        match = _BANDWIDTH.search(document.text, tag, reference.start) if tag >= 0 else None
        bandwidth = int(match[1]) if match else 0
        if bandwidth > highest:
            best, highest = reference, bandwidth
    return best


def _resolve(location: Location, reference: hls.Reference) -> Location:
    base = CosObject.exact(location.bucket, location.region, location.key)
    item = hls.resolve_uri(base, reference.uri)
    if item is None:
        raise Refusal(
            400, f"{location.key} names {reference.uri[:80]!r}, which is not in its bucket"
        )
    return Location(item.bucket, item.region, item.key)
