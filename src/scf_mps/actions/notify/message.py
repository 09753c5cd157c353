"""What is said of a task: a title, some facts, a row for each result; in words, and in no markup yet.

Each value is clean and bounded here; a channel adds its own markup and keeps to its own limits.
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
"""Fields of a text of one's own, besides ``{results}``."""

PICTURE_TYPES = frozenset(
    {"AnimatedGraphics", "Cover", "ImageSprites", "SampleSnapshot", "SnapshotByTimeOffset"}
)
"""Types whose files are shown as pictures; those of content reviews, for one, are not."""

_SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp")
_MARKS = {"on": "✅", "on_failure": "❌"}
_HELD = "⛔"
_MAX_URL_BYTES = 8192  # of a link: Slack takes 3,000, and servers refuse longer ones


class Link:
    """A link to a file.

    Attributes:
        name: of the file.
        url: http or https, without anything that could end it in a markup.
    """

    __slots__ = ("name", "url")

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url


class Row:
    """One result.

    Attributes:
        result: the result.
        mark: ``✅``, ``❌``, ``⛔`` for a result that is held and for the review that holds it, or ``❔`` for a status
            that is neither.
        what: type and definition.
        name: of its first file, or ``""``.
        details: resolution, duration, size and the like, or why it failed; ``""`` if nothing is told.
        links: to its files, the first few.
        picture: the one to show, if it has one.
        error: why it failed, if it did.
        held: whether content moderation holds its outputs.
    """

    __slots__ = ("details", "error", "held", "links", "mark", "name", "picture", "result", "what")

    def __init__(
        self, result: EventOrSubtask, links: Iterable[Link], words: Locale, held: bool = False
    ) -> None:
        self.result = result
        self.held = held and bool(result.files) and result.verb != "on_failure"
        objects = held and isinstance(result, Subtask) and _objects(result)
        self.mark = _HELD if self.held or objects else _MARKS.get(result.verb, "❔")
        definition = result.definition if isinstance(result, Subtask) else None
        self.what = clean(" ".join(filter(None, (result.type, str(definition or "")))), 60)
        self.links = list(links)
        files = result.paths
        self.name = _name_of(files[0]) if files else ""
        self.picture = _picture(result, self.links)
        self.error = result.error
        self.details = (
            failure(self.error, words)
            if self.error
            else " · ".join([words.held] * self.held + _facts(result, len(files), words))
        )


class Message:
    """One task, for people.

    Attributes:
        event: the event.
        outcome: ``succeeded``, ``failed``, ``partly``, ``held``, ``rejected`` or ``unknown``.
        words: those of its language.
        title: one line.
        facts: labels and values.
        rows: of the results, failures first: what is cut off is the least of it.
        notes: lines below the results.
    """

    __slots__ = ("_error", "_own", "event", "facts", "notes", "outcome", "rows", "title", "words")

    def __init__(
        self,
        event: Event,
        told: Sequence[EventOrSubtask],
        words: Locale,
        links: Callable[[EventOrSubtask], Iterable[Link]],
        own: CustomText | None = None,
        held: bool = False,
    ) -> None:
        self.event = event
        self.words = words
        self.outcome = decide_outcome(event, told, held)
        # Without links to what moderation holds: it is moved, or about to be.
        rows = [Row(result, () if held else links(result), words, held) for result in told]
        self.rows = sorted(rows, key=lambda row: row.error is None)
        source = clean(event.inputs[0], 200) if event.inputs else ""
        failed = sum(row.error is not None for row in rows)
        title = words.titles[self.outcome]
        # Without any the task failed as a whole, after its results.
        if self.outcome == "partly" and failed:
            title += words.counted.format(failed=failed, total=len(rows))
        name = clean(event.inputs[0].name, 80) if event.inputs else ""
        self.title = f"{title}{words.colon}{name}" if name else title
        facts = [
            (words.task, clean(event.task_id, 120)),
            (words.event, clean(event.type, 60)),
            (words.source, source),
            (words.session, clean(event.session_id, 100)),
            (words.context, clean(event.session_context, 160)),
            (words.review, clean(compute_verdict(event) or "", 200)),
        ]
        self._error = failure(event.error, words) if event.error else ""
        if event not in told:  # else it is in a row
            facts.append((words.error, self._error))
        self.facts = [(label, value) for label, value in facts if value]
        note = words.review_notes.get(self.outcome)
        self.notes: list[str] = [note] if note else []
        self._own = own

    def own(self, escape: Callable[[str], str], now: float) -> tuple[str, str | None] | None:
        """The text of a file of one's own before and behind its ``{results}``; None if there is no such file.

        Args:
            escape: makes a value safe for the channel's markup.
            now: seconds since the epoch.

        Returns:
            The second is None where the file says nothing of results.
        """
        if self._own is None:
            return None
        facts = dict(self.facts)
        values = {
            **collect_event_values(self.event, now, "unknown"),
            "error": self._error,
            "outcome": self.outcome,
            "session_context": facts.get(self.words.context, ""),
            "session_id": facts.get(self.words.session, ""),
            "source": facts.get(self.words.source, ""),
            "task_id": facts.get(self.words.task, ""),
            "title": self.title,
        }
        safe = {name: escape(clean(value)) for name, value in values.items()}
        before, behind = self._own.before, self._own.behind
        return before.fill(safe), behind.fill(safe) if behind else None


class CustomText:
    """The text of a file of one's own.

    Raises:
        ValueError: for a field that there is not, or ``{results}`` twice.
    """

    __slots__ = ("before", "behind")

    def __init__(self, text: str) -> None:
        before, *behind = text.split("{results}")
        if len(behind) > 1:
            raise ValueError("expected {results} once in the text of a message")
        self.before = Template(before, MESSAGE_FIELDS)
        self.behind = Template(behind[0], MESSAGE_FIELDS) if behind else None


def decide_outcome(event: Event, told: Sequence[EventOrSubtask], held: bool = False) -> str:
    """Return the outcome of the results that are told, and of the task as a whole.

    It is ``succeeded``, ``failed``, ``partly``, or ``unknown`` where nothing failed and not all say that they
    succeeded. If moderation acts on the event, it is ``held``, or ``rejected`` if the event names no outputs: a review
    that is a task by itself holds nothing. A task of which everything failed has no outputs either, and is ``failed``.
    """
    failed = [result for result in told if result.verb == "on_failure"]
    if held and len(failed) < len(told):
        return "held" if event.files else "rejected"
    if not failed and event.error is None:
        return "succeeded" if all(result.verb == "on" for result in told) else "unknown"
    return "partly" if any(result.verb == "on" for result in told) else "failed"


def _objects(result: Subtask) -> bool:
    """Return True for a review that did not end with a pass."""
    return (
        result.verb == "on"
        and is_review(result)
        and compute_review_verdict(result).decision != "pass"
    )


def failure(error: TaskError, words: Locale) -> str:
    """Why something failed, and whether submitting the task again may help."""
    advice = {True: words.transient, False: words.final, None: words.no_advice}[error.retryable]
    return f"{clean(error, 160)} — {advice}"


def _facts(result: EventOrSubtask, files: int, words: Locale) -> list[str]:
    """What an output is like, as far as it is told."""
    output = _output(result)
    inner = output.get("MetaData")
    data = {**inner, **output} if isinstance(inner, dict) else output
    facts = []
    width, height = _number(data, "Width"), _number(data, "Height")
    if width and height:
        facts.append(f"{width:.0f}×{height:.0f}")
    duration, size = _number(data, "Duration"), _number(data, "Size")
    if duration:
        facts.append(format_duration(duration))
    if size:
        facts.append(format_size(int(size)))
    if isinstance(output.get("Suggestion"), str):
        facts.append(clean(output["Suggestion"], 20))
    if files > 1:
        facts.append(words.files.format(count=files))
    if result.verb not in _MARKS:
        facts.append(clean(result.status, 20))
    return [fact for fact in facts if fact]


def _output(result: EventOrSubtask) -> dict[str, Any]:
    output = result.raw.get("Output") if isinstance(result, Subtask) else None
    if isinstance(result, Event):
        output = getattr(getattr(result, "output", None), "raw", None)
    return output if isinstance(output, dict) else {}


def _number(data: dict[str, Any], name: str) -> float:
    value = data.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e15:
        return float(value)
    return 0.0


def _picture(result: EventOrSubtask, links: list[Link]) -> Link | None:
    if result.type not in PICTURE_TYPES:
        return None
    # A long name is cut, and its suffix with it: the URL is whole.
    paths = ((link, link.url.partition("?")[0].lower()) for link in links)
    return next((link for link, path in paths if path.endswith(_SUFFIXES)), None)


def _name_of(path: str) -> str:
    """The last part of a key, in which any character may be, or of a URL, in which it is escaped."""
    is_url = path.startswith(("https://", "http://"))
    name = (path.partition("?")[0] if is_url else path).rstrip("/").rpartition("/")[2]
    if is_url:
        from urllib.parse import unquote

        name = unquote(name)
    return clean(name, 80)


def make_link(path: str, url: str) -> Link | None:
    """Return the link to a file, or None for a URL that is too long or neither http nor https."""
    found = sanitize_url(url)
    return Link(_name_of(path), found) if 0 < len(found) <= _MAX_URL_BYTES else None
