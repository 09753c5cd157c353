"""The engine through its client and process."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from scf_mps.local.engine import Engine, EngineError, JobResult

from .support import MP4, read_time


def test_engine_processes_jobs_in_its_process(clip: Path, tmp_path: Path) -> None:
    results: dict[int, JobResult | EngineError] = {}
    progress: list[tuple[int, float]] = []
    with Engine(fast=True) as engine:
        assert engine.available
        assert engine.pid is None
        assert engine.probe(clip)["Width"] == 320
        pid = engine.pid
        jobs = [MP4, {"kind": "snapshots", "offsets": [1.0]}, {"kind": "snapshots", "offsets": [9]}]
        engine.run(
            clip,
            jobs,
            tmp_path,
            on_progress=lambda index, fraction: progress.append((index, fraction)),
            on_result=results.__setitem__,
        )
        assert engine.pid == pid
    assert engine.pid is None
    movie, picture, error = (results[index] for index in range(3))
    assert isinstance(movie, JobResult)
    assert movie.metadata is not None
    assert (movie.metadata["Width"], movie.metadata["Height"]) == (214, 120)
    assert isinstance(picture, JobResult)
    with av.open(str(picture.files[0].path)) as container:
        assert read_time(next(container.decode(video=0))) == 1.0
    assert isinstance(error, EngineError)
    assert error.code == "InvalidInput.InvalidTimeOffset"
    assert {index for index, _ in progress} == {0, 1}
    assert all(0 <= fraction <= 1 for _, fraction in progress)


def test_engine_makes_a_sample_clip(tmp_path: Path) -> None:
    path = tmp_path / "sample.mp4"
    with Engine() as engine:
        engine.make_sample_clip(path, seconds=1, width=160)
        metadata = engine.probe(path)
    assert (metadata["Duration"], metadata["Width"], metadata["Height"]) == (1.0, 160, 90)


def test_probe_of_text_is_a_source_error(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("no video")
    with Engine() as engine, pytest.raises(EngineError) as caught:
        engine.probe(path)
    assert caught.value.code == "SourceFileError"
