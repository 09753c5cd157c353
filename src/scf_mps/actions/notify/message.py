"""The content of a message about one task: title, facts and a row per result, without markup.

Values are cleaned and bounded here. Each channel adds its markup and applies its own limits.
"""

from __future__ import annotations

from ...events.base import Event, Subtask
from ..key_template import EVENT_FIELDS, Template, collect_event_values
from ..moderate.verdict import compute_review_verdict, compute_verdict, is_review
from .text import clean, format_duration, format_size, sanitize_url

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from ...events.base import TaskError
    from .locale import Locale

    EventOrSubtask = Subtask | Event

MESSAGE_FIELDS = (*EVENT_FIELDS, "error", "source", "title")
"""Fields of a custom text, besides ``{results}``."""

PICTURE_TYPES = frozenset(
    {"AnimatedGraphics", "Cover", "ImageSprites", "SampleSnapshot", "SnapshotByTimeOffset"}
)
"""Types whose files are shown as pictures. Pictures of content reviews are not shown."""

_PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp")
_MARKS = {"on": "✅", "on_failure": "❌"}
_HELD_MARK = "⛔"
_MAX_URL_BYTES = 8192  # Slack accepts 3,000, and servers refuse longer ones


class Link:
    """A link to a file.

    Attributes:
        name: name of the file.
        url: http or https URL, quoted so that no markup can end inside it.
    """

    __slots__ = ("name", "url")

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url


class Row:
    """One result.

    Attributes:
        result: the result.
        mark: ``✅``, ``❌``, ``⛔`` for a held result and for the review that holds it, or ``❔`` for an unknown status.
        label: type and definition.
        name: name of the first file, or ``""``.
        details: resolution, duration, size and the like, or the error. ``""`` if nothing is known.
        links: links to the first files.
        picture: link to the picture to show, or None.
        error: the error, or None.
        held: True if content moderation holds its outputs.
    """

    __slots__ = ("details", "error", "held", "label", "links", "mark", "name", "picture", "result")

    def __init__(
        self, result: EventOrSubtask, links: Iterable[Link], locale: Locale, held: bool = False
    ) -> None:
        self.result = result
        self.held = held and bool(result.files) and result.verb != "on_failure"
        rejects = held and isinstance(result, Subtask) and _is_rejecting(result)
        self.mark = _HELD_MARK if self.held or rejects else _MARKS.get(result.verb, "❔")
        definition = result.definition if isinstance(result, Subtask) else None
        self.label = clean(" ".join(filter(None, (result.type, str(definition or "")))), 60)
        self.links = list(links)
        files = result.paths
        self.name = _get_name(files[0]) if files else ""
        self.picture = _find_picture(result, self.links)
        self.error = result.error
        self.details = (
            describe_failure(self.error, locale)
            if self.error
            else " · ".join([locale.held] * self.held + _list_facts(result, len(files), locale))
        )


class Message:
    """The message about one task.

    Args:
        event: the event of the task.
        results: the results to report, or the event itself.
        locale: the texts of its language.
        links: returns the links to the files of a result.
        held: True if content moderation holds the event. There are no links then.

    Attributes:
        event: the event.
        outcome: ``succeeded``, ``failed``, ``partly``, ``held``, ``rejected`` or ``unknown``.
        locale: the texts of its language.
        title: one line.
        facts: labels and values.
        rows: the results, failures first because the last rows may be omitted.
        notes: lines below the results.
        custom_text: the user's own text instead of title and facts, or None.
    """

    __slots__ = (
        "_error",
        "custom_text",
        "event",
        "facts",
        "locale",
        "notes",
        "outcome",
        "rows",
        "title",
    )

    def __init__(
        self,
        event: Event,
        results: Sequence[EventOrSubtask],
        locale: Locale,
        links: Callable[[EventOrSubtask], Iterable[Link]],
        held: bool = False,
    ) -> None:
        self.event = event
        self.locale = locale
        self.outcome = decide_outcome(event, results, held)
        # Held files are moved, or about to be.
        rows = [Row(result, () if held else links(result), locale, held) for result in results]
        self.rows = sorted(rows, key=lambda row: row.error is None)
        source = clean(event.inputs[0], 200) if event.inputs else ""
        failed = sum(row.error is not None for row in rows)
        title = locale.titles[self.outcome]
        # If no result failed, the task failed as a whole afterwards.
        if self.outcome == "partly" and failed:
            title += locale.counted.format(failed=failed, total=len(rows))
        name = clean(event.inputs[0].name, 80) if event.inputs else ""
        self.title = f"{title}{locale.colon}{name}" if name else title
        facts = [
            (locale.task, clean(event.task_id, 120)),
            (locale.event, clean(event.type, 60)),
            (locale.source, source),
            (locale.session, clean(event.session_id, 100)),
            (locale.context, clean(event.session_context, 160)),
            (locale.review, clean(compute_verdict(event) or "", 200)),
        ]
        self._error = describe_failure(event.error, locale) if event.error else ""
        if event not in results:  # otherwise its row shows the error
            facts.append((locale.error, self._error))
        self.facts = [(label, value) for label, value in facts if value]
        note = locale.review_notes.get(self.outcome)
        self.notes: list[str] = [note] if note else []
        self.custom_text: CustomText | None = None

    def fill_custom_text(
        self, escape: Callable[[str], str], now: float
    ) -> tuple[str, str | None] | None:
        """Return the custom text before and after its ``{results}``, or None without a custom text.

        Args:
            escape: makes a value safe for the channel's markup.
            now: seconds since the epoch.

        Returns:
            The second part is None if the text has no ``{results}``.
        """
        if self.custom_text is None:
            return None
        facts = dict(self.facts)
        values = {
            **collect_event_values(self.event, now, "unknown"),
            "error": self._error,
            "outcome": self.outcome,
            "session_context": facts.get(self.locale.context, ""),
            "session_id": facts.get(self.locale.session, ""),
            "source": facts.get(self.locale.source, ""),
            "task_id": facts.get(self.locale.task, ""),
            "title": self.title,
        }
        safe = {name: escape(clean(value)) for name, value in values.items()}
        before, after = self.custom_text.before, self.custom_text.after
        return before.fill(safe), after.fill(safe) if after else None


class CustomText:
    """The user's own text of a message.

    Raises:
        ValueError: a field is unknown, or ``{results}`` is repeated.
    """

    __slots__ = ("after", "before")

    def __init__(self, text: str) -> None:
        before, *after = text.split("{results}")
        if len(after) > 1:
            raise ValueError("repeated {results}: use it once")
        self.before = Template(before, MESSAGE_FIELDS)
        self.after = Template(after[0], MESSAGE_FIELDS) if after else None


def decide_outcome(event: Event, results: Sequence[EventOrSubtask], held: bool = False) -> str:
    """Return the outcome of the reported results and of the task as a whole.

    It is ``succeeded``, ``failed``, ``partly``, or ``unknown`` if nothing failed and not everything succeeded. If
    moderation acts on the event, it is ``held``, or ``rejected`` if the event names no outputs, as for a review that is
    a separate task. A task whose results all failed has no outputs either, and is ``failed``.
    """
    failed = [result for result in results if result.verb == "on_failure"]
    if held and len(failed) < len(results):
        return "held" if event.files else "rejected"
    if not failed and event.error is None:
        return "succeeded" if all(result.verb == "on" for result in results) else "unknown"
    return "partly" if any(result.verb == "on" for result in results) else "failed"


def _is_rejecting(result: Subtask) -> bool:
    """Return True for a finished review without a pass."""
    return (
        result.verb == "on"
        and is_review(result)
        and compute_review_verdict(result).decision != "pass"
    )


def describe_failure(error: TaskError, locale: Locale) -> str:
    """Return an error, and whether a new submission may succeed."""
    advice = {True: locale.transient, False: locale.final, None: locale.no_advice}[error.retryable]
    return f"{clean(error, 160)} — {advice}"


def _list_facts(result: EventOrSubtask, files: int, locale: Locale) -> list[str]:
    """Return the known facts about an output."""
    output = _get_output(result)
    inner = output.get("MetaData")
    data = {**inner, **output} if isinstance(inner, dict) else output
    facts = []
    width, height = _read_number(data, "Width"), _read_number(data, "Height")
    if width and height:
        facts.append(f"{width:.0f}×{height:.0f}")
    duration, size = _read_number(data, "Duration"), _read_number(data, "Size")
    if duration:
        facts.append(format_duration(duration))
    if size:
        facts.append(format_size(int(size)))
    if isinstance(output.get("Suggestion"), str):
        facts.append(clean(output["Suggestion"], 20))
    if files > 1:
        facts.append(locale.files.format(count=files))
    if result.verb not in _MARKS:
        facts.append(clean(result.status, 20))
    return [fact for fact in facts if fact]


def _get_output(result: EventOrSubtask) -> dict[str, Any]:
    output = result.raw.get("Output") if isinstance(result, Subtask) else None
    if isinstance(result, Event):
        output = getattr(getattr(result, "output", None), "raw", None)
    return output if isinstance(output, dict) else {}


def _read_number(data: dict[str, Any], name: str) -> float:
    value = data.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e15:
        return float(value)
    return 0.0


def _find_picture(result: EventOrSubtask, links: list[Link]) -> Link | None:
    if result.type not in PICTURE_TYPES:
        return None
    # A long name is truncated with its suffix, the URL is complete.
    paths = ((link, link.url.partition("?")[0].lower()) for link in links)
    return next((link for link, path in paths if path.endswith(_PICTURE_SUFFIXES)), None)


def _get_name(path: str) -> str:
    """Return the last part of a key, which may contain any character, or of a URL, which is quoted."""
    is_url = path.startswith(("https://", "http://"))
    name = (path.partition("?")[0] if is_url else path).rstrip("/").rpartition("/")[2]
    if is_url:
        from urllib.parse import unquote

        name = unquote(name)
    return clean(name, 80)


def make_link(path: str, url: str) -> Link | None:
    """Return the link to a file, or None if the URL is too long or neither http nor https."""
    safe_url = sanitize_url(url)
    return Link(_get_name(path), safe_url) if 0 < len(safe_url) <= _MAX_URL_BYTES else None
