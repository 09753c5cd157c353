"""All files of a result: what the event names, and what its playlists name in turn.

An HLS output is named by its manifest alone, a sprite by pictures and a WebVTT. The objects come in layers, each
naming only what is in layers before it: written in that order, a player never follows a name to nothing; deleted in
that order, what is left can still be found by its manifest.
"""

from __future__ import annotations

import logging

from . import addresses, bulk, hls, streams
from .errors import CosError, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..events.files import CosObject
    from .client import Client

log = logging.getLogger(__name__)

_LARGEST = 32 * 1024 * 1024
"""Bytes of the largest playlist that is read: some 300,000 segments."""
_DEEPEST = 4
"""Master and media playlists are two levels; a playlist that names itself ends here."""


class UnknownManifest(CosError):
    """A manifest in a language that is not read here (DASH): list its directory instead."""


def is_playlist(item: CosObject) -> bool:
    """Whether the key is that of an HLS playlist."""
    return item.key.lower().endswith((".m3u8", ".m3u"))


def layers(client: Client, named: Sequence[CosObject]) -> list[list[CosObject]]:
    """The objects and all that they name, in layers: segments and pictures first, master playlists last.

    Raises:
        NotFound: a playlist is not there.
        UnknownManifest: for a DASH manifest.
        NotAPlaylist: a ``.m3u8`` that is none.
        SomeFailed: several playlists could not be read.
    """
    depths: dict[CosObject, int] = dict.fromkeys(named, 0)
    level = [item for item in named if _names_others(item)]
    for depth in range(1, _DEEPEST + 1):
        if not level:
            break
        found = bulk.each_of(client, level, lambda item: _named_by(client, item), "read playlists")
        level = []
        for item, is_list in [pair for pairs in found for pair in pairs]:
            if is_list and item not in depths:
                level.append(item)
            # What several playlists name belongs in front of all of them.
            depths[item] = max(depth, depths.get(item, 0))
    ordered: dict[int, list[CosObject]] = {}
    for item, depth in depths.items():
        # A playlist goes behind all that is none, at whatever depth that was named.
        ordered.setdefault(_rank(item, depth), []).append(item)
    return [ordered[rank] for rank in sorted(ordered, reverse=True)]


def _rank(item: CosObject, depth: int) -> int:
    if is_playlist(item):
        return depth
    return _DEEPEST + (1 if item.key.lower().endswith(".vtt") else 2)


def _names_others(item: CosObject) -> bool:
    key = item.key.lower()
    if key.endswith(".mpd"):
        raise UnknownManifest(
            "a DASH manifest is not read here: list the directory of its segments",
            code="UnknownManifest",
            object=item,
        )
    return is_playlist(item) or key.endswith(".vtt")


def _named_by(client: Client, item: CosObject) -> list[tuple[CosObject, bool]]:
    """The objects that a playlist or WebVTT names in its bucket, and which of them are playlists."""
    try:
        text = streams.read(client, item, _LARGEST).decode("utf-8", "replace")
    except NotFound as error:
        if item.key.lower().endswith(".vtt"):  # its pictures are named by the event
            return []
        raise error
    if is_playlist(item):
        files, playlists = hls.scan(text)
    else:
        files, playlists = hls.pictures(text), []
    found = [(named, is_playlist(named)) for named in hls.resolve(item, files)]
    found += [(named, True) for named in hls.resolve(item, playlists)]
    return [(named, is_list) for named, is_list in found if named != item]


def named_by(of: Any) -> list[CosObject]:
    """Return the objects that a result names; or the object or objects themselves.

    A result that names no object, and outputs outside COS beside others inside it, are logged as warnings.

    Raises:
        NotInCos: no output of a result is in COS, but in AWS S3, in VOD or at another URL.
    """
    from ..events.files import files_of, unreachable_outputs
    from ..events.result import Result

    if not isinstance(of, Result):
        one = addresses.one(of)
        return [one] if one is not None else addresses.many(of)
    found: dict[CosObject, None] = {}
    for result in (of, *getattr(of, "subtasks", ())):
        files = files_of(result)
        for error in unreachable_outputs(result):
            if not files:
                raise error
            log.warning("%s: left out: %s", result, error)
        found.update(dict.fromkeys(files))
    if not found:
        log.warning("%s names no file in COS", of)
    return list(found)
