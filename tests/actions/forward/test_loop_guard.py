"""Detection of forwarding loops."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("aiohttp", reason="the emulator of the API needs it")
pytest.importorskip("tencentcloud.common", reason="events are forwarded through it")
from scf_mps import Context
from scf_mps.actions.forward.loop_guard import MAX_EVENTS, MAX_INVOCATIONS, LoopGuard
from scf_mps.errors import ConfigurationError
from scf_mps.events.base import Event
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample

from .support import CONTEXT, forward_and_fail, get_outcomes


@pytest.mark.parametrize(
    "to", ["scf://events.ap-guangzhou", "scf://events.ap-guangzhou/default?qualifier=2"]
)
@pytest.mark.parametrize("namespace", ["default", ""])
def test_function_never_forwards_to_itself(application, api, to, namespace):
    failure = forward_and_fail(application(MPS_FORWARD=to), sample(), namespace=namespace)
    assert "itself" in failure
    assert len(api.requests) == 0


@pytest.mark.parametrize(
    ("to", "context"),
    [
        ("scf://thumbnails.ap-guangzhou", {"function_name": "thumbnails", "namespace": "other"}),
        (
            "scf://thumbnails.ap-guangzhou",
            {"function_name": "thumbnails", "tencentcloud_region": "ap-shanghai"},
        ),
    ],
)
def test_function_forwards_to_same_name_elsewhere(application, api, function, to, context):
    application(MPS_FORWARD=to).main_handler(sample(), {**CONTEXT, **context})
    assert len(function.pushed) == 1


def test_loop_of_two_functions_ends(application, api, function):
    handlers = application(MPS_FORWARD="scf://thumbnails.ap-guangzhou")
    for number in range(MAX_INVOCATIONS):
        handlers.main_handler(sample(), {**CONTEXT, "request_id": f"round-{number}"})
        handlers.main_handler(sample(), {**CONTEXT, "request_id": f"round-{number}"})  # SCF's retry
    for number in range(MAX_INVOCATIONS, MAX_INVOCATIONS + 2):
        assert "loop" in forward_and_fail(handlers, sample(), request_id=f"round-{number}")
    assert len(function.pushed) == 2 * MAX_INVOCATIONS
    handlers.main_handler(sample("EditMediaTask"), CONTEXT)
    handlers.main_handler(sample(), {**CONTEXT, "request_id": ""})


def test_loop_through_queue_ends(application, api, tdmq):
    handlers = application(MPS_FORWARD="cmq-queue://media.ap-guangzhou")
    for number in range(MAX_INVOCATIONS):
        handlers.main_handler(sample(), {**CONTEXT, "request_id": f"round-{number}"})
    assert "loop" in forward_and_fail(handlers, sample())
    assert len(tdmq.sent["ap-guangzhou", "queue/media"]) == MAX_INVOCATIONS


def test_refused_events_are_not_a_loop(application, api, function):
    handlers = application(MPS_FORWARD="scf://thumbnails.ap-guangzhou")
    api.faults.add("Invoke", times=MAX_INVOCATIONS + 1, code="ResourceUnavailable")
    for number in range(MAX_INVOCATIONS + 1):
        failure = forward_and_fail(handlers, sample(), request_id=f"redelivery-{number}")
        assert "ResourceUnavailable" in failure
    handlers.main_handler(sample(), CONTEXT)
    assert len(function.pushed) == 1


def test_loop_ends_at_second_delivery_with_ledger(application, api, function, tmp_path):
    handlers = application(
        MPS_FORWARD="scf://thumbnails.ap-guangzhou", MPS_LEDGER=f"file://{tmp_path}/ledger"
    )
    handlers.main_handler(sample(), CONTEXT)
    again = handlers.main_handler(json.loads(function.pushed[0]), {**CONTEXT, "request_id": "r-2"})
    assert get_outcomes(again) == {"scf-thumbnails.ap-guangzhou": "skipped"}
    assert len(function.pushed) == 1


def test_loop_guard_forgets_least_recently_seen_event():
    guard = LoopGuard()

    def event(number: int) -> Event:
        made = sample("EditMediaTask")
        made["EditMediaTaskEvent"]["TaskId"] = f"task-{number}"
        return parse_event(made)

    for request in range(MAX_INVOCATIONS):
        for number in (1, 0):  # 1 is seen before 0, and again below
            guard.record(event(number), Context({"request_id": f"r-{request}"}))
    guard.record(event(1), Context({"request_id": "r-0"}))
    for number in range(2, MAX_EVENTS + 1):
        guard.record(event(number), Context({"request_id": "r"}))
    guard.check(event(0), Context({"request_id": "r"}))
    with pytest.raises(ConfigurationError):
        guard.check(event(1), Context({"request_id": "r"}))
