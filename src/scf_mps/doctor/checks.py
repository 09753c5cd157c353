"""Findings, and the checks that make them.

A check is a function that yields a text for each finding. Its name without the leading ``_`` is the name of the
findings. An `Area` collects the checks of one subject, for `scf-mps doctor` and for the tables of docs/doctor.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

Level = Literal["error", "warning", "note"]
"""An error prevents the function from working, a warning may, and a note is information."""

LEVELS: tuple[Level, ...] = ("error", "warning", "note")

Subject = TypeVar("Subject")
Find = Callable[[Subject], Iterable[str]]


@dataclass(frozen=True)
class Finding:
    """A problem that a check found.

    Attributes:
        level: its severity.
        name: the name of the check, e.g. ``timeout_short``.
        area: the title of the check's area.
        what: the problem and its value, without secrets.
        why: the consequence, with its source.
        advice: the fix.
    """

    level: Level
    name: str
    area: str
    what: str
    why: str
    advice: str


@dataclass(frozen=True)
class Check(Generic[Subject]):
    """A check.

    Attributes:
        level: the level of its findings.
        name: its name, e.g. ``timeout_short``.
        area: the title of its area.
        about: the problem in general.
        why: the consequence, with its source.
        advice: the fix.
        find: yields a text for each finding.
    """

    level: Level
    name: str
    area: str
    about: str
    why: str
    advice: str
    find: Find[Subject]

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Yield the findings."""
        for text in self.find(subject):
            yield Finding(self.level, self.name, self.area, text, self.why, self.advice)


class Area(Generic[Subject]):
    """The checks of one subject.

    Attributes:
        title: the heading of its table.
        checks: the checks in order.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.checks: list[Check[Subject]] = []

    def check(
        self, level: Level, about: str, *, why: str, advice: str
    ) -> Callable[[Find[Subject]], Find[Subject]]:
        """Return a decorator that adds a function as a check. See `Check` for the arguments."""

        def add(find: Find[Subject]) -> Find[Subject]:
            name = find.__name__.removeprefix("_")
            self.checks.append(Check(level, name, self.title, about, why, advice, find))
            return find

        return add

    def run(self, subject: Subject) -> list[Finding]:
        """Return the findings of all checks in order."""
        return [finding for check in self.checks for finding in check.run(subject)]
