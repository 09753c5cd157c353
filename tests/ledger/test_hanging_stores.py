"""Stores that hang like a stopped process: no invocation outlasts its time limit."""

from __future__ import annotations

import itertools
import json
import re
import signal
import subprocess
import sys
from contextlib import nullcontext
from time import monotonic

import pytest

from scf_mps import App, CallbacksFailed, Context, EventHeld, LedgerError, Subtask, WorkflowTask
from scf_mps.common.deadline import Deadline
from scf_mps.cos.transport import SHARED_POOL
from scf_mps.events.parser import parse_event
from scf_mps.ledger import MemoryLedger, open_ledger
from scf_mps.local.samples import sample
from tests.support.raw_server import Server
from tests.support.redis_server import RedisServer

from .support import BUCKET, REGION

LIMIT = 3.0
"""Time limit in seconds."""


class Stoppable:
    """A store in a process that can be stopped and resumed.

    Attributes:
        url: of the ledger.
    """

    def __init__(self, url, process):
        self.url = url
        self._process = process

    def stop(self):
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        self._process.send_signal(signal.SIGCONT)


@pytest.fixture
def redis_store(redis_server, tmp_path):
    with RedisServer(tmp_path) as server:
        yield Stoppable(server.url, server.process)
        server.process.send_signal(signal.SIGCONT)


@pytest.fixture
def cos_store(tmp_path, monkeypatch):
    command = [sys.executable, "-m", "scf_mps.local.cos", f"--dir={tmp_path}", "--key=id:secret"]
    with subprocess.Popen(
        [*command, f"--bucket={BUCKET}.{REGION}"], stdout=subprocess.PIPE, text=True
    ) as process:
        port = re.search(r":(\d+)$", process.stdout.readline().strip())[1]
        monkeypatch.setenv("MPS_COS_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("TENCENTCLOUD_SECRETID", "id")
        monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", "secret")
        monkeypatch.delenv("TENCENTCLOUD_SESSIONTOKEN", raising=False)
        yield Stoppable(f"cos://{BUCKET}.{REGION}/ledger/", process)
        SHARED_POOL.clear()
        process.kill()


@pytest.fixture(params=["redis", "cos"])
def store(request):
    return request.getfixturevalue(f"{request.param}_store")


def stop_before(ledger, method, store):
    """Stop the store when a method of the ledger is called."""
    original = getattr(ledger, method)

    def stopping(*args, **named):
        store.stop()
        return original(*args, **named)

    setattr(ledger, method, stopping)


def create_application(store, on_error, step):
    ledger = open_ledger(store.url)
    ran = []
    app = App(ledger=ledger, on_ledger_error=on_error)

    def callback(result: Subtask) -> None:
        ran.append(result.type)
        if step == "callback":
            store.stop()

    app.on(Subtask, name="callback")(callback)
    app.on_complete(WorkflowTask, name="complete")(lambda event: ran.append("complete"))
    if step != "callback":
        stop_before(ledger, step, store)
    return app, ran


EVENT = sample("WorkflowTask", [("Transcode", "SUCCESS"), ("ImageSprites", "SUCCESS")])


@pytest.mark.parametrize("step", ["claim", "callback", "record", "close"])
@pytest.mark.parametrize("on_error", ["fail", "run"])
def test_invocation_ends_within_limit_when_store_hangs(store, on_error, step):
    app, ran = create_application(store, on_error, step)
    handler = app.main_handler
    began = monotonic()
    try:
        outcome = handler(EVENT, {"time_limit_in_ms": LIMIT * 1000})
    except (CallbacksFailed, LedgerError) as error:
        outcome = error
    took = monotonic() - began
    assert took < LIMIT - 0.1
    all_ran = on_error == "run" or step == "close"
    first = [] if step == "claim" else ["Transcode"]
    assert ran == (["Transcode", "ImageSprites", "complete"] if all_ran else first)
    # A callback without a record is a failure unless on_ledger_error is "run".
    assert isinstance(outcome, dict) == all_ran
    store.resume()


def test_messages_wait_once_for_hanging_store(store):
    ledger = open_ledger(store.url)
    app = App(ledger=ledger)
    app.on(Subtask, name="callback")(lambda result: None)
    handler = app.main_handler
    messages = []
    for number in range(5):
        event = sample("WorkflowTask", [("Transcode", "SUCCESS")])
        event["WorkflowTaskEvent"]["TaskId"] = f"task-{number}"
        messages.append({"CMQ": {"msgBody": json.dumps(event)}})
    store.stop()
    began = monotonic()
    with pytest.raises(CallbacksFailed):
        handler({"Records": messages}, {"time_limit_in_ms": LIMIT * 1000})
    # One wait of half of the time above a second.
    assert monotonic() - began < 2.0
    store.resume()


def test_store_that_resumes_records_all_at_close(redis_store):
    """A record that failed is written by the close."""
    app, ran = create_application(redis_store, "fail", "record")
    handler = app.main_handler
    ledger = app.ledger
    close = ledger.close

    def closing(*args):
        redis_store.resume()
        return close(*args)

    ledger.close = closing
    with pytest.raises(CallbacksFailed):
        handler(EVENT, {"time_limit_in_ms": LIMIT * 1000})
    assert ran == ["Transcode"]
    (event,) = ledger.list_events()
    assert [record.outcome for record in event.records if record.is_final] == ["done"]
    assert event.lease_seconds == 0


def test_callbacks_leave_time_for_closing():
    """A hanging request of a callback ends before the time reserved for closing."""
    left = []
    app = App(ledger=MemoryLedger())

    def callback(result: Subtask, context: Context) -> None:
        left.append(context.remaining() - Deadline.before_end(context).remaining())

    app.on(Subtask)(callback)
    for limit in (4, 60):
        app.main_handler(EVENT, {"time_limit_in_ms": limit * 1000})
        app.ledger._items.clear()
    assert left == pytest.approx([0.7, 0.7, 1.3, 1.3], abs=0.01)


class FailingLedger(MemoryLedger):
    """A store whose records fail after some seconds of the invocation's clock."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds
        self.timeouts = []

    def record(self, lease, record):
        self.timeouts.append(("record", lease.timeout))
        self.ahead(self.seconds)
        raise LedgerError("no response")

    def close(self, lease, records, complete):
        self.timeouts.append(("close", lease.timeout))
        super().close(lease, records, complete)


@pytest.mark.parametrize(
    ("seconds", "calls"), [(0.1, ["record", "close"]), (4.1, ["record", "close"]), (6, ["record"])]
)
@pytest.mark.parametrize("on_error", ["fail", "run"])
def test_failed_record_is_left_to_close(seconds, calls, on_error):
    now = [0.0]
    ledger = FailingLedger(seconds)
    ledger.ahead = lambda seconds: now.__setitem__(0, now[0] + seconds)
    app = App(ledger=ledger, on_ledger_error=on_error)
    app.on(Subtask)(lambda result: None)
    app.main_handler  # noqa: B018 - closes the registrations
    context = Context({"time_limit_in_ms": 12_000}, clock=lambda: now[0])
    is_failure = on_error == "fail"
    with pytest.raises(CallbacksFailed) if is_failure else nullcontext():
        app._dispatcher.handle(EVENT, context)
    assert [name for name, _ in ledger.timeouts] == calls
    timeouts = dict(ledger.timeouts)
    assert timeouts["record"] == pytest.approx(5.5 * 0.75)
    assert timeouts.get("close", 0.0) == pytest.approx(max(0.0, 5.5 - seconds), abs=0.51)


def test_waiting_delivery_fails_before_its_limit_when_held():
    """Of two deliveries at the same time, the second waits for as long as it can."""
    ledger = MemoryLedger()
    app = App(ledger=ledger, reserve=0.5)
    app.on(Subtask)(lambda result: None)
    ledger.claim(parse_event(EVENT), ["x"], 100)
    began = monotonic()
    with pytest.raises(EventHeld):
        app.main_handler(EVENT, {"time_limit_in_ms": 1000})
    assert 0.4 < monotonic() - began < 1.0


@pytest.fixture
def dripping_port():
    """The port of a server that sends single bytes, and never a whole response."""
    with Server(lambda peer: peer.drip(itertools.repeat(b"+"))) as server:
        yield server.port


@pytest.mark.parametrize("on_error", ["fail", "run"])
def test_redis_that_drips_does_not_outlast_limit(dripping_port, on_error):
    pytest.importorskip("redis", reason="NOT TESTED with Redis: the redis package is not installed")
    app = App(ledger=f"redis://127.0.0.1:{dripping_port}/0", on_ledger_error=on_error)
    app.on(Subtask)(lambda result: None)
    handler = app.main_handler
    began = monotonic()
    with pytest.raises(LedgerError) if on_error == "fail" else nullcontext():
        handler(EVENT, {"time_limit_in_ms": LIMIT * 1000})
    assert monotonic() - began < LIMIT - 0.1
