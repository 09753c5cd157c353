"""Notifications: modes, channels and faults."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from scf_mps.channels.signature import check_signature
from scf_mps.local.engine import Engine

from .cloud import FAST, World, build_request, open_world, wait_until

BROKEN = {"TranscodeTaskSet": [{"Definition": 7}]}
"""A subtask that fails without the engine."""


def list_statuses(event: dict[str, Any]) -> list[str]:
    body = event["WorkflowTaskEvent"]
    return [
        next(value["Status"] for value in item.values() if isinstance(value, dict))
        for item in body["MediaProcessResultSet"]
    ]


def list_tasks(world: World) -> list[str]:
    return [event["WorkflowTaskEvent"]["TaskId"] for event in world.events]


class Receiver:
    """An HTTP server that records JSON bodies. It responds with the statuses in `replies`, then 200."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.replies: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.bodies.append(json.loads(body))
                self.send_response(receiver.replies.pop(0) if receiver.replies else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/callback"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()
    thread.join()


def test_finish_mode_sends_one_notification(world: World) -> None:
    for config in ({}, {"TaskNotifyConfig": {"NotifyType": "SCF", "NotifyMode": "Finish"}}):
        world.events.clear()
        world.process(build_request({**FAST, **BROKEN}, **config))

        (event,) = world.events
        assert event["WorkflowTaskEvent"]["Status"] == "FINISH"
        assert sorted(list_statuses(event)) == ["FAIL", "SUCCESS"]


@pytest.mark.parametrize("settings", [{"workers": 2}])
def test_observers_see_changes_in_order(world: World) -> None:
    ids = [world.mps.submit(build_request(BROKEN)) for _ in range(20)]
    for task_id in ids:
        world.wait(task_id)

    for task_id in ids:
        kinds = [kind for changed, kind in world.changes if changed == task_id]
        assert kinds == ["submitted", "begun", "subtask", "finished", "notified"]


def test_change_mode_sends_every_change_in_order(world: World) -> None:
    config = {"NotifyType": "SCF", "NotifyMode": "Change"}
    tasks = {**FAST, "ImageSpriteTaskSet": [{"Definition": 10}], **BROKEN}

    task = world.process(build_request(tasks, TaskNotifyConfig=config))

    assert "change-order" in task.assumptions
    statuses = [event["WorkflowTaskEvent"]["Status"] for event in world.events]
    assert statuses == ["PROCESSING"] * (len(statuses) - 1) + ["FINISH"]
    ends = [sum(s != "PROCESSING" for s in list_statuses(event)) for event in world.events]
    assert ends == sorted(ends)
    assert set(ends) == {1, 2, 3}
    assert sorted(list_statuses(world.events[-1])) == ["FAIL", "SUCCESS", "SUCCESS"]


def test_url_receives_signed_notification(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"NotifyType": "URL", "NotifyUrl": receiver.url, "NotifyKey": "secret"}
    task = world.process(build_request(BROKEN, TaskNotifyConfig=config))

    (body,) = receiver.bodies
    assert body["WorkflowTaskEvent"]["TaskId"] == task.task_id
    monkeypatch.setenv("MPS_NOTIFY_KEY", "secret")
    check_signature(body)
    assert world.events == []


def test_refused_and_invalid_urls_lose_the_notification(world: World, receiver: Receiver) -> None:
    receiver.replies.append(500)
    for url in (receiver.url, "file:///etc/passwd"):
        config = {"NotifyType": "URL", "NotifyUrl": url}
        task = world.process(build_request(BROKEN, TaskNotifyConfig=config))

        assert task.warnings[-1].startswith("notification lost")
        assert world.changes[-1] == (task.task_id, "lost")
    (body,) = receiver.bodies
    assert "Sign" not in body


def test_event_over_the_limit_of_scf_is_lost(world: World) -> None:
    many = {
        "TranscodeTaskSet": [{"Definition": 7, "WatermarkSet": [{"TextContent": "x" * 10_000}]}]
        * 14
    }

    task = world.process(build_request(many))

    assert world.events == []
    assert world.changes[-1] == (task.task_id, "lost")
    assert "131072" in task.warnings[-1]


def test_refusal_of_the_function_loses_the_notification(world: World) -> None:
    world.refusal = "no function is bound"

    task = world.process(build_request(BROKEN))

    assert task.warnings[-1] == "notification lost: no function is bound"


def test_lost_and_duplicate_notifications(world: World) -> None:
    world.mps.faults.replace_rules([{"kind": "lose"}, {"kind": "duplicate", "times": 1}])
    lost = world.process(build_request(BROKEN))
    twice = world.process(build_request(BROKEN))
    normal = world.process(build_request(BROKEN))

    assert lost.warnings[-1] == "notification lost: a fault lost it"
    assert list_tasks(world) == [twice.task_id, twice.task_id, normal.task_id]
    assert world.mps.faults.list_rules() == []


@pytest.mark.parametrize("settings", [{"speed": 60.0}])
def test_delayed_notification_arrives_later(world: World) -> None:
    world.mps.faults.add("delay", seconds=30.0)
    late, early = (world.mps.submit(build_request(BROKEN)) for _ in range(2))
    world.wait(early)
    world.wait(late)

    assert list_tasks(world) == [early, late]


def test_reordered_notification_follows_the_next(world: World) -> None:
    world.mps.faults.add("reorder")
    first = world.mps.submit(build_request(BROKEN))
    second = world.mps.submit(build_request(BROKEN))
    world.wait(first)

    assert list_tasks(world) == [second, first]


def test_delayed_notification_is_lost_at_a_stop(tmp_path: Path, engine: Engine) -> None:
    with open_world(tmp_path, engine) as world:
        world.mps.faults.add("delay", seconds=600)
        task_id = world.mps.submit(build_request(BROKEN, "none.mp4"))
        wait_until(lambda: (task_id, "finished") in world.changes, "the task finishes")

    assert (task_id, "lost") in world.changes
    assert world.events == []


def test_subtask_fails_by_fault(world: World) -> None:
    world.mps.faults.add("fail", type="Sample*", name="SourceFileError", times=2)
    world.mps.faults.add("fail", type="Sample*", name="InternalError", code=70000)

    failures = [world.process(build_request(FAST)).subtasks[0].failure for _ in range(4)]

    assert [each and (each.code, each.name) for each in failures] == [
        (30009, "SourceFileError"),
        (30009, "SourceFileError"),
        (70000, "InternalError"),
        None,
    ]


@pytest.mark.parametrize(
    "rule",
    [
        {},
        "lose",
        {"kind": "explode"},
        {"kind": "lose", "when": 1},
        {"kind": "fail", "name": "Nonsense"},
        {"kind": "fail", "code": "x"},
        {"kind": "delay", "seconds": True},
        {"kind": "delay", "seconds": -1},
        {"kind": "lose", "times": 0},
    ],
)
def test_invalid_fault_changes_nothing(world: World, rule: Any) -> None:
    world.mps.faults.add("lose")
    with pytest.raises(ValueError, match=r"Use|not from"):
        world.mps.faults.replace_rules([{"kind": "duplicate"}, rule])
    assert [each["kind"] for each in world.mps.faults.list_rules()] == ["lose"]
