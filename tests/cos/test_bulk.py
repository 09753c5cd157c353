"""Parallel work on many objects."""

import threading

import pytest

from scf_mps.cos import Denied, NotFound, SomeFailed, bulk
from scf_mps.local.cos import Fault

from .support import at


def test_interruption_of_worker_ends_all(cos):
    def work(number):
        if number == 5:
            raise KeyboardInterrupt
        return number

    with pytest.raises(KeyboardInterrupt):
        bulk.try_each(cos._client, range(1000), work)
    assert not [thread for thread in threading.enumerate() if thread.name[4:].isdigit()]


def test_interruption_of_main_thread_ends_workers(cos, monkeypatch):
    joined = []
    real = threading.Thread.join

    def join(thread, *rest):
        if not joined:
            joined.append(thread)
            raise KeyboardInterrupt
        real(thread, *rest)

    monkeypatch.setattr(threading.Thread, "join", join)
    with pytest.raises(KeyboardInterrupt):
        bulk.try_each(cos._client, range(100), lambda number: number)


def test_foreign_error_is_collected(cos):
    def work(number):
        return 1 // number

    with pytest.raises(SomeFailed) as raised:
        bulk.run_each(cos._client, range(3), work, "divide")
    assert [type(error) for error in raised.value.exceptions] == [ZeroDivisionError]
    assert raised.value.objects == []


def test_fatal_error_stops_requests(emulator, make_cos):
    emulator.faults.add(Fault("expired_token"))
    cos = make_cos(concurrency=1)
    items = [at(f"a/{number}") for number in range(10)]
    with pytest.raises(SomeFailed) as raised:
        cos.read(items)
    assert len(emulator.requests) == 1
    assert raised.value.objects == items
    assert {type(error) for error in raised.value.exceptions} == {Denied}
    assert raised.value.exceptions[1].__cause__ is raised.value.exceptions[0]


def test_excess_workers_wait(cos):
    concurrency = cos._client.concurrency
    concurrency.slow_down()
    concurrency.size = 1.0

    def work(number):
        if number > 50:
            concurrency.succeed()
        return number

    assert bulk.run_all(cos._client, range(200), work) == list(range(200))


def test_run_all_raises_first_error(cos):
    with pytest.raises(NotFound) as raised:
        bulk.run_all(cos._client, [at("a"), at("b")], cos.head)
    assert raised.value.__cause__ is None


def test_work_continues_without_threads(cos, monkeypatch):
    start, refused = threading.Thread.start, []

    def refuse(thread):
        if thread.name == "dns" or thread.name in ("cos-3", "cos-4"):
            refused.append(thread.name)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    items = [at(f"{number}") for number in range(20)]
    assert cos.exists(items) == [False] * 20
    assert "cos-3" in refused
    assert "dns" in refused
    assert "cos-4" not in refused
