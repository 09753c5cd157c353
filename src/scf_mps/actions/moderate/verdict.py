"""One verdict of all that MPS's AI content review says about a video, and why; what follows from it is `moderate.py`'s.

A review that failed has seen nothing, so it is worse than one that found something; and only what says ``pass`` and is
not said to be unfinished is a pass: a suggestion that is missing, or that MPS adds one day, is left to people.
"""

from __future__ import annotations

import re

from ...events.base import Event, Subtask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

DECISIONS = ("pass", "review", "block", "fail")
"""What a verdict may be, each worse than the one before; the first three are MPS's own suggestions."""

_AMONG_REVIEWS = re.compile(r"(^AiContentReviewResultSet|\.ReviewTask\.Output)\[")
_SHOWN = 3
_LONGEST = 60  # characters of a label: a recognised text may be of any length


class Finding:
    """One reason of a verdict: a segment of the video, or a review as a whole.

    Attributes:
        decision: what it alone would make the verdict, of `DECISIONS`.
        type: the review, as MPS writes it, e.g. ``Porn.Asr``.
        suggestion: ``Suggestion`` as it came, or ``""``; of a failed review, why it failed.
        label: ``Label``, else the name or the keywords that were found, or ``""``.
        confidence: 0 to 100, or None.
        start, end: where in the video, in seconds; None for a review as a whole.
        url: a picture of it, which MPS keeps for a while only (``PicUrlExpireTime``), or ``""``.
    """

    __slots__ = ("confidence", "decision", "end", "label", "start", "suggestion", "type", "url")

    def __init__(
        self,
        decision: str,
        type: str,
        suggestion: str,
        label: str = "",
        confidence: float | None = None,
        start: float | None = None,
        end: float | None = None,
        url: str = "",
    ) -> None:
        self.decision = decision
        self.type = type
        self.suggestion = suggestion
        self.label = label
        self.confidence = confidence
        self.start = start
        self.end = end
        self.url = url

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Finding) and self._order() == other._order()

    def __hash__(self) -> int:
        return hash(self._order())

    def _order(self) -> tuple[Any, ...]:
        """The worst first, then what MPS is surest of, then as it comes in the video."""
        return (
            -DECISIONS.index(self.decision),
            -(-1 if self.confidence is None else self.confidence),
            -1 if self.start is None else self.start,
            -1 if self.end is None else self.end,
            self.type,
            self.suggestion,
            self.label,
            self.url,
        )

    def __str__(self) -> str:
        said = [self.type or "a review", self.label]
        if self.decision == "fail":
            said.append(f"failed: {self.suggestion}" if self.suggestion else "failed")
        elif self.suggestion:
            said.append(self.suggestion)
        else:
            said.append("without a suggestion")
        if self.confidence is not None:
            said.append(f"{self.confidence:g}%")
        if self.start is not None:
            span = f"{self.start:g}" if self.end is None else f"{self.start:g}-{self.end:g}"
            said.append(f"at {span} s")
        return " ".join(_plain(one) for one in said if one)

    def __repr__(self) -> str:
        return f"<Finding {self}>"


class Verdict:
    """What all reviews of an event come to.

    Attributes:
        decision: of `DECISIONS`.
        why: everything that is not a pass, the worst first; empty for a pass.
    """

    __slots__ = ("decision", "why")

    def __init__(self, findings: Iterable[Finding]) -> None:
        told = [one for one in findings if one.decision != "pass"]
        self.why = tuple(sorted(told, key=Finding._order))
        self.decision = self.why[0].decision if self.why else "pass"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Verdict) and self.why == other.why

    def __hash__(self) -> int:
        return hash(self.why)

    def __str__(self) -> str:
        """One line for a message, e.g. ``block: Porn sexy block 98% at 9.5-14 s; and 2 more``."""
        if not self.why:
            return self.decision
        more = len(self.why) - _SHOWN
        told = [str(one) for one in self.why[:_SHOWN]]
        return f"{self.decision}: {'; '.join(told + [f'and {more} more'] * (more > 0))}"

    def __repr__(self) -> str:
        return f"<Verdict {self}>"


def compute_verdict(event: Event) -> Verdict | None:
    """The verdict on an event; None if nothing in it is a review.

    Any review with ``Status`` FAIL makes it ``fail``; else any suggestion ``block``, of a review or of a segment,
    ``block``; else anything that is not a plain pass ``review``; else it is ``pass``. The reviews of a ScheduleTask's
    activities count, and those of a live stream (``AiReviewResult``).
    """
    if event.type == "AiReviewResult":
        told = event.raw.get("AiReviewResultInfo")
        reviews = _dicts(told.get("ResultSet")) if isinstance(told, dict) else []
        findings = [finding for review in reviews for finding in _of_live(review)]
        return Verdict(findings) if findings else None
    found = [subtask for subtask in event.subtasks if is_review(subtask)]
    if not found:
        return None
    return Verdict(finding for review in found for finding in _of_review(review))


def compute_review_verdict(review: Subtask) -> Verdict:
    """Return the verdict of one review alone."""
    return Verdict(_of_review(review))


def is_review(subtask: Subtask) -> bool:
    """Whether it is a review, or stands among them: a type that MPS adds one day has no class."""
    from ...events.generated.review import ReviewSubtask

    return isinstance(subtask, ReviewSubtask) or bool(_AMONG_REVIEWS.search(subtask.place))


def _of_review(review: Subtask) -> Iterator[Finding]:
    output = review.raw.get("Output")
    if review.status == "FAIL":
        yield Finding("fail", review.type, str(review.error))
    elif review.status not in ("SUCCESS", ""):
        yield Finding("review", review.type, review.status)
    if isinstance(output, list) and output:
        return  # an activity: the reviews inside are subtasks of the event too
    told = output if isinstance(output, dict) else {}
    segments = [
        _finding(review.type, segment, "StartTimeOffset", "EndTimeOffset")
        for segment in _dicts(told.get("SegmentSet"))
    ]
    yield from segments
    whole = _finding(review.type, told, "", "")
    # Of what is not finished no suggestion is missing; and segments of its kind say more than the whole.
    said = whole.suggestion or review.status in ("SUCCESS", "")
    if said and all(one.decision != whole.decision for one in segments):
        yield whole


def _of_live(review: dict[str, Any]) -> list[Finding]:
    """Of one item of ``AiReviewResultInfo.ResultSet``: a list for each kind of result, of which one is filled."""
    type_ = _text(review.get("Type"))
    segments = [
        _finding(type_, segment, "StartPtsTime", "EndPtsTime")
        for value in review.values()
        for segment in _dicts(value)
    ]
    return segments or [_finding(type_, {}, "", "")]


def _finding(type_: str, told: dict[str, Any], start: str, end: str) -> Finding:
    suggestion = _text(told.get("Suggestion"))
    decision = suggestion.lower()
    keywords = told.get("KeywordSet")
    words = [word for word in keywords if isinstance(word, str)] if type(keywords) is list else []
    return Finding(
        decision if decision in ("pass", "block") else "review",
        type_,
        suggestion,
        _text(told.get("Label")) or _text(told.get("Name")) or ", ".join(words),
        _number(told.get("Confidence")),
        _number(told.get(start)),
        _number(told.get(end)),
        _text(told.get("Url")),
    )


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    # What is compared and shown is neither a bool nor NaN nor beyond what a float holds.
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9:
        return value
    return None


def _plain(text: str) -> str:
    """One line of a text that anybody may have written, e.g. into the picture it was recognised in."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
