"""Templates of keys and folders in COS: ``{date}/{task_id}/{height}p``.

A template checks its fields when it is made, so a misspelt field fails at cold start. Values are safe in a key: only
`source_dir` has slashes. Two different values never become one, and a missing value is unique to its event or result:
no field lets two tasks meet at one key.
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
"""Fields that every event fills in."""

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
"""Fields of a result. A missing value renders as ``unknown-`` and a digest, see `unknown`."""

DATE_FIELDS = frozenset({"date", "day", "month", "year"})
"""Fields that the same event may fill in otherwise in another delivery."""


class Template:
    """A text with fields in braces.

    Attributes:
        fields: the names of the fields in it.

    Raises:
        ValueError: for a field that is not among `known`, or a brace that belongs to none.
    """

    __slots__ = ("_text", "fields")

    def __init__(self, text: str, known: Collection[str]) -> None:
        self._text = text
        self.fields = frozenset(_FIELD.findall(text))
        for name in sorted(self.fields.difference(known)):
            raise ValueError(_unknown(name, known))
        if re.search("[{}]", _FIELD.sub("", text)):
            raise ValueError(f"expected fields as {{name}} in {text!r}, and no other braces")

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the text with its fields filled in. A source in no folder leaves out ``{source_dir}/``."""
        text = self._text
        if values.get("source_dir") == "":
            text = re.sub(r"(^|/)\{source_dir\}/", r"\1", text)
        return _FIELD.sub(lambda field: values[field[1]], text)

    def __str__(self) -> str:
        return self._text


_FIELD = re.compile(r"\{([^{}]*)\}")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]|[\ud800-\udfff]")


def _unknown(name: str, known: Collection[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    meant = f"did you mean {{{near[0]}}}?" if near else f"there are {', '.join(sorted(known))}"
    return f"there is no field {{{name}}}: {meant}"


def safe(value: object, missing: str) -> str:
    """Return a value as one step of a key, never a path; `missing` for None and ``""``.

    A value that had to be changed gets a digest of itself, since another may look the same after that.
    """
    text = "" if value is None else str(value)
    if not text:
        return missing
    step = clean(text)
    if not step.strip(". "):
        step = "unknown"
    return step if step == text else f"{step}-{_digest(text)}"


def clean(text: str) -> str:
    """Return a text without what a step of a key may not hold: slashes, backslashes, control characters."""
    return _UNSAFE.sub("-", text)


def unknown(result: Result) -> str:
    """Return the text in place of a missing value: the same in every delivery, another for every event or result."""
    return f"unknown-{_digest(result.key)}"


def _digest(text: str) -> str:
    from hashlib import sha256

    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def finished(event: Event) -> float | None:
    """Seconds since the epoch of the latest ``FinishTime`` of the results of an event; None if none tells one."""
    if finished not in event._memo:
        moments = [parse_timestamp(subtask.raw.get("FinishTime")) for subtask in event.subtasks]
        event._memo[finished] = max((one for one in moments if one is not None), default=None)
    found: float | None = event._memo[finished]
    return found


def collect_event_values(event: Event, now: float, missing: str = "") -> dict[str, str]:
    """Return the fields of an event, `EVENT_FIELDS`.

    The same event has the same values in every delivery. The date is an exception where no result has a
    ``FinishTime``: then it is the day of `now`. Days are those of the variable ``TZ``.

    Args:
        event: the event.
        now: seconds since the epoch.
        missing: stands for a missing value; `unknown` by default.
    """
    memo = ("values", now, missing)  # of each of many results of one event
    if memo not in event._memo:
        event._memo[memo] = _find_values(event, now, missing or unknown(event))
    return dict(event._memo[memo])


def _find_values(event: Event, now: float, missing: str) -> dict[str, str]:
    import time

    moment = finished(event)
    day = time.localtime(now if moment is None else moment)
    sources = event.inputs
    source = sources[0] if sources else None
    directory = source.directory.split("/") if source and source.directory else []
    # The parts of its key: an event of which there are many for one task has a digest where others have nothing.
    identity = event.key.removeprefix(f"{event.type}/").split("/")
    return {
        "date": time.strftime("%Y-%m-%d", day),
        "year": f"{day.tm_year:04}",
        "month": f"{day.tm_mon:02}",
        "day": f"{day.tm_mday:02}",
        "event_type": safe(event.type, missing),
        "task_id": safe(identity[0], missing),
        "status": safe("-".join(identity[1:]), missing),
        "outcome": _OUTCOMES[event.verb],
        "session_context": safe(event.session_context, missing),
        "session_id": safe(event.session_id, missing),
        "source_dir": "/".join(safe(step, "-") for step in directory) if source else missing,
        "source_name": safe(source.stem if source else "", missing),
    }


_OUTCOMES = {"on": "succeeded", "on_failure": "failed", "on_progress": "progress"}


def collect_result_values(result: Result, now: float, missing: str = "") -> dict[str, str]:
    """Return the fields of a result, `RESULT_FIELDS`. An edit is its own result. See `collect_event_values`."""
    output = result._data.get("Output")
    output = output if isinstance(output, dict) else {}
    if isinstance(output.get("MetaData"), dict):  # an edit tells there what it is like
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
    own = missing or unknown(result)
    return {
        **collect_event_values(get_event(result), now, missing),
        **{name: safe(value, own) for name, value in values.items()},
        "index": re.sub("[^0-9]+", "-", result.place).strip("-") or "0",
    }
