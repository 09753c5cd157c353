"""Instances: used again, side by side, killed, and none of them left."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scf_mps.local.scf import LifecycleEvent, LocalFunction
from tests.support.wait import wait_for_end, wait_until

from .conftest import APPLICATION, LAYER, Run


def test_a_warm_instance_is_used_again(run: Run) -> None:
    function = run(concurrency=3)
    told = [function.invoke({"do": "count"}) for _ in range(3)]
    assert [one.cold for one in told] == [True, False, False]
    assert [one.returned["events"] for one in told] == [1, 2, 3]
    (instance,) = function.instances
    assert {one.returned["pid"] for one in told} == {instance.pid}
    assert repr(instance) == f"<Instance 1: process {instance.pid}, idle>"


def test_as_many_events_run_at_once_as_there_may_be_instances(run: Run, tmp_path: Path) -> None:
    function = run(concurrency=3, timeout=30)
    event = {"do": "meet", "folder": str(tmp_path), "parties": 3}
    for _ in range(3):  # none of them ends before the others run
        function.push(event)
    function.settle()
    pids = {one.returned for one in function.invocations}
    assert pids == {instance.pid for instance in function.instances}
    assert len(pids) == 3


def test_no_instance_has_two_events_at_once(run: Run) -> None:
    function = run(concurrency=3)
    busy: dict[int, str] = {}
    most, overlaps = [0], []

    def watch(moment: LifecycleEvent) -> None:
        if moment.kind == "started":
            assert moment.instance is not None
            if moment.instance.number in busy:
                overlaps.append(moment)
            busy[moment.instance.number] = moment.request_id
            most[0] = max(most[0], len(busy))
            if moment.instance.request_id != moment.request_id:
                overlaps.append(moment)
        elif moment.kind == "ended":
            assert moment.invocation is not None
            del busy[moment.invocation.instance]

    function.observe(watch)
    for _ in range(30):
        function.push({"do": "count"})
    with ThreadPoolExecutor(4) as pool:
        calls = list(pool.map(lambda _: function.invoke({"do": "count"}), range(30)))
    function.settle()
    assert all(one.succeeded for one in (*calls, *function.invocations))
    assert len(function.invocations) == 60
    assert overlaps == []
    assert most[0] <= 3
    assert len(function.instances) <= 3
    by_instance = {
        (one.instance, one.returned["events"]) for one in function.invocations
    }  # each counted for itself, none left out
    assert len(by_instance) == 60


def test_an_instance_that_is_killed_at_work_is_a_failure_and_retried_in_a_new_one(
    run: Run,
) -> None:
    function = run(speed=1000, retries=1, timeout=30)

    def kill(moment: LifecycleEvent) -> None:
        if moment.record == "spinning":
            assert moment.instance is not None
            moment.instance.kill()

    function.observe(kill)
    request_id = function.push({"do": "spin"})
    function.settle()
    first, second = function.invocations
    assert (first.status, second.status) == (439, 439)
    assert (first.request_id, second.request_id) == (request_id, request_id)
    assert (first.instance, second.instance) == (1, 2)
    assert second.cold
    assert function.instances == []
    assert len(function.dropped) == 1


def test_an_instance_that_dies_idle_is_replaced_and_nothing_fails(run: Run) -> None:
    function = run()
    function.invoke({"do": "count"})
    (instance,) = function.instances
    instance.kill()
    wait_for_end(instance.pid)
    invocation = function.invoke({"do": "count"})
    assert (invocation.status, invocation.cold, invocation.instance) == (200, True, 2)
    instance.kill()  # of what is gone it does nothing


@pytest.mark.parametrize("wait", [True, False])
def test_an_instance_that_dies_before_it_reads_its_event_is_439(run: Run, wait: bool) -> None:
    function = run(timeout=30, freeze=False)
    function.invoke({"do": "count"})
    sender = threading.Event()

    def kill(moment: LifecycleEvent) -> None:
        if moment.kind == "started" and moment.instance is not None:
            if wait:
                moment.instance.kill()
                wait_for_end(moment.instance.pid)
            else:
                os.kill(moment.instance.pid, signal.SIGSTOP)
                threading.Timer(0.5, moment.instance.kill).start()
                sender.set()

    function.observe(kill)
    assert function.invoke({"do": "count"}).status == 439
    assert sender.is_set() is not wait


def test_nothing_is_left_when_a_function_is_closed(run: Run) -> None:
    with LocalFunction(APPLICATION, layer=LAYER, concurrency=2, timeout=900) as function:
        spinning = threading.Event()
        function.observe(lambda moment: spinning.set() if moment.record == "spinning" else None)
        other = function.invoke({"do": "start_another"})
        directory = Path(function.invoke({"do": "tell"}).returned["directory"])
        function.push({"do": "spin"})
        assert spinning.wait(10)
        function.invoke({"do": "count"})
        pids = [instance.pid for instance in function.instances]
        assert len(pids) == 2
        request_ids = [instance.request_id for instance in function.instances]
        assert sum(request_id is not None for request_id in request_ids) == 1
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    wait_for_end(other.returned)  # what an instance had started as well
    assert not directory.parent.exists()
    assert function.instances == []
    assert not [one for one in threading.enumerate() if one.name.startswith("mps-events")]
    assert function.dropped == []


def test_whoever_waits_for_a_call_is_told_of_the_close() -> None:
    with ThreadPoolExecutor(2) as pool:
        with LocalFunction(APPLICATION, layer=LAYER, timeout=900) as function:
            spinning = threading.Event()
            function.observe(lambda moment: spinning.set() if moment.record == "spinning" else None)
            running = pool.submit(function.invoke, {"do": "spin"})
            assert spinning.wait(10)
            waiting = pool.submit(function.invoke, {"do": "count"})
            wait_until(lambda: function.waiting)
        for call in (running, waiting):
            with pytest.raises(RuntimeError, match="closed before it was done"):
                call.result(10)


def test_an_instance_that_is_launched_while_the_function_closes_is_not_left() -> None:
    asked, closing = threading.Event(), threading.Event()

    def keys() -> tuple[str, str, str]:
        asked.set()
        assert closing.wait(10)
        return ("id", "key", "token")

    function = LocalFunction(APPLICATION, layer=LAYER, timeout=900, credentials=keys)
    with ThreadPoolExecutor(2) as pool:
        with function:
            call = pool.submit(function.invoke, {"do": "spin"})
            assert asked.wait(10)
            closed = pool.submit(function.close)
            wait_until(lambda: _is_closed(function))
            closing.set()
            closed.result(10)
        with pytest.raises(RuntimeError, match="closed before it was done"):
            call.result(10)
    assert function.instances == []


def _is_closed(function: LocalFunction) -> bool:
    try:
        function.push({"do": "count"})
    except RuntimeError:
        return True
    return False


def test_every_event_is_accounted_for_while_instances_are_killed(run: Run) -> None:
    function = run(concurrency=2, speed=10_000, timeout=30, dead_letter_queue=True)
    moments = itertools.count(1)

    def kill(moment: LifecycleEvent) -> None:
        if moment.instance is not None and next(moments) % 13 == 0:
            moment.instance.kill()

    function.observe(kill)
    request_ids = [function.push({"do": "write"}) for _ in range(20)]
    function.settle()
    tries: dict[str, list[int]] = {request_id: [] for request_id in request_ids}
    for one in function.invocations:
        assert one.retry == len(tries[one.request_id])
        tries[one.request_id].append(one.status)
    assert {status for statuses in tries.values() for status in statuses} == {200, 439}
    dead = {message["RequestId"] for message in function.dead_letters}
    for request_id, statuses in tries.items():
        expected = [439] * 3 if request_id in dead else [439] * (len(statuses) - 1) + [200]
        assert statuses == expected


def test_idle_instance_is_frozen_until_the_next_event(run: Run, tmp_path: Path) -> None:
    """A background thread gets no time after the answer, as an exporter's on SCF would not."""
    ticks = tmp_path / "ticks"
    for freeze in (True, False):
        ticks.write_text("")
        function = run(freeze=freeze)
        started = function.invoke({"do": "tick", "file": str(ticks)})
        assert started.status == 200
        (instance,) = function.instances
        if freeze:
            wait_until(lambda pid=instance.pid: process_state(pid) == "T")
        else:
            wait_until(lambda: ticks.stat().st_size > 200)
        again = function.invoke({"do": "count"})
        assert (again.status, again.cold) == (200, False)


def process_state(pid: int) -> str:
    """Return the state letter of a process: ``T`` when it is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


STARTER = """
import sys
from scf_mps.local.scf import LocalFunction

source, layer, do = sys.argv[1:]
function = LocalFunction(source, layer=layer, timeout=900)
function.__enter__()
print(function.invoke({"do": "count"}).returned["pid"], flush=True)
function.observe(lambda moment: print(moment.record, flush=True) if moment.record else None)
if do:
    function.push({"do": do})
sys.stdin.read()
"""


@pytest.mark.parametrize("do", ["", "spin"])
def test_instances_end_when_whoever_started_them_is_killed(do: str, tmp_path: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, APPLICATION, LAYER, do],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},  # it cannot remove what it laid out
    )
    with starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        if do:
            assert starter.stdout.readline() == "spinning\n"
        starter.kill()
    wait_for_end(pid)


def test_instances_that_come_and_go_leave_no_descriptors_behind(run: Run) -> None:
    function = run()
    function.invoke({"do": "leave"})
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        function.invoke({"do": "leave"})
    assert len(os.listdir("/proc/self/fd")) == before
