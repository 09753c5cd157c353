"""The verdict of MPS's AI content review on a video, with its reasons.

A failed review has seen nothing, so it is worse than any finding. Only a finished review with the suggestion ``pass``
is a pass. A missing or unknown suggestion is left to people.
"""

from __future__ import annotations

import re

from ...common.truncation import truncate
from ...events.base import Event, Subtask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, NamedTuple

    class _Fields(NamedTuple):
        decision: str
        type: str
        suggestion: str
        label: str = ""
        confidence: float | None = None
        start: float | None = None
        end: float | None = None
        url: str = ""
else:
    from collections import namedtuple

    _NAMES = "decision type suggestion label confidence start end url"
    _Fields = namedtuple("Finding", _NAMES, defaults=("", None, None, None, ""))  # noqa: PYI024

DECISIONS = ("pass", "review", "block", "fail")
"""Possible decisions, each worse than the previous one. The first three are MPS's own suggestions."""

_REVIEW_PLACE = re.compile(r"(^AiContentReviewResultSet|\.ReviewTask\.Output)\[")
_MAX_SHOWN_FINDINGS = 3
_MAX_LABEL_CHARACTERS = 60  # a recognised text may have any length


class Finding(_Fields):
    """One reason of a verdict: a segment of the video, or a review as a whole.

    Attributes:
        decision: the decision for this finding alone, of `DECISIONS`.
        type: MPS's type of the review, e.g. ``Porn.Asr``.
        suggestion: MPS's ``Suggestion``, or ``""``. For a failed review, its error.
        label: ``Label``, else the recognised name or keywords, or ``""``.
        confidence: 0 to 100, or None.
        start: start of the segment in seconds, or None.
        end: end of the segment in seconds, or None.
        url: URL of a picture, which MPS keeps until ``PicUrlExpireTime``, or ``""``.
    """

    __slots__ = ()

    def _sort_key(self) -> tuple[Any, ...]:
        """Order by decision (worst first), confidence (highest first) and position."""
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
        parts = [self.type or "a review", self.label]
        if self.decision == "fail":
            parts.append(f"failed: {self.suggestion}" if self.suggestion else "failed")
        elif self.suggestion:
            parts.append(self.suggestion)
        else:
            parts.append("without a suggestion")
        if self.confidence is not None:
            parts.append(f"{self.confidence:g}%")
        if self.start is not None:
            span = f"{self.start:g}" if self.end is None else f"{self.start:g}-{self.end:g}"
            parts.append(f"at {span} s")
        return " ".join(_clean_text(part) for part in parts if part)

    def __repr__(self) -> str:
        return f"<Finding {self}>"


class Verdict:
    """The result of all reviews of an event.

    Attributes:
        decision: one of `DECISIONS`.
        why: findings that are not a pass, worst first. Empty for a pass.
    """

    __slots__ = ("decision", "why")

    def __init__(self, findings: Iterable[Finding]) -> None:
        reasons = [finding for finding in findings if finding.decision != "pass"]
        self.why = tuple(sorted(reasons, key=Finding._sort_key))
        self.decision = self.why[0].decision if self.why else "pass"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Verdict) and self.why == other.why

    def __hash__(self) -> int:
        return hash(self.why)

    def __str__(self) -> str:
        """Return one line for a message, e.g. ``block: Porn sexy block 98% at 9.5-14 s; and 2 more``."""
        if not self.why:
            return self.decision
        more = len(self.why) - _MAX_SHOWN_FINDINGS
        shown = [str(finding) for finding in self.why[:_MAX_SHOWN_FINDINGS]]
        return f"{self.decision}: {'; '.join(shown + [f'and {more} more'] * (more > 0))}"

    def __repr__(self) -> str:
        return f"<Verdict {self}>"


def compute_verdict(event: Event) -> Verdict | None:
    """Return the verdict on an event, or None if it contains no review.

    The decision is ``fail`` if any review has ``Status`` FAIL, else ``block`` if any review or segment has this
    suggestion, else ``review`` if anything is not a plain pass, else ``pass``. The reviews of a ScheduleTask's
    activities and of a live stream (``AiReviewResult``) count.
    """
    if event.type == "AiReviewResult":
        info = event.raw.get("AiReviewResultInfo")
        items = _list_dicts(info.get("ResultSet")) if isinstance(info, dict) else []
        findings = [finding for item in items for finding in _read_live_review(item)]
        return Verdict(findings) if findings else None
    reviews = [subtask for subtask in event.subtasks if is_review(subtask)]
    if not reviews:
        return None
    return Verdict(finding for review in reviews for finding in _read_review(review))


def compute_review_verdict(review: Subtask) -> Verdict:
    """Return the verdict of one review."""
    return Verdict(_read_review(review))


def is_review(subtask: Subtask) -> bool:
    """Return True for a content review, including types that have no class yet."""
    from ...events.generated.review import ReviewSubtask

    return isinstance(subtask, ReviewSubtask) or bool(_REVIEW_PLACE.search(subtask.place))


def _read_review(review: Subtask) -> Iterator[Finding]:
    output = review.raw.get("Output")
    if review.status == "FAIL":
        yield Finding("fail", review.type, str(review.error))
    elif review.status not in ("SUCCESS", ""):
        yield Finding("review", review.type, review.status)
    if isinstance(output, list) and output:
        return  # an activity: its reviews are subtasks of the event as well
    data = output if isinstance(output, dict) else {}
    segments = [
        _make_finding(review.type, segment, "StartTimeOffset", "EndTimeOffset")
        for segment in _list_dicts(data.get("SegmentSet"))
    ]
    yield from segments
    whole = _make_finding(review.type, data, "", "")
    # An unfinished review has no suggestion yet. Segments with the same decision say more than the whole.
    is_final = whole.suggestion or review.status in ("SUCCESS", "")
    if is_final and all(segment.decision != whole.decision for segment in segments):
        yield whole


def _read_live_review(review: dict[str, Any]) -> list[Finding]:
    """Read one item of ``AiReviewResultInfo.ResultSet``, which has a list per type of result, all but one empty."""
    type_ = _read_text(review.get("Type"))
    segments = [
        _make_finding(type_, segment, "StartPtsTime", "EndPtsTime")
        for value in review.values()
        for segment in _list_dicts(value)
    ]
    return segments or [_make_finding(type_, {}, "", "")]


def _make_finding(type_: str, data: dict[str, Any], start: str, end: str) -> Finding:
    suggestion = _read_text(data.get("Suggestion"))
    decision = suggestion.lower()
    keywords = data.get("KeywordSet")
    words = [word for word in keywords if isinstance(word, str)] if type(keywords) is list else []
    return Finding(
        decision if decision in ("pass", "block") else "review",
        type_,
        suggestion,
        _read_text(data.get("Label")) or _read_text(data.get("Name")) or ", ".join(words),
        _read_number(data.get("Confidence")),
        _read_number(data.get(start)),
        _read_number(data.get(end)),
        _read_text(data.get("Url")),
    )


def _list_dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _read_text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _read_number(value: object) -> float | None:
    # Neither a bool nor NaN nor beyond the range of a float.
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9:
        return value
    return None


def _clean_text(text: str) -> str:
    """Return untrusted text, such as text recognised in a picture, as one short line."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return truncate(line, _MAX_LABEL_CHARACTERS)
