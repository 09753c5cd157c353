"""What never arrived: tasks that MPS finished and the ledger does not know as done, and events that are an id alone."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("aiohttp", reason="the emulator of MPS's API needs it")
pytest.importorskip("tencentcloud.common", reason="MPS is asked by it")

from scf_mps import (
    App,
    CallbacksFailed,
    Event,
    InvalidEvent,
    LedgerError,
    Middleware,
    Transcode,
)
from scf_mps.events.parser import parse_event
from scf_mps.ledger import DamagedRecord, MemoryLedger
from scf_mps.local import api as cloud
from scf_mps.local.samples import sample
from scf_mps.tencent.mps import MpsError, TaskNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.filterwarnings("ignore:.*utcfromtimestamp:DeprecationWarning")

TIMER = {"Type": "Timer", "TriggerName": "reconcile", "Time": "2026-11-22T10:00:00Z"}
HOUR = 3600.0


def task(name: str, *results: str) -> dict[str, Any]:
    """The notification of a finished task."""
    made: dict[str, Any] = sample(
        "WorkflowTask", [(one, "SUCCESS") for one in results or ["Transcode"]]
    )
    made["WorkflowTaskEvent"]["TaskId"] = name
    return made


@pytest.fixture
def books() -> cloud.Mps:
    return cloud.Mps()


@pytest.fixture(autouse=True)
def api(books: cloud.Mps, monkeypatch: pytest.MonkeyPatch) -> Iterator[cloud.CloudApi]:
    with cloud.CloudApi([books]) as running:
        monkeypatch.setenv("MPS_API_ENDPOINT", running.url)
        monkeypatch.setenv("TENCENTCLOUD_SECRETID", running.key.secret_id)
        monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", running.key.secret_key)
        monkeypatch.setenv("TENCENTCLOUD_REGION", "ap-guangzhou")
        monkeypatch.delenv("TENCENTCLOUD_SESSIONTOKEN", raising=False)
        yield running


class Films:
    """An application that keeps the tasks whose transcodes it was given, and fails for some."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.failing: set[str] = set()
        self.app = App(ledger=MemoryLedger())
        self.app.on(Transcode, name="film")(self._film())

    def _film(self) -> Any:
        def film(transcode: Transcode) -> None:
            self.seen.append(transcode.event.task_id)
            if transcode.event.task_id in self.failing:
                raise OSError("no route")

        return film


@pytest.fixture
def films() -> Films:
    return Films()


def test_a_timer_dispatches_the_finished_tasks_that_never_arrived(
    films: Films, books: cloud.Mps
) -> None:
    now = time.time()
    for name, ago in (("arrived", HOUR), ("lost", 2 * HOUR), ("old", 8 * HOUR), ("fresh", 60)):
        books.add(task(name), finished=now - ago)
    films.app.main_handler(task("arrived"), {})

    summary = films.app.main_handler({**TIMER, "Message": "reconcile"}, {})
    assert films.seen == ["arrived", "lost"]
    assert summary["reconciled"] == [
        {"event_type": "WorkflowTask", "task_id": "lost", "outcome": "done"}
    ]
    assert summary["known"] == 1

    films.app.main_handler({**TIMER, "Message": "reconcile 12h"}, {})
    assert films.seen == ["arrived", "lost", "old"]
    films.app.main_handler(task("lost"), {})  # it was only late
    assert films.seen == ["arrived", "lost", "old"]


def test_a_task_that_fails_is_an_error_of_the_run_and_tried_again_by_the_next(
    films: Films, books: cloud.Mps
) -> None:
    now = time.time()
    for name in ("good", "bad"):
        books.add(task(name), finished=now - HOUR)
    films.failing = {"bad"}
    with pytest.raises(CallbacksFailed) as failed:
        films.app.reconcile()
    assert "of 2 tasks that never arrived some are failed" in str(failed.value)
    assert "film on WorkflowTask/bad/FINISH/" in str(failed.value)
    outcomes = {one["task_id"]: one["outcome"] for one in failed.value.summary["reconciled"]}
    assert outcomes == {"good": "done", "bad": "failed"}

    films.failing.clear()
    again = films.app.reconcile()
    assert [one["task_id"] for one in again["reconciled"]] == ["bad"]
    assert sorted(films.seen) == ["bad", "bad", "good"]


def test_a_task_that_the_middleware_cannot_take_keeps_no_other_from_its_turn(
    books: cloud.Mps,
) -> None:
    for name in ("bad", "good", "also bad"):
        books.add(task(name), finished=time.time() - HOUR)

    class Picky(Middleware):
        def before_event(self, event: Event, context: object) -> None:
            if "bad" in event.task_id:
                raise LookupError("no such customer")

    app = App(ledger=MemoryLedger(), middleware=[Picky()])
    with pytest.raises(CallbacksFailed) as failed:
        app.reconcile()
    assert str(failed.value).count("LookupError: no such customer") == 2
    outcomes = {one["task_id"]: one["outcome"] for one in failed.value.summary["reconciled"]}
    assert outcomes == {"good": "done", "bad": "failed", "also bad": "failed"}


def test_what_somebody_is_at_work_on_is_left_to_them(films: Films, books: cloud.Mps) -> None:
    books.add(task("running"), finished=time.time() - HOUR)
    ledger = films.app.ledger
    assert ledger is not None
    ledger.claim(parse_event(task("running")), ["film"], 600)
    assert films.app.reconcile()["known"] == 1


def test_without_time_for_all_the_rest_is_left_and_said(films: Films, books: cloud.Mps) -> None:
    books.add(task("lost"), finished=time.time() - HOUR)
    with pytest.raises(CallbacksFailed) as failed:
        films.app.main_handler({**TIMER, "Message": "reconcile"}, {"time_limit_in_ms": 3000})
    assert "no time was left for it" in str(failed.value)
    assert films.seen == []


def test_it_can_only_be_looked_what_is_missing(films: Films, books: cloud.Mps) -> None:
    books.add(task("lost"), finished=time.time() - HOUR)
    told: list[tuple[str, str]] = []
    summary = films.app.reconcile(
        dispatch=False, tell=lambda task, outcome: told.append((task.task_id, outcome))
    )
    assert [one["outcome"] for one in summary["reconciled"]] == ["missing"]
    assert told == [("lost", "missing")]
    assert films.seen == []


def test_a_task_that_the_ledger_could_not_tell_from_another_is_not_dispatched(
    films: Films, books: cloud.Mps, caplog: pytest.LogCaptureFixture
) -> None:
    odd = task("odd")
    del odd["WorkflowTaskEvent"]["Status"]
    books.add(odd, finished=time.time() - HOUR)
    summary = films.app.reconcile()
    assert [one["outcome"] for one in summary["reconciled"]] == ["unknown"]
    assert "not reconciled: the notification of WorkflowTask/odd/FINISH" in caplog.text
    assert films.seen == []


def test_an_error_of_mps_about_one_task_keeps_no_other_from_its_turn(
    films: Films, books: cloud.Mps, api: cloud.CloudApi
) -> None:
    now = time.time()
    for name in ("one", "two"):
        books.add(task(name), finished=now - HOUR)
    api.faults.add("DescribeTaskDetail", 1, code="ResourceNotFound")
    with pytest.raises(CallbacksFailed):
        films.app.reconcile()
    assert len(films.seen) == 1


def test_what_came_of_the_tasks_before_is_told_when_the_ledger_fails(books: cloud.Mps) -> None:
    class Away(MemoryLedger):
        asked = 0

        def find(self, key: str) -> Any:
            self.asked += 1
            if self.asked > 1:
                raise LedgerError("the store is away")
            return super().find(key)

    now = time.time()
    for name in ("one", "two", "three"):
        books.add(task(name), finished=now - HOUR)
    app = App(ledger=Away())
    with pytest.raises(CallbacksFailed) as failed:
        app.reconcile()
    assert [one["outcome"] for one in failed.value.summary["reconciled"]] == ["done"]
    assert "reconcile on the rest: LedgerError: the store is away" in str(failed.value)


def test_reconcile_continues_after_damaged_record(books: cloud.Mps) -> None:
    class Damaged(MemoryLedger):
        def find(self, key: str) -> Any:
            if "/two/" in key:
                raise DamagedRecord("a record cannot be read")
            return super().find(key)

        def claim(self, event: Any, *args: Any, **named: Any) -> Any:
            self.find(event.key)
            return super().claim(event, *args, **named)

    for name in ("one", "two", "three"):
        books.add(task(name), finished=time.time() - HOUR)
    with pytest.raises(CallbacksFailed) as failed:
        App(ledger=Damaged()).reconcile()
    assert "DamagedRecord" in str(failed.value)
    outcomes = {one["task_id"]: one["outcome"] for one in failed.value.summary["reconciled"]}
    assert outcomes == {"one": "done", "two": "failed", "three": "done"}


def test_an_error_before_the_first_task_is_raised_as_it_is(
    films: Films, api: cloud.CloudApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TENCENTCLOUD_SECRETID")
    with pytest.raises(MpsError, match="no credentials"):
        films.app.reconcile()


def test_who_interrupts_a_callback_stops_the_run(books: cloud.Mps) -> None:
    app, seen = App(ledger=MemoryLedger()), []

    @app.on(Transcode)
    def stopped(transcode: Transcode) -> None:
        seen.append(transcode.event.task_id)
        raise KeyboardInterrupt

    now = time.time()
    for name in ("one", "two"):
        books.add(task(name), finished=now - HOUR)
    with pytest.raises(CallbacksFailed):
        app.reconcile()
    assert len(seen) == 1


def test_without_a_ledger_nothing_tells_what_was_done(books: cloud.Mps) -> None:
    with pytest.raises(LedgerError, match="reconcile needs a ledger"):
        App(ledger="none").reconcile()


@pytest.mark.parametrize("message", [None, "", "cleanup", "reconcile soon", "reconcile 6h 7h"])
def test_a_timer_that_says_something_else_is_told_what_to_say(films: Films, message: Any) -> None:
    with pytest.raises(InvalidEvent, match="timer trigger"):
        films.app.main_handler({**TIMER, "Message": message}, {})


def test_what_only_looks_like_a_timer_is_an_event_like_any(films: Films) -> None:
    films.app.main_handler({**task("a"), "TriggerName": "x"}, {})
    assert films.seen == ["a"]


def test_the_time_it_takes_for_the_trigger_is_no_span_to_reconcile(films: Films) -> None:
    with pytest.raises(ValueError, match="longer than 5 minutes"):
        films.app.reconcile(span=60)


def test_what_the_ledger_has_forgotten_would_be_done_again_and_is_not_looked_for(
    books: cloud.Mps,
) -> None:
    app = App(ledger="memory://?keep=6h")
    with pytest.raises(ValueError, match="it keeps events for 6 h: what is done would be done"):
        app.reconcile(span=7 * HOUR)


class TestAnEventThatIsAnIdAlone:
    def test_is_fetched_from_mps(self, films: Films, books: cloud.Mps) -> None:
        books.add(task("big"), finished=time.time())
        films.app.main_handler({"TaskId": "big"}, {})
        films.app.main_handler(task("big"), {})
        assert films.seen == ["big"]

    def test_of_several_messages_one_that_mps_does_not_know_keeps_no_other_from_its_turn(
        self, films: Films, books: cloud.Mps, caplog: pytest.LogCaptureFixture
    ) -> None:
        books.add(task("big"), finished=time.time())
        bodies = [{"TaskId": "nobody's"}, {"TaskId": "big"}]
        records = {"Records": [{"CMQ": {"msgBody": json.dumps(one)}} for one in bodies]}
        with caplog.at_level(logging.ERROR), pytest.raises(CallbacksFailed):
            films.app.main_handler(records, {})
        assert films.seen == ["big"]
        assert "event failed: " in caplog.text

    def test_that_mps_does_not_know_leaves_main_handler(self, films: Films) -> None:
        with pytest.raises(TaskNotFound):
            films.app.main_handler({"TaskId": "nobody's"}, {})

    def test_needs_credentials(self, films: Films, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("TENCENTCLOUD_SECRETID")
        with pytest.raises(MpsError, match="no credentials"):
            films.app.main_handler({"TaskId": "big"}, {})

    @pytest.mark.parametrize("odd", [{"TaskId": 7}, {"TaskId": None}])
    def test_an_id_that_is_no_text_is_no_event(self, films: Films, odd: Any) -> None:
        with pytest.raises(InvalidEvent, match="expected an MPS notification"):
            films.app.main_handler(odd, {})
