"""Jobs of a request: pictures by seeking, then all encoded outputs in one decode of the source."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import transcode
from .monitor import Monitor
from .outputs import Output
from .pictures import take_snapshots
from .results import INTERNAL, INVALID, EngineError, JobResult
from .source import Source

Job = Mapping[str, Any]
Finished = Callable[[int, "JobResult | EngineError"], None]

PICTURE_JOBS: dict[str, Callable[[Source, Job, Path, Monitor], JobResult]] = {
    "snapshots": take_snapshots,
    "sample_snapshots": take_snapshots,
}
OUTPUT_JOBS: dict[str, Callable[[int, Job, Source, Path, Monitor], Output]] = {
    "transcode": transcode.open_file,
}

EXTRA_SECONDS = 2
"""Seconds of sound and pictures that a file may store out of order."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def describe_error(error: Exception) -> EngineError:
    """Return the error of a job for an exception."""
    if isinstance(error, EngineError):
        return error
    if isinstance(error, OSError) and error.errno in FULL:
        return EngineError(INTERNAL, f"the disk of the scratch folder is full: {error.strerror}")
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
        with Source(path, monitor.settings) as source:
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
        outputs: list[int] = []
        for index, job in jobs.items():
            if job.get("kind") in OUTPUT_JOBS:
                outputs.append(index)
                continue
            self._monitor.send({"begun": [index]})
            try:
                self._end(index, self._run_alone(source, index, job))
            except Exception as error:
                self._end(index, describe_error(error))
        if outputs:
            self._monitor.send({"begun": outputs})
            self._encode(source, {index: jobs[index] for index in outputs})

    def _run_alone(self, source: Source, index: int, job: Job) -> JobResult:
        process = PICTURE_JOBS.get(job.get("kind", ""))
        if process is None:
            names = ", ".join([*OUTPUT_JOBS, *PICTURE_JOBS])
            raise EngineError(INVALID, f"unknown kind of job {job.get('kind')!r}: use {names}")
        source.require_video()
        result = process(source, job, self._make_folder(index), self._monitor)
        self._monitor.check_scratch()
        return result

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
                    open_output = OUTPUT_JOBS[job["kind"]]
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
        source.rewind()
        if start:
            source.seek(start)
        has_video = any(output.has_video for output in active.values())
        has_audio = any(output.has_audio for output in active.values())
        for seconds, frame in source.decode(video=has_video, audio=has_audio):
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
