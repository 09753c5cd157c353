"""Tasks from their submission to their files in COS, and what fails alone."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from scf_mps.cos import Cos, Credentials
from scf_mps.events.files import CosObject
from scf_mps.events.parser import parse_event
from scf_mps.local.cos import Fault
from scf_mps.local.engine import Engine
from scf_mps.local.mps import LocalMps
from scf_mps.local.mps.model import MediaTask

from .cloud import (
    EIGHT,
    FAST,
    IN,
    OUT,
    REGION,
    SOURCE,
    World,
    build_request,
    open_world,
    wait_until,
)

MP4 = {"TranscodeTaskSet": [{"Definition": 100010}]}
GONE = "SourceFileError"


def list_states(task: MediaTask) -> list[tuple[str, str, str]]:
    return [
        (state.plan.type, state.status, state.failure.name if state.failure else "")
        for state in task.subtasks
    ]


def test_eight_kinds_of_the_official_client_end_in_cos(world: World) -> None:
    task_id = world.call("ProcessMedia", **build_request(EIGHT, SessionContext="mine")).TaskId
    task = world.wait(task_id)
    detail = world.call("DescribeTaskDetail", TaskId=task_id)

    (event,) = world.events
    body = event["WorkflowTaskEvent"]
    assert (detail.Status, body["Status"], body["ErrCode"]) == ("FINISH", "FINISH", 0)
    assert json.loads(detail.WorkflowTask.to_json_string())["TaskId"] == task_id
    assert [state.failure for state in task.subtasks] == [None] * 8
    assert len(body["MediaProcessResultSet"]) == 8
    parsed = parse_event(event)
    assert (parsed.session_context, parsed.status) == ("mine", "FINISH")
    files = [item for result in parsed.subtasks for item in world.cos.files(result)]
    assert {item.key for item in files} == set(world.list_keys())
    assert len(world.cos.verify(files)) == len(files)
    for item in body["MediaProcessResultSet"]:
        (result,) = [value for value in item.values() if isinstance(value, dict)]
        output = result["Output"]
        if "Size" in output:
            data = world.cos.read(CosObject(OUT, REGION, output["Path"]))
            digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
            assert (output["Size"], output["Md5"]) == (len(data), digest)
    assert world.cos.exists(CosObject(OUT, REGION, "hls/clip.m3u8"))
    kept = {place.key: size for state in task.subtasks for _, place, size in state.files}
    assert kept == {e.object.key: e.size for e in world.cos.list(f"cos://{OUT}.{REGION}/")}
    assert not list((world.mps._scratch).iterdir())


def test_task_is_described_while_it_runs(world: World) -> None:
    seen = []

    def look(task: MediaTask, kind: str) -> None:
        if kind == "subtask" and not seen:
            seen.append(world.call("DescribeTaskDetail", TaskId=task.task_id))

    world.mps.observe(look)
    task = world.process(build_request(MP4))

    (detail,) = seen
    assert (detail.Status, detail.WorkflowTask.Status) == ("PROCESSING", "PROCESSING")
    result = detail.WorkflowTask.MediaProcessResultSet[0].TranscodeTask
    assert (result.Status, result.Output) == ("PROCESSING", None)
    assert detail.WorkflowTask.MetaData.VideoStreamSet[0].Width == 320
    assert task.status == "FINISH"


def test_missing_source_is_the_error_of_the_event(world: World) -> None:
    task = world.process(build_request(EIGHT, "videos/missing.mp4"))

    assert task.failure is not None
    assert (task.failure.code, task.failure.name, task.subtasks) == (30009, GONE, [])
    assert {"source-missing", "error-numbers"} <= set(task.assumptions)
    body = world.events[0]["WorkflowTaskEvent"]
    assert (body["ErrCode"], body["MetaData"], body["MediaProcessResultSet"]) == (30009, None, [])
    assert parse_event(world.events[0]).err_code == 30009


def test_forbidden_source_is_the_error_of_the_event(world: World) -> None:
    world.emulator.faults.add(
        Fault("error", operation="HeadObject", status=403, code="AccessDenied")
    )

    task = world.process(build_request(MP4))

    assert task.failure is not None
    assert task.failure.name == GONE


def test_unreadable_source_fails_every_subtask(world: World) -> None:
    world.cos.upload(b"no media", CosObject(IN, REGION, "text.mp4"))

    task = world.process(build_request({**MP4, **FAST}, "text.mp4"))

    assert task.failure is not None
    assert task.failure.code == 30009
    assert list_states(task) == [("Transcode", "FAIL", GONE), ("SampleSnapshot", "FAIL", GONE)]


def test_failed_subtasks_do_not_stop_others(world: World) -> None:
    unknown = {"SnapshotByTimeOffsetTaskSet": [{"Definition": 7}]}
    late = {
        "AnimatedGraphicTaskSet": [
            {"Definition": 20000, "StartTimeOffset": 90, "EndTimeOffset": 99}
        ]
    }
    world.emulator.faults.add(
        Fault(
            "error",
            operation="PutObject",
            key="out/clip_imageSprite*",
            status=403,
            code="AccessDenied",
        )
    )

    task = world.process(
        build_request({**unknown, **late, **FAST, "ImageSpriteTaskSet": [{"Definition": 10}]})
    )

    assert sorted(list_states(task)) == [
        ("AnimatedGraphics", "FAIL", "InvalidInput.InvalidTimeOffset"),
        ("ImageSprites", "FAIL", "InternalError"),
        ("SampleSnapshot", "SUCCESS", ""),
        ("SnapshotByTimeOffset", "FAIL", "InvalidInput.DefinitionNotExist"),
    ]
    assert task.failure is None


def test_killed_engine_fails_its_task_only(world: World, engine: Engine) -> None:
    killed = []

    def kill(task: MediaTask, kind: str) -> None:
        if kind == "subtask" and not killed:
            killed.append(task.task_id)
            assert engine.pid is not None
            os.kill(engine.pid, signal.SIGKILL)

    world.mps.observe(kill)
    first = world.process(build_request({"TranscodeTaskSet": [{"Definition": 100040}]}))
    second = world.process(build_request(FAST))

    assert list_states(first) == [("Transcode", "FAIL", "InternalError")]
    assert list_states(second) == [("SampleSnapshot", "SUCCESS", "")]
    assert killed == [first.task_id]


def test_broken_task_does_not_stop_the_worker(world: World) -> None:
    world.mps.results["Porn"] = "nonsense"
    tasks = {"TranscodeTaskSet": [{"Definition": 7}], **FAST}

    first = world.process(build_request(tasks, AiContentReviewTask={"Definition": 10}))
    second = world.process(build_request(FAST))

    states = {name: (status, error) for name, status, error in list_states(first)}
    assert states["Transcode"] == ("FAIL", "InvalidInput.DefinitionNotExist")
    assert states["SampleSnapshot"] == ("FAIL", "InternalError")
    assert states["AiContentReview.Porn"] == ("FAIL", "InternalError")
    assert list_states(second) == [("SampleSnapshot", "SUCCESS", "")]


def test_missing_scratch_folder_fails_the_task(world: World) -> None:
    world.mps._scratch.rmdir()
    task = world.process(build_request(FAST))

    assert list_states(task) == [("SampleSnapshot", "FAIL", "InternalError")]


def test_failure_of_the_database_is_survived(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def switch(value: int) -> None:
        world.mps.store._connection.execute(f"PRAGMA query_only = {value}")

    world.mps.observe(lambda _, kind: switch(1) if kind == "submitted" else None)
    task_id = world.mps.submit(build_request(FAST))
    wait_until(lambda: "database of tasks failed" in caplog.text, "the claim fails")
    switch(0)

    assert list_states(world.wait(task_id)) == [("SampleSnapshot", "SUCCESS", "")]


def test_failing_observer_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def fail(task: MediaTask, kind: str) -> None:
        raise RuntimeError(kind)

    world.mps.observe(fail)
    task = world.process(build_request(FAST))

    assert list_states(task) == [("SampleSnapshot", "SUCCESS", "")]
    assert "an observer failed" in caplog.text


def test_outputs_of_one_name_give_a_warning(world: World) -> None:
    twice = {"SampleSnapshotTaskSet": [{"Definition": 10}, {"Definition": 10}]}

    task = world.process(build_request(twice))

    assert any("SampleSnapshot" in warning for warning in task.warnings)
    assert {status for _, status, _ in list_states(task)} == {"SUCCESS"}


def test_scripted_results_follow_choices(world: World) -> None:
    world.mps.results["Porn"] = "block"

    task = world.process(build_request(FAST, AiContentReviewTask={"Definition": 10}))

    outputs = {state.plan.type: state.output for state in task.subtasks}
    porn, terrorism = outputs["AiContentReview.Porn"], outputs["AiContentReview.Terrorism"]
    assert porn is not None
    assert terrorism is not None
    assert (porn["Suggestion"], terrorism["Suggestion"]) == ("block", "pass")


def test_waiting_task_is_aborted_and_running_one_is_not(world: World) -> None:
    ids: list[str] = []
    codes: list[str] = []

    def abort_both(task: MediaTask, kind: str) -> None:
        if kind == "begun" and not ids:
            ids.extend([task.task_id, world.mps.submit(build_request(FAST))])
            world.call("ManageTask", OperationType="Abort", TaskId=ids[1])
            with pytest.raises(Exception, match="NotProcessingTask") as caught:
                world.call("ManageTask", OperationType="Abort", TaskId=ids[0])
            codes.append(caught.value.code)

    world.mps.observe(abort_both)
    first = world.process(build_request(FAST))

    assert codes == ["InvalidParameterValue.NotProcessingTask"]
    assert list_states(first) == [("SampleSnapshot", "SUCCESS", "")]
    aborted = world.mps.store.get(ids[1])
    assert aborted is not None
    assert (aborted.status, list_states(aborted)) == (
        "FINISH",
        [("SampleSnapshot", "FAIL", "InternalError")],
    )
    assert "abort" in aborted.assumptions
    assert [event["WorkflowTaskEvent"]["TaskId"] for event in world.events] == [ids[0]]


def test_stop_fails_the_running_task_and_restart_runs_the_waiting(
    tmp_path: Path, engine: Engine, clip: Path
) -> None:
    with open_world(tmp_path, engine) as world:
        world.cos.upload(clip, SOURCE)
        running = world.mps.submit(build_request(EIGHT))
        waiting = world.mps.submit(build_request(FAST))
        wait_until(lambda: (running, "subtask") in world.changes, "the engine works")

    with open_world(tmp_path, engine) as world:
        stopped, done = world.mps.store.get(running), world.wait(waiting)

    assert stopped is not None
    assert stopped.status == "FINISH"
    assert stopped.failure is not None
    assert (stopped.failure.name, stopped.failure.message) == ("InternalError", "stopped")
    assert ("Transcode", "FAIL", "InternalError") in list_states(stopped)
    assert list_states(done) == [("SampleSnapshot", "SUCCESS", "")]
    assert [event["WorkflowTaskEvent"]["TaskId"] for event in world.events] == [waiting]


def test_stop_during_the_download_stops_the_task(
    tmp_path: Path, engine: Engine, clip: Path
) -> None:
    closing = threading.Event()

    def close(mps: LocalMps, kind: str) -> None:
        if kind == "begun":
            threading.Thread(target=lambda: (mps.close(), closing.set())).start()
            wait_until(lambda: mps._is_stopping, "the stop begins")

    with open_world(tmp_path, engine) as world:
        world.cos.upload(clip, SOURCE)
        world.mps.observe(lambda _, kind: close(world.mps, kind))
        task_id = world.mps.submit(build_request(FAST))
        assert closing.wait(20)

    with open_world(tmp_path, engine) as world:
        stopped = world.mps.store.get(task_id)
    assert stopped is not None
    assert (stopped.status, stopped.metadata) == ("FINISH", None)
    assert list_states(stopped) == [("SampleSnapshot", "FAIL", "InternalError")]


def test_kill_leaves_nothing_behind(tmp_path: Path, clip: Path, engine: Engine) -> None:
    program = (
        "import sys, time; from pathlib import Path; from tests.local.mps.cloud import *\n"
        "from scf_mps.local.engine import Engine\n"
        "engine = Engine()\n"
        "with open_world(Path(sys.argv[1]), engine) as world:\n"
        "    world.cos.upload(sys.argv[2], SOURCE)\n"
        "    task = world.mps.submit(build_request(EIGHT))\n"
        "    wait_until(lambda: (task, 'subtask') in world.changes, 'the engine works')\n"
        "    print(task, engine.pid, flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path), str(clip)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        task_id, engine_pid = process.stdout.readline().split()
        process.kill()
    wait_until(lambda: not _is_alive(int(engine_pid)), "the engine ends")

    with open_world(tmp_path, engine) as world:
        task = world.mps.store.get(task_id)
        assert task is not None
        assert (task.status, task.failure and task.failure.message) == ("FINISH", "stopped")
        assert not list((tmp_path / "mps" / "scratch").iterdir())


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("settings", [{"workers": 2}])
def test_workers_process_tasks_at_the_same_time(world: World) -> None:
    seen: dict[str, set[str]] = {}

    def look(task: MediaTask, kind: str) -> None:
        running = world.mps.store.list_tasks(status="PROCESSING")
        seen[task.task_id] = seen.get(task.task_id, set()) | {each.task_id for each in running}

    world.mps.observe(look)
    ids = [world.mps.submit(build_request(MP4)) for _ in range(2)]
    for task_id in ids:
        assert list_states(world.wait(task_id)) == [("Transcode", "SUCCESS", "")]

    assert set(ids) in seen.values()


def test_source_elsewhere_fails_every_subtask(world: World) -> None:
    url = {"Type": "URL", "UrlInputInfo": {"Url": "http://127.0.0.1/a.mp4"}}
    request = build_request(FAST, AiContentReviewTask={"Definition": 10})

    task = world.process({**request, "InputInfo": url})

    assert {(status, error) for _, status, error in list_states(task)} == {
        ("FAIL", "InternalError")
    }
    assert world.events[0]["WorkflowTaskEvent"]["InputInfo"] == url


def test_missing_bucket_is_refused(world: World) -> None:
    elsewhere = {"Bucket": "none-1250000000", "Region": REGION}
    storage = {"Type": "COS", "CosOutputStorage": elsewhere}
    with pytest.raises(Exception, match="requestId") as caught:
        world.call("ProcessMedia", **build_request(FAST, OutputStorage=storage))
    assert caught.value.code == "ResourceNotFound.CosBucketNotExist"


@pytest.mark.parametrize("settings", [{"max_source_bytes": 1000}])
def test_large_source_fails(world: World) -> None:
    task = world.process(build_request(FAST))

    assert list_states(task) == [("SampleSnapshot", "FAIL", "InternalError")]
    assert task.failure is None


def test_damaged_download_fails(world: World) -> None:
    world.emulator.faults.add(Fault("corrupt", operation="GetObject"))

    task = world.process(build_request(FAST))

    assert list_states(task) == [("SampleSnapshot", "FAIL", "InternalError")]
    assert task.failure is None


def test_engine_that_hangs_while_probing_fails(tmp_path: Path, clip: Path) -> None:
    with (
        Engine(fast=True, stall_seconds=0.3) as engine,
        open_world(tmp_path, engine) as world,
    ):
        world.cos.upload(clip, SOURCE)
        engine.probe(clip)
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGSTOP)

        task = world.process(build_request(FAST))

        assert list_states(task) == [("SampleSnapshot", "FAIL", "InternalError")]
        assert task.failure is None


def test_unknown_state_of_a_bucket_does_not_refuse(world: World) -> None:
    world.emulator.faults.add(
        Fault("error", operation="ListObjects", status=403, code="AccessDenied")
    )

    world.process(build_request(FAST))

    with pytest.raises(Exception, match="requestId") as caught:
        world.call(
            "ProcessMedia",
            **build_request(
                FAST, OutputStorage={"Type": "COS", "CosOutputStorage": {"Bucket": OUT}}
            ),
        )
    assert caught.value.code == "ResourceNotFound.CosBucketNotExist"


def test_custom_templates_survive_a_restart(tmp_path: Path, engine: Engine, clip: Path) -> None:
    with open_world(tmp_path, engine) as world:
        number = world.mps.templates.create(
            "SampleSnapshot", {"SampleType": "Percent", "SampleInterval": 50}
        )
        world.cos.upload(clip, SOURCE)

    with open_world(tmp_path, engine) as world:
        task = world.process(build_request({"SampleSnapshotTaskSet": [{"Definition": number}]}))

    assert [len(state.files) for state in task.subtasks] == [2]


def test_mps_closes_without_a_start(tmp_path: Path, engine: Engine) -> None:
    mps = LocalMps(tmp_path, Cos(Credentials("a", "b"), buckets="*"), engine, deliver=str)
    mps.close()

    assert (tmp_path / "tasks.db").exists()
