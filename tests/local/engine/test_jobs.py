"""Requests inside of the engine's process: independent jobs, full disks, messages."""

from __future__ import annotations

import json
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from scf_mps.local.engine import EngineError, JobResult
from scf_mps.local.engine.monitor import Monitor
from scf_mps.local.engine.service import serve
from scf_mps.local.engine.settings import Settings

from .support import AUDIO, MP4, VIDEO, run_all, run_job

COPY = {**MP4, "copy": True}
HLS = {**MP4, "container": "hls"}
ADAPTIVE = {"kind": "adaptive", "streams": [{"video": VIDEO, "audio": AUDIO}]}
ANIMATION = {"kind": "animation", "width": 160}
SNAPSHOTS = {"kind": "snapshots", "offsets": [0, 1]}
SPRITES = {"kind": "sprites", "sample_type": "Percent", "interval": 10, "width": 142, "height": 80}


@contextmanager
def limit_files(size: int) -> Iterator[None]:
    """Limit the bytes of each file that this process writes."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def test_jobs_of_a_request_fail_independently(clip: Path, tmp_path: Path) -> None:
    jobs = [
        COPY,
        MP4,
        {**MP4, "video": {"codec": "av1"}},
        HLS,
        {"kind": "animation", "start": 5},
        {"kind": "snapshots", "offsets": [7]},
        SNAPSHOTS,
        {},
    ]
    results = run_all(clip, jobs, tmp_path)
    codes = [result.code if isinstance(result, EngineError) else "" for result in results]
    time_offset = "InvalidInput.InvalidTimeOffset"
    assert codes == ["", "", "InvalidInput", "", time_offset, time_offset, "", "InvalidInput"]


def test_jobs_of_every_kind_share_one_decode(clip: Path, tmp_path: Path) -> None:
    sound = {"kind": "transcode", "container": "m4a", "video": None, "audio": AUDIO}
    jobs = [MP4, {**MP4, "audio": None}, sound, ANIMATION, HLS, ADAPTIVE]
    results = run_all(clip, jobs, tmp_path)
    assert [result for result in results if isinstance(result, EngineError)] == []


def test_output_that_exceeds_the_disk_leaves_the_others(long_clip: Path, tmp_path: Path) -> None:
    large = {**MP4, "video": {**VIDEO, "height": 180, "bitrate": 4000}}
    small = {**MP4, "video": {**VIDEO, "height": 90, "bitrate": 128}, "audio": None}
    with limit_files(130_000):
        first, second = run_all(long_clip, [large, small], tmp_path)
        (lone,) = run_all(long_clip, [large], tmp_path / "lone")
    assert isinstance(first, EngineError)
    assert first.code == "InternalError"
    assert isinstance(second, JobResult), second
    assert isinstance(lone, EngineError)


def test_output_that_fails_while_encoding_stops_alone(clip: Path, tmp_path: Path) -> None:
    # The second job writes into a folder that a file of the first one blocks.
    tmp_path.joinpath("1").mkdir()
    first, second = run_all(clip, [MP4, MP4], tmp_path)
    assert isinstance(first, JobResult)
    assert isinstance(second, EngineError)
    assert second.code == "InternalError"


@pytest.mark.parametrize("size", [0, 2000])
@pytest.mark.parametrize(
    "job", [MP4, COPY, HLS, {**HLS, "copy": True}, ADAPTIVE, ANIMATION, SNAPSHOTS, SPRITES]
)
def test_full_disk_is_an_internal_error(
    clip: Path, tmp_path: Path, job: dict[str, Any], size: int
) -> None:
    with limit_files(size), pytest.raises(EngineError) as caught:
        run_job(clip, job, tmp_path)
    assert caught.value.code == "InternalError"
    assert "disk" in caught.value.message


@pytest.mark.parametrize("job", [MP4, SNAPSHOTS])
def test_scratch_limit_is_an_internal_error(
    clip: Path, tmp_path: Path, job: dict[str, Any]
) -> None:
    with pytest.raises(EngineError, match="scratch_limit") as caught:
        run_job(clip, job, tmp_path, replace(Settings(fast=True), scratch_bytes=1000))
    assert caught.value.code == "InternalError"


def test_scratch_limit_ends_jobs_while_they_write(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scf_mps.local.engine.monitor.MEASURE_SECONDS", 0)
    job = {**MP4, "video": {**VIDEO, "height": 180, "bitrate": 4000}}
    results = run_all(clip, [job, MP4], tmp_path, Settings(fast=True, scratch_bytes=60_000))
    assert [getattr(result, "code", "") for result in results] == ["InternalError"] * 2


def test_progress_grows_to_one_and_is_not_sent_too_often(tmp_path: Path) -> None:
    messages: list[dict[str, Any]] = []
    monitor = Monitor(messages.append, Settings(), tmp_path)
    for step in range(1000):
        monitor.report([3], step / 500)
        monitor.tick()
    progress = [message for message in messages if "progress" in message]
    assert progress[0] == {"progress": 0, "jobs": [3]}
    assert len(progress) < 20
    assert [message for message in messages if "alive" in message]


@contextmanager
def connect() -> Iterator[Any]:
    """Yield a function that sends a request to a service in a thread and returns its messages."""
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=serve, args=(theirs,))
    thread.start()
    with ours, ours.makefile("rb") as lines:
        assert json.loads(lines.readline()) == {"ready": True}

        def ask(**request: Any) -> list[dict[str, Any]]:
            request = {"settings": asdict(Settings(fast=True)), **request}
            ours.sendall(json.dumps(request).encode() + b"\n")
            messages: list[dict[str, Any]] = []
            while not messages or not {"done", "failed"} & messages[-1].keys():
                messages.append(json.loads(lines.readline()))
            return messages

        yield ask
        ours.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_service_answers_with_lines_of_json(clip: Path, tmp_path: Path) -> None:
    with connect() as ask:
        assert ask(operation="probe", path=str(clip))[-1]["done"]["Width"] == 320
        jobs = {"0": SNAPSHOTS, "4": MP4, "5": {"kind": "snapshots", "offsets": [9]}, "6": HLS}
        messages = ask(operation="run", source=str(clip), folder=str(tmp_path), jobs=jobs)
        assert messages[-1] == {"done": None}
        assert [m["begun"] for m in messages if "begun" in m] == [[0], [5], [4, 6]]
        results = {m["index"]: m for m in messages if "index" in m}
        assert set(results) == {0, 4, 5, 6}
        assert results[5]["error"][0] == "InvalidInput.InvalidTimeOffset"
        result = JobResult.from_json(results[6]["result"])
        assert result.to_json() == results[6]["result"]
        assert result.files[0].path.is_file()
        target = tmp_path / "movie.mp4"
        playlist = str(result.files[-1].path)
        assert ask(operation="remux", path=playlist, target=str(target))[-1] == {"done": None}
        assert ask(operation="probe", path=str(target))[-1]["done"]["Duration"] > 1.9
        sample = tmp_path / "sample.mp4"
        messages = ask(operation="make_sample_clip", path=str(sample), seconds=0.1, width=64)
        assert messages[-1] == {"done": None}
        assert sample.is_file()


def test_service_answers_a_failure_with_its_code(tmp_path: Path) -> None:
    with connect() as ask:
        failure = ask(operation="probe", path=str(tmp_path / "missing.mp4"))[-1]["failed"]
        assert failure[0] == "SourceFileError"
        failure = ask(operation="remux", path=str(tmp_path), target=str(tmp_path / "a.mp4"))[-1]
        assert failure["failed"][0] == "SourceFileError"
        failure = ask(operation="make_sample_clip", path=str(tmp_path), seconds=1, width=64)[-1]
        assert failure["failed"][0] == "InternalError"
        # The folder is missing, so no job can begin.
        jobs = {"0": SNAPSHOTS}
        folder = str(tmp_path / "missing")
        messages = ask(operation="run", source=str(tmp_path), folder=folder, jobs=jobs)
        assert [m["error"][0] for m in messages if "error" in m] == ["SourceFileError"]
