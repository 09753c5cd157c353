"""Jobs of a request: pictures by seeking, then all encoded outputs in one decode of the source."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .animation import open_animation
from .hls import open_adaptive, open_hls
from .monitor import Monitor
from .outputs import Output
from .pictures import make_sprites, take_snapshots
from .remux import copy_job
from .results import INTERNAL, INVALID, EngineError, JobResult, is_full
from .source import Source
from .transcode import open_file

Job = Mapping[str, Any]
Finished = Callable[[int, "JobResult | EngineError"], None]

LONE_JOBS: dict[str, Callable[[int, Job, Source, Path, Monitor], JobResult]] = {
    "snapshots": take_snapshots,
    "sample_snapshots": take_snapshots,
    "sprites": make_sprites,
    "transcode copy": copy_job,
}
"""Jobs that read the source alone, by their kind."""

ENCODED_JOBS: dict[str, Callable[[int, Job, Source, Path, Monitor], Output]] = {
    "transcode": open_file,
    "transcode hls": open_hls,
    "adaptive": open_adaptive,
    "animation": open_animation,
}
"""Jobs that share one decode of the source, by their kind."""


def find_kind(job: Job) -> str:
    """Return the key of a job in the tables. Raises EngineError for an unknown kind."""
    kind = str(job.get("kind"))
    if kind == "transcode":
        kind = "transcode copy" if job.get("copy") else kind
        kind = "transcode hls" if kind == "transcode" and job.get("container") == "hls" else kind
    if kind not in LONE_JOBS and kind not in ENCODED_JOBS:
        names = ", ".join(name for name in [*ENCODED_JOBS, *LONE_JOBS] if " " not in name)
        raise EngineError(INVALID, f"unknown kind of job {kind!r}: use {names}")
    return kind


EXTRA_SECONDS = 2
"""Seconds of sound and pictures that a file may store out of order."""


def describe_error(error: Exception) -> EngineError:
    """Return the error of a job for an exception."""
    if isinstance(error, EngineError):
        return error
    if is_full(error):
        return EngineError(INTERNAL, f"the disk of the scratch folder is full: {error}")
    return EngineError(INTERNAL, f"{type(error).__name__}: {error}")


def run_jobs(
    path: Path, jobs: Mapping[int, Job], folder: Path, monitor: Monitor, finished: Finished
) -> None:
    """Process the jobs of a request. Each one fails alone.

    Args:
        path: of the source.
        jobs: by their index.
        folder: existing, receives a folder for each job.
        monitor: receives the progress.
        finished: called with each result or error.
    """
    runner = _Runner(path, folder, monitor, finished)
    try:
        with Source(path, monitor) as source:
            runner.run(source, jobs)
    except Exception as error:
        for index in jobs.keys() - runner.ended:
            finished(index, describe_error(error))


class _Runner:
    """Processing of a request."""

    def __init__(self, path: Path, folder: Path, monitor: Monitor, finished: Finished) -> None:
        self.ended: set[int] = set()
        self._path = path
        self._folder = folder
        self._monitor = monitor
        self._finished = finished

    def run(self, source: Source, jobs: Mapping[int, Job]) -> None:
        """Process all jobs."""
        encoded: dict[int, Job] = {}
        for index, job in jobs.items():
            try:
                kind = find_kind(job)
                if kind in ENCODED_JOBS:
                    encoded[index] = job
                    continue
                self._monitor.send({"begun": [index]})
                folder = self._make_folder(index)
                result = LONE_JOBS[kind](index, job, source, folder, self._monitor)
                self._monitor.check_scratch()
                self._end(index, result)
            except Exception as error:
                self._end(index, describe_error(error))
        if encoded:
            self._monitor.send({"begun": list(encoded)})
            self._encode(source, encoded)

    def _make_folder(self, index: int) -> Path:
        folder = self._folder / str(index)
        folder.mkdir()
        return folder

    def _end(self, index: int, result: JobResult | EngineError) -> None:
        self.ended.add(index)
        self._finished(index, result)

    def _encode(self, source: Source, jobs: Mapping[int, Job]) -> None:
        """Encode the outputs of jobs in one decode."""
        active: dict[int, Output] = {}
        try:
            for index, job in jobs.items():
                try:
                    open_output = ENCODED_JOBS[find_kind(job)]
                    folder = self._make_folder(index)
                    active[index] = open_output(index, job, source, folder, self._monitor)
                except Exception as error:
                    self._end(index, describe_error(error))
            if active:
                self._decode(source, active)
            for index in list(active):
                self._finish(active, index)
        finally:
            for output in active.values():
                output.close()

    def _decode(self, source: Source, active: dict[int, Output]) -> None:
        """Give the frames of the source to the outputs. An output leaves `active` with its end."""
        start = min(output.span[0] for output in active.values())
        end = max(output.span[1] for output in active.values())
        has_video = any(output.has_video for output in active.values())
        has_audio = any(output.has_audio for output in active.values())
        for seconds, frame in source.decode_from(start, video=has_video, audio=has_audio):
            for index, output in list(active.items()):
                try:
                    output.write(seconds, frame)
                except Exception as error:
                    self._fail(active, index, error)
            if not active or seconds > end + EXTRA_SECONDS:
                return
            self._monitor.report(active, (seconds - start) / (end - start))

    def _finish(self, active: dict[int, Output], index: int) -> None:
        try:
            result = active[index].finish(self._monitor)
            self._monitor.check_scratch()
        except Exception as error:
            self._fail(active, index, error)
        else:
            active.pop(index).close()
            self._end(index, result)

    def _fail(self, active: dict[int, Output], index: int, error: Exception) -> None:
        output = active.pop(index)
        with contextlib.suppress(Exception):
            output.close()  # it may fail again, as a disk is still full
        self._end(index, describe_error(error))
