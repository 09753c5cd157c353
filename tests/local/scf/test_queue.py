"""The asynchronous queue: retries, age, duplicates, and where what is given up goes."""

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

from .conftest import APPLICATION, LAYER, Run

FAST = {"speed": 1000, "retry_interval": 60}


def kinds(moments: list[LifecycleEvent]) -> list[str]:
    return [moment.kind for moment in moments if moment.kind != "record"]


def test_a_failure_is_retried_twice_with_the_same_request_id(run: Run, tmp_path: Path) -> None:
    function = run(**FAST)
    moments: list[LifecycleEvent] = []
    function.observe(moments.append)
    tries = tmp_path / "tries"
    request_id = function.push({"do": "fail_until", "tries": str(tries), "succeeds_at": 3})
    function.settle()
    invocations = function.invocations
    assert [one.request_id for one in invocations] == [request_id] * 3
    assert [one.retry for one in invocations] == [0, 1, 2]
    assert [one.status for one in invocations] == [430, 430, 200]
    assert [one.instance for one in invocations] == [1, 1, 1]
    assert all(one.asynchronous and not one.duplicate for one in invocations)
    assert {line.split()[0] for line in tries.read_text().splitlines()} == {request_id}
    assert (function.dropped, function.dead_letters, function.waiting) == ([], [], 0)
    again = ["started", "ended", "retrying"]
    assert kinds(moments) == ["pushed", *again, *again, "started", "ended"]


def test_a_minute_between_two_tries_is_as_long_as_the_speed_lets_it(run: Run) -> None:
    function = run(speed=200, retries=1)  # 300 ms
    ends: list[float] = []
    function.observe(lambda moment: ends.append(monotonic()) if moment.kind == "ended" else None)
    function.push({"do": "fail"})
    function.settle()
    first, second = ends
    assert 0.29 <= second - first < 2


def test_a_call_is_not_retried(run: Run) -> None:
    function = run(**FAST, dead_letter_queue=True)
    assert not function.invoke({"do": "fail"}).succeeded
    function.settle()
    (invocation,) = function.invocations
    assert not invocation.asynchronous
    assert function.dead_letters == []


def test_what_fails_every_time_is_a_dead_letter_that_holds_the_event(
    run: Run, tmp_path: Path
) -> None:
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


def test_without_a_dead_letter_queue_it_is_dropped_but_not_in_silence(run: Run) -> None:
    function = run(**FAST, retries=0)
    moments: list[LifecycleEvent] = []
    function.observe(moments.append)
    request_id = function.push({"do": "fail"})
    function.settle()
    assert function.dead_letters == []
    (message,) = function.dropped
    assert (message["RequestId"], message["Body"]["RetryNum"]) == (request_id, 0)
    assert kinds(moments) == ["pushed", "started", "ended", "dropped"]


def test_dead_letters_that_could_not_be_written_are_noticed_at_the_start(tmp_path: Path) -> None:
    function = LocalFunction(APPLICATION, dead_letter_queue=tmp_path / "none" / "dead.jsonl")
    with pytest.raises(FileNotFoundError), function:
        pass


def test_a_dead_letter_that_cannot_be_written_after_all_is_dropped(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "dead.jsonl"
    function = run(retries=0, dead_letter_queue=path)
    path.unlink()
    path.mkdir()
    request_id = function.push({"do": "fail"})
    function.settle()
    assert function.dead_letters == []
    assert [message["RequestId"] for message in function.dropped] == [request_id]


def test_a_dead_letter_may_hold_half_of_a_character(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "dead.jsonl"
    function = run(retries=0, dead_letter_queue=path)
    event = {"do": "fail", "SessionContext": "\ud800"}
    function.push(event)
    function.settle()
    (line,) = path.read_text("utf-8").splitlines()
    assert json.loads(json.loads(line)["Body"]["ClientContext"]) == event
    assert function.dead_letters == [json.loads(line)]


def test_what_the_emulator_itself_cannot_deliver_keeps_nobody_waiting(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    function = run(namespace=b"no text")  # of which no context can be made
    function.push({"do": "count"})
    function.settle()
    assert "could not be delivered" in caplog.text
    with pytest.raises(TypeError, match="bytes"):
        function.invoke({"do": "count"})


def test_an_event_grows_old_as_if_it_had_waited_in_full(run: Run) -> None:
    function = run(**FAST, ttl=90, dead_letter_queue=True)
    function.push({"do": "fail"})
    function.settle()
    assert [one.retry for one in function.invocations] == [0, 1]  # after 0 and 60 of 90 s
    (message,) = function.dead_letters
    assert (message["ErrorCode"], message["Body"]["RetryNum"]) == (430, 2)


def test_failures_of_the_platform_are_retried_until_the_event_is_too_old(run: Run) -> None:
    def no_keys() -> tuple[str, str, str]:
        raise LookupError

    function = run(**FAST, ttl=600, retries=0, credentials=no_keys, dead_letter_queue=True)
    function.push({"do": "count"})
    function.settle()
    assert len(function.invocations) == 10
    assert {one.status for one in function.invocations} == {500}
    assert [message["ErrorCode"] for message in function.dead_letters] == [500]


def test_an_event_that_no_instance_was_free_for_is_given_up_when_it_is_too_old(run: Run) -> None:
    function = run(ttl=0.05, dead_letter_queue=True)
    dead = threading.Event()
    function.observe(lambda moment: dead.set() if moment.kind == "dead" else None)
    function.pause()
    function.push({"do": "count"})
    assert not dead.wait(0.1)
    function.resume()
    assert dead.wait(10)
    (message,) = function.dead_letters
    assert message["ErrorCode"] == 432
    assert message["ErrorMessage"] == "no instance was free within the event's 0.05 s"
    assert function.invocations == []


def test_an_event_that_is_pushed_may_have_128_kb(run: Run) -> None:
    function = run()
    event = json.dumps({"do": "count", "x": ""})
    most = event.replace('""', f'"{"x" * (128 * 1024 - len(event))}"')
    function.push(text=most)
    function.settle()
    with pytest.raises(InvocationRejected, match="at most 131072 bytes, not 131073") as refused:
        function.push(text=most + " ")
    assert refused.value.status == 406
    assert function.invoke(text=most + " ").succeeded
    assert [one.status for one in function.invocations] == [200, 200]


def test_a_paused_queue_holds_what_is_pushed_and_lets_calls_go_on(run: Run) -> None:
    function = run()
    function.pause()
    request_ids = [function.push({"do": "count"}) for _ in range(3)]
    assert function.invoke({"do": "count"}).returned["events"] == 1
    assert function.waiting == 3
    with pytest.raises(TimeoutError, match="3 events still wait in the paused queue and 0 are"):
        function.settle(0.01)
    function.resume()
    function.settle()
    assert [one.request_id for one in function.invocations[1:]] == request_ids  # in their order
    assert [one.returned["events"] for one in function.invocations] == [1, 2, 3, 4]


def test_settling_says_what_is_still_to_be_done(run: Run) -> None:
    function = run(timeout=900)
    started = threading.Event()
    function.observe(lambda moment: started.set() if moment.kind == "started" else None)
    function.push({"do": "spin"})
    assert started.wait(10)
    with pytest.raises(TimeoutError, match="0 events still wait and 1 are being handled"):
        function.settle(0.01)


def deliveries(**settings: Any) -> list[tuple[int, bool, int]]:
    """Which event, whether the second time, which retry, for 60 events of which one fails always."""
    with LocalFunction(APPLICATION, layer=LAYER, **FAST, **settings) as function:
        order = {
            function.push({"do": "count"} if number else {"do": "fail"}): number
            for number in range(60)
        }
        function.settle()
        return [(order[one.request_id], one.duplicate, one.retry) for one in function.invocations]


def test_duplicates_are_the_same_for_the_same_seed(run: Run) -> None:
    told = deliveries(duplicates=0.2, seed=1)
    assert sorted(told) == sorted(deliveries(duplicates=0.2, seed=1))
    assert sorted(told) != sorted(deliveries(duplicates=0.2, seed=2))
    counts = Counter(number for number, duplicate, retry in told if not duplicate and not retry)
    assert counts == dict.fromkeys(range(60), 1)
    twice = [number for number, duplicate, retry in told if duplicate and not retry]
    assert 5 <= len(twice) == len(set(twice)) <= 20


def test_each_delivery_of_a_duplicate_is_retried_for_itself(run: Run) -> None:
    function = run(**FAST, duplicates=1)
    request_id = function.push({"do": "fail"})
    function.settle()
    assert {one.request_id for one in function.invocations} == {request_id}
    tries = sorted((one.duplicate, one.retry) for one in function.invocations)
    assert tries == [(duplicate, retry) for duplicate in (False, True) for retry in range(3)]
    assert len(function.dropped) == 2


def test_an_observer_that_fails_changes_nothing(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    function = run()
    seen: list[LifecycleEvent] = []
    function.observe(lambda moment: seen[-1000])
    function.observe(seen.append)
    assert function.invoke({"do": "count"}).succeeded
    assert seen[-1].invocation == function.invocations[0]
    assert "an observer failed" in caplog.text
