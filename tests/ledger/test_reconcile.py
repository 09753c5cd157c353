"""Reconciliation of finished tasks whose events never arrived, and events that are only a task id."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

import pytest

pytest.importorskip("aiohttp", reason="the emulator of MPS's API needs it")
pytest.importorskip("tencentcloud.common", reason="Mps uses it")

from scf_mps import (
    App,
    CallbacksFailed,
    Event,
    InvalidEvent,
    LedgerError,
    Middleware,
    Observer,
    Span,
    Transcode,
)
from scf_mps.common.spans import derive_trace_id
from scf_mps.events.parser import parse_event
from scf_mps.ledger import DamagedRecord, MemoryLedger
from scf_mps.local import api as cloud
from scf_mps.local.samples import sample
from scf_mps.tencent.mps import MpsError, TaskNotFound

pytestmark = pytest.mark.filterwarnings("ignore:.*utcfromtimestamp:DeprecationWarning")

TIMER = {"Type": "Timer", "TriggerName": "reconcile", "Time": "2026-11-22T10:00:00Z"}
HOUR = 3600.0


def task(name, *results):
    """Return the notification of a finished task."""
    notification = sample(
        "WorkflowTask", [(result, "SUCCESS") for result in results or ["Transcode"]]
    )
    notification["WorkflowTaskEvent"]["TaskId"] = name
    return notification


@pytest.fixture
def tasks():
    return cloud.Mps()


@pytest.fixture(autouse=True)
def api(tasks, monkeypatch):
    with cloud.CloudApi([tasks]) as running:
        monkeypatch.setenv("MPS_API_ENDPOINT", running.url)
        monkeypatch.setenv("TENCENTCLOUD_SECRETID", running.key.secret_id)
        monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", running.key.secret_key)
        monkeypatch.setenv("TENCENTCLOUD_REGION", "ap-guangzhou")
        monkeypatch.delenv("TENCENTCLOUD_SESSIONTOKEN", raising=False)
        yield running


class Films:
    """An application that remembers the tasks of its transcodes, and fails for some."""

    def __init__(self):
        self.seen = []
        self.failing = set()
        self.app = App(ledger=MemoryLedger())
        self.app.on(Transcode, name="film")(self._film())

    def _film(self):
        def film(transcode: Transcode) -> None:
            self.seen.append(transcode.event.task_id)
            if transcode.event.task_id in self.failing:
                raise OSError("no route")

        return film


@pytest.fixture
def films():
    return Films()


def test_timer_dispatches_missing_tasks(films, tasks):
    now = time.time()
    for name, ago in (("arrived", HOUR), ("lost", 2 * HOUR), ("old", 8 * HOUR), ("recent", 60)):
        tasks.add(task(name), finished=now - ago)
    films.app.main_handler(task("arrived"), {})

    summary = films.app.main_handler({**TIMER, "Message": "reconcile"}, {})
    assert films.seen == ["arrived", "lost"]
    assert summary["reconciled"] == [
        {"event_type": "WorkflowTask", "task_id": "lost", "outcome": "done"}
    ]
    assert summary["known"] == 1

    films.app.main_handler({**TIMER, "Message": "reconcile 12h"}, {})
    assert films.seen == ["arrived", "lost", "old"]
    films.app.main_handler(task("lost"), {})  # a late delivery
    assert films.seen == ["arrived", "lost", "old"]


def test_reconciled_tasks_have_traces_of_their_own(films, tasks):
    spans = []

    class Spans(Observer):
        def ended(self, span: Span) -> None:
            spans.append(span)

    for name in ("first", "second"):
        tasks.add(task(name), finished=time.time() - HOUR)
    app = films.app.overridden({}, observers=[Spans()])
    app.main_handler({**TIMER, "Message": "reconcile"}, {})
    events = [span for span in spans if span.kind == "event"]
    assert {span.trace_id for span in events} == set(map(derive_trace_id, ("first", "second")))


def test_failed_task_is_retried_by_next_run(films, tasks):
    now = time.time()
    for name in ("good", "bad"):
        tasks.add(task(name), finished=now - HOUR)
    films.failing = {"bad"}
    with pytest.raises(CallbacksFailed) as failed:
        films.app.reconcile()
    assert "film on WorkflowTask/bad/FINISH/" in str(failed.value)
    outcomes = {task["task_id"]: task["outcome"] for task in failed.value.summary["reconciled"]}
    assert outcomes == {"good": "done", "bad": "failed"}

    films.failing.clear()
    again = films.app.reconcile()
    assert [task["task_id"] for task in again["reconciled"]] == ["bad"]
    assert sorted(films.seen) == ["bad", "bad", "good"]


def test_reconcile_continues_after_middleware_error(tasks):
    for name in ("bad", "good", "also bad"):
        tasks.add(task(name), finished=time.time() - HOUR)

    class Rejecting(Middleware):
        def before_event(self, event: Event, context: object) -> None:
            if "bad" in event.task_id:
                raise LookupError("no such customer")

    app = App(ledger=MemoryLedger(), middleware=[Rejecting()])
    with pytest.raises(CallbacksFailed) as failed:
        app.reconcile()
    assert str(failed.value).count("LookupError: no such customer") == 2
    outcomes = {task["task_id"]: task["outcome"] for task in failed.value.summary["reconciled"]}
    assert outcomes == {"good": "done", "bad": "failed", "also bad": "failed"}


def test_held_task_is_known(films, tasks):
    tasks.add(task("running"), finished=time.time() - HOUR)
    ledger = films.app.ledger
    assert ledger is not None
    ledger.claim(parse_event(task("running")), ["film"], 600)
    assert films.app.reconcile()["known"] == 1


def test_tasks_are_left_when_no_time_remains(films, tasks):
    tasks.add(task("lost"), finished=time.time() - HOUR)
    with pytest.raises(CallbacksFailed) as failed:
        films.app.main_handler({**TIMER, "Message": "reconcile"}, {"time_limit_in_ms": 3000})
    assert "no time" in str(failed.value)
    assert films.seen == []


def test_reconcile_only_lists_without_dispatch(films, tasks):
    tasks.add(task("lost"), finished=time.time() - HOUR)
    outcomes = []
    summary = films.app.reconcile(
        dispatch=False, on_task=lambda task, outcome: outcomes.append((task.task_id, outcome))
    )
    assert [task["outcome"] for task in summary["reconciled"]] == ["missing"]
    assert outcomes == [("lost", "missing")]
    assert films.seen == []


def test_task_with_other_key_is_unknown(films, tasks, caplog):
    odd = task("odd")
    del odd["WorkflowTaskEvent"]["Status"]
    tasks.add(odd, finished=time.time() - HOUR)
    summary = films.app.reconcile()
    assert [task["outcome"] for task in summary["reconciled"]] == ["unknown"]
    assert "WorkflowTask/odd/FINISH" in caplog.text
    assert films.seen == []


def test_reconcile_continues_after_mps_error(films, tasks, api):
    now = time.time()
    for name in ("one", "two"):
        tasks.add(task(name), finished=now - HOUR)
    api.faults.add("DescribeTaskDetail", 1, code="ResourceNotFound")
    with pytest.raises(CallbacksFailed):
        films.app.reconcile()
    assert len(films.seen) == 1


def test_summary_is_kept_when_ledger_fails(tasks):
    class FailingLedger(MemoryLedger):
        calls = 0

        def find(self, key: str) -> Any:
            self.calls += 1
            if self.calls > 1:
                raise LedgerError("the store is unreachable")
            return super().find(key)

    now = time.time()
    for name in ("one", "two", "three"):
        tasks.add(task(name), finished=now - HOUR)
    app = App(ledger=FailingLedger())
    with pytest.raises(CallbacksFailed) as failed:
        app.reconcile()
    assert [task["outcome"] for task in failed.value.summary["reconciled"]] == ["done"]
    assert "reconcile on the rest: LedgerError: the store is unreachable" in str(failed.value)


def test_reconcile_continues_after_damaged_record(tasks):
    class Damaged(MemoryLedger):
        def find(self, key: str) -> Any:
            if "/two/" in key:
                raise DamagedRecord("a record cannot be read")
            return super().find(key)

        def claim(self, event: Any, *args: Any, **named: Any) -> Any:
            self.find(event.key)
            return super().claim(event, *args, **named)

    for name in ("one", "two", "three"):
        tasks.add(task(name), finished=time.time() - HOUR)
    with pytest.raises(CallbacksFailed) as failed:
        App(ledger=Damaged()).reconcile()
    assert "DamagedRecord" in str(failed.value)
    outcomes = {task["task_id"]: task["outcome"] for task in failed.value.summary["reconciled"]}
    assert outcomes == {"one": "done", "two": "failed", "three": "done"}


def test_error_before_first_task_is_raised(films, api, monkeypatch):
    monkeypatch.delenv("TENCENTCLOUD_SECRETID")
    with pytest.raises(MpsError, match="credentials"):
        films.app.reconcile()


def test_interrupted_callback_stops_run(tasks):
    app, seen = App(ledger=MemoryLedger()), []

    @app.on(Transcode)
    def stopped(transcode: Transcode) -> None:
        seen.append(transcode.event.task_id)
        raise KeyboardInterrupt

    now = time.time()
    for name in ("one", "two"):
        tasks.add(task(name), finished=now - HOUR)
    with pytest.raises(CallbacksFailed):
        app.reconcile()
    assert len(seen) == 1


def test_reconcile_needs_ledger(tasks):
    with pytest.raises(LedgerError, match="MPS_LEDGER"):
        App(ledger="none").reconcile()


def test_span_within_grace_period_is_rejected(films):
    with pytest.raises(ValueError, match="5 minutes"):
        films.app.reconcile(span=60)


def test_span_beyond_retention_is_rejected(tasks):
    app = App(ledger="memory://?keep=6h")
    with pytest.raises(ValueError, match="6 h"):
        app.reconcile(span=7 * HOUR)


class TestEventThatIsTaskId:
    def test_task_id_is_fetched_from_mps(self, films, tasks):
        tasks.add(task("big"), finished=time.time())
        films.app.main_handler({"TaskId": "big"}, {})
        films.app.main_handler(task("big"), {})
        assert films.seen == ["big"]

    def test_batch_continues_after_unknown_task(self, films, tasks, caplog):
        tasks.add(task("big"), finished=time.time())
        bodies = [{"TaskId": "unknown"}, {"TaskId": "big"}]
        records = {"Records": [{"CMQ": {"msgBody": json.dumps(body)}} for body in bodies]}
        with caplog.at_level(logging.ERROR), pytest.raises(CallbacksFailed):
            films.app.main_handler(records, {})
        assert films.seen == ["big"]
        assert "event failed" in caplog.text

    def test_unknown_task_fails_invocation(self, films):
        with pytest.raises(TaskNotFound):
            films.app.main_handler({"TaskId": "unknown"}, {})

    def test_task_id_needs_credentials(self, films, monkeypatch):
        monkeypatch.delenv("TENCENTCLOUD_SECRETID")
        with pytest.raises(MpsError, match="credentials"):
            films.app.main_handler({"TaskId": "big"}, {})

    @pytest.mark.parametrize("odd", [{"TaskId": 7}, {"TaskId": None}])
    def test_task_id_of_other_type_is_rejected(self, films, odd):
        with pytest.raises(InvalidEvent, match="notification"):
            films.app.main_handler(odd, {})
