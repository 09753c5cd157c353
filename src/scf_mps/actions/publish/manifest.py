"""What a manifest says: everything of a task that was published, in the words a player or a catalogue needs.

It is made of the event and of what was copied where, and of nothing else, so that a redelivery makes the same bytes.
Which results those are, and writing it down, is `publish.py`'s.
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
"""Of the form of a manifest; a field that is new is no other form."""

_SUBTITLES = (".vtt", ".srt", ".ass", ".ttml")
_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp")

_OF_OUTPUT = {
    "container": "Container",
    "width": "Width",
    "height": "Height",
    "bitrate": "Bitrate",
    "duration_s": "Duration",
}

_SPAN = {"start_time_offset_s": "StartTimeOffset", "end_time_offset_s": "EndTimeOffset"}


def build_manifest(
    event: Event,
    published: Sequence[tuple[Result, Copies]],
    wanted: Sequence[Result],
    sizes: Mapping[CosObject, int],
    url: Callable[[CosObject], str],
) -> dict[str, Any]:
    """The manifest of an event.

    Args:
        event: the event.
        published: its results that are published, each with its files and their copies.
        wanted: those results, and the ones that succeeded and have no file, or not all in COS.
        sizes: bytes of each copy that the event names.
        url: where a copy can be had.
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
        for section, entry in _entries(result, copies, sizes, url):
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
            **_facts(event._data.get("MetaData"), _OF_OUTPUT),
        },
        **sections,
        "unpublished": [entry for result in wanted for entry in _unpublished(result)],
        "failed": [_failure(result) for result in (event, *event.subtasks) if result.error],
    }


def _entries(
    result: Result,
    copies: Copies,
    sizes: Mapping[CosObject, int],
    url: Callable[[CosObject], str],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The entries of a result, each with its section."""

    def located(source: CosObject) -> dict[str, Any]:
        target = copies[source]
        return {"size_bytes": sizes[target], "object": str(target), "url": url(target)}

    output = _object(result._data.get("Output"))
    named = [source for source in result.files if source in copies]
    said = {"type": result.type, "definition": getattr(result, "definition", None)}
    about = {name: value for name, value in said.items() if value is not None}
    if result.type == "ImageSprites":
        tables = [located(source) for source in named if source.key.lower().endswith(".vtt")]
        images = [located(source) for source in named if not source.key.lower().endswith(".vtt")]
        facts = _facts(output, {"width": "Width", "height": "Height", "total": "TotalCount"})
        vtt = {"vtt": tables[0]} if tables else {}
        yield "sprites", {**about, **facts, "images": images, **vtt}
        return
    holders = dict(_holders(output, output))
    for source in named:
        section = _section(result.type, source.key.lower())
        facts = {}
        if section in ("renditions", "animations"):
            facts = {**_media(output), **_facts(output, _SPAN)}
        elif section == "adaptive_streams":
            facts = _facts(output, {"package": "Package"})
        else:
            holder = holders.get(source.key, {})
            facts = _facts(holder, {"time_offset_s": "TimeOffset", "language": "TransDst"})
            facts.update(_facts(holder, {"language": "Language"}))
        entry = {**about, **facts, **located(source)}
        if is_stream(result):
            # The size of the playlist says nothing; MPS's own, where it tells one, is that of the whole.
            del entry["size_bytes"]
            entry.update(_facts(output, {"size_bytes": "Size"}))
        yield section, entry


def _section(type_: str, key: str) -> str:
    if type_ == "AdaptiveDynamicStreaming":
        return "adaptive_streams"
    if type_ == "AnimatedGraphics":
        return "animations"
    if key.endswith(_SUBTITLES):
        return "subtitles"
    if key.endswith(_PICTURES):
        return "pictures"
    return "renditions" if type_ in ("Transcode", "EditMediaTask") else "files"


def _media(output: dict[str, Any]) -> dict[str, Any]:
    """What is known of a video, or of a moving picture."""
    told = {**_object(output.get("MetaData")), **output}
    facts = _facts(told, _OF_OUTPUT)
    facts.update(_facts(_first(told.get("VideoStreamSet")), {"codec": "Codec", "fps": "Fps"}))
    facts.update(_facts(_first(told.get("AudioStreamSet")), {"audio_codec": "Codec"}))
    return facts


def _failure(result: Result) -> dict[str, Any]:
    error = result.error
    assert error is not None, "only what failed is asked for"
    said = {
        "type": result.type,
        "definition": getattr(result, "definition", None),
        "code": error.code,
        "name": error.name,
        "message": error.message,
    }
    return {name: value for name, value in said.items() if value not in (None, "")}


def _unpublished(result: Result) -> Iterator[dict[str, Any]]:
    """Yield an entry for each output of a result that is not in COS, or one for a result without any output."""
    from ...events.files import find_unreachable_outputs

    reasons = [str(error) for error in find_unreachable_outputs(result)]
    if not (reasons or result.files):
        reasons = ["the result has no output file"]
    for reason in reasons:
        said = {
            "type": result.type,
            "definition": getattr(result, "definition", None),
            "reason": reason,
        }
        yield {name: value for name, value in said.items() if value is not None}


def _facts(said: object, names: Mapping[str, str]) -> dict[str, Any]:
    """What an object of MPS says under its names; what it does not say is left out."""
    found = {ours: _object(said).get(theirs) for ours, theirs in names.items()}
    return {
        ours: value
        for ours, value in found.items()
        if isinstance(value, str | int | float) and value != ""
    }


def _holders(value: object, holder: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each path in an output, as a key, with the object that holds it: its language, its moment."""
    if isinstance(value, str):
        yield value.lstrip("/"), holder
    elif isinstance(value, dict):
        for one in value.values():
            yield from _holders(one, value)
    elif isinstance(value, list):
        for one in value:
            yield from _holders(one, holder)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else None
