"""The line that each event logs, as a log service receives it."""

import json
import logging
import subprocess
import sys

import pytest

pytest.importorskip("aiohttp", reason="the COS emulator needs it")

from scf_mps import (
    App,
    CallbacksFailed,
    Context,
    Cos,
    Drop,
    EventHeld,
    ImageSprites,
    InvalidEvent,
    Transcode,
    logs,
    parse_event,
)
from scf_mps.cos.transport import SHARED_POOL
from scf_mps.ledger import MemoryLedger
from scf_mps.local import api
from scf_mps.local.cos import CosEmulator, Fault
from scf_mps.local.samples import sample
from scf_mps.testing.clock import Clock
from tests.support.log_capture import Stream, restore_loggers

DOCUMENTED = [
    *("type", "status", "slowest", "error", "delivery", "cold", "init_ms", "ms", "left_ms"),
    *("done", "failed", "dropped", "deferred", "skipped", "unhandled"),
    *("slowest_ms", "cos_requests", "cos_retries", "cos_wait_ms", "ledger_ms"),
]


@pytest.fixture
def lines():
    """Return a function that reads the lines `handled` so far."""
    with restore_loggers():
        logs.configure(stream := Stream())
        logging.getLogger("scf_mps").setLevel(logging.NOTSET)
        yield lambda: [line for line in stream.lines if line["message"] == "handled"]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def handle(clock):
    """Return a function that handles an event on the clock."""

    def handle(app, event, seconds=60):
        raw = {"request_id": "r", "time_limit_in_ms": seconds * 1000}
        return app.main_handler(event, Context(raw, clock, clock.sleep))

    return handle


def create_event(task_id="task-1"):
    event = sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="SUCCESS")
    event["WorkflowTaskEvent"]["TaskId"] = task_id
    return event


def test_line_has_the_documented_fields_in_order(lines, handle, clock):
    app = App()
    app.on(Transcode, name="quick")(lambda transcode: clock.sleep(0.25))
    app.on(ImageSprites, name="slow")(lambda sprites: clock.sleep(1.5))
    handle(app, create_event())
    (line,) = lines()
    assert list(line)[:6] == ["time", "level", "logger", "message", "request_id", "task_id"]
    assert list(line)[6:] == DOCUMENTED
    facts = {"level": "INFO", "logger": "scf_mps", "request_id": "r", "task_id": "task-1"}
    facts |= {"type": "WorkflowTask", "status": "FINISH", "slowest": "slow", "error": ""}
    facts |= {"slowest_ms": 1500.0, "ms": 1750.0, "left_ms": 58250.0, "done": 2, "delivery": 0}
    assert line.items() >= facts.items()
    assert all(line[name] == 0 for name in DOCUMENTED[10:15] + DOCUMENTED[16:])


def test_line_counts_outcomes_of_each_delivery(lines, handle):
    app = App(ledger=MemoryLedger())

    @app.on(Transcode, name="a")
    def fail(transcode: Transcode) -> None:
        raise ValueError("no route")

    @app.on(Transcode, name="b")
    def drop(transcode: Transcode) -> None:
        raise Drop("not wanted")

    app.on(Transcode, name="c", needs=1e6)(lambda transcode: None)
    app.on(Transcode, name="d")(lambda transcode: None)
    for _ in range(2):
        with pytest.raises(CallbacksFailed):
            handle(app, create_event())
    names = ("delivery", "done", "failed", "dropped", "deferred", "skipped", "unhandled")
    assert [[line[name] for name in names] for line in lines()] == [
        [1, 1, 1, 1, 1, 0, 1],
        [2, 0, 1, 0, 1, 2, 1],
    ]
    assert "ValueError: no route" in lines()[0]["error"]
    assert len(lines()[0]["error"]) <= 500


def test_line_counts_requests_and_waits(lines, handle, clock, tmp_path, monkeypatch):
    class SlowLedger(MemoryLedger):
        def claim(self, *arguments, **options):
            clock.sleep(0.5)
            return super().claim(*arguments, **options)

    app = App(ledger=SlowLedger())

    @app.on(Transcode)
    def look(transcode: Transcode, cos: Cos) -> None:
        cos.exists("cos://media-1250000000.ap-guangzhou/a")

    with CosEmulator(tmp_path / "cos") as emulator:
        emulator.create_bucket("media-1250000000", "ap-guangzhou")
        monkeypatch.setenv("MPS_COS_PROXY", emulator.url)
        monkeypatch.setenv("TENCENTCLOUD_SECRETID", emulator.key.secret_id)
        monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", emulator.key.secret_key)
        emulator.faults.add(Fault("slow_down", retry_after=7, count=2))
        for task in ("task-1", "task-2"):
            handle(app, create_event(task))
        SHARED_POOL.clear()
    first, second = lines()
    assert (first["cos_requests"], first["cos_retries"]) == (3, 2)
    assert first["cos_wait_ms"] == pytest.approx(sum(clock.waits[1:3]) * 1000, abs=0.1)
    assert (second["cos_requests"], second["cos_retries"], second["cos_wait_ms"]) == (1, 0, 0.0)
    assert (first["ledger_ms"], second["ledger_ms"]) == (500.0, 500.0)


def test_batch_logs_a_line_for_each_event(lines, handle, clock):
    app = App()
    app.on(Transcode)(lambda transcode: clock.sleep(1.0))
    tasks = ["task-1", "task-2"]
    records = [{"CMQ": {"msgBody": json.dumps(create_event(task))}} for task in tasks]
    handle(app, {"Records": records})
    assert [(line["task_id"], line["ms"]) for line in lines()] == [
        ("task-1", 1000.0),
        ("task-2", 1000.0),
    ]


def test_held_event_of_a_batch_logs_one_line(lines, handle):
    ledger = MemoryLedger()
    app = App(ledger=ledger)
    app.on(Transcode)(lambda transcode: None)
    ledger.claim(parse_event(create_event("task-1")), [], 600.0, owner="another delivery")
    tasks = ["task-1", "task-2"]
    records = [{"CMQ": {"msgBody": json.dumps(create_event(task))}} for task in tasks]
    with pytest.raises(CallbacksFailed):
        handle(app, {"Records": records})
    assert [line["task_id"] for line in lines()] == ["task-2", "task-1"]
    assert lines()[1]["error"].startswith("EventHeld")
    with pytest.raises(EventHeld):
        handle(app, create_event("task-1"))


def test_invalid_event_logs_a_line(lines, handle):
    with pytest.raises(InvalidEvent):
        handle(App(), {"EventType": 5})
    (line,) = lines()
    assert (line["type"], line["status"]) == ("", "")
    assert line["error"].startswith("InvalidEvent")
    assert list(line)[5:] == DOCUMENTED


def test_timer_without_tasks_logs_a_line(lines, handle, monkeypatch):
    timer = {"Type": "Timer", "TriggerName": "every-hour", "Message": "reconcile"}
    with api.CloudApi([api.Mps()]) as cloud:
        monkeypatch.setenv("MPS_API_ENDPOINT", cloud.url)
        monkeypatch.setenv("TENCENTCLOUD_REGION", "ap-guangzhou")
        monkeypatch.setenv("TENCENTCLOUD_SECRETID", cloud.key.secret_id)
        monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", cloud.key.secret_key)
        handle(App(ledger=MemoryLedger()), timer)
    assert [(line["type"], line["error"]) for line in lines()] == [("Timer", "")]


def test_line_has_no_limit_without_time_limit(lines):
    App().main_handler(create_event(), {})
    assert lines()[0]["left_ms"] == -1.0


def test_level_selects_lines(lines):
    app = App()
    app.on(Transcode)(lambda transcode: None)
    logging.getLogger().setLevel(logging.WARNING)
    app.main_handler(create_event(), {})
    with pytest.raises(InvalidEvent):
        app.main_handler("none", {})
    assert lines() == []


COLD = """
import json, time
from scf_mps import App, Transcode
time.sleep(0.05)
app = App(ledger="none")
app.on(Transcode)(lambda transcode: None)
handler = app.main_handler
for event in json.loads(input()):
    handler(event, {"request_id": "r"})
"""


def test_first_line_of_an_instance_is_cold(monkeypatch):
    monkeypatch.setenv("TENCENTCLOUD_RUNENV", "SCF")
    events = json.dumps([create_event(), create_event()])
    output = subprocess.run(
        [sys.executable, "-c", COLD], input=events, capture_output=True, text=True, check=True
    ).stdout
    lines = [json.loads(line) for line in output.splitlines()]
    first, second = [line for line in lines if line["message"] == "handled"]
    assert (first["cold"], second["cold"], second["init_ms"]) == (1, 0, 0.0)
    assert 50 <= first["init_ms"] < 60_000
