"""References in HLS playlists (RFC 8216, draft-pantos-hls-rfc8216bis) and WebVTT.

A line that may name a file in an unknown way becomes a problem of the `Document`, for the log.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..events.files import CosObject
from .errors import CosError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PLAYLIST, FILE, UNKNOWN = "playlist", "file", ""
"""Kinds of references: to a playlist, to a file that names no others, or to either, which its content decides."""

_LINE = re.compile(r"[^\r\n]+")
_ANY_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n|\Z)")
# The lookbehind prevents an attempt at each letter of a long name without a value.
_ATTRIBUTE = re.compile(r'(?<![A-Z0-9-])([A-Z0-9-]+)=(?:"([^"]*)"|([^",]*))')
_VARIABLE = re.compile(r"\{\$([A-Za-z0-9_-]+)\}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_NOT_PLAIN = re.compile(r"[:?#%\\]|//|(?:^|/)\.{0,2}(?:/|$)")
_PICTURE = re.compile(r"\.(?:jpe?g|png|webp|gif|bmp|avif)(?![^?#])", re.IGNORECASE)
_PICTURE_INSIDE = re.compile(r"\.(?:jpe?g|png|webp|gif|bmp|avif)\b", re.IGNORECASE)

MAX_PROBLEMS = 20
"""Problems that are reported of a document."""

_SCHEMES = frozenset({"http", "https", "data", "skd", "urn"})
_QUERY_PARAMETER = "\0"

_TAGS = {
    "#EXT-X-MEDIA": {"URI": PLAYLIST},
    "#EXT-X-I-FRAME-STREAM-INF": {"URI": PLAYLIST},
    "#EXT-X-IMAGE-STREAM-INF": {"URI": PLAYLIST},
    "#EXT-X-RENDITION-REPORT": {"URI": PLAYLIST},
    "#EXT-X-KEY": {"URI": FILE},
    "#EXT-X-SESSION-KEY": {"URI": FILE},
    "#EXT-X-MAP": {"URI": FILE},
    "#EXT-X-PART": {"URI": FILE},
    "#EXT-X-PRELOAD-HINT": {"URI": FILE},
    "#EXT-X-SESSION-DATA": {"URI": UNKNOWN},
    "#EXT-X-DATERANGE": {"X-ASSET-URI": UNKNOWN, "X-ASSET-LIST": FILE},
    "#EXT-X-CONTENT-STEERING": {"SERVER-URI": FILE},
}
"""Tags with attributes that hold a URI, and the kind of each."""

_READ_INSIDE = {"X-ASSET-LIST": "its JSON may name more files, which are not read"}


class NotAPlaylist(CosError, ValueError):
    """A playlist cannot be read: its content is something else, or its encoding is unknown."""


class UnknownManifest(CosError):
    """A manifest has an unsupported format (DASH, Smooth Streaming) or names files by unknown variables."""


class Reference(NamedTuple):
    """A URI in a document.

    Attributes:
        uri: the URI, its variables replaced.
        kind: `PLAYLIST`, `FILE` or `UNKNOWN`.
        required: False for a file that may be missing: of a gap, a hint or an unknown tag.
        start: the offset of the URI in the text.
        end: the offset after it.
    """

    uri: str
    kind: str
    required: bool
    start: int
    end: int


class Document(NamedTuple):
    """A playlist or WebVTT.

    Attributes:
        is_playlist: False for WebVTT.
        text: the decoded content.
        references: in the order of the text, with repeats.
        problems: messages about the first lines that may name files in an unknown way.
        variables: of EXT-X-DEFINE, by name.
        md5: of the stored bytes, in hexadecimal.
    """

    is_playlist: bool
    text: str
    references: list[Reference]
    problems: list[str]
    variables: dict[str, str]
    md5: str = ""

    def replace(self, changes: Iterable[tuple[Reference, str]]) -> str:
        """Return the text with the given references replaced."""
        parts, end = [], 0
        for reference, uri in changes:
            parts += [self.text[end : reference.start], uri]
            end = reference.end
        return "".join([*parts, self.text[end:]])


def parse_document(text: str, inherited: Mapping[str, str] | None = None) -> Document:
    """Parse an HLS playlist or WebVTT.

    Args:
        text: the content. A byte order mark is skipped.
        inherited: variables of the playlist that names this one.

    Raises:
        NotAPlaylist: the text is neither.
        UnknownManifest: the text is a DASH or Smooth Streaming manifest, or a URI needs a variable without a value.
    """
    start = text[:1024].lstrip("\ufeff \t\r\n")
    if start.startswith("#EXTM3U"):
        return parse_playlist(text, inherited or {})
    if start.startswith("WEBVTT"):
        return parse_webvtt(text)
    name = find_unknown_format(start)
    if name:
        raise UnknownManifest(
            f"{name} manifests are not supported. List the directory of its segments",
            code="UnknownManifest",
        )
    start_text = repr(start[:40]) if start[:40].isprintable() else "binary data"
    raise NotAPlaylist(
        f"the content begins with {start_text}, not with #EXTM3U", code="NotAPlaylist"
    )


def find_unknown_format(start: str) -> str:
    """Return the name of an unsupported manifest format, or ``""``, by the first characters."""
    if start.startswith("<"):
        for element, name in (("<MPD", "DASH"), ("<SmoothStreamingMedia", "Smooth Streaming")):
            if element in start:
                return name
    return ""


def make_reference(uri: str, kind: str, required: bool, start: int, length: int) -> Reference:
    """Return a reference. Raises NotAPlaylist for bytes that are not UTF-8, which no key can hold."""
    if not uri.isascii() and re.search("[\ud800-\udfff]", uri):
        raise NotAPlaylist(f"{uri[:80]!a} is not UTF-8", code="NotAPlaylist")
    return Reference(uri, kind, required, start, start + length)


class _Playlist:
    """A playlist that is being parsed."""

    def __init__(self, text: str, inherited: Mapping[str, str]) -> None:
        self.text = text
        self.references: list[Reference] = []
        self.problems: list[str] = []
        self.variables: dict[str, str] = {}
        self._inherited = inherited
        self._defines = False

    def add(self, raw: str, start: int, kind: str, required: bool) -> None:
        """Add a URI at an offset."""
        uri = self._replace_variables(raw) if self._defines and "{$" in raw else raw
        if ":" in uri:
            scheme = _SCHEME.match(uri)
            if scheme and scheme[1].lower() not in _SCHEMES:
                self.add_problem(start, f"unknown scheme in {uri[:80]!r}")
        self.references.append(make_reference(uri, kind, required, start, len(raw)))

    def add_problem(self, start: int, message: str) -> None:
        """Add a problem of the line at an offset."""
        if len(self.problems) < MAX_PROBLEMS:
            line = sum(1 for _ in re.finditer(r"\r\n|\r|\n", self.text[:start])) + 1
            self.problems.append(f"line {line}: {message}")

    def add_tag(self, tag: str, attributes: str, start: int) -> None:
        """Add the URIs in the attributes of a tag."""
        known = _TAGS.get(tag, {})
        matches = list(_ATTRIBUTE.finditer(attributes))
        is_gap = any(match[1] == "GAP" and match[3] == "YES" for match in matches)
        has_uri = False
        for match in matches:
            name = match[1]
            if name != "URI" and not name.endswith("-URI") and name not in _READ_INSIDE:
                continue
            group = 3 if match[2] is None else 2
            value = match[group]
            if not value.strip():
                continue
            has_uri = True
            if name not in known:
                self.add_problem(start, f"unknown attribute {name}= of {tag}: copied if it exists")
            elif name in _READ_INSIDE:
                self.add_problem(start, f"{name} of {tag}: {_READ_INSIDE[name]}")
            required = name in known and not is_gap and tag != "#EXT-X-PRELOAD-HINT"
            kind = PLAYLIST if _is_playlist_name(value) else known.get(name, UNKNOWN)
            self.add(value, start + match.start(group), kind, required)
        if (
            not has_uri
            and "URI=" in re.sub('"[^"]*"', "", attributes)
            and "METHOD=NONE" not in attributes
        ):
            self.add_problem(start, f"unreadable URI of {tag}")

    def define(self, attributes: str) -> None:
        """Add a variable of EXT-X-DEFINE."""
        self._defines = True
        values = {match[1]: match[2] or match[3] or "" for match in _ATTRIBUTE.finditer(attributes)}
        if "NAME" in values:
            self.variables[values["NAME"]] = values.get("VALUE", "")
        elif values.get("IMPORT", "") in self._inherited:
            self.variables[values["IMPORT"]] = self._inherited[values["IMPORT"]]
        elif "QUERYPARAM" in values:
            self.variables[values["QUERYPARAM"]] = _QUERY_PARAMETER

    def _replace_variables(self, raw: str) -> str:
        def replace(match: re.Match[str]) -> str:
            value = self.variables.get(match[1])
            if value is None or value == _QUERY_PARAMETER:
                reason = "comes from the query of a URL" if value else "has no value"
                raise UnknownManifest(
                    f"{raw[:80]!r} cannot be resolved: the variable {match[1]} {reason}",
                    code="UnknownVariable",
                )
            return value

        return _VARIABLE.sub(replace, raw)


def parse_playlist(text: str, inherited: Mapping[str, str]) -> Document:
    """Parse a master or media playlist. See `parse_document`."""
    playlist = _Playlist(text, inherited)
    kind, gap = UNKNOWN, False
    for match in _LINE.finditer(text):
        line = match[0].strip("\ufeff \t")
        if line.startswith("#EXT"):
            tag, _, attributes = line.partition(":")
            if tag == "#EXTINF":
                kind = FILE
            elif tag == "#EXT-X-STREAM-INF":
                kind = PLAYLIST
            elif tag == "#EXT-X-GAP":
                gap = True
            elif tag == "#EXT-X-DEFINE":
                playlist.define(attributes)
            elif "URI" in attributes or "X-ASSET-LIST" in attributes:
                playlist.add_tag(
                    tag, attributes, match.start() + match[0].index(line) + len(tag) + 1
                )
        elif line and line[0] != "#":
            if _is_playlist_name(line):
                kind = PLAYLIST
            playlist.add(line, match.start() + match[0].index(line), kind, not gap)
            kind, gap = UNKNOWN, False
    return Document(True, text, playlist.references, playlist.problems, playlist.variables)


def _is_playlist_name(uri: str) -> bool:
    return uri.partition("#")[0].partition("?")[0].lower().endswith((".m3u8", ".m3u"))


def parse_webvtt(text: str) -> Document:
    """Parse WebVTT. The cues of a track of pictures name them, with ``#xywh=`` or alone. Subtitles name nothing.

    In a track with other text only ``#xywh=`` certainly means a picture. A lone name of a picture may be one.
    """
    problems = (
        []
        if text.lstrip("\ufeff").startswith("WEBVTT")
        else ["the text does not begin with WEBVTT"]
    )
    pictures: list[tuple[str, int]] = []
    has_text = False
    for line, start in _cue_lines(text):
        if "#xywh=" in line or _PICTURE.search(line):
            if line[0] != "#":
                pictures.append((line, start))
        else:
            has_text = True
            if _PICTURE_INSIDE.search(line) and ("://" in line or line[0] in "{[<"):
                problems.append(f"unknown reference in a cue: {line[:80]!r}")
    references = []
    for line, start in pictures:
        required = "#xywh=" in line or not has_text
        if required or " " not in line:
            references.append(make_reference(line, FILE, required, start, len(line)))
    return Document(False, text, references, problems[:MAX_PROBLEMS], {})


def _cue_lines(text: str) -> Iterator[tuple[str, int]]:
    """Yield the lines of the payloads of cues, without spaces around them, and their offsets."""
    block: list[tuple[str, int]] = []
    for match in _ANY_LINE.finditer(text):
        line = match[1].strip("\ufeff \t")
        if line:
            block.append((line, match.start() + match[1].index(line)))
        if line and match.end() < len(text):
            continue
        timing = next((index for index, (text, _) in enumerate(block) if "-->" in text), None)
        if timing is not None:
            yield from block[timing + 1 :]
        elif block and not re.match(r"(?:WEBVTT|NOTE|STYLE|REGION)(?:\s|$)", block[0][0]):
            yield from ((text, start) for text, start in block if "#xywh=" in text)
        block = []


def resolve_uri(base: CosObject, uri: str) -> CosObject | None:
    """Return the object of a URI in the bucket of the document at `base`.

    Return None for anything elsewhere: a CDN, another bucket, a key server, data in the URI, or an empty one.
    """
    directory = base.key[: base.key.rfind("/") + 1]
    if uri and _NOT_PLAIN.search(uri) is None:
        return CosObject.exact(base.bucket, base.region, directory + uri)
    key = _find_key(base, directory, uri)
    return CosObject.exact(base.bucket, base.region, key) if key.strip("/") else None


def _find_key(base: CosObject, directory: str, uri: str) -> str:
    path = uri.partition("#")[0].partition("?")[0]
    if path.startswith("//"):
        path = f"https:{path}"
    if _SCHEME.match(path):
        item = CosObject.find_in_url(_remove_dot_segments_in_url(path), base.bucket, base.region)
        is_here = item is not None and (item.bucket, item.region) == (base.bucket, base.region)
        return item.key if item is not None and is_here else ""
    if not path:
        return ""
    if not path.startswith("/"):
        path = f"/{directory}{path}"
    from urllib.parse import unquote

    return unquote(_remove_dot_segments(path)).removeprefix("/")


def _remove_dot_segments_in_url(url: str) -> str:
    scheme, _, address = url.partition("://")
    host, slash, path = address.partition("/")
    return f"{scheme}://{host}{_remove_dot_segments(slash + path)}"


def _remove_dot_segments(path: str) -> str:
    """Return the path without its ``.`` and ``..``, which lead no higher than the root (RFC 3986, 5.2.4)."""
    segments: list[str] = []
    parts = path.split("/")
    for part in parts:
        if part == "..":
            if len(segments) > 1:
                segments.pop()
        elif part != ".":
            segments.append(part)
    if parts[-1] in (".", ".."):
        segments.append("")
    return "/".join(segments)


def build_relative_uri(base: CosObject, target: CosObject, uri: str) -> str:
    """Return a URI for `target` that replaces another one in a document at `base` of the same bucket.

    Fragment and query are kept. The query of a URL with a host is dropped, because it may hold a signature.

    Raises:
        NotAPlaylist: no relative URI names the target.
    """
    from urllib.parse import quote

    directories, path = base.key.split("/")[:-1], target.key.split("/")
    shared = 0
    while shared < min(len(directories), len(path) - 1) and directories[shared] == path[shared]:
        shared += 1
    below = quote("/".join(path[shared:]), safe="/")
    head, hash_sign, fragment = uri.partition("#")
    query = "" if head.startswith("//") or _SCHEME.match(head) else head.partition("?")[2]
    relative = "../" * (len(directories) - shared) + below + (f"?{query}" if query else "")
    if resolve_uri(base, relative + hash_sign + fragment) != target:
        raise NotAPlaylist(
            f"no relative URI can replace {uri[:200]!r} by {target}",
            code="UnresolvableReference",
            object=base,
        )
    return relative + hash_sign + fragment
