"""The defects of predecessors that an HTTP request shows: what they answer, and to whom; see `test_predecessors.py`."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from scf_mps import App, Drop, WorkflowTask
from scf_mps.events.base import Event
from scf_mps.local.samples import sample
from tests import predecessors as theirs
from tests.support.sample_data import payload

NOTIFY_KEY = "the-notify-key"
CONTEXT = {"request_id": "r", "time_limit_in_ms": 60_000}


@pytest.fixture(autouse=True)
def _signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MPS_ALLOW_UNSIGNED", raising=False)
    monkeypatch.delenv("MPS_REREAD", raising=False)
    monkeypatch.setenv("MPS_NOTIFY_KEY", NOTIFY_KEY)


def signed(event: dict[str, Any], key: str = NOTIFY_KEY) -> dict[str, Any]:
    """The event as MPS signs it, for ten minutes."""
    timestamp = int(time.time()) + 600
    sign = hashlib.md5(f"{timestamp}{key}".encode()).hexdigest()
    return {**event, "Timestamp": timestamp, "Sign": sign}


def request(body: object) -> dict[str, Any]:
    """An HTTP request as a function URL passes it."""
    text = body if isinstance(body, str) else json.dumps(body)
    return {
        "path": "/",
        "httpMethod": "POST",
        "headers": {"content-type": "application/json"},
        "isBase64Encoded": False,
        "body": text,
    }


def answers(raising: Exception | None = None) -> tuple[Callable[[Any], int], list[Event]]:
    """An application's status for a request, and the events that its callback was given."""
    app, found = App(ledger="none"), []

    def take(event: Event) -> None:
        found.append(event)
        if raising is not None:
            raise raising

    app.on(Event)(take)
    handle = app.main_handler
    return lambda event: handle(event, CONTEXT)["statusCode"], found


@pytest.mark.parametrize(
    "forged",
    [
        sample("WorkflowTask", Transcode="SUCCESS"),
        signed(sample("WorkflowTask", Transcode="SUCCESS"), "another-key"),
        payload("synth_workflow_signed"),
    ],
    ids=["without a sign", "of another key", "that has expired"],
)
def test_a_request_is_acted_on_whoever_sent_it(forged: dict[str, Any]) -> None:
    """Official VOD callback template, 2023, and public handlers: Sign is ignored."""
    acted: list[Any] = []
    assert theirs.trusting(request(forged), acted.append)["statusCode"] == 200
    assert len(acted) == 1
    status, found = answers()
    assert status(request(forged)) == 401
    assert found == []


def test_a_request_of_mps_is_acted_on() -> None:
    """The other side of the above: what is signed gets through."""
    status, found = answers()
    assert status(request(signed(sample("WorkflowTask", Transcode="SUCCESS")))) == 200
    assert [type(event) for event in found] == [WorkflowTask]


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ("no JSON", 400),
        ("[]", 401),
        (signed({}), 400),
        (signed({"EventType": "WorkflowTask"}), 400),
        (signed(payload("vod_procedure_transcode_cover")), 400),
    ],
    ids=["no JSON", "a list", "nothing in it", "no payload", "of VOD"],
)
def test_what_can_never_be_handled_is_asked_for_again_for_ever(body: object, refused: int) -> None:
    """Public handlers: 500 for whatever raises, so that the sender repeats it."""

    def act(event: Any) -> None:
        theirs.announcement(event)

    assert theirs.answering_500(request(body), act)["statusCode"] == 500
    status, found = answers()
    assert status(request(body)) == refused
    assert found == []


def test_what_a_repetition_cannot_help_is_asked_for_again_for_ever() -> None:
    """Public handlers: 500 for a task that is known to be none of theirs."""
    wrong = Drop("a task of another team")

    def act(_: Any) -> None:
        raise wrong

    event = signed(sample("WorkflowTask", Transcode="SUCCESS"))
    assert theirs.answering_500(request(event), act)["statusCode"] == 500
    status, _ = answers(wrong)
    assert status(request(event)) == 200


def test_what_a_repetition_helps_is_not_asked_for_again() -> None:
    """Official VOD callback template, 2023: 200 whatever happened."""
    away = OSError("the database is away")

    def act() -> None:
        raise away

    assert theirs.swallowing(act)["statusCode"] == 200
    status, found = answers(away)
    assert status(request(signed(sample("WorkflowTask", Transcode="SUCCESS")))) == 500
    assert len(found) == 1
