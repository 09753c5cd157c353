"""Activity: documents of tasks, deliveries, callbacks, log lines and messages."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from scf_mps.local.chat_webhooks import ChatWebhookStub
from scf_mps.local.cos import StoredObject
from scf_mps.local.dev import activity_store
from scf_mps.local.dev.activity import Activity
from scf_mps.local.mps.model import (
    Failure,
    Location,
    MediaTask,
    OutputNames,
    Subtask,
    SubtaskState,
)
from scf_mps.local.samples import sample
from scf_mps.local.scf import LocalFunction
from scf_mps.logs import CALLBACK_LEVEL
from tests.support.wait import wait_until

from .projects import create_project

BUCKET = Location("in-1250000000", "ap-guangzhou")
NAMES = OutputNames("out")


@pytest.fixture
def activity(tmp_path: Path) -> Iterator[Activity]:
    activity = Activity(tmp_path / "dev" / "activity.sqlite")
    yield activity
    activity.close()


Start = Callable[..., LocalFunction]


@pytest.fixture
def start(tmp_path: Path, activity: Activity) -> Iterator[Start]:
    """Starts the function of a project, with retries after 10 ms."""
    project = create_project(tmp_path / "project")
    with ExitStack() as stack:

        def run(source: Path = project, environment: Any = None, **settings: Any) -> LocalFunction:
            variables = {
                "MPS_LEDGER": (tmp_path / "ledger").as_uri(),
                "MPS_LOG_LEVEL": CALLBACK_LEVEL,
                **(environment or {}),
            }
            function = LocalFunction(
                source, environment=variables, timeout=10, speed=6000, **settings
            )
            function.observe(activity.add_lifecycle_event)
            return stack.enter_context(function)

        yield run


def make_task(task_id: str = "1250000000-WorkflowTask-1", **fields: Any) -> MediaTask:
    source = Location(BUCKET.bucket, BUCKET.region, "videos/a.mp4")
    return MediaTask(task_id, {"SessionId": "session"}, source, 100.0, **fields)


def make_state(type_: str, role: str, key: str, **fields: Any) -> SubtaskState:
    plan = Subtask(type_, 10, {}, BUCKET, NAMES)
    files = [(role, Location(BUCKET.bucket, BUCKET.region, key), 7)]
    return SubtaskState(plan, "SUCCESS", 1.0, files=files, **fields)


def get_calls(attempt: dict[str, Any]) -> list[tuple[str, str]]:
    return [(call["callback"], call["outcome"]) for call in attempt["callbacks"]]


# Tasks


def test_task_of_local_mps_becomes_row_and_detail(activity: Activity) -> None:
    task = make_task(
        status="PROCESSING",
        subtasks=[
            make_state(
                "Transcode",
                "main",
                "videos/a_10.mp4",
                output={"Width": 320, "VideoStreamSet": [{"Codec": "h264", "Fps": 25}]},
            ),
            SubtaskState(Subtask("ImageSprites", 10, {}, BUCKET, NAMES), "PROCESSING", 0.5),
            SubtaskState(
                Subtask("Transcode", 9, {}, BUCKET, failure=Failure(40000, "InvalidInput", "no")),
                "FAIL",
                failure=Failure(40000, "InvalidInput", "no"),
            ),
            SubtaskState(Subtask("AiContentReview.Porn", 10, {}, BUCKET)),
        ],
        metadata={"Size": 5},
        warnings=["two outputs of one name"],
        assumptions=["abort"],
    )
    activity.update_task(task, "progress")
    (row,), cursor = activity.list_tasks()
    assert cursor is None
    assert row == activity.find_row(task.task_id)
    assert row["subtasks"] == {"total": 4, "done": 1, "failed": 1}
    assert row["progress"] == 0.625
    assert row["failed"]
    assert (row["source"], row["name"], row["session_id"], row["finished"]) == (
        "cos://in-1250000000.ap-guangzhou/videos/a.mp4",
        "a.mp4",
        "session",
        None,
    )
    detail = activity.read_task(task.task_id)
    assert detail is not None
    assert {**detail, **row} == {**detail, "deliveries": 0}
    assert detail["assumptions"] == [{"id": "abort", "text": "abort"}]
    assert detail["source_file"]["size"] == 5
    assert detail["event"] is None
    video, sprites, failed, review = detail["results"]
    assert [result["place"] for result in detail["results"]] == [
        "MediaProcessResultSet[0]",
        "MediaProcessResultSet[1]",
        "MediaProcessResultSet[2]",
        "AiContentReviewResultSet[0]",
    ]
    assert (video["media"], video["codec"], video["fps"], video["size"]) == ("video", "h264", 25, 7)
    assert video["play"] == "/cos/in-1250000000/ap-guangzhou/videos/a_10.mp4"
    assert video["play_mp4"] is None
    assert (sprites["media"], sprites["progress"], sprites["play"]) == ("sprites", 0.5, None)
    assert failed["error"]["code"] == 40000
    assert failed["error"]["meaning"]
    assert [result["scripted"] for result in detail["results"]] == [False, False, False, True]
    assert review["name"] == "AiContentReview.Porn 10"


@pytest.mark.parametrize(
    ("type_", "role", "key", "media", "plays"),
    [
        ("Transcode", "playlist", "a.m3u8", "hls", True),
        ("Transcode", "main", "a.m4a", "audio", True),
        ("AdaptiveDynamicStreaming", "main", "a.m3u8", "hls", True),
        ("AnimatedGraphics", "main", "a.gif", "image", True),
        ("SampleSnapshot", "picture", "a.jpg", "images", False),
        ("ImageSprites", "sheet", "a.jpg", "sprites", False),
        ("Transcode", "main", "a.bin", "data", False),
    ],
)
def test_kind_of_medium(
    activity: Activity, type_: str, role: str, key: str, media: str, plays: bool
) -> None:
    task = make_task(subtasks=[make_state(type_, role, key)])
    activity.update_task(task, "finished")
    detail = activity.read_task(task.task_id)
    assert detail is not None
    (result,) = detail["results"]
    assert result["media"] == media
    assert (result["play"] is not None) == plays
    assert (result["play_mp4"] is not None) == (media == "hls")
    assert (detail["poster"] is not None) == (media in ("image", "images"))


def test_source_at_url_has_no_file(activity: Activity) -> None:
    task = make_task()
    task.source = Location("", "", "https://example.com/b.mp4")
    activity.update_task(task, "submitted")
    detail = activity.read_task(task.task_id)
    assert detail is not None
    assert (detail["source"], detail["name"]) == ("https://example.com/b.mp4", "b.mp4")
    assert detail["source_file"] is None


def test_lost_notification_is_delivery(activity: Activity) -> None:
    task = make_task(status="FINISH", finished=200.0)
    activity.update_task(task, "lost")
    detail = activity.read_task(task.task_id)
    assert detail is not None
    assert [(item["state"], item["attempts"]) for item in detail["deliveries"]] == [("lost", [])]
    assert detail["failed"]


def test_list_filters_and_pages(activity: Activity) -> None:
    for number in range(120):
        task = make_task(f"task-{number:03}", status="FINISH" if number % 2 else "WAITING")
        if number == 7:
            task.failure = Failure(30009, "SourceFileError", "broken")
        activity.update_task(task, "submitted")
    pages = []
    before: str | None = ""
    while before is not None:
        page, before = activity.list_tasks(before=before)
        pages.append([row["id"] for row in page])
    assert [len(page) for page in pages] == [50, 50, 20]
    assert list(chain(*pages)) == [f"task-{number:03}" for number in reversed(range(120))]
    assert [row["id"] for row in activity.list_tasks(failed=True)[0]] == ["task-007"]
    assert len(activity.list_tasks(status="WAITING")[0]) == 50
    assert [row["id"] for row in activity.list_tasks(query="TASK-01")[0]][:2] == [
        "task-019",
        "task-018",
    ]
    assert activity.list_tasks(query="100%") == ([], None)
    with pytest.raises(ValueError, match="invalid literal"):
        activity.list_tasks(before="x")


# Deliveries


def test_event_of_other_mps_becomes_task_with_callbacks(activity: Activity, start: Start) -> None:
    function = start()
    event = sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="FAIL")
    request_id = function.push(event)
    function.settle()
    task_id = event["WorkflowTaskEvent"]["TaskId"]
    detail = activity.read_task(task_id)
    assert detail is not None
    assert (detail["event_type"], detail["status"], detail["failed"]) == (
        "WorkflowTask",
        "FINISH",
        True,
    )
    assert detail["event"] == event
    assert detail["subtasks"] == {"total": 2, "done": 1, "failed": 1}
    video, sprites = detail["results"]
    assert video["play"].endswith("/videos/demo_Transcode_100030.mp4")
    assert sprites["error"]["message"]
    (delivery,) = detail["deliveries"]
    assert (delivery["request_id"], delivery["state"], delivery["manual"]) == (
        request_id,
        "done",
        True,
    )
    (attempt,) = delivery["attempts"]
    assert (attempt["number"], attempt["cold"], attempt["status"], attempt["instance"]) == (
        0,
        True,
        200,
        1,
    )
    assert attempt["ms"] > 0
    assert attempt["init_ms"] > 0
    assert attempt["memory"] > 1_000_000
    assert get_calls(attempt) == [("film", "done"), ("send", "done")]
    assert attempt["callbacks"][0]["ms"] >= 0
    messages = [line["message"] for line in attempt["logs"]]
    assert "one two" in messages
    assert "done" in messages
    assert detail["callbacks"] == {"done": 2, "failed": 0, "running": 0}


def test_retry_shows_both_attempts(activity: Activity, start: Start, tmp_path: Path) -> None:
    fails = tmp_path / "fails"
    fails.touch()
    function = start(environment={"MPS_FAILS": str(fails)})
    states: list[str] = []

    def watch(event: Any) -> None:
        if event.kind == "retrying":
            row = activity.list_tasks()[0][0]
            states.append(f"{row['retrying']} {row['failed']} {row['callbacks']['failed']}")
            fails.unlink()

    function.observe(watch)
    event = sample("WorkflowTask", Transcode="SUCCESS")
    with activity.deliver_for_mps():
        function.push(event)
    function.settle()
    assert states == ["True True 2"]
    detail = activity.read_task(event["WorkflowTaskEvent"]["TaskId"])
    assert detail is not None
    (delivery,) = detail["deliveries"]
    assert not delivery["manual"]
    first, second = delivery["attempts"]
    assert get_calls(first) == [("film", "failed"), ("send", "deferred")]
    assert first["callbacks"][0]["error"] == "OSError: no route to host"
    assert "CallbacksFailed" in first["error"] or "callbacks failed" in first["error"]
    assert first["status"] == 430
    (failure,) = [line for line in first["logs"] if line["text"].startswith("Traceback")]
    assert failure["level"] == "ERROR"
    assert get_calls(second) == [("film", "done"), ("send", "done")]
    assert detail["callbacks"] == {"done": 2, "failed": 0, "running": 0}
    assert not detail["failed"]
    function.push(event)
    function.settle()
    detail = activity.read_task(detail["id"])
    assert detail is not None
    assert detail["deliveries"][1]["state"] == "done"
    assert get_calls(detail["deliveries"][1]["attempts"][0]) == [
        ("film", "skipped"),
        ("send", "skipped"),
    ]
    assert detail["callbacks"]["done"] == 2


@pytest.mark.parametrize(("queue", "state"), [(True, "dead"), (False, "lost")])
def test_given_up_event_is_shown(
    activity: Activity, start: Start, tmp_path: Path, queue: bool, state: str
) -> None:
    (tmp_path / "fails").touch()
    function = start(
        environment={"MPS_FAILS": str(tmp_path / "fails")}, dead_letter_queue=queue, retries=0
    )
    event = sample("WorkflowTask", Transcode="SUCCESS")
    function.push(event)
    function.settle()
    (row,), _ = activity.list_tasks(failed=True)
    assert (row["dead_letter"], row["retrying"]) == (state == "dead", False)
    detail = activity.read_task(row["id"])
    assert detail is not None
    assert detail["deliveries"][0]["state"] == state


def test_call_and_unknown_event_have_rows(activity: Activity, start: Start) -> None:
    function = start()
    invocation = function.invoke({"hello": "world"})
    (row,), _ = activity.list_tasks()
    assert (row["id"], row["event_type"], row["name"]) == (invocation.request_id, "", "event")
    detail = activity.read_task(row["id"])
    assert detail is not None
    assert detail["event"] == {"hello": "world"}
    assert detail["deliveries"][0]["state"] == "failed"
    assert "invalid event" in str(detail["deliveries"][0]["attempts"][0]["logs"])


def test_lone_surrogates_are_stored(activity: Activity, start: Start) -> None:
    function = start()
    event = sample("WorkflowTask", Transcode="SUCCESS", task_id="1-WorkflowTask-\ud800")
    event["SessionId"] = "\udc00"
    function.push(event)
    function.settle()
    (row,), _ = activity.list_tasks(query="\ud800")
    assert row["id"] == r"1-WorkflowTask-\ud800"
    detail = activity.read_task(r"1-WorkflowTask-\ud800")
    assert detail is not None
    assert detail["event"] == event
    assert get_calls(detail["deliveries"][0]["attempts"][0])[0] == ("film", "done")


def test_messages_of_batch_are_separate_tasks(activity: Activity, start: Start) -> None:
    first = sample("WorkflowTask", Transcode="SUCCESS", task_id="1-WorkflowTask-a")
    second = sample("WorkflowTask", ImageSprites="SUCCESS", task_id="1-WorkflowTask-b")
    function = start()
    records = [{"CMQ": {"type": "topic", "msgBody": _dump(each)}} for each in (first, second)]
    function.push({"Records": records})
    function.settle()
    details = [activity.read_task(name) for name in ("1-WorkflowTask-a", "1-WorkflowTask-b")]
    calls = [get_calls(detail["deliveries"][0]["attempts"][0]) for detail in details if detail]
    assert calls == [[("film", "done"), ("send", "done")], [("send", "done")]]
    assert [detail["event"] for detail in details if detail] == [first, second]


def _dump(value: object) -> str:
    return activity_store.dump(value)


def test_secrets_of_event_are_not_stored(activity: Activity, start: Start, tmp_path: Path) -> None:
    event = sample("WorkflowTask", Transcode="SUCCESS")
    event["WorkflowTaskEvent"]["InputInfo"]["S3InputInfo"] = {"S3SecretKey": "very-secret-key"}
    function = start()
    function.push(event)
    function.settle()
    stored = activity.read_event(event["WorkflowTaskEvent"]["TaskId"])
    assert stored is not None
    assert stored["WorkflowTaskEvent"]["InputInfo"]["S3InputInfo"] == {"S3SecretKey": "***"}
    files = [path.read_bytes() for path in (tmp_path / "dev").iterdir()]
    assert not any(b"very-secret-key" in content for content in files)


def test_log_lines_of_attempt_are_limited(activity: Activity, start: Start, tmp_path: Path) -> None:
    code = "def main_handler(event, context):\n    for n in range(1200): print(n)\n"
    folder = tmp_path / "chatty"
    folder.mkdir()
    (folder / "index.py").write_text(code)
    function = start(folder)
    invocation = function.invoke({})
    detail = activity.read_task(invocation.request_id)
    assert detail is not None
    logs = detail["deliveries"][0]["attempts"][0]["logs"]
    assert len(logs) == activity_store.MAX_RECORDS
    assert logs[-2]["message"] == "998"
    assert "not shown" in logs[-1]["message"]


def test_texts_of_one_line_are_joined(activity: Activity, start: Start, tmp_path: Path) -> None:
    record = '{"level": "INFO", "logger": "x", "message": "whole", "time": "never", "n": 1}'
    texts = ["half", f"{record}\\n", "{broken\\n", "rest"]
    folder = tmp_path / "writes"
    folder.mkdir()
    writes = "".join(f"    sys.stdout.write('{text}')\n" for text in texts)
    (folder / "index.py").write_text(f"import sys\ndef main_handler(event, context):\n{writes}")
    invocation = start(folder).invoke({})
    detail = activity.read_task(invocation.request_id)
    assert detail is not None
    logs = detail["deliveries"][0]["attempts"][0]["logs"]
    assert [line["message"] for line in logs] == ["half", "whole", "{broken", "rest"]
    assert logs[1]["fields"] == {"n": 1}
    assert abs(logs[1]["at"] - time.time()) < 60


def test_http_request_has_a_row(activity: Activity, start: Start) -> None:
    event = {"httpMethod": "GET", "headers": {}, "body": ""}
    invocation = start().invoke(event)
    detail = activity.read_task(invocation.request_id)
    assert detail is not None
    assert (detail["event"], detail["results"]) == (event, [])


# Messages


def test_message_belongs_to_its_task(activity: Activity, start: Start) -> None:
    with ChatWebhookStub() as chat:
        chat.observe(activity.add_message)
        function = start(environment={"MPS_HOOK": f"{chat.url}/services/T/B/X"})
        event = sample("WorkflowTask", Transcode="SUCCESS")
        function.push(event)
        function.settle()
    task_id = event["WorkflowTaskEvent"]["TaskId"]
    detail = activity.read_task(task_id)
    assert detail is not None
    (message,) = detail["messages"]
    assert (message["channel"], message["text"]) == ("slack", f"task {task_id}")


@pytest.mark.parametrize(
    ("path", "body", "title", "lines"),
    [
        (
            "/cgi-bin/webhook/send?key=k",
            {"markdown_v2": {"content": "# Done\nfile"}},
            "Done",
            ["# Done", "file"],
        ),
        (
            "/robot/send?access_token=k",
            {"markdown": {"title": "Title", "text": "text"}},
            "Title",
            ["text"],
        ),
        (
            "/open-apis/bot/v2/hook/k",
            {
                "sign": "secret",
                "content": {
                    "post": {
                        "zh_cn": {"title": "标题", "content": [[{"text": "a"}, {"text": "b"}], []]}
                    }
                },
            },
            "标题",
            ["ab"],
        ),
        (
            "/services/T/B/X",
            {
                "text": "Title",
                "blocks": [{"type": "section", "text": {"text": "body"}}, {"type": "image"}],
            },
            "Title",
            ["body"],
        ),
        ("/hooks/mine", {"a": 1}, "{", ["{", '  "a": 1', "}"]),
        ("/hooks/mine", {"title": "Title", "text": "text"}, "Title", ["text"]),
    ],
)
def test_message_of_each_channel(
    activity: Activity, path: str, body: dict[str, Any], title: str, lines: list[str]
) -> None:
    activity.update_task(make_task("t"), "submitted")
    with ChatWebhookStub() as chat:
        chat.observe(activity.add_message)
        urlopen(Request(chat.url + path, activity_store.dump(body).encode())).close()
        (received,) = chat.received
    with activity._store.change():
        activity._store.execute("UPDATE message SET task='t'")
    detail = activity.read_task("t")
    assert detail is not None
    (message,) = detail["messages"]
    assert (message["title"], message["lines"]) == (title, lines)
    assert message["channel"] == received.channel
    assert "secret" not in str(message)


# Changes


def test_changes_are_numbered_over_restarts(tmp_path: Path) -> None:
    path = tmp_path / "activity.sqlite"
    activity = Activity(path)
    activity.update_task(make_task("a"), "submitted")
    activity.report_state()
    last = activity.last_id
    activity.close()
    activity = Activity(path)
    assert activity.last_id == last == 2
    activity.add_object(StoredObject("b", "r", "k", 1, "id", "PutObject"))
    assert [(item.number, item.kind, item.data["task"]) for item in activity.read_changes(0)] == [
        (1, "task", "a"),
        (2, "state", None),
        (3, "object", None),
    ]
    assert activity.list_own_tasks() == [("a", "WAITING")]
    activity.close()


def test_changes_of_one_task_come_once(activity: Activity) -> None:
    for status in ("WAITING", "PROCESSING", "FINISH"):
        activity.update_task(make_task("a", status=status), "progress")
    (change,) = activity.read_changes(0)
    assert (change.number, change.data["row"]["status"]) == (3, "FINISH")
    assert activity.read_changes(3) == []


def test_reader_far_behind_is_reset(activity: Activity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity_store, "MAX_BEHIND", 10)
    for _ in range(25):
        activity.report_state()
    assert [change.kind for change in activity.read_changes(16)] == ["state"]
    (reset,) = activity.read_changes(3)
    assert (reset.kind, reset.number) == ("reset", 25)
    assert [change.kind for change in activity.read_changes(99)] == ["reset"]


def test_failed_change_is_not_stored(activity: Activity) -> None:
    def fail() -> None:
        with activity._store.change():
            activity._store.report("state", [None])
            activity._store.add_message(None, {"bad": object()})

    with pytest.raises(TypeError):
        fail()
    assert activity.last_id == 0
    activity.report_state()
    assert activity.last_id == 1


def test_subscribers_read_changes_as_they_come(activity: Activity) -> None:
    async def read() -> None:
        with activity.subscribe() as first, activity.subscribe(0) as second:
            assert await first.read(0.01) == []
            activity.update_task(make_task("a"), "submitted")
            for subscription in (first, second):
                (change,) = await subscription.read(5)
                assert (change.kind, change.data["task"]) == ("task", "a")
            reader = asyncio.create_task(first.read(5))
            await asyncio.sleep(0)
            started = time.perf_counter()
            await asyncio.to_thread(activity.report_state)
            assert [change.kind for change in await reader] == ["state"]
            assert time.perf_counter() - started < 0.3
        activity.report_state()

    asyncio.run(read())


def test_closed_loop_does_not_disturb_writers(activity: Activity) -> None:
    async def subscribe() -> None:
        activity.subscribe().__enter__()

    asyncio.run(subscribe())
    activity.report_state()
    assert activity.last_id == 1


# Restart and limits


def test_restart_ends_unfinished_deliveries(tmp_path: Path) -> None:
    project = tmp_path / "code"
    project.mkdir()
    (project / "index.py").write_text(
        "import time\ndef main_handler(event, context):\n    print('sleeping')\n    time.sleep(60)\n"
    )
    path = tmp_path / "activity.sqlite"
    activity = Activity(path)
    with LocalFunction(project, timeout=60) as function:
        function.observe(activity.add_lifecycle_event)
        function.push({"TaskId": "x"})
        wait_until(lambda: activity.list_tasks()[0][0]["callbacks"]["running"] == 1)
        activity.close()
    activity = Activity(path)
    (row,), _ = activity.list_tasks()
    detail = activity.read_task(row["id"])
    assert detail is not None
    assert detail["deliveries"][0]["state"] == "lost"
    assert "stopped" in detail["deliveries"][0]["attempts"][0]["error"]
    activity.close()


def test_restart_keeps_ended_attempts(tmp_path: Path) -> None:
    project = tmp_path / "code"
    project.mkdir()
    (project / "index.py").write_text("def main_handler(event, context): raise OSError('away')\n")
    path = tmp_path / "activity.sqlite"
    activity = Activity(path)
    with LocalFunction(project, retry_interval=60) as function:
        function.observe(activity.add_lifecycle_event)
        function.push({"TaskId": "x"})
        wait_until(lambda: activity.list_tasks()[0][0]["retrying"])
        activity.close()
    activity = Activity(path)
    (row,), _ = activity.list_tasks()
    detail = activity.read_task(row["id"])
    assert detail is not None
    assert detail["deliveries"][0]["state"] == "lost"
    assert "OSError: away" in detail["deliveries"][0]["attempts"][0]["error"]
    activity.close()


def test_batch_larger_than_the_limit_keeps_its_end(
    activity: Activity, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity_store, "MAX_TASKS", 2)
    names = [f"1-WorkflowTask-{number}" for number in range(3)]
    events = [sample("WorkflowTask", Transcode="SUCCESS", task_id=name) for name in names]
    function = start()
    records = [{"CMQ": {"type": "topic", "msgBody": _dump(event)}} for event in events]
    function.push({"Records": records})
    function.settle()
    assert [row["id"] for row in activity.list_tasks()[0]] == names[:0:-1]
    assert activity.find_row(names[2])["callbacks"]["done"] == 2  # type: ignore[index]


def test_oldest_tasks_are_deleted(
    activity: Activity, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity_store, "MAX_TASKS", 2)
    function = start()
    names = [f"1-WorkflowTask-{number}" for number in range(4)]
    for name in names:
        function.push(sample("WorkflowTask", Transcode="SUCCESS", task_id=name))
        function.settle()
    assert [row["id"] for row in activity.list_tasks()[0]] == names[:1:-1]
    assert activity.read_task(names[0]) is None
    assert activity.read_event(names[0]) is None
    assert activity.find_row(names[0]) is None
    store = activity._store
    for table in ("delivery", "target", "attempt"):
        assert store.execute(f"SELECT count(*) FROM {table}").fetchone() == (2,)
    for table in ("call", "record"):
        names_left = store.execute(f"SELECT count(DISTINCT request_id) FROM {table}").fetchone()
        assert names_left == (2,)


def test_large_history_is_fast(activity: Activity) -> None:
    store = activity._store
    with store.change():
        for number in range(1000):
            name = f"1250000000-WorkflowTask-{number:04}"
            task = make_task(name, subtasks=[make_state("Transcode", "main", "a.mp4")] * 8)
            store.put_task(activity._describe_task(task))
            delivery = {
                "request_id": name,
                "pushed": 1.0,
                "event_status": "FINISH",
                "state": "done",
                "manual": False,
            }
            store.add_delivery(delivery, [name], {})
            store.put_attempt(name, 0, status=200)
            for line in range(40):
                store.add_record(name, 0, {"message": f"line {line}", "fields": {}})
            for call in range(10):
                fields = {"place": str(call), "type": "T", "callback": "c", "outcome": "done"}
                store.put_call(name, 0, name, {**fields, "ms": 1, "error": ""})
    durations = []
    for _ in range(5):
        started = time.perf_counter()
        rows, _ = activity.list_tasks()
        detail = activity.read_task(rows[-1]["id"])
        activity.list_tasks(query="0007")
        durations.append(time.perf_counter() - started)
    assert detail is not None
    assert len(detail["deliveries"][0]["attempts"][0]["logs"]) == 40
    assert min(durations) < 0.05
    print(f"list, detail and search: {min(durations) * 1000:.1f} ms")


def test_full_disk_is_reported(activity: Activity) -> None:
    activity.check_writable()
    activity._store.execute("PRAGMA max_page_count = 1")  # no page more than there are
    stored = StoredObject("b-1250000000", "ap-guangzhou", "k", 1, "id", "PutObject")

    with pytest.raises(sqlite3.OperationalError, match="full"):
        list(map(activity.add_object, [stored] * 10_000))

    with pytest.raises(OSError, match="full"):
        activity.check_writable()
