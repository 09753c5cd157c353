"""Content of the manifest: the published files of a task, with the facts a player or catalogue needs.

It depends only on the event and the copies, so a redelivery writes the same bytes.
"""

from __future__ import annotations

from ...events.base import Event, Result
from ..key_template import collect_event_values
from .destinations import is_stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from ...cos import CosObject

    Copies = Mapping[CosObject, CosObject]

VERSION = 1
"""Version of the format. A new field does not change it."""

_SUBTITLE_SUFFIXES = (".vtt", ".srt", ".ass", ".ttml")
_PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp")

_OUTPUT_FACTS = {
    "container": "Container",
    "width": "Width",
    "height": "Height",
    "bitrate": "Bitrate",
    "duration_s": "Duration",
}

_SPAN_FACTS = {"start_time_offset_s": "StartTimeOffset", "end_time_offset_s": "EndTimeOffset"}


def build_manifest(
    event: Event,
    published: Sequence[tuple[Result, Copies]],
    wanted: Sequence[Result],
    sizes: Mapping[CosObject, int],
    url: Callable[[CosObject], str],
) -> dict[str, Any]:
    """Return the manifest of an event.

    Args:
        event: the event.
        published: published results, each with its files and their copies.
        wanted: the same results, and successful ones with no file or with files outside COS.
        sizes: size in bytes of each copy that the event names.
        url: returns the URL of a copy.
    """
    sections: dict[str, list[dict[str, Any]]] = {
        "renditions": [],
        "adaptive_streams": [],
        "pictures": [],
        "sprites": [],
        "animations": [],
        "subtitles": [],
        "files": [],
    }
    for result, copies in published:
        for section, entry in _build_entries(result, copies, sizes, url):
            sections[section].append(entry)
    return {
        "version": VERSION,
        "task_id": event.task_id,
        "event_type": event.type,
        "session_id": event.session_id,
        "session_context": event.session_context,
        "outcome": collect_event_values(event, 0.0)["outcome"],
        "source": {
            "objects": [str(source) for source in event.sources],
            **_select_facts(event._data.get("MetaData"), _OUTPUT_FACTS),
        },
        **sections,
        "unpublished": [entry for result in wanted for entry in _list_unpublished(result)],
        "failed": [
            _describe_failure(result) for result in (event, *event.subtasks) if result.error
        ],
    }


def _build_entries(
    result: Result, copies: Copies, sizes: Mapping[CosObject, int], url: Callable[[CosObject], str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the entries of a result, each with its section."""

    def locate(source: CosObject) -> dict[str, Any]:
        target = copies[source]
        return {"size_bytes": sizes[target], "object": str(target), "url": url(target)}

    output = _get_dict(result._data.get("Output"))
    named = [source for source in result.files if source in copies]
    identity = _identify(result)
    if result.type == "ImageSprites":
        tables = [locate(source) for source in named if source.key.lower().endswith(".vtt")]
        images = [locate(source) for source in named if not source.key.lower().endswith(".vtt")]
        facts = _select_facts(output, {"width": "Width", "height": "Height", "total": "TotalCount"})
        vtt = {"vtt": tables[0]} if tables else {}
        yield "sprites", {**identity, **facts, "images": images, **vtt}
        return
    holders = dict(_find_holders(output, output))
    for source in named:
        section = _choose_section(result.type, source.key.lower())
        if section in ("renditions", "animations"):
            facts = {**_read_media(output), **_select_facts(output, _SPAN_FACTS)}
        elif section == "adaptive_streams":
            facts = _select_facts(output, {"package": "Package"})
        else:
            holder = holders.get(source.key, {})
            facts = _select_facts(holder, {"time_offset_s": "TimeOffset", "language": "TransDst"})
            facts.update(_select_facts(holder, {"language": "Language"}))
        entry = {**identity, **facts, **locate(source)}
        if is_stream(result):
            # The size of the playlist is meaningless. MPS's own size, if present, is that of the whole stream.
            del entry["size_bytes"]
            entry.update(_select_facts(output, {"size_bytes": "Size"}))
        yield section, entry


def _choose_section(type_: str, key: str) -> str:
    if type_ == "AdaptiveDynamicStreaming":
        return "adaptive_streams"
    if type_ == "AnimatedGraphics":
        return "animations"
    if key.endswith(_SUBTITLE_SUFFIXES):
        return "subtitles"
    if key.endswith(_PICTURE_SUFFIXES):
        return "pictures"
    return "renditions" if type_ in ("Transcode", "EditMediaTask") else "files"


def _read_media(output: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of a video or an animation."""
    data = {**_get_dict(output.get("MetaData")), **output}
    facts = _select_facts(data, _OUTPUT_FACTS)
    video, audio = data.get("VideoStreamSet"), data.get("AudioStreamSet")
    facts.update(_select_facts(_get_first(video), {"codec": "Codec", "fps": "Fps"}))
    facts.update(_select_facts(_get_first(audio), {"audio_codec": "Codec"}))
    return facts


def _describe_failure(result: Result) -> dict[str, Any]:
    error = result.error
    assert error is not None, "the result did not fail"
    facts = {"code": error.code, "name": error.name, "message": error.message}
    return {
        **_identify(result),
        **{name: fact for name, fact in facts.items() if fact not in (None, "")},
    }


def _list_unpublished(result: Result) -> Iterator[dict[str, Any]]:
    """Yield an entry for each output of a result outside COS, or one for a result without any output."""
    from ...events.files import find_unreachable_outputs

    reasons = [str(error) for error in find_unreachable_outputs(result)]
    if not (reasons or result.files):
        reasons = ["the result has no output file"]
    for reason in reasons:
        yield {**_identify(result), "reason": reason}


def _identify(result: Result) -> dict[str, Any]:
    """Return the type of a result, and its definition if it has one."""
    identity: dict[str, Any] = {"type": result.type}
    definition = getattr(result, "definition", None)
    return identity if definition is None else {**identity, "definition": definition}


def _select_facts(data: object, names: Mapping[str, str]) -> dict[str, Any]:
    """Return fields of an MPS object under our names, without missing ones."""
    values = {ours: _get_dict(data).get(theirs) for ours, theirs in names.items()}
    return {
        ours: value
        for ours, value in values.items()
        if isinstance(value, str | int | float) and value != ""
    }


def _find_holders(value: object, holder: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each path in an output as a key, with the object that contains it and its language or time."""
    if isinstance(value, str):
        yield value.lstrip("/"), holder
    elif isinstance(value, dict):
        for item in value.values():
            yield from _find_holders(item, value)
    elif isinstance(value, list):
        for item in value:
            yield from _find_holders(item, holder)


def _get_dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _get_first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else None
