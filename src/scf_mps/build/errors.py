"""Problems of a project, and the error of a failed build."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """A single problem of a project, its configuration or its deployment.

    Attributes:
        code: stable identifier of the kind of problem, e.g. ``reserved_variable``.
        path: key of serverless.yml, or file with an optional line. Empty if neither applies.
        message: description without the path and without secrets.
        advice: how to fix it. May be empty.
    """

    code: str
    path: str
    message: str
    advice: str = ""

    @property
    def summary(self) -> str:
        """The path and the message, without the advice."""
        return f"{self.path}: {self.message}" if self.path else self.message

    def __str__(self) -> str:
        return f"{self.summary}. {self.advice}" if self.advice else self.summary


class ProblemsError(Exception):
    """An error that lists every problem found.

    Attributes:
        problems: at least one.
    """

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems: Sequence[Problem] = problems


class BuildError(ProblemsError):
    """The function was not built. The output of an earlier build is unchanged."""
