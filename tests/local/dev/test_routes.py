"""The API of the page: each document has exactly the agreed keys, and each refusal its status."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scf_mps import __version__
from scf_mps.local.dev.options import StackOptions
from scf_mps.local.dev.routes import ROUTES, match_pattern
from scf_mps.local.dev.stack import Stack
from scf_mps.local.samples import list_samples, sample
from tests.support.wait import wait_until

from .forged_requests import BUCKET
from .http_client import Page
from .projects import IDLE, QUICK_WORKFLOW, Start, create_project, wait_for_task

TASK = {
    *(
        "id",
        "event_type",
        "status",
        "failed",
        "created",
        "finished",
        "source",
        "name",
        "session_id",
    ),
    *(
        "poster",
        "progress",
        "subtasks",
        "callbacks",
        "deliveries",
        "dead_letter",
        "queued",
        "retrying",
    ),
}
RESULT = {
    *("place", "type", "name", "definition", "status", "progress", "error", "scripted", "media"),
    *(
        "files",
        "play",
        "play_mp4",
        "width",
        "height",
        "duration",
        "codec",
        "bitrate",
        "fps",
        "size",
    ),
    *("container", "output"),
}
DETAIL = TASK | {
    *(
        "results",
        "event",
        "error",
        "messages",
        "warnings",
        "assumptions",
        "metadata",
        "source_file",
    ),
}
STATE = {
    *("version", "project", "engine", "endpoints", "function", "workflows", "presets", "faults"),
    *("assumptions", "buckets", "samples", "default_subtasks", "last_id"),
}
FILE = {"url", "cos", "name", "role", "size"}
DELIVERY = {"request_id", "pushed", "event_status", "state", "manual", "attempts"}
ATTEMPT = {
    *("number", "cold", "instance", "started", "ms", "init_ms", "memory", "status", "error"),
    *("callbacks", "logs", "spans"),
}
CALL = {"place", "type", "callback", "outcome", "ms", "error"}
LOG = {"at", "level", "message", "text", "fields"}
MESSAGE = {"at", "channel", "title", "text", "lines", "raw"}

Documents = dict[str, Any]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Iterator[tuple[Page, str]]:
    """A page whose stack processed a video, and the task's id."""
    folder = create_project(tmp_path_factory.mktemp("routes") / "project")
    options = StackOptions(folder, **{**IDLE, "workflow": QUICK_WORKFLOW, "fast": True})
    with Stack(options) as stack:
        stack_page = Page(stack.console)
        answer = stack_page.post("/api/videos?name=clip.mp4", clip.read_bytes())
        assert answer["object"] == f"cos://{BUCKET}.ap-guangzhou/videos/clip.mp4"
        wait_for_task(stack, answer["task"])
        yield stack_page, answer["task"]


def get_keys(items: list[Documents]) -> set[str]:
    """Return the keys that all items have. There is at least one, and all are equal."""
    (keys,) = {frozenset(item) for item in items}
    return set(keys)


def test_state_has_the_agreed_keys(finished: tuple[Page, str]) -> None:
    page, _ = finished
    state = page.read("/api/state")
    assert set(state) == STATE
    assert state["version"] == __version__
    assert set(state["project"]) == {
        "folder",
        "python",
        "timeout",
        "memory",
        "variables",
        "notices",
    }
    assert set(state["engine"]) == {"available", "problem", "fast"}
    assert set(state["endpoints"]) == {"console", "cos", "api", "secret_id", "exports"}
    assert set(state["function"]) == {
        *(
            "paused",
            "waiting",
            "again_after_save",
            "reload_ms",
            "reload_error",
            "loaded_at",
            "callbacks",
        ),
    }
    assert get_keys(state["workflows"]) == {
        *("id", "name", "enabled", "bucket", "region", "dir", "formats"),
    }
    assert get_keys(state["presets"]) == {"kind", "definition", "name"}
    presets = {(preset["kind"], preset["definition"]) for preset in state["presets"]}
    assert {("Transcode", 100010), ("ImageSprites", 10)} <= presets
    assert get_keys(state["assumptions"]) == {"id", "text"}
    assert {"name": BUCKET, "region": "ap-guangzhou"} in state["buckets"]
    assert set(state["faults"]) == {"mps", "cos", "api", "webhooks"}
    assert state["samples"] == list(list_samples())
    assert state["endpoints"]["console"] == page.console.url
    assert state["last_id"] == page.console.stack.activity.last_id


def test_state_names_variables_without_values(start: Start) -> None:
    secret = "0123456789abcdef-secret"
    stack = start(has_console=True, variables={"MPS_NOTIFY": f"wecom://{secret}", "OWN": secret})
    state = Page(stack.console).get("/api/state")
    assert {"MPS_NOTIFY", "OWN"} <= set(state.json["project"]["variables"])
    assert secret not in state.body.decode()


def test_task_has_the_agreed_keys(finished: tuple[Page, str]) -> None:
    page, id_ = finished
    listed = page.read("/api/tasks")
    assert set(listed) == {"tasks", "before"}
    row = next(row for row in listed["tasks"] if row["id"] == id_)
    task = page.read(f"/api/tasks/{id_}")
    assert (set(row), set(task)) == (TASK, DETAIL)
    assert set(row["subtasks"]) == {"total", "done", "failed"}
    assert set(row["callbacks"]) == {"done", "failed", "running"}
    assert get_keys(task["results"]) == RESULT
    files = [file for result in task["results"] for file in result["files"]]
    assert get_keys([*files, task["source_file"]]) == FILE
    assert task["event"]["EventType"] == "WorkflowTask"
    for file in files:
        assert page.request("HEAD", file["url"]).headers["Content-Length"] == str(file["size"])
    assert get_keys(task["deliveries"]) == DELIVERY
    attempts = [each for delivery in task["deliveries"] for each in delivery["attempts"]]
    assert get_keys(attempts) == ATTEMPT
    assert get_keys([call for attempt in attempts for call in attempt["callbacks"]]) == CALL
    assert get_keys([log for attempt in attempts for log in attempt["logs"]]) == LOG


def test_message_has_the_agreed_keys(start: Start) -> None:
    stack = start(has_console=True)
    stack.function.reload(environment={"MPS_HOOK": f"{stack.chat.url}/hook"})
    page = Page(stack.console)
    event = sample("WorkflowTask", task_id="1250000000-WorkflowTask-messages")
    page.post("/api/events", event)
    stack.function.settle()
    task = page.read("/api/tasks/1250000000-WorkflowTask-messages")
    assert get_keys(task["messages"]) == MESSAGE


def test_tasks_are_filtered(finished: tuple[Page, str]) -> None:
    page, id_ = finished

    def list_ids(query: str) -> list[str]:
        return [row["id"] for row in page.read(f"/api/tasks?{query}")["tasks"]]

    assert id_ in list_ids("status=FINISH&failed=0&q=CLIP.mp4")
    assert id_ not in list_ids("status=WAITING")
    assert id_ not in list_ids("failed=1")
    assert list_ids("q=nothing-has-this") == []
    assert page.get("/api/tasks?before=x").status == 400


def test_task_is_repeated_and_redelivered(finished: tuple[Page, str]) -> None:
    page, id_ = finished
    stack = page.console.stack
    again = page.post(f"/api/tasks/{id_}/again")["task"]
    assert again != id_
    wait_for_task(stack, again)
    request_id = page.post(f"/api/tasks/{id_}/redeliver", {"force": ["film"]})["request_id"]
    stack.function.settle()
    deliveries = page.read(f"/api/tasks/{id_}")["deliveries"]
    delivery = next(each for each in deliveries if each["request_id"] == request_id)
    (attempt,) = delivery["attempts"]
    outcomes = {call["callback"]: call["outcome"] for call in attempt["callbacks"]}
    assert outcomes == {"film": "done", "send": "skipped"}
    reply = page.request("POST", f"/api/tasks/{id_}/abort")
    assert reply.status == 400
    assert "NotProcessingTask" in reply.error


def test_task_is_submitted_as_by_a_client(finished: tuple[Page, str]) -> None:
    page, _ = finished
    source = {"Bucket": BUCKET, "Region": "ap-guangzhou", "Object": "/videos/clip.mp4"}
    request = {
        "InputInfo": {"Type": "COS", "CosInputInfo": source},
        "MediaProcessTask": {"SnapshotByTimeOffsetTaskSet": [{"Definition": 10}]},
        "TaskNotifyConfig": {"NotifyType": "SCF"},
    }
    id_ = page.post("/api/tasks", request)["task"]
    wait_for_task(page.console.stack, id_)
    (result,) = page.read(f"/api/tasks/{id_}")["results"]
    assert (result["type"], result["status"]) == ("SnapshotByTimeOffset", "SUCCESS")


def test_waiting_task_is_aborted(finished: tuple[Page, str]) -> None:
    page, id_ = finished
    first, last = [page.post(f"/api/tasks/{id_}/again")["task"] for _ in range(2)]
    page.post(f"/api/tasks/{last}/abort")
    assert page.read(f"/api/tasks/{last}")["status"] == "FINISH"
    wait_for_task(page.console.stack, first)


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"InputInfo": []},
        {"InputInfo": {"Type": "COS"}},
        {"InputInfo": {"Type": "COS", "CosInputInfo": "x"}, "MediaProcessTask": {}},
        {"InputInfo": {"Type": "COS", "CosInputInfo": {"Bucket": 1}}, "MediaProcessTask": []},
        {"SessionId": 5},
        {"SessionId": "x" * 51},
        {"TaskNotifyConfig": "x"},
    ],
)
def test_invalid_task_is_refused(shared_page: Page, request_: Documents) -> None:
    reply = shared_page.request("POST", "/api/tasks", request_)
    assert (reply.status, bool(reply.error)) == (400, True)


@pytest.mark.parametrize(
    ("method", "target", "body", "status"),
    [
        ("GET", "/api/tasks/none", None, 404),
        ("GET", "/api/tasks/none/copy", None, 404),
        ("GET", "/api/tasks//copy", None, 404),
        ("POST", "/api/tasks/none/again", None, 404),
        ("POST", "/api/tasks/none/abort", None, 400),
        ("POST", "/api/tasks/none/redeliver", None, 404),
        ("POST", "/api/tasks/none/redeliver", {"force": "film"}, 400),
        ("POST", "/api/tasks/none/redeliver", {"force": [1]}, 400),
        ("POST", "/api/tasks/none/redeliver", {"forced": ["film"]}, 400),
        ("POST", "/api/dead-letters/none/redeliver", None, 404),
        ("POST", "/api/queue", {"paused": "yes"}, 400),
        ("POST", "/api/queue", {"other": True}, 400),
        ("POST", "/api/videos?name=a.mp4&workflow=0", b"video", 404),
        ("GET", "/api/samples/none", None, 404),
        ("GET", "/api/samples/documentation?status=WAITING", None, 400),
        ("GET", "/api/samples/WorkflowTask?results=Transcode", None, 400),
        ("GET", "/api", None, 404),
        ("DELETE", "/api/tasks/none", None, 405),
    ],
)
def test_refusal_has_a_status(
    shared_page: Page, method: str, target: str, body: Any, status: int
) -> None:
    reply = shared_page.request(method, target, body)
    assert (reply.status, set(reply.json)) == (status, {"error"})
    assert (reply.headers["Allow"] == "GET") == (status == 405)


def test_queue_is_paused(page: Page) -> None:
    stack = page.console.stack
    assert page.post("/api/queue", {"paused": True, "again_after_save": True}) == {
        "paused": True,
        "again_after_save": True,
    }
    page.post("/api/events", sample())
    state = page.read("/api/state")["function"]
    assert (state["paused"], state["waiting"], state["again_after_save"]) == (True, 1, True)
    assert page.post("/api/queue", {"paused": False})["paused"] is False
    stack.function.settle()
    assert page.read("/api/state")["function"]["waiting"] == 0


def test_dead_letter_is_redelivered(start: Start, tmp_path: Path) -> None:
    failing = tmp_path / "fails"
    failing.touch()
    stack = start(has_console=True, variables={"MPS_FAILS": str(failing)})
    page = Page(stack.console)
    task = "1250000000-WorkflowTask-dead"
    event = sample("WorkflowTask", [("Transcode", "SUCCESS")], task_id=task)
    (request_id,) = page.post("/api/events", event)["request_ids"]
    stack.function.settle()
    assert page.read(f"/api/tasks/{task}")["dead_letter"] is True
    failing.unlink()
    answer = page.post(f"/api/dead-letters/{request_id}/redeliver")
    stack.function.settle()
    wait_until(lambda: page.read(f"/api/tasks/{task}")["callbacks"]["failed"] == 0)
    assert answer["request_id"] != request_id


def test_defect_is_reported(
    shared_page: Page, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    stack = shared_page.console.stack
    monkeypatch.setattr(stack, "describe", lambda: 1 / 0)
    reply = shared_page.get("/api/state")
    assert (reply.status, reply.error.split(":")[0]) == (500, "ZeroDivisionError")
    assert "ZeroDivisionError" in caplog.text


def test_routes_are_found_once() -> None:
    samples = [
        route.pattern.replace("{key*}", "a/b").replace("{", "").replace("}", "") for route in ROUTES
    ]
    for route, path in zip(ROUTES, samples, strict=True):
        matches = [
            other
            for other in ROUTES
            if other.method == route.method
            and match_pattern(other.pattern, path[1:].split("/")) is not None
        ]
        assert matches == [route]
