"""The local stack: from an upload to callbacks, reload, redelivery, restart and clean-up."""

from __future__ import annotations

import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from scf_mps.events.files import CosObject
from scf_mps.local.dev import default_workflow
from scf_mps.local.dev import stack as stack_module
from scf_mps.local.dev.folder_lock import StackInUse
from scf_mps.local.dev.options import StackOptions
from scf_mps.local.dev.stack import Stack
from scf_mps.local.mps.errors import Refused
from scf_mps.local.mps.model import Location
from scf_mps.local.samples import sample
from scf_mps.local.scf import InvocationRejected
from tests.support.wait import wait_for_end, wait_until

from .projects import HANDLERS, QUICK, TRANSCODE, Start, list_outcomes, read_task, wait_for_task

DONE = [("film", "done"), ("send", "done")]
EVENT = sample("WorkflowTask", Transcode="SUCCESS")
EVENT_TASK = EVENT["WorkflowTaskEvent"]["TaskId"]


def push(stack: Stack, event: Any = EVENT) -> dict[str, Any]:
    """Push an event and return the detail of its task."""
    stack.push(event)
    stack.function.settle()
    return read_task(stack, event["WorkflowTaskEvent"]["TaskId"])


def request(location: Location) -> dict[str, Any]:
    """Return the parameters of ProcessMedia for one transcode."""
    cos = {"Bucket": location.bucket, "Region": location.region, "Object": f"/{location.key}"}
    return {"InputInfo": {"Type": "COS", "CosInputInfo": cos}, "MediaProcessTask": TRANSCODE}


# From an upload to callbacks


def test_upload_is_processed_and_handled(start: Start, clip: Path) -> None:
    stack = start(workflow=None)
    task_id = stack.submit_video(clip)
    detail = wait_for_task(stack, task_id)
    assert detail["source"] == "cos://media-1250000000.ap-guangzhou/videos/clip.mp4"
    assert detail["subtasks"] == {"total": 8, "done": 8, "failed": 0}
    assert not detail["failed"]
    assert [result["media"] for result in detail["results"]] == [
        "video",
        "hls",
        "image",
        "image",
        "images",
        "images",
        "sprites",
        "hls",
    ]
    assert detail["results"][0]["name"] == "MP4 360p"
    for result in detail["results"]:
        for file in result["files"]:
            assert stack.client.head(file["cos"]).size == file["size"] > 0
    (delivery,) = detail["deliveries"]
    assert (delivery["state"], delivery["manual"]) == ("done", False)
    assert delivery["pushed"] - detail["finished"] < 1
    assert list_outcomes(delivery) == [[("film", "done"), *DONE]]
    assert detail["event"]["WorkflowTaskEvent"]["TaskId"] == task_id
    # A video of the same name does not replace the first one.
    second = stack.submit_video(clip)
    assert read_task(stack, second)["source"].endswith("/videos/2/clip.mp4")


def test_failed_callback_is_retried(start: Start, tmp_path: Path) -> None:
    fails = tmp_path / "fails"
    fails.touch()
    stack = start(variables={"MPS_FAILS": str(fails)})
    stack.function.observe(lambda event: event.kind == "retrying" and fails.unlink())
    (delivery,) = push(stack)["deliveries"]
    assert list_outcomes(delivery) == [
        [("film", "failed"), ("send", "deferred")],
        [("film", "done"), ("send", "done")],
    ]


def test_spans_are_shown_at_each_attempt(start: Start, tmp_path: Path) -> None:
    fails = tmp_path / "fails"
    fails.touch()
    stack = start(variables={"MPS_FAILS": str(fails)})
    stack.function.observe(lambda event: event.kind == "retrying" and fails.unlink())
    (delivery,) = push(stack)["deliveries"]
    first, second = [attempt["spans"] for attempt in delivery["attempts"]]
    films = [next(span for span in spans if span["name"] == "film") for spans in (first, second)]
    assert ["no route to host" in film["error"] for film in films] == [True, False]
    assert [film["depth"] for film in films] == [2, 2]
    assert [spans[0]["kind"] for spans in (first, second)] == ["invocation"] * 2
    for spans in (first, second):
        assert {"event", "callback", "ledger"} <= {span["kind"] for span in spans}
        end = spans[0]["ms"] + 0.02  # times are rounded
        assert all(0 <= span["start"] <= span["start"] + span["ms"] <= end for span in spans)


def test_message_is_shown_at_its_task(start: Start, project: Path) -> None:
    stack = start()
    url = f"{stack.chat.url}/services/T/B/X"
    stack.options.variables["MPS_HOOK"] = url  # type: ignore[index]
    stack.reload()
    assert stack.reload_error == ""
    (message,) = push(stack)["messages"]
    assert message["channel"] == "slack"


def test_mail_is_shown_at_its_task(start: Start, project: Path) -> None:
    code = (
        "from scf_mps import App, Event, actions\n"
        "import os\n"
        "app = App()\n"
        'notify = actions.Notify(os.environ["MPS_NOTIFY"], smtp=os.environ["MPS_SMTP"])\n'
        'app.on_complete(Event, name="send")(notify.send)\n'
        "main_handler = app.main_handler\n"
    )
    (project / "handlers" / "__init__.py").write_text(code)
    (project / ".env").write_text("MPS_NOTIFY=mailto:ops@example.com?lang=en\n")
    detail = push(start())
    (message,) = detail["messages"]
    assert message["channel"] == "mail"
    assert message["raw"]["to"] == ["ops@example.com"]
    assert message["raw"]["from"] == "mps@example.com"
    assert message["title"] == message["raw"]["subject"] != ""
    assert message["lines"]


def test_official_client_submits_and_describes(start: Start, clip: Path) -> None:
    pytest.importorskip("tencentcloud", reason="the official SDK is not installed")
    from tencentcloud.common.credential import Credential
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile
    from tencentcloud.mps.v20190612 import models
    from tencentcloud.mps.v20190612.mps_client import MpsClient

    stack = start()
    stack.client.upload(clip, CosObject("media-1250000000", "ap-guangzhou", "own/clip.mp4"))
    key = stack.cos.key
    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=stack.api.endpoint))
    client = MpsClient(Credential(key.secret_id, key.secret_key), "ap-guangzhou", profile)
    call = models.ProcessMediaRequest()
    call._deserialize(request(Location("media-1250000000", "ap-guangzhou", "own/clip.mp4")))
    task_id = client.ProcessMedia(call).TaskId
    detail = wait_for_task(stack, task_id)
    assert detail["subtasks"] == {"total": 1, "done": 1, "failed": 0}
    ask = models.DescribeTaskDetailRequest()
    ask.TaskId = task_id
    assert client.DescribeTaskDetail(ask).Status == "FINISH"


def test_own_workflow_replaces_default(start: Start, clip: Path) -> None:
    upload = {
        "Bucket": "mine-1250000000",
        "Region": "ap-beijing",
        "Dir": "/in/",
        "Formats": [".mp4"],
    }
    workflow = {
        "WorkflowName": "mine",
        "Trigger": {"Type": "CosFileUpload", "CosFileUploadTrigger": upload},
        "MediaProcessTask": TRANSCODE,
    }
    stack = start(workflow=workflow)
    assert stack.input == Location("mine-1250000000", "ap-beijing", "in/")
    detail = wait_for_task(stack, stack.submit_video(clip))
    assert [result["type"] for result in detail["results"]] == ["Transcode"]
    other = clip.with_suffix(".bin")
    other.write_bytes(b"?")
    with pytest.raises(ValueError, match="Formats"):
        stack.submit_video(other)
    stack.close()
    # A later run replaces the workflow of the same name.
    assert len(start(workflow=workflow).describe()["workflows"]) == 1


def test_two_workflows_keep_their_ids(
    start: Start, monkeypatch: pytest.MonkeyPatch, clip: Path
) -> None:
    monkeypatch.setattr(stack_module, "_MAX_REMEMBERED_OBJECTS", 1)
    stack = start()
    first = stack.describe()["workflows"][0]
    stack.close()
    upload = {"Bucket": "b-1250000000", "Region": "ap-guangzhou"}
    trigger = {"Type": "CosFileUpload", "CosFileUploadTrigger": upload}
    workflow = {**default_workflow.PARAMETERS, "WorkflowName": "second", "Trigger": trigger}
    stack = start(workflow=workflow)
    workflows = stack.describe()["workflows"]
    assert [item["name"] for item in workflows] == ["default", "second"]
    assert workflows[0] == first
    places = [Location("b-1250000000", "ap-guangzhou", f"{number}.mp4") for number in range(2)]
    for place in places:
        stack.client.upload(clip, CosObject(place.bucket, place.region, place.key))
    assert [stack.submit_object(place) is not None for place in places] == [False, True]


def test_refused_workflow_ends_the_start(project: Path) -> None:
    workflow = {**default_workflow.PARAMETERS, "WorkflowName": ""}
    with pytest.raises(Refused):
        Stack(StackOptions(project, workflow=workflow, **QUICK)).__enter__()
    with Stack(StackOptions(project, **QUICK)):
        pass


def test_object_is_submitted_to_another_workflow(start: Start, clip: Path) -> None:
    stack = start()
    other = {
        **default_workflow.PARAMETERS,
        "WorkflowName": "other",
        "MediaProcessTask": TRANSCODE,
        "Trigger": {
            "Type": "CosFileUpload",
            "CosFileUploadTrigger": {"Bucket": "other-1250000000", "Region": "ap-guangzhou"},
        },
    }
    number = stack.mps.workflows.create(other)
    location = Location("media-1250000000", "ap-guangzhou", "videos/a.mp4")
    stack.client.upload(clip, CosObject(location.bucket, location.region, location.key))
    task_id = stack.submit_object(location, str(number))
    assert task_id is not None
    assert len(read_task(stack, task_id)["results"]) == 1
    assert stack.submit_object(location) is None  # its task was returned before
    with pytest.raises(KeyError):
        stack.submit_object(location, "1")


# Redelivery


def test_redelivery_skips_completed_callbacks(start: Start) -> None:
    stack = start()
    push(stack)
    for force, outcomes in (
        ((), [("film", "skipped"), ("send", "skipped")]),
        (["send"], [("film", "skipped"), ("send", "done")]),
        (None, [("film", "done"), ("send", "done")]),
    ):
        request_id = stack.redeliver(EVENT_TASK, force)
        stack.function.settle()
        delivery = read_task(stack, EVENT_TASK)["deliveries"][-1]
        assert (delivery["request_id"], delivery["manual"]) == (request_id, True)
        assert list_outcomes(delivery) == [outcomes]


def test_redelivery_needs_an_event(start: Start, clip: Path) -> None:
    stack = start()
    with pytest.raises(KeyError):
        stack.redeliver("unknown")
    request_id = stack.push({"no": "event"})
    stack.function.settle()
    stack.redeliver(request_id, None)
    stack.function.settle()
    with pytest.raises(InvocationRejected):
        stack.push({"large": "x" * 200_000})


def test_lost_event_is_redelivered(start: Start, clip: Path) -> None:
    stack = start()
    stack.mps.faults.add("lose")
    task_id = stack.submit_video(clip)
    detail = wait_for_task(stack, task_id)
    assert [delivery["state"] for delivery in detail["deliveries"]] == ["lost"]
    assert detail["event"] is None
    stack.redeliver(task_id)
    detail = wait_for_task(stack, task_id)
    assert list_outcomes(detail["deliveries"][-1]) == [DONE]


def test_dead_letter_is_redelivered(start: Start, tmp_path: Path) -> None:
    fails = tmp_path / "fails"
    fails.touch()
    stack = start(variables={"MPS_FAILS": str(fails)})
    detail = push(stack)
    assert detail["dead_letter"]
    dead = detail["deliveries"][0]["request_id"]
    fails.unlink()
    with pytest.raises(KeyError):
        stack.redeliver_dead_letter("unknown")
    stack.redeliver_dead_letter(dead)
    stack.function.settle()
    detail = read_task(stack, EVENT_TASK)
    assert (detail["dead_letter"], detail["failed"]) == (False, False)
    stack.close()
    # The queue of an earlier run is gone, but its events are in the history.
    stack = start()
    stack.redeliver_dead_letter(dead)
    stack.function.settle()
    outcomes = list_outcomes(read_task(stack, EVENT_TASK)["deliveries"][-1])
    assert outcomes == [[("film", "skipped"), ("send", "skipped")]]


def test_queue_is_paused(start: Start) -> None:
    stack = start()
    stack.pause(True)
    stack.push(EVENT)
    assert stack.describe()["function"]["paused"]
    assert stack.describe()["function"]["waiting"] == 1
    assert read_task(stack, EVENT_TASK)["deliveries"][0]["state"] == "queued"
    stack.pause(False)
    stack.function.settle()
    assert read_task(stack, EVENT_TASK)["deliveries"][0]["state"] == "done"


# Reload


def test_saved_file_reloads_and_redelivers(start: Start, project: Path) -> None:
    stack = start(watch=True)
    push(stack)
    stack.set_again_after_save(True)
    code = project / "handlers" / "__init__.py"
    saved = time.time()
    code.write_text(HANDLERS.replace('"one", "two"', '"new code"'))
    wait_until(lambda: len(read_task(stack, EVENT_TASK)["deliveries"]) == 2)
    stack.function.settle()
    delivery = read_task(stack, EVENT_TASK)["deliveries"][1]
    assert list_outcomes(delivery) == [[("film", "done"), ("send", "done")]]
    (attempt,) = delivery["attempts"]
    assert "new code" in [line["message"] for line in attempt["logs"]]
    print(f"save to redelivered: {attempt['started'] - saved:.2f} s")
    assert attempt["started"] - saved < 5
    state = stack.describe()["function"]
    assert state["reload_error"] is None
    assert state["reload_ms"] > 0
    assert state["loaded_at"] > saved


def test_broken_code_is_shown_and_old_code_goes_on(start: Start, project: Path) -> None:
    lines: list[str] = []
    stack = start(watch=True, show=lines.append)
    code = project / "handlers" / "__init__.py"
    code.write_text("def broken(:\n")
    wait_until(lambda: stack.reload_error)
    error = stack.describe()["function"]["reload_error"]
    assert "SyntaxError" in error
    assert "handlers/__init__.py:1" in error
    assert "/tmp" not in error
    assert list_outcomes(push(stack)["deliveries"][0]) == [[("film", "done"), ("send", "done")]]
    code.write_text(HANDLERS)
    wait_until(lambda: not stack.reload_error)
    wait_until(lambda: len(lines) == 2)
    assert lines[0].startswith("not reloaded: SyntaxError")
    assert lines[1].startswith("reloaded in ")


def test_code_that_is_broken_at_the_start_is_shown(start: Start, project: Path) -> None:
    (project / "handlers" / "__init__.py").write_text("import missing_module\n")
    stack = start()
    wait_until(lambda: stack.describe()["function"]["reload_error"])
    assert "missing_module" in stack.describe()["function"]["reload_error"]
    detail = push(stack)
    error = detail["deliveries"][0]["attempts"][0]["error"]
    assert 'File "handlers/__init__.py", line 1' in error


def test_configuration_is_reloaded(start: Start, project: Path) -> None:
    stack = start()
    code = 'import os\ndef main_handler(event, context): print(os.environ.get("MPS_COLOR"))\n'
    (project / "handlers" / "__init__.py").write_text(code)
    yml = "inputs:\n  timeout: {}\n  memorySize: 512\n  environment:\n    variables:\n      MPS_COLOR: red\n"
    (project / "serverless.yml").write_text(yml.format(9))
    stack.reload()
    assert stack.reload_error == ""
    assert (stack.function.timeout, stack.function.memory) == (9, 512)
    assert "red\n" in stack.function.invoke(EVENT).log
    for text, word in ((yml.format(5000), "timeout"), ("inputs: [", "serverless.yml")):
        (project / "serverless.yml").write_text(text)
        stack.reload()
        assert word in stack.reload_error
    assert stack.function.timeout == 9


def test_callbacks_are_listed(start: Start, project: Path) -> None:
    stack = start()
    wait_until(lambda: stack.describe()["function"]["callbacks"])
    assert [item["name"] for item in stack.describe()["function"]["callbacks"]] == ["film", "send"]
    code = HANDLERS.replace('name="send"', 'name="post"')
    (project / "handlers" / "__init__.py").write_text(code)
    stack.reload()
    wait_until(lambda: stack.describe()["function"]["callbacks"][1]["name"] == "post")


# Restart and clean-up


def test_restart_keeps_history(start: Start, clip: Path) -> None:
    stack = start()
    task_id = stack.submit_video(clip)
    wait_for_task(stack, task_id)
    last = stack.activity.last_id
    stack.close()
    stack = start()
    detail = read_task(stack, task_id)
    assert detail["callbacks"] == {"done": 2, "failed": 0, "running": 0}
    assert stack.activity.last_id >= last
    assert stack.client.head(detail["results"][0]["files"][0]["cos"]).size > 0
    stack.close()
    stack = start(fresh=True)
    assert stack.activity.list_tasks() == ([], None)
    assert stack.activity.read_task(task_id) is None


def test_stop_during_job_is_quick_and_leaves_nothing(
    project: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    long_clip = tmp_path / "long.mp4"
    stack = Stack(StackOptions(project, port=0, has_console=False))
    started = time.monotonic()
    with stack:
        ready = time.monotonic() - started
        stack.engine.make_sample_clip(long_clip, 5, 640)  # type: ignore[union-attr]
        stack.push({"warm": "up"})
        stack.function.settle()
        task_id = stack.submit_video(long_clip)
        wait_until(lambda: read_task(stack, task_id)["progress"] > 0, 30)
        pids = [stack.engine.pid, *(instance.pid for instance in stack.function.instances)]
        ports = [stack.cos.port, stack.api.port, stack.chat.port]
        started = time.monotonic()
    stopped = time.monotonic() - started
    print(f"ready in {ready:.2f} s, stopped in {stopped:.2f} s")
    assert ready < 5
    assert stopped < 5
    assert len(pids) == 2
    for pid in pids:
        assert pid is not None
        wait_for_end(pid)
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert list(scratch.iterdir()) == []
    assert not (stack.folder / "mps" / "scratch").exists()
    with Stack(StackOptions(project, port=0, has_console=False)) as again:
        detail = read_task(again, task_id)
        assert detail["status"] == "FINISH"
        assert detail["failed"]


def test_folder_is_used_by_one_stack(start: Start, project: Path) -> None:
    start()
    with pytest.raises(StackInUse, match="in use"):
        Stack(StackOptions(project, **QUICK)).__enter__()


def test_taken_ports_are_replaced(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1] - 1
        options = StackOptions(project, **{**QUICK, "port": port})
        with Stack(options) as stack:
            assert stack.cos.port != port + 1
    with Stack(StackOptions(project, **{**QUICK, "port": 65535})) as stack:
        assert stack.cos.port < 65535


def test_sample_clip_is_made_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_module, "SAMPLE_SECONDS", 1)
    stack = start()
    path = stack.make_sample_clip()
    before = path.stat()
    assert before.st_size > 1000
    assert stack.make_sample_clip().stat().st_mtime_ns == before.st_mtime_ns


def test_canned_files_without_media_extra(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    stack = start(workflow=None)
    assert "scf-mps[media]" in stack.describe()["engine"]["problem"]
    detail = wait_for_task(stack, stack.submit_video(stack.make_sample_clip()))
    assert detail["subtasks"] == {"total": 8, "done": 8, "failed": 0}
    assert list_outcomes(detail["deliveries"][0]) == [[("film", "done"), *DONE]]


def test_page_is_served(project: Path) -> None:
    from urllib.request import urlopen

    with Stack(StackOptions(project, port=0)) as stack:
        assert stack.url.startswith("http://127.0.0.1:")
        with urlopen(f"{stack.url}/api/state") as response:
            assert b'"engine"' in response.read()
