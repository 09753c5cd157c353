"""The defects of the official webhook template that a robot shows: what it is told, and whether; see `test_predecessors.py`."""

from __future__ import annotations

import json
import logging
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from scf_mps import Context, ScfMpsError
from scf_mps.actions import Notify
from scf_mps.cos import Cos, Credentials
from scf_mps.dispatch.idempotency import IdempotencyKey
from scf_mps.events.parser import parse_event
from scf_mps.local.chat_webhooks import ChatWebhookStub, StubResponse
from scf_mps.local.samples import sample
from tests import predecessors as theirs
from tests.support.sample_data import payload

KEY = "00000000-1111-2222-3333-444444444444"


@pytest.fixture
def robots() -> Iterator[ChatWebhookStub]:
    with ChatWebhookStub() as made:
        yield made


@pytest.fixture
def notify(robots: ChatWebhookStub) -> Callable[[dict[str, Any]], None]:
    """Tells the robot of an event, as the action does."""

    def send(event: dict[str, Any]) -> None:
        action = Notify(f"wecom://{KEY}?lang=en&endpoint={robots.url}")
        context = Context({"time_limit_in_ms": 20_000})
        key, log = IdempotencyKey("0" * 32), logging.getLogger("t")
        action.tell(parse_event(event), Cos(Credentials("id", "secret")), context, key, log)

    return send


def post(robots: ChatWebhookStub, text: str) -> tuple[int, bytes]:
    """Tell the robot something as the template does."""
    message = {"msgtype": "markdown", "markdown": {"content": text}}
    url = f"{robots.url}/cgi-bin/webhook/send?key={KEY}"
    with urllib.request.urlopen(url, json.dumps(message).encode(), timeout=10) as answer:
        return answer.status, answer.read()


def told(robots: ChatWebhookStub) -> list[str]:
    return [one.message[one.message["msgtype"]]["content"] for one in robots.received]


Send = Callable[[dict[str, Any]], None]


def test_an_error_in_the_body_of_a_200_is_taken_for_success(
    robots: ChatWebhookStub, notify: Send
) -> None:
    """Official MPS webhook template, 2020: errcode is not looked at."""
    robots.respond_with(
        *[StubResponse(body='{"errcode": 93000, "errmsg": "invalid webhook url"}')] * 2
    )
    assert theirs.is_sent(*post(robots, "text"))
    with pytest.raises(ScfMpsError, match="93000"):
        notify(sample())


def test_a_long_message_is_longer_than_the_robot_takes(
    robots: ChatWebhookStub, notify: Send
) -> None:
    """Official MPS webhook template, 2020: no limit is kept to."""
    event = sample("WorkflowTask", [("Transcode", "SUCCESS")] * 200)
    event["WorkflowTaskEvent"]["Message"] = "视频" * 4000
    assert b'"errcode": 0' not in post(robots, theirs.announcement(event))[1]
    notify(event)
    assert len(told(robots)) == 1


def test_the_first_result_alone_is_told(robots: ChatWebhookStub, notify: Send) -> None:
    """Official MPS webhook template, 2020: MediaProcessResultSet[0]."""
    event = payload("mps_workflow_seed_mixed")
    others = ("AnimatedGraphics", "SnapshotByTimeOffset", "ImageSprites")
    assert not any(type_ in theirs.announcement(event) for type_ in others)
    notify(event)
    assert "30010" in told(robots)[0], "why the animation failed"
    assert "dianping2_transcode_10.mp4" in told(robots)[0]


@pytest.mark.parametrize(
    "name", ["synth_workflow_all_failed", "synth_edit_media_fail", "synth_workflow_source_error"]
)
def test_the_completion_of_a_task_that_failed_is_announced(
    name: str, robots: ChatWebhookStub, notify: Send
) -> None:
    """Official MPS webhook template, 2020: every event is a completion; an edit is a crash."""
    event = payload(name)
    if "WorkflowTaskEvent" in event:
        assert theirs.announcement_of_any(event).startswith("completed: ")
    else:
        with pytest.raises(KeyError):
            theirs.announcement_of_any(event)
    notify(event)
    assert "fail" in told(robots)[0].lower()


def test_the_function_returns_before_the_robot_was_told(
    robots: ChatWebhookStub, notify: Send
) -> None:
    """Official MPS webhook template, 2020: the request is not awaited."""
    left = theirs.post_and_go(lambda text: post(robots, text)[0], "text")
    assert told(robots) == []
    assert len(left) == 1, "work that nobody does any more"
    notify(sample())
    assert len(told(robots)) == 1


def test_the_key_of_a_robot_is_shown(robots: ChatWebhookStub, notify: Send) -> None:
    """Official MPS webhook template, 2020: it is in the code; ours is in a variable, and in no error."""
    assert KEY in theirs.ROBOT
    robots.respond_with(
        StubResponse(body=json.dumps({"errcode": 93000, "errmsg": f"invalid key {KEY}"}))
    )
    with pytest.raises(ScfMpsError) as caught:
        notify(sample())
    assert KEY not in str(caught.value)
    assert KEY not in repr(Notify(f"wecom://{KEY}"))
