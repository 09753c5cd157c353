"""Helpers of the tests of the engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import av

from scf_mps.local.engine import remux
from scf_mps.local.engine.jobs import run_jobs
from scf_mps.local.engine.monitor import Monitor
from scf_mps.local.engine.results import EngineError, JobResult
from scf_mps.local.engine.sample_clip import (
    FPS,
    SEGMENT_PLACES,
    SEGMENTS,
    Clock,
    Rectangle,
)
from scf_mps.local.engine.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

VIDEO = {"codec": "h264", "height": 120, "fps": 25, "bitrate": 200}
AUDIO = {"codec": "aac", "bitrate": 64, "sample_rate": 44100, "channels": 2}
MP4 = {"kind": "transcode", "container": "mp4", "video": VIDEO, "audio": AUDIO}


def run_all(
    source: Path, jobs: Iterable[Mapping[str, Any]], folder: Path, settings: Settings | None = None
) -> list[JobResult | EngineError]:
    """Process jobs in this process. Return their results and errors in the order of the jobs."""
    results: dict[int, JobResult | EngineError] = {}
    numbered = dict(enumerate(jobs))
    folder.mkdir(exist_ok=True)

    def end(index: int, result: JobResult | EngineError) -> None:
        assert index not in results
        results[index] = result

    monitor = Monitor(lambda message: None, settings or Settings(fast=True), folder)
    run_jobs(source, numbered, folder, monitor, end)
    return [results[index] for index in sorted(numbered)]


def run_job(
    source: Path, job: Mapping[str, Any], folder: Path, settings: Settings | None = None
) -> JobResult:
    """Process a job in this process. Raises its error."""
    (result,) = run_all(source, [job], folder, settings)
    if isinstance(result, EngineError):
        raise result
    return result


def read_frames(path: Path) -> list[av.VideoFrame]:
    """Return all pictures of a file."""
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def read_time(frame: av.VideoFrame, part: Rectangle | None = None) -> float:
    """Return the seconds that the clock of the sample clip shows in a picture, or in a part of it."""
    part = part or Rectangle(0, 0, frame.width, frame.height)
    grey = frame.reformat(format="gray")
    plane = grey.planes[0]
    data = bytes(plane)
    clock = Clock(int(part.width), int(part.height))

    def is_lit(place: Rectangle, left: float) -> bool:
        spot = clock.scale(place, left)
        x = int(part.left + spot.left + spot.width / 2)
        y = int(part.top + spot.top + spot.height / 2)
        return data[y * plane.line_size + x] > 128

    text = ""
    for character, left in clock.list_places("00:00:00.00"):
        if not character.isdigit():
            continue
        lit = "".join(name for name, place in SEGMENT_PLACES.items() if is_lit(place, left))
        text += next((digit for digit, names in SEGMENTS.items() if names == lit), "?")
    hours, minutes, seconds, pictures = (int(text[at : at + 2]) for at in range(0, 8, 2))
    return round(hours * 3600 + minutes * 60 + seconds + pictures / FPS, 2)


def make_monitor() -> Monitor:
    """Return a monitor with the usual limits that sends nothing."""
    return Monitor(lambda message: None, Settings())


def make_mp4(playlist: Path, target: Path) -> Path:
    """Copy a playlist into an MP4 and return its path."""
    remux.make_mp4(playlist, target, make_monitor())
    return target


def count_key_frames(path: Path) -> int:
    """Return the number of key frames of a file."""
    return sum(frame.key_frame for frame in read_frames(path))
