"""What is wrong with a build, all of it at once: one error for the reader to work through, not the first of many."""

from __future__ import annotations

from collections.abc import Sequence


class BuildError(Exception):
    """The function was not built; nothing that an earlier build made was touched.

    Attributes:
        problems: a sentence for each, with file and line where there are some. They hold no secrets.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems: Sequence[str] = problems
