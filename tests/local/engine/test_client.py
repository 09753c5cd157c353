"""The engine through its client and process: jobs, crashes, hangs, limits, threads and cleanup."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from scf_mps.local.engine import Engine, EngineCancelled, EngineError, JobResult
from tests.support.wait import wait_for_end, wait_until

from .support import AUDIO, MP4, VIDEO, read_time

Outcome = dict[int, JobResult | EngineError]

SNAPSHOT = {"kind": "snapshots", "offsets": [1.0]}
SLOW = {**MP4, "video": {**VIDEO, "codec": "h265", "width": 1280, "height": 720, "fps": 60}}
"""A job of several seconds."""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(fast=True) as engine:
        yield engine


def run(
    engine: Engine,
    source: Path,
    jobs: list[dict[str, Any]],
    folder: Path,
    on_progress: Callable[[int, float], None] = lambda _, __: None,
) -> Outcome:
    """Return the results and errors of jobs by their index."""
    outcome: Outcome = {}

    def end(index: int, result: JobResult | EngineError) -> None:
        assert index not in outcome
        outcome[index] = result

    folder.mkdir(exist_ok=True)
    engine.run(source, jobs, folder, on_progress, end)
    assert sorted(outcome) == list(range(len(jobs)))
    return outcome


def get_pid(engine: Engine) -> int:
    """Return the id of the running process."""
    assert engine.pid is not None
    return engine.pid


def assert_works(engine: Engine, clip: Path, folder: Path) -> None:
    """Assert that the next job succeeds."""
    assert isinstance(run(engine, clip, [SNAPSHOT], folder)[0], JobResult)


def test_engine_processes_jobs_in_its_process(clip: Path, tmp_path: Path) -> None:
    progress: list[tuple[int, float]] = []
    with Engine(fast=True) as engine:
        assert engine.available
        assert engine.pid is None
        assert engine.probe(clip)["Width"] == 320
        pid = get_pid(engine)
        assert os.getpriority(os.PRIO_PROCESS, pid) == min(
            19, os.getpriority(os.PRIO_PROCESS, 0) + 10
        )
        jobs = [MP4, SNAPSHOT, {"kind": "snapshots", "offsets": [9]}]
        outcome = run(engine, clip, jobs, tmp_path, lambda *item: progress.append(item))
        assert engine.pid == pid
    assert engine.pid is None
    wait_for_end(pid)
    movie, picture, error = (outcome[index] for index in range(3))
    assert isinstance(movie, JobResult)
    assert movie.metadata is not None
    assert (movie.metadata["Width"], movie.metadata["Height"]) == (214, 120)
    assert isinstance(picture, JobResult)
    with av.open(str(picture.files[0].path)) as container:
        assert read_time(next(container.decode(video=0))) == 1.0
    assert isinstance(error, EngineError)
    assert error.code == "InvalidInput.InvalidTimeOffset"
    assert [item for item in progress if item[0] == 2] == [(2, 0.0)]
    assert (progress[0], progress[1][0]) == ((1, 0.0), 1)
    assert (0, 0.0) in progress
    assert all(0 <= fraction <= 1 for _, fraction in progress)


def test_relative_paths_are_those_of_the_caller(
    engine: Engine, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("source.mp4").write_bytes(clip.read_bytes())
    assert engine.probe("source.mp4")["Width"] == 320
    result = run(engine, Path("source.mp4"), [SNAPSHOT], Path("out"))[0]
    assert isinstance(result, JobResult)
    assert result.files[0].path.parent == tmp_path / "out" / "0"


def test_engine_makes_a_sample_clip_and_copies_a_stream(engine: Engine, tmp_path: Path) -> None:
    path, movie = tmp_path / "sample.mp4", tmp_path / "movie.mp4"
    engine.make_sample_clip(path, seconds=1, width=160)
    metadata = engine.probe(path)
    assert (metadata["Duration"], metadata["Width"], metadata["Height"]) == (1.0, 160, 90)
    job = {"kind": "transcode", "container": "hls", "video": VIDEO, "audio": AUDIO}
    result = run(engine, path, [job], tmp_path / "out")[0]
    assert isinstance(result, JobResult)
    engine.remux(result.files[-1].path, movie)
    assert engine.probe(movie)["Duration"] == pytest.approx(1, abs=0.1)


def test_probe_of_text_is_a_source_error(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("no video")
    with pytest.raises(EngineError) as caught:
        engine.probe(path)
    assert caught.value.code == "SourceFileError"


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGSEGV])
def test_killed_engine_fails_only_the_current_job(
    clip: Path, tmp_path: Path, signal_number: signal.Signals
) -> None:
    with Engine(fast=True) as engine:
        pids: list[int] = []

        def kill(index: int, _: float) -> None:
            if not pids:
                assert index == 1
                pids.append(get_pid(engine))
                os.kill(pids[0], signal_number)

        jobs = [{"kind": "dream"}, {**MP4, "copy": True}, SNAPSHOT, MP4]
        outcome = run(engine, clip, jobs, tmp_path, kill)
        error = outcome[1]
        assert isinstance(error, EngineError)
        assert error.code == "InternalError"
        assert signal_number.name in error.message
        assert isinstance(outcome[2], JobResult)
        assert isinstance(outcome[3], JobResult)
        assert get_pid(engine) != pids[0]
        wait_for_end(pids[0])


def test_engine_killed_while_idle_is_replaced(clip: Path, tmp_path: Path) -> None:
    with Engine(fast=True) as engine:
        engine.probe(clip)
        pid = get_pid(engine)
        os.kill(pid, signal.SIGKILL)
        wait_for_end(pid)
        assert_works(engine, clip, tmp_path / "out")


def test_hanging_engine_is_killed_and_replaced(clip: Path, tmp_path: Path) -> None:
    with Engine(fast=True, stall_seconds=2) as engine:
        pids: list[int] = []

        def stop(_: int, __: float) -> None:
            if not pids:
                pids.append(get_pid(engine))
                os.kill(pids[0], signal.SIGSTOP)

        error = run(engine, clip, [SLOW], tmp_path, stop)[0]
        assert isinstance(error, EngineError)
        assert error.code == "InternalError"
        assert "2 s" in error.message
        wait_for_end(pids[0])
        assert_works(engine, clip, tmp_path / "out")


def test_scratch_limit_ends_the_jobs_that_exceed_it(clip: Path, tmp_path: Path) -> None:
    with Engine(fast=True, scratch_limit=50_000) as engine:
        outcome = run(engine, clip, [SNAPSHOT, MP4], tmp_path)
        assert isinstance(outcome[0], JobResult)
        error = outcome[1]
        assert isinstance(error, EngineError)
        assert error.code == "InternalError"
        assert "50000" in error.message


def test_full_disk_is_an_internal_error(engine: Engine, clip: Path, tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a small file system")
    try:
        hls = {**MP4, "container": "hls"}
        for name, job in [("mp4", MP4), ("hls", hls)]:
            error = run(engine, clip, [job], tmp_path / name)[0]
            assert isinstance(error, EngineError), error
            assert error.code == "InternalError"
            assert "disk" in error.message
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
    assert_works(engine, clip, tmp_path / "out")


def test_cancel_ends_all_jobs(clip: Path, tmp_path: Path) -> None:
    with Engine(fast=True) as engine:
        engine.cancel()  # without effect on an idle engine
        engine.probe(clip)
        begun = threading.Event()
        canceller = threading.Thread(target=lambda: begun.wait(10) and engine.cancel())
        canceller.start()
        outcome = run(engine, clip, [SLOW, MP4], tmp_path, lambda _, __: begun.set())
        canceller.join()
        assert {type(item) for item in outcome.values()} == {EngineCancelled}
        assert_works(engine, clip, tmp_path / "out")


def test_cancel_after_the_last_result_spares_the_next_job(clip: Path, tmp_path: Path) -> None:
    with Engine(fast=True) as engine:
        engine.run(clip, [SNAPSHOT], tmp_path, on_result=lambda _, __: engine.cancel())
        assert_works(engine, clip, tmp_path / "out")


def test_cancelled_jobs_are_not_begun_again(clip: Path, tmp_path: Path) -> None:
    with Engine(fast=True) as engine:
        jobs = [{**MP4, "copy": True}, SNAPSHOT]
        outcome = run(engine, clip, jobs, tmp_path, lambda _, __: engine.cancel())
        assert isinstance(outcome[1], EngineCancelled)


def test_close_ends_the_job_and_refuses_later_ones(clip: Path, tmp_path: Path) -> None:
    engine = Engine(fast=True)
    begun = threading.Event()
    closer = threading.Thread(target=lambda: begun.wait(10) and engine.close())
    closer.start()
    outcome = run(engine, clip, [SLOW], tmp_path, lambda _, __: begun.set())
    assert isinstance(outcome[0], EngineCancelled)
    closer.join()
    assert engine.pid is None
    with pytest.raises(EngineCancelled):
        engine.probe(clip)
    engine.close()


def test_threads_wait_for_each_other(engine: Engine, clip: Path, tmp_path: Path) -> None:
    outcomes: queue.Queue[JobResult | EngineError] = queue.Queue()

    def work(number: int) -> None:
        outcomes.put(run(engine, clip, [SNAPSHOT], tmp_path / str(number))[0])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [isinstance(outcomes.get_nowait(), JobResult) for _ in threads] == [True] * 4


def test_failing_callback_is_raised_and_the_engine_works_again(clip: Path, tmp_path: Path) -> None:
    def fail(_: int, __: float) -> None:
        raise KeyboardInterrupt

    with Engine(fast=True) as engine:
        with pytest.raises(KeyboardInterrupt):
            run(engine, clip, [SLOW], tmp_path, fail)
        assert_works(engine, clip, tmp_path / "out")


def test_engine_leaves_no_process_and_no_descriptor(clip: Path, tmp_path: Path) -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    before, pids = count(), []
    for number in range(3):
        with Engine(fast=True) as engine:
            assert_works(engine, clip, tmp_path / str(number))
            pids.append(get_pid(engine))
            os.kill(pids[-1], signal.SIGKILL)
            wait_for_end(pids[-1])
            assert engine.probe(clip)["Width"] == 320
            pids.append(get_pid(engine))
    assert count() == before
    for pid in pids:
        wait_for_end(pid)


PARENT = """
import sys, time
from scf_mps.local.engine import Engine
engine = Engine()
engine.probe(sys.argv[1])
print(engine.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("is_stopped", [False, True])
def test_engine_dies_with_its_parent(clip: Path, is_stopped: bool) -> None:
    command = [sys.executable, "-c", PARENT, str(clip)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        if is_stopped:
            os.kill(pid, signal.SIGSTOP)
        parent.kill()
    wait_until(lambda: not Path(f"/proc/{pid}").exists() or is_zombie(pid))


def is_zombie(pid: int) -> bool:
    """Return True if a process has ended and nobody reaped it, as in a container without an init."""
    try:
        return ") Z" in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


def test_engine_without_pyav_names_the_extra(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with Engine() as engine:
        assert not engine.available
        assert "scf-mps[media]" in Engine.find_problem()
        error = run(engine, clip, [MP4, SNAPSHOT], tmp_path)[1]
        assert isinstance(error, EngineError)
        assert "scf-mps[media]" in error.message
        assert engine.pid is None


def test_engine_that_cannot_start_is_an_internal_error(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    before = len(os.listdir("/proc/self/fd"))
    with Engine() as engine, pytest.raises(EngineError) as caught:
        engine.probe(clip)
    assert caught.value.code == "InternalError"
    assert len(os.listdir("/proc/self/fd")) == before


def test_engine_that_ends_at_once_is_an_internal_error(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.joinpath("av.py").write_text("raise SystemExit(3)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Engine() as engine, pytest.raises(EngineError) as caught:
        engine.probe(clip)
    assert caught.value.code == "InternalError"
    assert "code 3" in caught.value.message
