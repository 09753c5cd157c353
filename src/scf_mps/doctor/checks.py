"""What a finding is, and how checks are written: each is a function that yields what it found, and an area is a list.

The function's name is the finding's, its docstring says in general what is wrong; a check that is deleted is gone,
from `scf-mps doctor` and from its documentation's table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

Level = Literal["error", "warning", "note"]
"""An error keeps the function from doing its work, a warning may, and a note is good to know."""

LEVELS: tuple[Level, ...] = ("error", "warning", "note")

Subject = TypeVar("Subject")
Look = Callable[[Subject], Iterable[str]]


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        level: how bad it is.
        name: of the check, e.g. ``timeout_short``.
        area: of the check.
        what: what is the matter here, without secrets.
        why: why that matters, and who says so.
        advice: what to do.
    """

    level: Level
    name: str
    area: str
    what: str
    why: str
    advice: str


@dataclass(frozen=True)
class Check(Generic[Subject]):
    """A check: `about` is what it finds in general, and `look` yields a sentence for each time it does."""

    level: Level
    name: str
    area: str
    about: str
    why: str
    advice: str
    look: Look[Subject]

    def findings(self, subject: Subject) -> Iterator[Finding]:
        for what in self.look(subject):
            yield Finding(self.level, self.name, self.area, what, self.why, self.advice)


class Area(Generic[Subject]):
    """A list of checks that look at the same thing.

    Attributes:
        title: what they look at.
        checks: in order.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.checks: list[Check[Subject]] = []

    def check(
        self, level: Level, *, why: str, advice: str
    ) -> Callable[[Look[Subject]], Look[Subject]]:
        """Decorates a check.

        Args:
            level: of what it finds.
            why: why that matters, and who says so.
            advice: what to do.
        """

        def add(look: Look[Subject]) -> Look[Subject]:
            about = (look.__doc__ or "").strip()
            self.checks.append(Check(level, look.__name__, self.title, about, why, advice, look))
            return look

        return add

    def findings(self, subject: Subject) -> list[Finding]:
        """What all checks find, in their order."""
        return [finding for check in self.checks for finding in check.findings(subject)]
