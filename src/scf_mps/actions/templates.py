"""Names that are filled in: ``{date}/{task_id}/{height}p``, for keys and folders in COS.

What is known is told when a template is made, so that a misspelt field is a mistake at cold start and not at the
first event. The values are made safe for a key: none brings a slash or a ``..`` of its own, but `source_dir`.
"""

from __future__ import annotations

import re

from ..events.result import event_of
from ..moments import moment_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..events.result import Event, Result

OF_EVENT = (
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

OF_RESULT = (
    *OF_EVENT,
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
"""Fields that every result of an event fills in; what it does not tell is ``unknown``."""


DAYS = frozenset({"date", "day", "month", "year"})
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
        """The text with its fields filled in."""
        return _FIELD.sub(lambda field: values[field[1]], self._text)

    def __str__(self) -> str:
        return self._text


_FIELD = re.compile(r"\{([^{}]*)\}")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]|[\ud800-\udfff]")


def _unknown(name: str, known: Collection[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    meant = f"did you mean {{{near[0]}}}?" if near else f"there are {', '.join(sorted(known))}"
    return f"there is no field {{{name}}}: {meant}"


def safe(value: object) -> str:
    """A value as a part of a key: one name, never empty, never a path."""
    text = "" if value is None else _UNSAFE.sub("-", str(value)).strip()
    return text if text.strip(".") else "unknown"


def finished(event: Event) -> float | None:
    """Seconds since the epoch of the latest ``FinishTime`` of the results of an event; None if none tells one."""
    moments = [moment_of(subtask.raw.get("FinishTime")) for subtask in event.subtasks]
    return max((one for one in moments if one is not None), default=None)


def values_of(event: Event, now: float) -> dict[str, str]:
    """The fields of an event, `OF_EVENT`.

    The same event has the same fields in every delivery, but those of the date where no result of it tells when it
    was finished: then they are the day of `now`, in seconds since the epoch. Days are those of the variable ``TZ``.
    """
    import time
    from posixpath import split, splitext

    moment = finished(event)
    day = time.localtime(now if moment is None else moment)
    sources = event.sources
    source_dir, source = split(sources[0].key) if sources else ("", "")
    # The parts of its key: an event of which there are many for one task has a digest where others have nothing.
    identity = event.key.removeprefix(f"{event.type}/").split("/")
    return {
        "date": time.strftime("%Y-%m-%d", day),
        "year": f"{day.tm_year:04}",
        "month": f"{day.tm_mon:02}",
        "day": f"{day.tm_mday:02}",
        "event_type": safe(event.type),
        "task_id": safe(identity[0]),
        "status": safe("-".join(identity[1:])),
        "outcome": _OUTCOMES[event.verb],
        "session_context": safe(event.session_context),
        "session_id": safe(event.session_id),
        "source_dir": "/".join(map(safe, source_dir.split("/"))),
        "source_name": safe(splitext(source)[0]),
    }


_OUTCOMES = {"on": "succeeded", "on_failure": "failed", "on_progress": "progress"}


def values_of_result(result: Result, now: float) -> dict[str, str]:
    """The fields of a result, `OF_RESULT`; of an event that is its own result: of an edit."""
    output = result._data.get("Output")
    output = output if isinstance(output, dict) else {}
    if isinstance(output.get("MetaData"), dict):  # an edit tells there what it is like
        output = {**output["MetaData"], **output}
    streams = output.get("VideoStreamSet")
    video = streams[0] if isinstance(streams, list) and streams else None
    video = video if isinstance(video, dict) else {}
    return {
        **values_of(event_of(result), now),
        "bitrate": safe(output.get("Bitrate")),
        "codec": safe(video.get("Codec")),
        "container": safe(output.get("Container")),
        "definition": safe(getattr(result, "definition", None)),
        "fps": safe(video.get("Fps")),
        "height": safe(output.get("Height")),
        "index": re.sub("[^0-9]+", "-", result.place).strip("-") or "0",
        "type": safe(result.type),
        "width": safe(output.get("Width")),
    }
