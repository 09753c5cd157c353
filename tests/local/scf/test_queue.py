"""Event queue: retries, age, duplicates and dead letters."""

from __future__ import annotations

import json
import threading
from collections import Counter
from copy import deepcopy
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from scf_mps.local.scf import InvocationRejected, LifecycleEvent, LocalFunction

from .support import APPLICATION, LAYER, Run

FAST = {"speed": 1000, "retry_interval": 60}


def get_kinds(events: list[LifecycleEvent]) -> list[str]:
    return [lifecycle_event.kind for lifecycle_event in events if lifecycle_event.kind != "record"]


def test_failure_is_retried_twice_with_same_request_id(run: Run, tmp_path: Path) -> None:
    function = run(**FAST)
    events: list[LifecycleEvent] = []
    function.observe(events.append)
    attempts = tmp_path / "tries"
    request_id = function.push({"do": "fail_until", "tries": str(attempts), "succeeds_at": 3})
    function.settle()
    invocations = function.invocations
    assert [invocation.request_id for invocation in invocations] == [request_id] * 3
    assert [invocation.retry for invocation in invocations] == [0, 1, 2]
    assert [invocation.status for invocation in invocations] == [430, 430, 200]
    assert [invocation.instance for invocation in invocations] == [1, 1, 1]
    assert all(invocation.asynchronous and not invocation.duplicate for invocation in invocations)
    assert {line.split()[0] for line in attempts.read_text().splitlines()} == {request_id}
    assert (function.dropped, function.dead_letters, function.waiting) == ([], [], 0)
    again = ["started", "ended", "retrying"]
    assert get_kinds(events) == ["pushed", *again, *again, "started", "ended"]
    texts = {item.event for item in events if item.kind in ("pushed", "started")}
    assert [json.loads(text)["succeeds_at"] for text in texts] == [3]


def test_speed_shortens_wait_before_retry(run: Run) -> None:
    function = run(speed=200, retries=1)  # 300 ms
    ends: list[float] = []
    function.observe(
        lambda lifecycle_event: (
            ends.append(monotonic()) if lifecycle_event.kind == "ended" else None
        )
    )
    function.push({"do": "fail"})
    function.settle()
    first, second = ends
    assert 0.29 <= second - first < 2


def test_call_is_not_retried(run: Run) -> None:
    function = run(**FAST, dead_letter_queue=True)
    assert not function.invoke({"do": "fail"}).succeeded
    function.settle()
    (invocation,) = function.invocations
    assert not invocation.asynchronous
    assert function.dead_letters == []


def test_dead_letter_holds_event_after_last_retry(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "dead.jsonl"
    function = run(**FAST, dead_letter_queue=path, name="my-function", namespace="videos")
    event = {"do": "fail", "é": [1, None]}
    request_id = function.push(event)
    function.settle()
    (message,) = deepcopy(function.dead_letters)
    body = message["Body"]
    pushed = body.pop("TimeStampForInvoker")
    assert 1_700_000_000_000 < pushed == body.pop("PushTime")
    assert json.loads(body.pop("ClientContext")) == event
    assert message == {
        "RequestId": request_id,
        "ErrorCode": 430,
        "ErrorMessage": "user code exception caught",
        "Body": {
            "AppId": "1250000000",
            "Uin": "100000000001",
            "RequestSource": "MPS",
            "FunctionName": "my-function",
            "Namespace": "videos",
            "Qualifier": "$LATEST",
            "InvocationType": "Event",
            "RetryNum": 2,
            "Ttl": 21600,
        },
    }
    function.push({"do": "leave"})
    function.settle()
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert lines == function.dead_letters
    assert [line["ErrorCode"] for line in lines] == [430, 439]
    assert function.dropped == []


def test_failed_event_is_dropped_without_dead_letter_queue(run: Run) -> None:
    function = run(**FAST, retries=0)
    events: list[LifecycleEvent] = []
    function.observe(events.append)
    request_id = function.push({"do": "fail"})
    function.settle()
    assert function.dead_letters == []
    (message,) = function.dropped
    assert (message["RequestId"], message["Body"]["RetryNum"]) == (request_id, 0)
    assert get_kinds(events) == ["pushed", "started", "ended", "dropped"]


def test_start_fails_when_dead_letters_are_unwritable(tmp_path: Path) -> None:
    function = LocalFunction(APPLICATION, dead_letter_queue=tmp_path / "none" / "dead.jsonl")
    with pytest.raises(FileNotFoundError), function:
        pass


def test_dead_letter_is_dropped_when_unwritable(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "dead.jsonl"
    function = run(retries=0, dead_letter_queue=path)
    path.unlink()
    path.mkdir()
    request_id = function.push({"do": "fail"})
    function.settle()
    assert function.dead_letters == []
    assert [message["RequestId"] for message in function.dropped] == [request_id]


def test_dead_letter_may_hold_half_surrogate_pair(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "dead.jsonl"
    function = run(retries=0, dead_letter_queue=path)
    event = {"do": "fail", "SessionContext": "\ud800"}
    function.push(event)
    function.settle()
    (line,) = path.read_text("utf-8").splitlines()
    assert json.loads(json.loads(line)["Body"]["ClientContext"]) == event
    assert function.dead_letters == [json.loads(line)]


def test_emulator_defect_does_not_block_callers(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    function = run(namespace=b"no text")  # the context needs text
    function.push({"do": "count"})
    function.settle()
    assert "delivery of" in caplog.text
    with pytest.raises(TypeError, match="bytes"):
        function.invoke({"do": "count"})


def test_event_ages_as_if_not_sped_up(run: Run) -> None:
    function = run(**FAST, ttl=90, dead_letter_queue=True)
    function.push({"do": "fail"})
    function.settle()
    assert [invocation.retry for invocation in function.invocations] == [
        0,
        1,
    ]  # after 0 and 60 of 90 s
    (message,) = function.dead_letters
    assert (message["ErrorCode"], message["Body"]["RetryNum"]) == (430, 2)


def test_platform_failure_is_retried_until_expiry(run: Run) -> None:
    def no_keys() -> tuple[str, str, str]:
        raise LookupError

    function = run(**FAST, ttl=600, retries=0, credentials=no_keys, dead_letter_queue=True)
    function.push({"do": "count"})
    function.settle()
    assert len(function.invocations) == 10
    assert {invocation.status for invocation in function.invocations} == {500}
    assert [message["ErrorCode"] for message in function.dead_letters] == [500]


def test_event_expires_without_free_instance(run: Run) -> None:
    function = run(ttl=0.05, dead_letter_queue=True)
    expired = threading.Event()
    function.observe(
        lambda lifecycle_event: expired.set() if lifecycle_event.kind == "dead" else None
    )
    function.pause()
    function.push({"do": "count"})
    assert not expired.wait(0.1)
    function.resume()
    assert expired.wait(10)
    (message,) = function.dead_letters
    assert message["ErrorCode"] == 432
    assert message["ErrorMessage"] == "no instance was free within 0.05 s"
    assert function.invocations == []


def test_pushed_event_may_have_128_kb(run: Run) -> None:
    function = run()
    event = json.dumps({"do": "count", "x": ""})
    largest = event.replace('""', f'"{"x" * (128 * 1024 - len(event))}"')
    function.push(text=largest)
    function.settle()
    with pytest.raises(InvocationRejected, match="131073") as caught:
        function.push(text=largest + " ")
    assert caught.value.status == 406
    assert function.invoke(text=largest + " ").succeeded
    assert [invocation.status for invocation in function.invocations] == [200, 200]


def test_paused_queue_holds_pushed_events(run: Run) -> None:
    function = run()
    function.pause()
    request_ids = [function.push({"do": "count"}) for _ in range(3)]
    assert function.invoke({"do": "count"}).returned["events"] == 1
    assert function.waiting == 3
    with pytest.raises(TimeoutError, match="paused"):
        function.settle(0.01)
    function.resume()
    function.settle()
    assert [
        invocation.request_id for invocation in function.invocations[1:]
    ] == request_ids  # in order
    assert [invocation.returned["events"] for invocation in function.invocations] == [1, 2, 3, 4]


def test_settle_reports_remaining_events(run: Run) -> None:
    function = run(timeout=900)
    started = threading.Event()
    function.observe(
        lambda lifecycle_event: started.set() if lifecycle_event.kind == "started" else None
    )
    function.push({"do": "spin"})
    assert started.wait(10)
    with pytest.raises(TimeoutError, match="1 are running"):
        function.settle(0.01)


def deliveries(**settings: Any) -> list[tuple[int, bool, int]]:
    """Return (event, is duplicate, retry) of the deliveries of 60 events, of which one always fails."""
    with LocalFunction(APPLICATION, layer=LAYER, **FAST, **settings) as function:
        order = {
            function.push({"do": "count"} if number else {"do": "fail"}): number
            for number in range(60)
        }
        function.settle()
        return [
            (order[invocation.request_id], invocation.duplicate, invocation.retry)
            for invocation in function.invocations
        ]


def test_duplicates_depend_on_seed(run: Run) -> None:
    delivered = deliveries(duplicates=0.2, seed=1)
    assert sorted(delivered) == sorted(deliveries(duplicates=0.2, seed=1))
    assert sorted(delivered) != sorted(deliveries(duplicates=0.2, seed=2))
    counts = Counter(
        number for number, duplicate, retry in delivered if not duplicate and not retry
    )
    assert counts == dict.fromkeys(range(60), 1)
    duplicated = [number for number, duplicate, retry in delivered if duplicate and not retry]
    assert 5 <= len(duplicated) == len(set(duplicated)) <= 20


def test_duplicate_deliveries_are_retried_independently(run: Run) -> None:
    function = run(**FAST, duplicates=1)
    request_id = function.push({"do": "fail"})
    function.settle()
    assert {invocation.request_id for invocation in function.invocations} == {request_id}
    attempts = sorted(
        (invocation.duplicate, invocation.retry) for invocation in function.invocations
    )
    assert attempts == [(duplicate, retry) for duplicate in (False, True) for retry in range(3)]
    assert len(function.dropped) == 2


def test_failing_observer_is_logged(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    function = run()
    events: list[LifecycleEvent] = []
    function.observe(lambda lifecycle_event: events[-1000])
    function.observe(events.append)
    assert function.invoke({"do": "count"}).succeeded
    assert events[-1].invocation == function.invocations[0]
    assert "an observer failed" in caplog.text
