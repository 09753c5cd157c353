"""Destinations of published files: keys from a template, with a check that no two files share one.

Destinations depend only on the event, so a redelivery finds the same ones. Playlists are read only to check that the
segments of two HLS outputs do not collide.
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
    collect_result_values,
    find_finish_time,
    make_placeholder,
    make_segment,
    replace_unsafe,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Copies = dict[CosObject, CosObject]
    """Each file of a result to its copy."""

TEMPLATE_FIELDS = (*RESULT_FIELDS, "name", "stem", "suffix")
"""Fields of a template: those of a result, and the name of its file: ``demo.mp4``, ``demo``, ``.mp4``."""

PLAYLIST_SUFFIXES = (".m3u8", ".m3u", ".mpd")
"""Suffixes of the main file of a stream."""

_MISSING = "\0"
"""Marks a missing value where no key is built. No value contains it."""


class Destinations:
    """The destinations of a key template.

    Args:
        bucket: the target bucket.
        region: its region.
        key: a template. If it is empty or ends in a slash, it is the folder for all files. Otherwise it is the key of
            a result with one file, and other results go to its folder.

    Attributes:
        folder: the folder before the first field: ``vod/`` of ``vod/{definition}/{name}``.

    Raises:
        ValueError: as for `Template`.
    """

    def __init__(self, bucket: str, region: str, key: str) -> None:
        self.bucket = bucket
        self.region = region
        self.template = Template(key, TEMPLATE_FIELDS)
        literal = key.partition("{")[0]
        self.folder = literal[: literal.rfind("/") + 1]

    def map_files(self, result: Result, files: Sequence[CosObject] | None = None) -> Copies:
        """Return the destination of each file of a result, by default of the files that the event names.

        The destination of a file that the event names does not depend on playlists, so that links need no request. A
        file outside their folder goes below the target with its whole key.

        Raises:
            ConfigurationError: the only file of a result is a playlist, and the template renames it.
            ValueError: a file would be copied onto itself, or two files would share a key.
        """
        from ...cos.locations import Location, find_common_directory, map_destinations

        named = find_files(result)
        sources = list(named if files is None else files)
        to = self.get_target(result)
        if len(sources) > 1 and not Location.parse(to).is_directory:
            raise ConfigurationError(
                f"{named[0]} names other files and cannot become {to}: end the key template with a slash"
            )
        base = find_common_directory(named)
        inside = [file for file in sources if file.key.startswith(base)]
        copies = dict(
            zip(inside, map_destinations(inside, to, is_one_file(result), base), strict=True)
        )
        outside = [file for file in sources if file not in copies]
        if outside:
            copies.update(zip(outside, map_destinations(outside, to, False, ""), strict=True))
        if len(set(copies.values())) < len(copies):
            raise ValueError(f"two files would become one object in {to}: use another folder")
        return copies

    def get_target(self, result: Result) -> str:
        """Return ``cos://bucket.region/`` and the key of a result's only file, or the folder of several files."""
        key = self.template.fill(self._collect_values(result)).lstrip("/")
        if not is_one_file(result):
            key = key[: key.rfind("/") + 1]
        return f"cos://{self.bucket}.{self.region}/{key}"

    def find_missing_fields(self, result: Result) -> list[str]:
        """Return the fields of the template for which a result has no value."""
        values = self._collect_values(result, _MISSING)
        return sorted(name for name in self.template.fields if _MISSING in values[name])

    def _collect_values(self, result: Result, missing: str = "") -> dict[str, str]:
        values = collect_result_values(result, 0.0, missing)
        event = get_event(result)
        if find_finish_time(event) is None:
            # The day of delivery would give each redelivery its own copies.
            values.update(dict.fromkeys(DATE_FIELDS, missing or make_placeholder(event)))
        name = _find_main_key(find_files(result)).rpartition("/")[2]
        stem, dot, suffix = name.rpartition(".")
        if not stem:
            stem, dot, suffix = name, "", ""
        stem = make_segment(stem, missing or make_placeholder(result))
        suffix = replace_unsafe(dot + suffix)
        values.update(name=stem + suffix, stem=stem, suffix=suffix)
        return values

    def check(
        self,
        results: Iterable[Result],
        expand: Callable[[Result], Sequence[CosObject]],
        reserved: Mapping[CosObject, str] | None = None,
    ) -> None:
        """Check that no two files share a destination, and that none is in `reserved`.

        Args:
            results: all published results of an event.
            expand: returns all files of a result, including those in playlists. Called only for streams that may
                collide.
            reserved: objects that no copy may replace, each with a description.

        Raises:
            ConfigurationError: two files collide. The message names the field to add.
            ValueError: a file would be copied onto itself.
        """
        sources: dict[CosObject, tuple[CosObject, Result]] = {}
        all_results = list(results)
        doubtful = {result.place for result in self._find_doubtful(all_results)}
        reserved = reserved or {}
        for result in all_results:
            files = expand(result) if result.place in doubtful else None
            for source, target in self.map_files(result, files).items():
                if target in reserved:
                    raise ConfigurationError(
                        f"{source} would become {target}, which is {reserved[target]}"
                    )
                other, other_result = sources.setdefault(target, (source, result))
                if other != source:
                    raise ConfigurationError(
                        f"{other} and {source} would both become {target}: "
                        f"{self._suggest_field(other_result, result)}"
                    )

    def _find_doubtful(self, results: list[Result]) -> list[Result]:
        """Return HLS outputs that go from different folders into one: their segments may share names."""
        from ...cos.locations import find_common_directory

        folders: dict[str, dict[str, list[Result]]] = {}
        for result in results:
            files = find_files(result)
            if files and is_stream(result):
                base = f"{files[0].bucket} {find_common_directory(files)}"
                folders.setdefault(self.get_target(result), {}).setdefault(base, []).append(result)
        return [
            result
            for bases in folders.values()
            if len(bases) > 1
            for group in bases.values()
            for result in group
        ]

    def _suggest_field(self, first: Result, second: Result) -> str:
        """Describe the change to the template that separates two results."""
        left, right = (
            self._collect_values(first, _MISSING),
            self._collect_values(second, _MISSING),
        )
        used, part = str(self.template), "key template"
        if not (is_one_file(first) and is_one_file(second)):
            # The last part of the key is unused for results with several files.
            used, part = used[: used.rfind("/") + 1], "folder of the key template"
        for field in ("definition", "height", "codec", "type", "bitrate", "index", "name"):
            if f"{{{field}}}" not in used and left[field] != right[field]:
                return f"add {{{field}}} to the {part} {str(self.template)!r}"
        return "no field separates them. Exclude one by types= or path="


def is_one_file(result: Result) -> bool:
    """Return True if a result is a single file that names no others, according to the event."""
    return len(find_files(result)) == 1 and not is_stream(result) and result.type != "ImageSprites"


def is_stream(result: Result) -> bool:
    """Return True if a result is a stream whose playlist the event names."""
    output = result._data.get("Output")
    container = output.get("Container") if isinstance(output, dict) else ""
    return (
        result.type == "AdaptiveDynamicStreaming"
        or (isinstance(container, str) and "hls" in container.lower())
        or any(file.key.lower().endswith(PLAYLIST_SUFFIXES) for file in find_files(result))
    )


def _find_main_key(files: Sequence[CosObject]) -> str:
    """Return the key of the file that a player requests: the one that names the others, else the first."""
    for suffixes in (PLAYLIST_SUFFIXES, (".vtt",)):
        for file in files:
            if file.key.lower().endswith(suffixes):
                return file.key
    return files[0].key if files else ""
