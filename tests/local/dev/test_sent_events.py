"""Events that the page sends, their warnings, and samples."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scf_mps.local.dev.sent_events import MAX_EVENTS
from scf_mps.local.samples import list_samples, sample

from .http_client import Page

UNKNOWN_TYPE = {"EventType": "NewTask", "NewTaskEvent": {"TaskId": "1"}}


def test_event_is_sent(shared_page: Page) -> None:
    stack = shared_page.console.stack
    answer = shared_page.post("/api/events", sample(task_id="1250000000-WorkflowTask-sent"))
    stack.function.settle()
    (request_id,) = answer["request_ids"]
    assert answer["warnings"] == []
    task = shared_page.read("/api/tasks/1250000000-WorkflowTask-sent")
    assert [(each["request_id"], each["manual"]) for each in task["deliveries"]] == [
        (request_id, True)
    ]


@pytest.mark.parametrize(
    ("event", "warning"),
    [
        ({}, "EventType"),
        ("text", "JSON"),
        (7, "notification"),
        (None, "notification"),
        (UNKNOWN_TYPE, "NewTask"),
        (sample("WorkflowTask", [("NewKind", "SUCCESS")]), "NewKind"),
        ({"EventType": "WorkflowTask", "WorkflowTaskEvent": []}, "WorkflowTask"),
        ({"httpMethod": "POST", "headers": {}, "body": "{}", "path": "/"}, "sign"),
    ],
)
def test_odd_event_is_sent_with_a_warning(shared_page: Page, event: Any, warning: str) -> None:
    answer = shared_page.post("/api/events", [event])
    assert len(answer["request_ids"]) == 1
    assert warning.lower() in " ".join(answer["warnings"]).lower()
    shared_page.console.stack.function.settle()


def test_list_of_events_is_sent_one_by_one(shared_page: Page) -> None:
    large = {"EventType": "WorkflowTask", "pad": "x" * 140_000}
    answer = shared_page.post("/api/events", [sample(), large, UNKNOWN_TYPE, sample()])
    assert len(set(answer["request_ids"])) == 3
    assert any("event 2" in warning and "406" in warning for warning in answer["warnings"])
    assert any("event 3" in warning for warning in answer["warnings"])
    shared_page.console.stack.function.settle()


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([], 400),
        ([{}] * (MAX_EVENTS + 1), 400),
        ({"EventType": "WorkflowTask", "pad": "x" * 140_000}, 413),
    ],
)
def test_events_that_cannot_be_sent_are_refused(
    shared_page: Page, events: Any, status: int
) -> None:
    assert shared_page.request("POST", "/api/events", events).status == status


@pytest.mark.parametrize("name", list_samples())
def test_sample_is_sent_without_a_warning(shared_page: Page, name: str) -> None:
    event = shared_page.read(f"/api/samples/{name}")
    other = shared_page.read(f"/api/samples/{name}")
    assert json.dumps(event) != json.dumps(other) or "TaskId" not in json.dumps(event)
    assert shared_page.post("/api/events", event)["warnings"] == []
    shared_page.console.stack.function.settle()


def test_sample_has_the_chosen_results(shared_page: Page) -> None:
    query = "results=Transcode=SUCCESS,ImageSprites=FAIL&status=PROCESSING&session_context=a%26b"
    event = shared_page.read(f"/api/samples/WorkflowTask?{query}")
    results = event["WorkflowTaskEvent"]["MediaProcessResultSet"]
    assert [result["Type"] for result in results] == ["Transcode", "ImageSprites"]
    assert results[1]["ImageSpriteTask"]["Status"] == "FAIL"
    assert (event["WorkflowTaskEvent"]["Status"], event["SessionContext"]) == ("PROCESSING", "a&b")
