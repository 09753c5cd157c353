"""Redeliveries to an application with a ledger: after failures, after crashes, and at the same time."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from scf_mps import (
    AnimatedGraphics,
    App,
    CallbacksFailed,
    Context,
    Drop,
    Event,
    EventHeld,
    ImageSprites,
    LedgerError,
    Middleware,
    RegistrationError,
    SnapshotByTimeOffset,
    Transcode,
    WorkflowTask,
)
from scf_mps.events.parser import parse_event
from scf_mps.ledger import Lease, MemoryLedger
from scf_mps.ledger.session import LedgerCoordinator
from scf_mps.local.samples import sample
from scf_mps.routing.plan import Plan
from tests.channels.support import KEY, create_request, sign

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULTS = ["Transcode", "ImageSprites"]


def event(*types):
    """Return the notification of a finished task whose results all succeeded."""
    return sample("WorkflowTask", [(name, "SUCCESS") for name in types or RESULTS])


def create_other_event():
    """Return the notification of another task."""
    other = event()
    other["WorkflowTaskEvent"]["TaskId"] = "another"
    return other


def create_batch(*notifications):
    """Return messages of a topic as SCF passes them."""
    return {"Records": [{"CMQ": {"msgBody": json.dumps(body)}} for body in notifications]}


def get_outcomes(summary):
    return {call["callback"]: call["outcome"] for call in summary["callbacks"]}


def deliver(app: App, delivered: object, context: object = None) -> dict[str, str]:
    """Return the outcome of every callback, even if the event fails."""
    try:
        return get_outcomes(app.main_handler(delivered, context))
    except CallbacksFailed as failed:
        return get_outcomes(failed.summary)


class Effects(list[str]):
    """Names of the callbacks that ran, and errors that callbacks raise."""

    def __init__(self):
        super().__init__()
        self.failing = {}

    def create_callback(self, name):
        def callback(result: Any) -> None:
            if name in self.failing:
                raise self.failing[name]
            self.append(name)

        return callback


@pytest.fixture
def effects():
    return Effects()


def create_application(effects, ledger=None, **options):
    """Return an application with `film` and `sheet` for two results, and `whole` when both are done."""
    app = App(ledger=ledger or MemoryLedger(), **options)
    app.on(Transcode, name="film")(effects.create_callback("film"))
    app.on(ImageSprites, name="sheet")(effects.create_callback("sheet"))
    app.on_complete(WorkflowTask, name="whole")(effects.create_callback("whole"))
    return app


class TestRedelivery:
    @pytest.mark.parametrize("again", [deliver, lambda app, event: get_outcomes(app.replay(event))])
    def test_only_failed_callback_runs_again(self, effects, again):
        app = create_application(effects)
        effects.failing["sheet"] = OSError("no route")

        assert deliver(app, event()) == {"film": "done", "sheet": "failed"}
        effects.failing.clear()
        assert again(app, event()) == {"film": "skipped", "sheet": "done", "whole": "done"}
        assert effects == ["film", "sheet", "whole"]

    def test_done_event_runs_nothing(self, effects):
        app = create_application(effects)
        deliver(app, event())

        again = app.main_handler(event(), {})
        assert set(get_outcomes(again).values()) == {"skipped"}
        assert effects == ["film", "sheet", "whole"]

    def test_dropped_callback_is_skipped(self, effects):
        app = create_application(effects)
        effects.failing = {"film": Drop("too old"), "sheet": OSError()}
        assert deliver(app, event()) == {"film": "dropped", "sheet": "failed"}
        effects.failing = {}
        assert deliver(app, event())["film"] == "skipped"

    def test_deferred_callbacks_run_in_next_delivery(self, effects):
        app = create_application(effects, reserve=2.0)
        short, enough = {"time_limit_in_ms": 1000}, {"time_limit_in_ms": 60_000}
        assert deliver(app, event(), short) == {"film": "deferred", "sheet": "deferred"}
        assert set(deliver(app, event(), enough).values()) == {"done"}

    def test_system_exit_releases_event(self, effects):
        app = create_application(effects)
        effects.failing["film"] = SystemExit(3)
        assert deliver(app, event())["film"] == "failed"
        effects.failing.clear()
        assert deliver(app, event(), {"time_limit_in_ms": 3000})["film"] == "done"

    def test_error_without_text_releases_event(self, effects):
        class Unprintable(Exception):
            def __str__(self) -> str:
                raise RuntimeError

        ledger = MemoryLedger()
        app = create_application(effects, ledger)
        effects.failing["film"] = Unprintable()
        assert deliver(app, event()) == {"film": "failed", "sheet": "done"}
        (stored_event,) = ledger.list_events()
        assert stored_event.lease_seconds == 0
        errors = [record.error for record in stored_event.records]
        assert any(error.startswith("Unprintable") for error in errors)

    def test_async_callback_is_recorded(self, effects):
        app = App(ledger=MemoryLedger())

        @app.on(Transcode, name="film")
        async def film(transcode: Transcode) -> None:
            effects.append("film")

        assert deliver(app, event("Transcode")) == {"film": "done"}
        assert deliver(app, event("Transcode")) == {"film": "skipped"}
        assert effects == ["film"]

    def test_results_of_one_type_are_recorded_separately(self, effects):
        app = App(ledger=MemoryLedger())
        tried = []

        @app.on(Transcode, name="film")
        def film(transcode: Transcode) -> None:
            tried.append(transcode.definition)
            if len(tried) == 2:
                raise OSError

        twice = event("Transcode", "Transcode")
        results = twice["WorkflowTaskEvent"]["MediaProcessResultSet"]
        results[1]["TranscodeTask"]["Input"]["Definition"] = 7
        with pytest.raises(CallbacksFailed):
            app.main_handler(twice, {})
        app.main_handler(twice, {})
        assert tried == [results[0]["TranscodeTask"]["Input"]["Definition"], 7, 7]

    def test_new_callback_runs_for_done_event(self, effects):
        ledger = MemoryLedger()
        deliver(create_application(effects, ledger), event())
        later = create_application(effects, ledger)
        later.on(Transcode, name="subtitles")(effects.create_callback("subtitles"))
        assert deliver(later, event()) == {
            "film": "skipped",
            "sheet": "skipped",
            "subtitles": "done",
            "whole": "skipped",
        }

    def test_two_applications_can_share_ledger(self, effects):
        ledger = MemoryLedger()
        deliver(create_application(effects, ledger), event())
        other = App(ledger=ledger)
        other.on(Transcode, name="other")(effects.create_callback("other"))
        assert deliver(other, event()) == {"other": "done"}
        assert deliver(other, event()) == {"other": "skipped"}

    def test_request_id_does_not_identify_event(self, effects):
        app = create_application(effects)
        deliver(app, event(), {"request_id": "a"})
        assert deliver(app, event(), {"request_id": "b"})["film"] == "skipped"

    def test_failed_predicate_runs_again(self, effects):
        app, answers = App(ledger=MemoryLedger()), iter([OSError(), None])

        def wanted(result: Any) -> bool:
            answer = next(answers)
            if answer is not None:
                raise answer
            return True

        app.on(Transcode, name="film", when=wanted)(effects.create_callback("film"))
        assert deliver(app, event("Transcode")) == {"film": "failed"}
        assert deliver(app, event("Transcode")) == {"film": "done"}

    def test_event_without_callbacks_is_done(self):
        ledger = MemoryLedger()
        App(ledger=ledger).main_handler(event(), {})
        (stored_event,) = ledger.list_events()
        assert (stored_event.state, stored_event.records) == ("done", ())


class TestProgress:
    def progress(self, percent):
        notification = sample("WorkflowTask", [("Transcode", "SUCCESS")], status="PROCESSING")
        results = notification["WorkflowTaskEvent"]["MediaProcessResultSet"]
        results[0]["TranscodeTask"]["Progress"] = percent
        return notification

    def test_each_progress_step_runs_once_with_any_signature(self):
        app, steps = App(ledger=MemoryLedger()), []
        app.on_progress(Transcode)(lambda transcode: steps.append(transcode.progress))
        for percent, signature in ((10, "a"), (10, "b"), (50, "c"), (10, "d")):
            app.main_handler({**self.progress(percent), "Timestamp": 1, "Sign": signature}, {})
        assert steps == [10, 50]

    def test_replayed_event_without_secrets_is_recognized(self):
        ran = []
        app = App(ledger=MemoryLedger())
        app.on_progress(Transcode, name="a")(lambda transcode: ran.append("a"))
        delivered = self.progress(10)
        delivered["WorkflowTaskEvent"]["OutputStorage"] = {
            "Type": "AWS-S3",
            "S3OutputStorage": {"S3SecretId": "AKIA1", "S3SecretKey": "wJalrXUtn"},
        }
        app.main_handler(delivered, {})
        ledger = app.ledger
        assert ledger is not None
        (stored_event,) = ledger.list_events()
        stored = ledger.find(stored_event.key)
        assert stored is not None
        assert "wJalrXUtn" not in str(stored.notification)
        assert get_outcomes(app.replay(stored.notification)) == {"a": "skipped"}
        assert ran == ["a"]


class Around(Middleware):
    """Does nothing around an event."""

    def around_event(self, event, context, proceed):
        return proceed()


class TestSimultaneousDeliveries:
    @pytest.mark.parametrize("middleware", [(), [Around()]])
    def test_delivery_waits_for_the_end_of_a_lease(self, effects, middleware):
        ledger = MemoryLedger()
        ledger.claim(parse_event(event()), ["film"], 0.2)  # by a process that died
        app = create_application(effects, ledger, middleware=middleware)
        assert set(deliver(app, event(), {"time_limit_in_ms": 60_000}).values()) == {"done"}

    def test_second_delivery_waits_and_skips(self, effects):
        app, inside, go_on = App(ledger=MemoryLedger()), threading.Event(), threading.Event()

        @app.on(Transcode, name="film")
        def film(transcode: Transcode) -> None:
            effects.append("begins")
            inside.set()
            assert go_on.wait(10)
            effects.append("ends")

        handler = app.main_handler
        results = []
        threads = [
            threading.Thread(
                target=lambda: results.append(
                    get_outcomes(handler(event("Transcode"), {"request_id": "the same"}))
                )
            )
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        assert inside.wait(10)
        go_on.set()
        for thread in threads:
            thread.join(10)
        assert effects == ["begins", "ends"]
        assert sorted(result["film"] for result in results) == [
            "done",
            "skipped",
            "skipped",
            "skipped",
        ]

    def test_event_held_when_no_time_to_wait(self, effects, caplog):
        app = create_application(effects)
        errors = []

        @app.on(Transcode, name="again")
        def again(transcode: Transcode, context: Context) -> None:
            with pytest.raises(EventHeld, match="first") as held:
                app.main_handler(event(), {"time_limit_in_ms": 2000, "request_id": "second"})
            errors.append(held.value)

        outcome = deliver(app, event(), {"time_limit_in_ms": 60_000, "request_id": "first"})
        assert outcome["again"] == "done"
        (held,) = errors
        assert isinstance(held, EventHeld)
        assert 58.5 < held.seconds <= 62
        assert effects == ["film", "sheet", "whole"]
        assert f"{held}. SCF will retry the event" in caplog.messages

    def test_nested_delivery_does_not_wait_for_itself(self):
        app = App(ledger=MemoryLedger())
        notification = event("Transcode")

        @app.on(Transcode, name="film")
        def film(transcode: Transcode) -> None:
            with pytest.raises(EventHeld):
                app.main_handler(notification, {})

        assert deliver(app, notification) == {"film": "done"}
        assert deliver(app, notification) == {"film": "skipped"}

    def test_lease_without_time_limit_is_900_seconds(self):
        ledger = MemoryLedger()
        app = App(ledger=ledger)
        seen = []

        @app.on(Transcode)
        def look(transcode: Transcode) -> None:
            (stored_event,) = ledger.list_events()
            seen.append(stored_event.lease_seconds)
            assert stored_event.state == "running"

        app.main_handler(event("Transcode"), None)
        assert 890 < seen[0] <= 900

    def test_lease_of_dead_process_expires(self, effects):
        now = [0.0]
        ledger = MemoryLedger(clock=lambda: now[0])
        app = create_application(effects, ledger)

        ledger.claim(parse_event(event()), ["film"], 30)  # by a process that died
        with pytest.raises(EventHeld):
            app.main_handler(event(), {"time_limit_in_ms": 1500})
        now[0] = 31.0
        assert deliver(app, event(), {"time_limit_in_ms": 10_000})["sheet"] == "done"


class HeldLedger(MemoryLedger):
    """A ledger whose events another delivery holds. Time passes when a delivery waits.

    Attributes:
        until: end of the lease in seconds.
        ends: end of the other delivery in seconds, if that is earlier.
        now: the time in seconds.
        latency: seconds of each claim.
    """

    latency = 0.0

    def __init__(self, seconds, ends=1e9):
        super().__init__(clock=lambda: self.now)
        self.now = 0.0
        self.until = seconds
        self.ends = ends
        self.waited = []
        self.leases = []

    def sleep(self, seconds):
        self.waited.append(seconds)
        self.now += seconds

    def claim(self, event: Event, calls: Any, seconds: float, **named: Any) -> Lease:
        self.now += self.latency
        if min(self.until, self.ends) - self.now > 1e-9:
            raise EventHeld("the event is held by request first", self.until - self.now)
        self.leases.append(seconds)
        return super().claim(event, calls, seconds, **named)

    def open(self, time_limit, reserve):
        """Open an event in an invocation with this time limit."""
        coordinator = LedgerCoordinator(self, "fail", reserve)
        return self.open_by(coordinator, time_limit)

    def open_by(self, coordinator, time_limit):
        limit = {"time_limit_in_ms": int(time_limit * 1000)}
        context = Context(limit, clock=lambda: self.now, sleep=self.sleep)
        return coordinator.open(parse_event(event()), Plan([], [], []), context)


class TestWaiting:
    def test_waits_grow_until_lease_ends(self, caplog):
        caplog.set_level(logging.INFO, "scf_mps")
        ledger = HeldLedger(30.0)
        ledger.open(900.0, reserve=2.0)
        assert ledger.waited[:3] == pytest.approx([0.05, 0.075, 0.1125])
        assert max(ledger.waited) == 5.0
        assert ledger.now == pytest.approx(30.0)
        (message,) = caplog.messages
        assert "30.0 s" in message

    @pytest.mark.parametrize(
        ("ends", "latency", "limit", "waits"),
        [
            # With equal time limits the lease of the first outlasts the second, but the first ends early.
            (20.0, 0.0, 60.0, (20.0, 25.0)),
            (50.0, 1.0, 60.0, (50.0, 60.0)),
        ],
    )
    def test_delivery_waits_while_callbacks_could_start(self, ends, latency, limit, waits):
        ledger = HeldLedger(62.0, ends)
        ledger.latency = latency
        ledger.open(limit, reserve=2.0)
        assert waits[0] <= ledger.now <= waits[1]

    @pytest.mark.parametrize(("limit", "waited"), [(60.0, 58.0), (2.0, 0.0)])
    def test_event_is_held_when_no_callback_could_start(self, limit, waited):
        ledger = HeldLedger(62.0)
        with pytest.raises(EventHeld):
            ledger.open(limit, reserve=2.0)
        assert ledger.now == pytest.approx(waited)

    def test_lease_outlasts_time_limit(self):
        """SCF kills an invocation a little after its limit. Until then no other may start."""
        ledger = HeldLedger(0.0)
        ledger.open(60.0, reserve=2.0)
        assert ledger.leases == [62.0]

    def test_thread_waits_for_event_it_closed(self):
        ledger = HeldLedger(0.0)
        coordinator = LedgerCoordinator(ledger, "fail", 2.0)
        ledger.open_by(coordinator, 60.0).close([], False)
        ledger.until = 10.0
        ledger.open_by(coordinator, 60.0)
        assert ledger.now == pytest.approx(10.0)


class SpyLedger(MemoryLedger):
    """A ledger that logs its calls, and raises an error in some methods.

    Attributes:
        errors: by method.
        calls: methods in the order of their calls.
        recorded: records that were stored before closing.
        closed: records of each close.
    """

    def __init__(self, *unreachable):
        super().__init__()
        self.errors = dict.fromkeys(unreachable, ConnectionError("the store is unreachable"))
        self.calls = []
        self.recorded = []
        self.closed = []

    def _log(self, method):
        self.calls.append(method)
        if method in self.errors:
            raise self.errors[method]

    def claim(self, *args, **named):
        self._log("claim")
        return super().claim(*args, **named)

    def record(self, lease, record):
        self._log("record")
        self.recorded.append(record)
        super().record(lease, record)

    def close(self, lease, records, complete):
        self._log("close")
        self.closed.append(list(records))
        super().close(lease, records, complete)


class TestFailingLedger:
    def test_failed_claim_runs_no_callback(self, effects):
        app = create_application(effects, SpyLedger("claim"))
        with pytest.raises(LedgerError, match="ConnectionError"):
            app.main_handler(event(), {})
        assert effects == []

    def test_ledger_error_is_raised_unchanged(self, effects):
        ledger = SpyLedger()
        ledger.errors["claim"] = LedgerError("no such bucket")
        with pytest.raises(LedgerError, match=r"^no such bucket$"):
            create_application(effects, ledger).main_handler(event(), {})

    def test_failed_claim_runs_callbacks_when_allowed(self, effects, caplog):
        app = create_application(effects, SpyLedger("claim"), on_ledger_error="run")
        assert set(deliver(app, event()).values()) == {"done"}
        assert "twice" in caplog.text

    def test_failed_record_defers_rest_and_is_closed(self, effects, caplog):
        ledger = SpyLedger("record")
        app = create_application(effects, ledger)
        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(event(), {})
        assert get_outcomes(failed.value.summary) == {"film": "done", "sheet": "deferred"}
        reason = failed.value.summary["callbacks"][1]["reason"]
        assert reason.startswith("the ledger failed: ")
        assert "the store is unreachable" in reason
        assert "sheet on WorkflowTask/" in str(failed.value)
        assert "ConnectionError: the store is unreachable" in str(failed.value)
        assert any(
            text.startswith("film ended, but the ledger failed: ") and "unreachable" in text
            for text in caplog.messages
        )
        assert effects == ["film"]
        ledger.errors.clear()
        assert deliver(app, event()) == {"film": "skipped", "sheet": "done", "whole": "done"}

    def test_callbacks_run_without_records_when_allowed(self, effects):
        ledger = SpyLedger("record", "close")
        app = create_application(effects, ledger, on_ledger_error="run")
        assert set(get_outcomes(app.main_handler(event(), {})).values()) == {"done"}
        assert effects == ["film", "sheet", "whole"]
        assert ledger.calls == ["claim", "record", "close"]

    def test_unrecorded_outcome_fails_event(self, effects):
        ledger = SpyLedger("record", "close")
        app = App(ledger=ledger)
        app.on(Transcode, name="film")(effects.create_callback("film"))
        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(event("Transcode"), {})
        assert get_outcomes(failed.value.summary) == {"film": "done"}
        assert [failure.callback for failure in failed.value.failures] == ["the ledger"]
        assert failed.value.message == "the ledger failed. The event will be retried"

    def test_failed_close_succeeds_when_all_is_recorded(self, effects, caplog):
        ledger = SpyLedger("close")
        app = create_application(effects, ledger)
        assert set(get_outcomes(app.main_handler(event(), {})).values()) == {"done"}
        assert "the event could not be closed in the ledger: the store is unreachable" in (
            caplog.messages
        )
        (stored_event,) = ledger.list_events()
        assert stored_event.state == "running"

    def test_batch_continues_after_held_event(self, effects):
        ledger = MemoryLedger()
        app = create_application(effects, ledger)
        ledger.claim(parse_event(event()), ["x"], 600)
        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(
                create_batch(event(), create_other_event()), {"time_limit_in_ms": 2000}
            )
        assert "the ledger on Records[0]: EventHeld: " in str(failed.value)
        held, other_one = failed.value.summary["events"]
        assert (held["callbacks"], other_one["task_id"]) == ([], "another")
        assert effects == ["film", "sheet", "whole"]


class Session:
    """A session that is committed at the end of the event."""


class Repository:
    def __init__(self, session: Session):
        self.session = session


class TestCommitAtTheEnd:
    @pytest.fixture
    def commits(self):
        return []

    def application(self, commits, effects, ledger=None):
        app = App(ledger=ledger or MemoryLedger())

        def open_session() -> Iterator[Session]:
            yield Session()
            problem = commits.pop(0) if commits else None
            if problem is not None:
                raise problem

        app.provide(Session, open_session, per="invocation")
        app.provide(Repository, Repository, per="invocation")

        @app.on(Transcode, name="stores")
        def stores(transcode: Transcode, repository: Repository) -> None:
            effects.append("stores")

        @app.on(Transcode, name="stores too")
        def stores_too(transcode: Transcode, repository: Repository) -> None:
            effects.append("stores too")

        @app.on(Transcode, name="calls")
        def calls(transcode: Transcode, log: logging.Logger) -> None:
            effects.append("calls")

        @app.on_complete(Event, name="whole")
        def whole(event: Event, session: Session) -> None:
            effects.append("whole")

        return app

    def test_callbacks_run_again_when_commit_failed(self, commits, effects):
        app = self.application(commits, effects)
        commits[:] = [OSError("deadlock")]
        first = deliver(app, event("Transcode"))
        assert first == {"stores": "failed", "stores too": "failed", "calls": "done"}
        second = deliver(app, event("Transcode"))
        assert second == {
            "stores": "done",
            "stores too": "done",
            "calls": "skipped",
            "whole": "done",
        }
        assert effects == ["stores", "stores too", "calls", "stores", "stores too", "whole"]

    def test_on_complete_has_own_session(self, commits, effects):
        app = self.application(commits, effects)
        commits[:] = [None, OSError("deadlock")]
        assert deliver(app, event("Transcode"))["whole"] == "failed"
        assert deliver(app, event("Transcode"))["whole"] == "done"
        assert effects.count("stores") == 1
        assert set(deliver(app, event("Transcode")).values()) == {"skipped"}

    def test_outcomes_are_recorded_before_on_complete(self, commits, effects):
        ledger = MemoryLedger()
        app = self.application(commits, effects, ledger)
        seen = []

        @app.on_complete(Event, name="look")
        def look(event: Event) -> None:
            (stored_event,) = ledger.list_events()
            seen.append({record.callback for record in stored_event.records if record.is_final})

        deliver(app, event("Transcode"))
        assert seen == [{"stores", "stores too", "calls", "whole"}]

    @pytest.mark.parametrize("leaving", [SystemExit(3), KeyboardInterrupt()])
    def test_exit_in_cleanup_releases_event(self, leaving, effects):
        ledger = MemoryLedger()
        app = App(ledger=ledger)

        def open_session() -> Iterator[Session]:
            try:
                yield Session()
                yield Session()  # a second yield is an error
            finally:
                raise leaving

        app.provide(Session, open_session, per="invocation")

        @app.on(Transcode, name="stores")
        def stores(transcode: Transcode, session: Session) -> None:
            effects.append("stores")

        assert deliver(app, event("Transcode")) == {"stores": "failed"}
        (stored_event,) = ledger.list_events()
        assert (stored_event.state, stored_event.lease_seconds) == ("failed", 0)

    def test_event_fails_when_commit_is_not_recorded(self, effects):
        app = App(ledger=SpyLedger("close"))

        def open_session() -> Iterator[Session]:
            yield Session()

        app.provide(Session, open_session, per="invocation")

        @app.on(Transcode, name="stores")
        def stores(transcode: Transcode, session: Session) -> None:
            effects.append("stores")

        with pytest.raises(CallbacksFailed, match="ledger"):
            app.main_handler(event("Transcode"), {})


class TestReplay:
    @pytest.mark.parametrize("middleware", [(), [Around()]])
    def test_callback_can_be_forced(self, effects, middleware):
        ledger = MemoryLedger()
        app = create_application(effects, ledger, middleware=middleware)
        deliver(app, event())
        assert get_outcomes(app.replay(event(), {}, force=["sheet"])) == {
            "film": "skipped",
            "sheet": "done",
            "whole": "skipped",
        }
        assert effects.count("sheet") == 2
        (stored_event,) = ledger.list_events()
        assert {record.callback: record.delivery for record in stored_event.records} == {
            "film": 1,
            "sheet": 2,
            "whole": 1,
        }
        effects.failing["sheet"] = OSError()
        with pytest.raises(CallbacksFailed):
            app.replay(event(), force=["sheet"])
        assert deliver(app, event())["sheet"] == "skipped"

    def test_callback_is_forced_for_every_message(self, effects):
        app = create_application(effects)
        batch = create_batch(event(), create_other_event())
        app.main_handler(batch)
        summary = app.replay(batch, force=["sheet"])
        assert [get_outcomes(one)["sheet"] for one in summary["events"]] == ["done", "done"]
        assert [effects.count(name) for name in ("film", "sheet")] == [2, 4]

    def test_callback_of_a_request_can_be_forced(self, effects, monkeypatch):
        monkeypatch.setenv("MPS_NOTIFY_KEY", KEY)
        app, request = create_application(effects), create_request(sign(event()))
        app.main_handler(request)
        app.replay(request, force=["sheet"])
        assert [effects.count(name) for name in ("film", "sheet")] == [1, 2]

    def test_replay_rejects_unknown_callback(self, effects):
        with pytest.raises(ValueError, match="sheets"):
            create_application(effects).replay(event(), force=["sheets"])
        with pytest.raises(ValueError, match="film, sheet, whole"):
            create_application(effects).replay(event(), force=["xyz"])


class TestStoredEvents:
    def test_failure_is_stored_without_secrets(self, effects):
        ledger = MemoryLedger()
        app = create_application(effects, ledger)
        effects.failing["film"] = OSError("token=abcdef " + "x" * 5000)
        deliver(app, event(), {"request_id": "r"})
        (stored_event,) = ledger.list_events()
        assert (stored_event.state, stored_event.delivery) == ("failed", 1)
        assert stored_event.status == "FINISH"
        film, sheet = sorted(stored_event.records, key=lambda record: record.callback)
        assert (film.outcome, film.error[:14]) == ("failed", "OSError: token")
        assert len(film.error) == 1000
        assert "abcdef" not in film.error
        assert (sheet.outcome, sheet.error, sheet.type) == ("done", "", "ImageSprites")
        assert sheet.place == "MediaProcessResultSet[1]"

        effects.failing.clear()
        deliver(app, event())
        (stored_event,) = ledger.list_events()
        assert (stored_event.state, stored_event.delivery) == ("done", 2)
        assert {record.callback: record.delivery for record in stored_event.records} == {
            "film": 2,
            "sheet": 1,
            "whole": 2,
        }

    def test_error_is_stored_in_one_line(self, effects):
        ledger = MemoryLedger()
        effects.failing["film"] = OSError("a\nb\r\x1b]52;c;YQ==\x07\x9b2J\u2028\u202e任务")
        deliver(create_application(effects, ledger), event())
        (stored_event,) = ledger.list_events()
        errors = {record.callback: record.error for record in stored_event.records}
        assert errors["film"] == (r"OSError: a\nb\r\x1b]52;c;YQ==\x07\x9b2J\u2028\u202e" + "任务")

    def test_close_gets_records_of_all_calls(self, effects):
        ledger = SpyLedger()
        app = create_application(effects, ledger)
        effects.failing["sheet"] = OSError()
        deliver(app, event())
        effects.failing.clear()
        deliver(app, event())
        assert [[record.callback for record in records] for records in ledger.closed] == [
            ["film", "sheet"],
            ["sheet", "whole"],
        ]
        assert ledger.recorded == [ledger.closed[0][0], *ledger.closed[1]]


class TestChoice:
    @pytest.fixture(autouse=True)
    def _on_scf(self, monkeypatch):
        monkeypatch.setenv("TENCENTCLOUD_RUNENV", "SCF")
        monkeypatch.delenv("MPS_LEDGER", raising=False)

    def test_cold_start_warns_without_ledger(self, capsys):
        App().main_handler  # noqa: B018
        (line,) = capsys.readouterr().out.splitlines()
        entry = json.loads(line)
        assert entry["level"] == "WARNING"
        assert "MPS_LEDGER" in entry["message"]

    @pytest.mark.parametrize("choice", ["none", "memory://"])
    def test_explicit_choice_is_not_warned(self, choice, monkeypatch, capsys):
        monkeypatch.setenv("MPS_LEDGER", choice)
        App().main_handler  # noqa: B018
        assert capsys.readouterr().out == ""

    def test_argument_overrides_variable(self, monkeypatch, effects):
        monkeypatch.setenv("MPS_LEDGER", "memory://")
        app = App()
        app.on(Transcode, name="film")(effects.create_callback("film"))
        deliver(app, event("Transcode"))
        assert deliver(app, event("Transcode")) == {"film": "skipped"}
        without = App(ledger="none")
        without.on(Transcode, name="film")(effects.create_callback("film"))
        deliver(without, event("Transcode"))
        assert deliver(without, event("Transcode")) == {"film": "done"}

    def test_invalid_url_fails_cold_start(self, monkeypatch):
        monkeypatch.setenv("MPS_LEDGER", "dynamodb://table")
        with pytest.raises(LedgerError, match="dynamodb"):
            App().main_handler  # noqa: B018

    def test_invalid_error_policy_is_rejected(self):
        with pytest.raises(RegistrationError, match="ignore"):
            App(on_ledger_error="ignore")

    def test_ledger_is_not_loaded_when_unused(self, monkeypatch):
        monkeypatch.setenv("MPS_LEDGER", "none")

        code = (
            "import sys; from scf_mps import App, Transcode; app = App(); "
            "app.on(Transcode)(lambda result: None); app.main_handler; "
            "print([name for name in sys.modules if 'ledger' in name])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout == "[]\n"


def test_delivery_makes_fewest_calls(documented):
    ledger = SpyLedger()
    app = App(ledger=ledger)
    app.on(Transcode, name="a")(lambda result: None)
    app.on_failure(AnimatedGraphics, name="b")(lambda result: None)
    app.on(SnapshotByTimeOffset, name="c")(lambda result: None)
    app.on(ImageSprites, name="d")(lambda result: None)
    app.main_handler(documented, {})
    assert ledger.calls == ["claim", *["record"] * 4, "close"]
    app.main_handler(documented, {})
    assert ledger.calls[6:] == ["claim"]
