"""The defects of the official webhook template that a robot shows: what it is told, and whether; see `test_predecessors.py`."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import predecessors as theirs
import pytest
from places import payload

from scf_mps import Context, ScfMpsError
from scf_mps.actions import Notify
from scf_mps.cos import Cos, Credentials
from scf_mps.events.reading import read
from scf_mps.ledger.keeping import IdempotencyKey
from scf_mps.local.samples import sample

KEY = "00000000-1111-2222-3333-444444444444"
LONGEST = 4096  # bytes of a markdown message (developer.work.weixin.qq.com, group robots)


class Robot:
    """A group robot: answers what is told to, and keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.answer: dict[str, Any] = {"errcode": 0, "errmsg": "ok"}
        robot = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                message = json.loads(self.rfile.read(length))
                robot.told.append(message[message["msgtype"]]["content"])
                body = json.dumps(robot.answer).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def post(self, text: str) -> tuple[int, bytes]:
        """Tell it something as the template does."""
        message = {"msgtype": "markdown", "markdown": {"content": text}}
        with urllib.request.urlopen(self.url, json.dumps(message).encode(), timeout=10) as answer:
            return answer.status, answer.read()


@pytest.fixture
def robot() -> Iterator[Robot]:
    made = Robot()
    yield made
    made.close()


@pytest.fixture
def notify(robot: Robot) -> Callable[[dict[str, Any]], None]:
    """Tells the robot of an event, as the action does."""

    def send(event: dict[str, Any]) -> None:
        action = Notify(f"wecom://{KEY}?lang=en&endpoint={robot.url}")
        cos = Cos(Credentials("id", "secret"))
        context = Context({"time_limit_in_ms": 20_000})
        action.send(read(event), cos, IdempotencyKey("0" * 32), context)

    return send


Send = Callable[[dict[str, Any]], None]


def test_an_error_in_the_body_of_a_200_is_taken_for_success(robot: Robot, notify: Send) -> None:
    """Official MPS webhook template, 2020: errcode is not looked at."""
    robot.answer = {"errcode": 93000, "errmsg": "invalid webhook url"}
    assert theirs.is_sent(*robot.post("text"))
    with pytest.raises(ScfMpsError, match="93000"):
        notify(sample())


def test_a_long_message_is_longer_than_the_robot_takes(robot: Robot, notify: Send) -> None:
    """Official MPS webhook template, 2020: no limit is kept to."""
    event = sample("WorkflowTask", [("Transcode", "SUCCESS")] * 200)
    event["WorkflowTaskEvent"]["Message"] = "视频" * 4000
    assert len(theirs.announcement(event).encode()) > LONGEST
    notify(event)
    assert 0 < len(robot.told[0].encode()) <= LONGEST


def test_the_first_result_alone_is_told(robot: Robot, notify: Send) -> None:
    """Official MPS webhook template, 2020: MediaProcessResultSet[0]."""
    event = payload("mps_workflow_seed_mixed")
    others = ("AnimatedGraphics", "SnapshotByTimeOffset", "ImageSprites")
    assert not any(type_ in theirs.announcement(event) for type_ in others)
    notify(event)
    assert "30010" in robot.told[0], "why the animation failed"
    assert "dianping2_transcode_10.mp4" in robot.told[0]


@pytest.mark.parametrize(
    "name", ["synth_workflow_all_failed", "synth_edit_media_fail", "synth_workflow_source_error"]
)
def test_the_completion_of_a_task_that_failed_is_announced(
    name: str, robot: Robot, notify: Send
) -> None:
    """Official MPS webhook template, 2020: every event is a completion; an edit is a crash."""
    event = payload(name)
    if "WorkflowTaskEvent" in event:
        assert theirs.announcement_of_any(event).startswith("completed: ")
    else:
        with pytest.raises(KeyError):
            theirs.announcement_of_any(event)
    notify(event)
    assert "fail" in robot.told[0].lower()


def test_the_function_returns_before_the_robot_was_told(robot: Robot, notify: Send) -> None:
    """Official MPS webhook template, 2020: the request is not awaited."""
    left = theirs.post_and_go(lambda text: robot.post(text)[0], "text")
    assert robot.told == []
    assert len(left) == 1, "work that nobody does any more"
    notify(sample())
    assert len(robot.told) == 1


def test_the_key_of_a_robot_is_shown(robot: Robot, notify: Send) -> None:
    """Official MPS webhook template, 2020: it is in the code; ours is in a variable, and in no error."""
    assert KEY in theirs.ROBOT
    robot.answer = {"errcode": 93000, "errmsg": f"invalid key {KEY}"}
    with pytest.raises(ScfMpsError) as caught:
        notify(sample())
    assert KEY not in str(caught.value)
    assert KEY not in repr(Notify(f"wecom://{KEY}"))
