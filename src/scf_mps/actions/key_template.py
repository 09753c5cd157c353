"""Templates of keys and folders in COS: ``{date}/{task_id}/{height}p``.

A template checks its fields when it is created, so a misspelt field fails at cold start. Values are safe in a key:
only `source_dir` contains slashes. Different values never become equal, and a missing value is unique to its event or
result, so no field makes two tasks share a key.
"""

from __future__ import annotations

import re

from ..common.timestamps import parse_timestamp
from ..events.base import get_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..events.base import Event, Result

EVENT_FIELDS = (
    "date",
    "day",
    "event_type",
    "month",
    "outcome",
    "session_context",
    "session_id",
    "source_dir",
    "source_name",
    "status",
    "task_id",
    "year",
)
"""Fields of every event."""

RESULT_FIELDS = (
    *EVENT_FIELDS,
    "bitrate",
    "codec",
    "container",
    "definition",
    "fps",
    "height",
    "index",
    "type",
    "width",
)
"""Fields of a result. A missing value becomes ``unknown-`` and a digest, see `make_placeholder`."""

DATE_FIELDS = frozenset({"date", "day", "month", "year"})
"""Fields whose value may differ between deliveries of the same event."""

_FIELD = re.compile(r"\{([^{}]*)\}")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]|[\ud800-\udfff]")
_OUTCOMES = {"on": "succeeded", "on_failure": "failed", "on_progress": "progress"}


class Template:
    """A text with fields in braces.

    Attributes:
        fields: names of the fields in the text.

    Raises:
        ValueError: a field is not in `known`, or a brace does not belong to a field.
    """

    __slots__ = ("_text", "fields")

    def __init__(self, text: str, known: Collection[str]) -> None:
        self._text = text
        self.fields = frozenset(_FIELD.findall(text))
        for name in sorted(self.fields.difference(known)):
            raise ValueError(_describe_unknown(name, known))
        if re.search("[{}]", _FIELD.sub("", text)):
            raise ValueError(f"unmatched brace in {text!r}: write fields as {{name}}")

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the text with its fields replaced. An empty `source_dir` removes ``{source_dir}/``."""
        text = self._text
        if values.get("source_dir") == "":
            text = re.sub(r"(^|/)\{source_dir\}/", r"\1", text)
        return _FIELD.sub(lambda field: values[field[1]], text)

    def __str__(self) -> str:
        return self._text


def _describe_unknown(name: str, known: Collection[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    hint = f"did you mean {{{near[0]}}}?" if near else f"use {', '.join(sorted(known))}"
    return f"unknown field {{{name}}}: {hint}"


def make_segment(value: object, missing: str) -> str:
    """Return a value as one segment of a key, or `missing` for None and ``""``.

    A value that must be changed gets a digest, because another value may look the same afterwards.
    """
    text = "" if value is None else str(value)
    if not text:
        return missing
    segment = replace_unsafe(text)
    if not segment.strip(". "):
        segment = "unknown"
    return segment if segment == text else f"{segment}-{_digest(text)}"


def replace_unsafe(text: str) -> str:
    """Return a text with slashes, backslashes, control characters and lone surrogates replaced by ``-``."""
    return _UNSAFE.sub("-", text)


def make_placeholder(result: Result) -> str:
    """Return the text for a missing value: equal in every delivery, different for every event or result."""
    return f"unknown-{_digest(result.key)}"


def _digest(text: str) -> str:
    from hashlib import sha256

    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def find_finish_time(event: Event) -> float | None:
    """Return the latest ``FinishTime`` of the event's results in seconds since the epoch, or None."""
    if find_finish_time not in event._memo:
        times = [parse_timestamp(subtask.raw.get("FinishTime")) for subtask in event.subtasks]
        event._memo[find_finish_time] = max((at for at in times if at is not None), default=None)
    latest: float | None = event._memo[find_finish_time]
    return latest


def collect_event_values(event: Event, now: float, missing: str = "") -> dict[str, str]:
    """Return the values of `EVENT_FIELDS`.

    The values of an event are equal in every delivery, except the date of an event whose results have no
    ``FinishTime``: it is the day of `now`. Days are in the time zone of the variable ``TZ``.

    Args:
        event: the event.
        now: seconds since the epoch.
        missing: replaces a missing value, by default `make_placeholder`.
    """
    memo = ("values", now, missing)  # called for each of many results of one event
    if memo not in event._memo:
        event._memo[memo] = _read_event_values(event, now, missing or make_placeholder(event))
    return dict(event._memo[memo])


def _read_event_values(event: Event, now: float, missing: str) -> dict[str, str]:
    import time

    finish_time = find_finish_time(event)
    day = time.localtime(now if finish_time is None else finish_time)
    sources = event.inputs
    source = sources[0] if sources else None
    directory = source.directory.split("/") if source and source.directory else []
    # Parts of the event's key: events that share a task id have a digest in place of the missing parts.
    identity = event.key.removeprefix(f"{event.type}/").split("/")
    return {
        "date": time.strftime("%Y-%m-%d", day),
        "year": f"{day.tm_year:04}",
        "month": f"{day.tm_mon:02}",
        "day": f"{day.tm_mday:02}",
        "event_type": make_segment(event.type, missing),
        "task_id": make_segment(identity[0], missing),
        "status": make_segment("-".join(identity[1:]), missing),
        "outcome": _OUTCOMES[event.verb],
        "session_context": make_segment(event.session_context, missing),
        "session_id": make_segment(event.session_id, missing),
        "source_dir": "/".join(make_segment(step, "-") for step in directory)
        if source
        else missing,
        "source_name": make_segment(source.stem if source else "", missing),
    }


def collect_result_values(result: Result, now: float, missing: str = "") -> dict[str, str]:
    """Return the values of `RESULT_FIELDS`. An edit is its own result. See `collect_event_values`."""
    output = result._data.get("Output")
    output = output if isinstance(output, dict) else {}
    if isinstance(output.get("MetaData"), dict):  # of an edit
        output = {**output["MetaData"], **output}
    streams = output.get("VideoStreamSet")
    video = streams[0] if isinstance(streams, list) and streams else None
    video = video if isinstance(video, dict) else {}
    values = {
        "bitrate": output.get("Bitrate"),
        "codec": video.get("Codec"),
        "container": output.get("Container"),
        "definition": getattr(result, "definition", None),
        "fps": video.get("Fps"),
        "height": output.get("Height"),
        "type": result.type,
        "width": output.get("Width"),
    }
    placeholder = missing or make_placeholder(result)
    return {
        **collect_event_values(get_event(result), now, missing),
        **{name: make_segment(value, placeholder) for name, value in values.items()},
        "index": re.sub("[^0-9]+", "-", result.place).strip("-") or "0",
    }
