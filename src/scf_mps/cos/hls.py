"""What a playlist names: an HLS scanner (RFC 8216 and its second edition), and the pictures of a sprite's WebVTT.

It goes over the lines once and looks into the few tags that name something; 10,000 segments take a millisecond or
two. It resolves what it finds to keys of the playlist's own bucket. Reading the playlists of a result is `files.py`'s.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from ..events.files import CosObject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=(?:"([^"]*)"|[^,]*)')
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HOST = re.compile(
    r"(?P<bucket>[a-z0-9-]+-[0-9]+)\.cos(?:-internal)?\.(?P<region>[a-z0-9-]+)"
    r"\.(?:myqcloud\.com|tencentcos\.cn)(?::[0-9]+)?\Z"
)
_NOT_PLAIN = re.compile(r"[:?#%\\]|//|(?:^|/)\.{0,2}(?:/|$)", re.MULTILINE)

_PLAYLIST_TAGS = frozenset(
    {
        "#EXT-X-MEDIA",
        "#EXT-X-I-FRAME-STREAM-INF",
        "#EXT-X-IMAGE-STREAM-INF",
        "#EXT-X-RENDITION-REPORT",
    }
)
_MASTER_TAGS = ("#EXT-X-STREAM-INF", "#EXT-X-I-FRAME-STREAM-INF", "#EXT-X-MEDIA:")


class NotAPlaylist(ValueError):
    """The text does not begin with ``#EXTM3U``."""


class Named(NamedTuple):
    """What a playlist names, without repeats (byte ranges of one file), in order; URIs as they are written."""

    files: list[str]
    playlists: list[str]


def scan(text: str) -> Named:
    """What a master or media playlist names.

    Segments, EXT-X-MAP, keys, session data, parts; variants, alternate media, I-frame and image playlists.

    Raises:
        NotAPlaylist: it is none.
    """
    text = text.removeprefix("\ufeff")
    if not text.lstrip().startswith("#EXTM3U"):
        raise NotAPlaylist(f"a playlist begins with #EXTM3U, not with {text[:40]!r}")
    lines = [line for line in text.split("\n") if line and line[0] != "#"]
    uris = dict.fromkeys(filter(None, map(str.strip, lines)))
    files: dict[str, None] = {}
    playlists: dict[str, None] = {}
    (playlists if any(tag in text for tag in _MASTER_TAGS) else files).update(uris)
    for tag, uri in _tagged(text):
        (playlists if tag in _PLAYLIST_TAGS else files)[uri] = None
    return Named(list(files), list(playlists))


def _tagged(text: str) -> Iterator[tuple[str, str]]:
    """The tags that have a URI attribute, and it. Few lines do, so that looking for those beats looking at all."""
    end = 0
    while (found := text.find('URI="', end)) >= 0:
        start = text.rfind("\n", 0, found) + 1
        end = text.find("\n", found)
        end = len(text) if end < 0 else end
        tag, _, attributes = text[start:end].partition(":")
        if tag.startswith("#EXT-X-"):
            for name, value in _ATTRIBUTE.findall(attributes):
                if name == "URI" and value:
                    yield tag, value


def pictures(text: str) -> list[str]:
    """The URIs that the cues of a sprite's WebVTT show, without repeats: lines such as ``a.jpg#xywh=0,0,160,90``."""
    uris = (line.partition("#xywh=")[0].strip() for line in text.splitlines() if "#xywh=" in line)
    return list(dict.fromkeys(uri for uri in uris if uri))


def resolve(playlist: CosObject, uris: Sequence[str]) -> list[CosObject]:
    """The objects of the URIs in the bucket of the playlist, without what is elsewhere (a CDN, a key server, data)."""
    directory = playlist.key[: playlist.key.rfind("/") + 1]
    bucket, region = playlist.bucket, playlist.region
    if _NOT_PLAIN.search("\n".join(uris)) is None:
        return [CosObject(bucket, region, directory + uri) for uri in uris]
    keys = [_key(playlist, directory, uri) for uri in uris]
    return [CosObject(bucket, region, key) for key in dict.fromkeys(keys) if key]


def _key(playlist: CosObject, directory: str, uri: str) -> str:
    """The key of a URI; ``""`` if it is not in the bucket."""
    uri = uri.partition("#")[0].partition("?")[0]
    if _SCHEME.match(uri):
        scheme, _, uri = uri.partition(":")
        if scheme.lower() not in ("http", "https") or not uri.startswith("//"):
            return ""
    if uri.startswith("//"):
        host, _, path = uri[2:].partition("/")
        match = _HOST.match(host.lower())
        if match is None or (match["bucket"], match["region"]) != (
            playlist.bucket,
            playlist.region,
        ):
            return ""
        path = f"/{path}"
    elif uri.startswith("/"):
        path = uri
    else:
        path = f"/{directory}{uri}" if uri else ""
    return unquote(_without_dots(path)).lstrip("/")


def _without_dots(path: str) -> str:
    """The path without its ``.`` and ``..``, which lead no higher than the root (RFC 3986, 5.2.4)."""
    steps: list[str] = []
    parts = path.split("/")
    for part in parts:
        if part == "..":
            if len(steps) > 1:
                steps.pop()
        elif part != ".":
            steps.append(part)
    if parts[-1] in (".", ".."):
        steps.append("")
    return "/".join(steps)
