"""Limits and speed of the engine."""

from __future__ import annotations

from dataclasses import dataclass

from .results import INTERNAL, EngineError

GIB = 2**30
MAX_SIDE_PIXELS = 4096


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits and speed.

    Attributes:
        fast: encode in a third of the time, with files that are about a tenth larger.
        scratch_bytes: of the files of one request.
        input_bytes: of a source.
        input_seconds: of a source.
        input_pixels: of the longer side of a source.
    """

    fast: bool = False
    scratch_bytes: int = 4 * GIB
    input_bytes: int = 2 * GIB
    input_seconds: float = 7200.0
    input_pixels: int = MAX_SIDE_PIXELS

    def check_scratch(self, size: int) -> None:
        """Raise EngineError if the files of a request exceed the limit, in bytes."""
        if size > self.scratch_bytes:
            raise EngineError(
                INTERNAL,
                f"the outputs have {size} bytes, the scratch limit is {self.scratch_bytes}."
                " Use a shorter source or raise scratch_limit",
            )
