"""Outputs that are encoded while the source is decoded once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from av import AudioFrame, VideoFrame

from .results import INVALID_TIME, EngineError, JobResult

if TYPE_CHECKING:
    from .monitor import Monitor


class Rendition(Protocol):
    """One encoded version of the source. Times are seconds from its beginning."""

    @property
    def has_video(self) -> bool:
        """False if pictures are not part of it."""
        ...

    @property
    def has_audio(self) -> bool:
        """False if sound is not part of it."""
        ...

    def write_video(self, seconds: float, frame: VideoFrame) -> None:
        """Encode a picture."""

    def write_audio(self, seconds: float, frame: AudioFrame) -> None:
        """Encode sound."""

    def finish(self, seconds: float, monitor: Monitor) -> None:
        """Encode the rest of a rendition of a length, and complete the file."""

    def close(self) -> None:
        """Close the files, complete or not."""


@dataclass(frozen=True, slots=True)
class Output:
    """The renditions of a job.

    Attributes:
        index: of the job.
        span: offsets of its beginning and end in the source, in seconds.
        renditions: one, or the substreams of an adaptive stream.
        describe: returns the result once the renditions are complete.
    """

    index: int
    span: tuple[float, float]
    renditions: Sequence[Rendition]
    describe: Callable[[], JobResult]

    @property
    def has_video(self) -> bool:
        """False if pictures are not part of it."""
        return any(rendition.has_video for rendition in self.renditions)

    @property
    def has_audio(self) -> bool:
        """False if sound is not part of it."""
        return any(rendition.has_audio for rendition in self.renditions)

    def write(self, seconds: float, frame: VideoFrame | AudioFrame) -> None:
        """Encode a frame of the source, if it is in the span."""
        start, end = self.span
        if seconds >= end:
            return
        for rendition in self.renditions:
            # The tracks cut what is before the beginning: sound to the sample, pictures to the last one.
            if isinstance(frame, VideoFrame):
                rendition.write_video(seconds - start, frame)
            elif seconds > start - 0.5:
                rendition.write_audio(seconds - start, frame)

    def finish(self, monitor: Monitor) -> JobResult:
        """Complete the files and return the result."""
        for rendition in self.renditions:
            rendition.finish(self.span[1] - self.span[0], monitor)
        return self.describe()

    def close(self) -> None:
        """Close the files, complete or not."""
        for rendition in self.renditions:
            rendition.close()


def find_span(job: Mapping[str, Any], duration: float) -> tuple[float, float]:
    """Return the first and last offset of a job in seconds.

    Negative values of ``start`` and ``end`` count from the end. An ``end`` of 0 is the end.

    Raises:
        EngineError: the span is empty or begins behind the end.
    """
    start, end = (float(job.get(name) or 0) for name in ("start", "end"))
    first = max(0.0, duration + start) if start < 0 else start
    last = duration + end if end < 0 else min(end or math.inf, duration)
    if last <= first:
        raise EngineError(
            INVALID_TIME,
            f"nothing is between {start:g} s and {end:g} s: the source has {duration:g} s",
        )
    return first, last
