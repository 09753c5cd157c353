"""Instances: reuse, concurrency, crashes and clean-up."""

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

from .support import APPLICATION, LAYER, Run


def test_warm_instance_is_reused(run: Run) -> None:
    function = run(concurrency=3)
    invocations = [function.invoke({"do": "count"}) for _ in range(3)]
    assert [invocation.cold for invocation in invocations] == [True, False, False]
    assert [invocation.returned["events"] for invocation in invocations] == [1, 2, 3]
    (instance,) = function.instances
    assert {invocation.returned["pid"] for invocation in invocations} == {instance.pid}
    assert repr(instance) == f"<Instance 1: process {instance.pid}, idle>"


def test_concurrency_runs_events_in_parallel(run: Run, tmp_path: Path) -> None:
    function = run(concurrency=3, timeout=30)
    event = {"do": "meet", "folder": str(tmp_path), "parties": 3}
    for _ in range(3):  # each one waits for the others
        function.push(event)
    function.settle()
    pids = {invocation.returned for invocation in function.invocations}
    assert pids == {instance.pid for instance in function.instances}
    assert len(pids) == 3


def test_instance_runs_one_event_at_a_time(run: Run) -> None:
    function = run(concurrency=3)
    busy: dict[int, str] = {}
    max_busy, overlaps = [0], []

    def watch(event: LifecycleEvent) -> None:
        if event.kind == "started":
            assert event.instance is not None
            if event.instance.number in busy:
                overlaps.append(event)
            busy[event.instance.number] = event.request_id
            max_busy[0] = max(max_busy[0], len(busy))
            if event.instance.request_id != event.request_id:
                overlaps.append(event)
        elif event.kind == "ended":
            assert event.invocation is not None
            del busy[event.invocation.instance]

    function.observe(watch)
    for _ in range(30):
        function.push({"do": "count"})
    with ThreadPoolExecutor(4) as pool:
        calls = list(pool.map(lambda _: function.invoke({"do": "count"}), range(30)))
    function.settle()
    assert all(invocation.succeeded for invocation in (*calls, *function.invocations))
    assert len(function.invocations) == 60
    assert overlaps == []
    assert max_busy[0] <= 3
    assert len(function.instances) <= 3
    by_instance = {
        (invocation.instance, invocation.returned["events"]) for invocation in function.invocations
    }  # no event is missing
    assert len(by_instance) == 60


def test_killed_instance_fails_and_event_is_retried(run: Run) -> None:
    function = run(speed=1000, retries=1, timeout=30)

    def kill(event: LifecycleEvent) -> None:
        if event.record == "spinning":
            assert event.instance is not None
            event.instance.kill()

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


def test_idle_instance_is_replaced_when_killed(run: Run) -> None:
    function = run()
    function.invoke({"do": "count"})
    (instance,) = function.instances
    instance.kill()
    wait_for_end(instance.pid)
    invocation = function.invoke({"do": "count"})
    assert (invocation.status, invocation.cold, invocation.instance) == (200, True, 2)
    instance.kill()  # no effect after the end of the process


@pytest.mark.parametrize("wait", [True, False])
def test_instance_killed_before_reading_event_is_439(run: Run, wait: bool) -> None:
    function = run(timeout=30, freeze=False)
    function.invoke({"do": "count"})
    sender = threading.Event()

    def kill(event: LifecycleEvent) -> None:
        if event.kind == "started" and event.instance is not None:
            if wait:
                event.instance.kill()
                wait_for_end(event.instance.pid)
            else:
                os.kill(event.instance.pid, signal.SIGSTOP)
                threading.Timer(0.5, event.instance.kill).start()
                sender.set()

    function.observe(kill)
    assert function.invoke({"do": "count"}).status == 439
    assert sender.is_set() is not wait


def test_close_leaves_nothing_behind(run: Run) -> None:
    others = set(threading.enumerate())
    with LocalFunction(APPLICATION, layer=LAYER, concurrency=2, timeout=900) as function:
        spinning = threading.Event()
        function.observe(lambda event: spinning.set() if event.record == "spinning" else None)
        other = function.invoke({"do": "start_another"})
        directory = Path(function.invoke({"do": "describe"}).returned["directory"])
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
    wait_for_end(other.returned)  # processes that an instance started end too
    assert not directory.parent.exists()
    assert function.instances == []
    assert not [
        thread
        for thread in set(threading.enumerate()) - others
        if thread.name.startswith("mps-events")
    ]
    assert function.dropped == []


def test_close_fails_waiting_calls() -> None:
    with ThreadPoolExecutor(2) as pool:
        with LocalFunction(APPLICATION, layer=LAYER, timeout=900) as function:
            spinning = threading.Event()
            function.observe(lambda event: spinning.set() if event.record == "spinning" else None)
            running = pool.submit(function.invoke, {"do": "spin"})
            assert spinning.wait(10)
            waiting = pool.submit(function.invoke, {"do": "count"})
            wait_until(lambda: function.waiting)
        for call in (running, waiting):
            with pytest.raises(RuntimeError, match="closed"):
                call.result(10)


def test_close_kills_instance_being_launched() -> None:
    keys_requested, closing = threading.Event(), threading.Event()

    def keys() -> tuple[str, str, str]:
        keys_requested.set()
        assert closing.wait(10)
        return ("id", "key", "token")

    function = LocalFunction(APPLICATION, layer=LAYER, timeout=900, credentials=keys)
    with ThreadPoolExecutor(2) as pool:
        with function:
            call = pool.submit(function.invoke, {"do": "spin"})
            assert keys_requested.wait(10)
            closed = pool.submit(function.close)
            wait_until(lambda: _is_closed(function))
            closing.set()
            closed.result(10)
        with pytest.raises(RuntimeError, match="closed"):
            call.result(10)
    assert function.instances == []


def _is_closed(function: LocalFunction) -> bool:
    try:
        function.push({"do": "count"})
    except RuntimeError:
        return True
    return False


def test_events_are_accounted_for_when_instances_die(run: Run) -> None:
    function = run(concurrency=2, speed=10_000, timeout=30, dead_letter_queue=True)
    count = itertools.count(1)

    def kill(event: LifecycleEvent) -> None:
        if event.instance is not None and next(count) % 13 == 0:
            event.instance.kill()

    function.observe(kill)
    request_ids = [function.push({"do": "write"}) for _ in range(20)]
    function.settle()
    tries: dict[str, list[int]] = {request_id: [] for request_id in request_ids}
    for invocation in function.invocations:
        assert invocation.retry == len(tries[invocation.request_id])
        tries[invocation.request_id].append(invocation.status)
    assert {status for statuses in tries.values() for status in statuses} == {200, 439}
    dead_letter_ids = {message["RequestId"] for message in function.dead_letters}
    for request_id, statuses in tries.items():
        expected = (
            [439] * 3 if request_id in dead_letter_ids else [439] * (len(statuses) - 1) + [200]
        )
        assert statuses == expected


def test_idle_instance_is_frozen_until_next_event(run: Run, tmp_path: Path) -> None:
    """Check that a background thread does not run after the response, as on SCF."""
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


PARENT = """
import sys
from scf_mps.local.scf import LocalFunction

source, layer, do = sys.argv[1:]
function = LocalFunction(source, layer=layer, timeout=900)
function.__enter__()
print(function.invoke({"do": "count"}).returned["pid"], flush=True)
function.observe(lambda event: print(event.record, flush=True) if event.record else None)
if do:
    function.push({"do": do})
sys.stdin.read()
"""


@pytest.mark.parametrize("do", ["", "spin"])
def test_instances_end_when_parent_is_killed(do: str, tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, APPLICATION, LAYER, do],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},  # a killed process leaves its files behind
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        if do:
            assert parent.stdout.readline() == "spinning\n"
        parent.kill()
    wait_for_end(pid)


def test_instances_leak_no_descriptors(run: Run) -> None:
    function = run()
    function.invoke({"do": "leave"})
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        function.invoke({"do": "leave"})
    assert len(os.listdir("/proc/self/fd")) == before
