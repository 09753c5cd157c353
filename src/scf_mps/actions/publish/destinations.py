"""Where published files go: the keys that a template makes of the results of an event, and that no two are one.

All of it follows from the event, so that a redelivery finds the same places. Only the check that the segments of two
HLS outputs do not meet reads their playlists. Copying is left to `publish.py`.
"""

from __future__ import annotations

from ...cos import CosObject
from ...errors import ConfigurationError
from ...events.base import Result, get_event
from ...events.files import find_files
from ..key_template import (
    DATE_FIELDS,
    RESULT_FIELDS,
    Template,
    clean,
    collect_result_values,
    finished,
    safe,
    unknown,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Copies = dict[CosObject, CosObject]
    """Each file of a result to the copy that it becomes."""

TEMPLATE_FIELDS = (*RESULT_FIELDS, "name", "stem", "suffix")
"""What a template may hold: the fields of a result, and the name of its file: ``demo.mp4``, ``demo``, ``.mp4``."""

PLAYLIST_SUFFIXES = (".m3u8", ".m3u", ".mpd")
"""How the names of files end that name others, of which a stream is made."""

_MISSING = "\0"
"""Stands for a missing value where no key is made. No value holds it."""


class Destinations:
    """The places of a template.

    Args:
        bucket: where all is copied to.
        region: the bucket's.
        key: a template; ending in a slash (or empty) the folder that files go to, else the key of a result of one
            file, whose folder takes the files of the others.

    Attributes:
        folder: the template up to its first field, as a folder: ``vod/`` of ``vod/{definition}/{name}``.

    Raises:
        ValueError: as `Template`.
    """

    def __init__(self, bucket: str, region: str, key: str) -> None:
        self.bucket = bucket
        self.region = region
        self.template = Template(key, TEMPLATE_FIELDS)
        literal = key.partition("{")[0]
        self.folder = literal[: literal.rfind("/") + 1]

    def of(self, result: Result, files: Sequence[CosObject] | None = None) -> Copies:
        """Return where the files of a result go, by default those that the event names.

        Files that the event names are where `target` says, whatever their playlists name, so that links need no
        request. A file outside their folder goes below that place with its whole key.

        Raises:
            ConfigurationError: the one file of a result is a playlist, and the template renames it.
            ValueError: one would be copied onto itself, or two would be one.
        """
        from ...cos.locations import Location, find_common_directory, map_destinations

        named = find_files(result)
        found = list(named if files is None else files)
        to = self.target(result)
        if len(found) > 1 and not Location.parse(to).is_directory:
            raise ConfigurationError(
                f"{named[0]} names other files, so it cannot become {to}: end the key template with a slash"
            )
        base = find_common_directory(named)
        inside = [file for file in found if file.key.startswith(base)]
        copies = dict(
            zip(inside, map_destinations(inside, to, is_one_file(result), base), strict=True)
        )
        outside = [file for file in found if file not in copies]
        if outside:
            copies.update(zip(outside, map_destinations(outside, to, False, ""), strict=True))
        if len(set(copies.values())) < len(copies):
            raise ValueError(
                f"two files would become one object in {to}: publish to another folder"
            )
        return copies

    def target(self, result: Result) -> str:
        """``cos://bucket.region/`` and the key of a result's one file, or the folder of its several."""
        key = self._key(result)
        if not is_one_file(result):
            key = key[: key.rfind("/") + 1]
        return f"cos://{self.bucket}.{self.region}/{key}"

    def _key(self, result: Result) -> str:
        return self.template.fill(self._values(result)).lstrip("/")

    def missing(self, result: Result) -> list[str]:
        """Return the fields of the template that a result has no value for."""
        values = self._values(result, _MISSING)
        return sorted(name for name in self.template.fields if _MISSING in values[name])

    def _values(self, result: Result, missing: str = "") -> dict[str, str]:
        values = collect_result_values(result, 0.0, missing)
        event = get_event(result)
        if finished(event) is None:
            # Another day with the next delivery, and the files would be there twice.
            values.update(dict.fromkeys(DATE_FIELDS, missing or unknown(event)))
        name = _main_file(find_files(result)).rpartition("/")[2]
        stem, dot, ending = name.rpartition(".")
        if not stem:
            stem, dot, ending = name, "", ""
        stem, suffix = safe(stem, missing or unknown(result)), clean(dot + ending)
        values.update(name=stem + suffix, stem=stem, suffix=suffix)
        return values

    def check(
        self,
        results: Iterable[Result],
        expand: Callable[[Result], Sequence[CosObject]],
        taken: Mapping[CosObject, str] | None = None,
    ) -> None:
        """Check that no two files become one object, or one of `taken`.

        Args:
            results: all results of an event that are published.
            expand: finds all files of a result, those in playlists too. Only streams that may meet are expanded.
            taken: objects that no copy may replace, with the reason.

        Raises:
            ConfigurationError: two would; it says which field tells them apart.
            ValueError: one would be copied onto itself.
        """
        sources: dict[CosObject, tuple[CosObject, Result]] = {}
        every = list(results)
        doubtful = {result.place for result in self._doubtful(every)}
        forbidden = taken or {}
        for result in every:
            files = expand(result) if result.place in doubtful else None
            for source, target in self.of(result, files).items():
                if target in forbidden:
                    raise ConfigurationError(
                        f"{source} would become {target}, which is {forbidden[target]}"
                    )
                other, its = sources.setdefault(target, (source, result))
                if other != source:
                    raise ConfigurationError(
                        f"{other} and {source} would both become {target}: "
                        f"{self._what_tells_apart(its, result)}"
                    )

    def _doubtful(self, results: list[Result]) -> list[Result]:
        """The HLS outputs that come from different folders into one: their segments may have the same names."""
        from ...cos.locations import find_common_directory

        folders: dict[str, dict[str, list[Result]]] = {}
        for result in results:
            files = find_files(result)
            if files and is_stream(result):
                one = files[0]
                base = f"{one.bucket} {find_common_directory(files)}"
                folders.setdefault(self.target(result), {}).setdefault(base, []).append(result)
        return [
            result
            for bases in folders.values()
            if len(bases) > 1
            for alike in bases.values()
            for result in alike
        ]

    def _what_tells_apart(self, one: Result, other: Result) -> str:
        left, right = self._values(one, _MISSING), self._values(other, _MISSING)
        counting, part = str(self.template), "key template"
        if not (is_one_file(one) and is_one_file(other)):
            # Of several files the last part of the key names none.
            counting, part = counting[: counting.rfind("/") + 1], "folder of the key template"
        for field in ("definition", "height", "codec", "type", "bitrate", "index", "name"):
            if f"{{{field}}}" not in counting and left[field] != right[field]:
                return f"add {{{field}}} to the {part} {str(self.template)!r}"
        return "nothing else tells them apart: leave one out by types= or path="


def is_one_file(result: Result) -> bool:
    """Return True if a result is a single file that names no others, by what the event says."""
    return len(find_files(result)) == 1 and not is_stream(result) and result.type != "ImageSprites"


def is_stream(result: Result) -> bool:
    """Return True if a result is a stream of which the event names the playlist."""
    output = result._data.get("Output")
    container = output.get("Container") if isinstance(output, dict) else ""
    return (
        result.type == "AdaptiveDynamicStreaming"
        or (isinstance(container, str) and "hls" in container.lower())
        or any(file.key.lower().endswith(PLAYLIST_SUFFIXES) for file in find_files(result))
    )


def _main_file(files: Sequence[CosObject]) -> str:
    """The key of the file that a player asks for: the one that names the others, else the first."""
    for endings in (PLAYLIST_SUFFIXES, (".vtt",)):
        for file in files:
            if file.key.lower().endswith(endings):
                return file.key
    return files[0].key if files else ""
