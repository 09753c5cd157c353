"""What an application with a ledger does when an event comes again: after a failure, a crash, or at the same time."""

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
    IdempotencyKey,
    ImageSprites,
    LedgerError,
    RegistrationError,
    SnapshotByTimeOffset,
    Subtask,
    Transcode,
    WorkflowTask,
)
from scf_mps.events.parser import parse_event
from scf_mps.ledger import Lease, MemoryLedger, Record
from scf_mps.ledger.session import LedgerCoordinator
from scf_mps.local.samples import sample
from scf_mps.routing.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

BOTH = ["Transcode", "ImageSprites"]


def event(*types: str, **given: Any) -> dict[str, Any]:
    """A finished task whose results all succeeded."""
    made: dict[str, Any] = sample(
        "WorkflowTask", [(one, "SUCCESS") for one in types or BOTH], **given
    )
    return made


def outcomes(summary: dict[str, Any]) -> dict[str, str]:
    return {call["callback"]: call["outcome"] for call in summary["callbacks"]}


def deliver(app: App, delivered: object, context: object = None) -> dict[str, str]:
    """The outcome of every callback, whether the event is retried or not."""
    try:
        return outcomes(app.main_handler(delivered, context))
    except CallbacksFailed as failed:
        return outcomes(failed.summary)


class Effects(list[str]):
    """What callbacks did, and what is to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.failing: dict[str, BaseException] = {}

    def of(self, name: str) -> Callable[[Any], None]:
        def callback(result: Any) -> None:
            if name in self.failing:
                raise self.failing[name]
            self.append(name)

        return callback


@pytest.fixture
def effects() -> Effects:
    return Effects()


def application(effects: Effects, ledger: Any = None, **options: Any) -> App:
    """`film` and `sheet` for two results, `whole` when both are done."""
    app = App(ledger=ledger or MemoryLedger(), **options)
    app.on(Transcode, name="film")(effects.of("film"))
    app.on(ImageSprites, name="sheet")(effects.of("sheet"))
    app.on_complete(WorkflowTask, name="whole")(effects.of("whole"))
    return app


class TestRedelivery:
    def test_after_a_failure_only_what_failed_runs_again(self, effects: Effects) -> None:
        app = application(effects)
        effects.failing["sheet"] = OSError("no route")

        assert deliver(app, event()) == {"film": "done", "sheet": "failed"}
        effects.failing.clear()
        assert deliver(app, event()) == {"film": "skipped", "sheet": "done", "whole": "done"}
        assert effects == ["film", "sheet", "whole"]

    def test_of_an_event_that_is_done_nothing_runs_again(self, effects: Effects) -> None:
        app = application(effects)
        deliver(app, event())

        again = app.main_handler(event(), {})
        assert set(outcomes(again).values()) == {"skipped"}
        assert effects == ["film", "sheet", "whole"]

    def test_a_callback_that_dropped_a_result_is_not_asked_again(self, effects: Effects) -> None:
        app = application(effects)
        effects.failing = {"film": Drop("too old"), "sheet": OSError()}
        assert deliver(app, event()) == {"film": "dropped", "sheet": "failed"}
        effects.failing = {}
        assert deliver(app, event())["film"] == "skipped"

    def test_what_there_was_no_time_for_runs_with_the_next_delivery(self, effects: Effects) -> None:
        app = application(effects, reserve=2.0)
        short, enough = {"time_limit_in_ms": 1000}, {"time_limit_in_ms": 60_000}
        assert deliver(app, event(), short) == {"film": "deferred", "sheet": "deferred"}
        assert set(deliver(app, event(), enough).values()) == {"done"}

    def test_a_callback_that_leaves_the_process_holds_the_event_no_longer(
        self, effects: Effects
    ) -> None:
        app = application(effects)
        effects.failing["film"] = SystemExit(3)
        assert deliver(app, event())["film"] == "failed"
        effects.failing.clear()
        assert deliver(app, event(), {"time_limit_in_ms": 3000})["film"] == "done"

    def test_so_does_one_whose_error_cannot_be_told(self, effects: Effects) -> None:
        class Untold(Exception):
            def __str__(self) -> str:
                raise RuntimeError

        ledger = MemoryLedger()
        app = application(effects, ledger)
        effects.failing["film"] = Untold()
        assert deliver(app, event()) == {"film": "failed", "sheet": "done"}
        (entry,) = ledger.entries()
        assert entry.held == 0
        assert "Untold: (its text cannot be told)" in [record.error for record in entry.records]

    def test_an_async_callback_runs_and_is_recorded(self, effects: Effects) -> None:
        app = App(ledger=MemoryLedger())

        @app.on(Transcode, name="film")
        async def film(transcode: Transcode) -> None:
            effects.append("film")

        assert deliver(app, event("Transcode")) == {"film": "done"}
        assert deliver(app, event("Transcode")) == {"film": "skipped"}
        assert effects == ["film"]

    def test_each_result_of_one_type_is_a_matter_of_its_own(self, effects: Effects) -> None:
        app = App(ledger=MemoryLedger())
        tried: list[int | None] = []

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

    def test_a_callback_added_by_a_later_deployment_runs_for_an_event_that_was_done(
        self, effects: Effects
    ) -> None:
        ledger = MemoryLedger()
        deliver(application(effects, ledger), event())
        later = application(effects, ledger)
        later.on(Transcode, name="subtitles")(effects.of("subtitles"))
        assert deliver(later, event()) == {
            "film": "skipped",
            "sheet": "skipped",
            "subtitles": "done",
            "whole": "skipped",
        }

    def test_two_applications_on_one_ledger_do_not_take_their_callbacks_for_each_others(
        self, effects: Effects
    ) -> None:
        ledger = MemoryLedger()
        deliver(application(effects, ledger), event())
        other = App(ledger=ledger)
        other.on(Transcode, name="other")(effects.of("other"))
        assert deliver(other, event()) == {"other": "done"}
        assert deliver(other, event()) == {"other": "skipped"}

    def test_the_request_id_plays_no_part(self, effects: Effects) -> None:
        app = application(effects)
        deliver(app, event(), {"request_id": "a"})
        assert deliver(app, event(), {"request_id": "b"})["film"] == "skipped"

    def test_a_predicate_that_raised_is_asked_again(self, effects: Effects) -> None:
        app, answers = App(ledger=MemoryLedger()), iter([OSError(), None])

        def wanted(result: Any) -> bool:
            answer = next(answers)
            if answer is not None:
                raise answer
            return True

        app.on(Transcode, name="film", when=wanted)(effects.of("film"))
        assert deliver(app, event("Transcode")) == {"film": "failed"}
        assert deliver(app, event("Transcode")) == {"film": "done"}

    def test_an_event_no_callback_is_for_is_known_all_the_same(self) -> None:
        ledger = MemoryLedger()
        App(ledger=ledger).main_handler(event(), {})
        (entry,) = ledger.entries()
        assert (entry.state, entry.records) == ("done", ())


class TestProgress:
    def progress(self, percent: int) -> dict[str, Any]:
        made = event("Transcode", status="PROCESSING")
        made["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]["Progress"] = percent
        return made

    def test_every_step_is_an_event_of_its_own_and_each_is_told_once(self) -> None:
        app, told = App(ledger=MemoryLedger()), []

        @app.on_progress(Transcode)
        def tell(transcode: Transcode) -> None:
            told.append(transcode.progress)

        for percent in (10, 10, 50, 10):
            app.main_handler(self.progress(percent), {})
        assert told == [10, 50]

    def test_a_new_signature_makes_no_new_event(self) -> None:
        app, told = App(ledger=MemoryLedger()), []

        @app.on_progress(Transcode)
        def tell(transcode: Transcode) -> None:
            told.append(transcode.progress)

        for sign in ("a", "b"):
            app.main_handler({**self.progress(10), "Timestamp": 1, "Sign": sign}, {})
        assert told == [10]

    def test_an_event_with_secrets_is_the_same_when_the_ledger_gives_it_back(self) -> None:
        ran: list[str] = []
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
        (entry,) = ledger.entries()
        kept = ledger.find(entry.key)
        assert kept is not None
        assert "wJalrXUtn" not in str(kept.notification)
        assert outcomes(app.replay(kept.notification)) == {"a": "skipped"}
        assert ran == ["a"]


class TestTwoAtATime:
    def test_the_second_waits_for_the_first_and_then_has_nothing_to_do(
        self, effects: Effects
    ) -> None:
        app, inside, go_on = App(ledger=MemoryLedger()), threading.Event(), threading.Event()

        @app.on(Transcode, name="film")
        def film(transcode: Transcode) -> None:
            effects.append("begins")
            inside.set()
            assert go_on.wait(10)
            effects.append("ends")

        handler = app.main_handler
        ended: list[dict[str, str]] = []
        threads = [
            threading.Thread(
                target=lambda: ended.append(
                    outcomes(handler(event("Transcode"), {"request_id": "the same"}))
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
        assert sorted(one["film"] for one in ended) == ["done", "skipped", "skipped", "skipped"]

    def test_who_has_no_time_to_wait_leaves_the_event_to_the_retry(
        self, effects: Effects, caplog: pytest.LogCaptureFixture
    ) -> None:
        app = application(effects)
        within: list[BaseException] = []

        @app.on(Transcode, name="again")
        def again(transcode: Transcode, context: Context) -> None:
            with pytest.raises(EventHeld, match="held by request first") as held:
                app.main_handler(event(), {"time_limit_in_ms": 2000, "request_id": "second"})
            within.append(held.value)

        outcome = deliver(app, event(), {"time_limit_in_ms": 60_000, "request_id": "first"})
        assert outcome["again"] == "done"
        (held,) = within
        assert isinstance(held, EventHeld)
        assert 58.5 < held.seconds <= 62
        assert effects == ["film", "sheet", "whole"]
        assert f"{held}: left to the next delivery" in caplog.messages

    def test_a_callback_that_hands_its_own_event_on_does_not_wait_for_itself(self) -> None:
        app = App(ledger=MemoryLedger())
        handed_on = event("Transcode")

        @app.on(Transcode, name="film")
        def film(transcode: Transcode) -> None:
            with pytest.raises(EventHeld):
                app.main_handler(handed_on, {})

        assert deliver(app, handed_on) == {"film": "done"}
        assert deliver(app, handed_on) == {"film": "skipped"}

    def test_without_a_time_limit_an_event_is_held_for_the_longest_scf_allows(self) -> None:
        ledger = MemoryLedger()
        app = App(ledger=ledger)
        seen: list[float] = []

        @app.on(Transcode)
        def look(transcode: Transcode) -> None:
            (entry,) = ledger.entries()
            seen.append(entry.held)
            assert entry.state == "running"

        app.main_handler(event("Transcode"), None)
        assert 890 < seen[0] <= 900

    def test_the_hold_of_a_process_that_died_ends_with_its_time(self, effects: Effects) -> None:
        now = [0.0]
        ledger = MemoryLedger(clock=lambda: now[0])
        app = application(effects, ledger)

        ledger.claim(parse_event(event()), ["film"], 30)  # by a process that is no more
        with pytest.raises(EventHeld):
            app.main_handler(event(), {"time_limit_in_ms": 1500})
        now[0] = 31.0
        assert deliver(app, event(), {"time_limit_in_ms": 10_000})["sheet"] == "done"


class Held(MemoryLedger):
    """A ledger whose events another delivery holds for some seconds, which pass when somebody waits.

    Attributes:
        until: when the hold ends.
        ends: when the other delivery ends, if that is earlier.
        now: the time, in seconds.
        answers_after: how long the store takes to answer.
    """

    answers_after = 0.0

    def __init__(self, seconds: float, ends: float = 1e9) -> None:
        super().__init__(clock=lambda: self.now)
        self.now = 0.0
        self.until = seconds
        self.ends = ends
        self.waited: list[float] = []
        self.held_for: list[float] = []

    def pause(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += seconds

    def claim(self, event: Event, calls: Any, seconds: float, **named: Any) -> Lease:
        self.now += self.answers_after
        if min(self.until, self.ends) - self.now > 1e-9:
            raise EventHeld("the event is held by request first", self.until - self.now)
        self.held_for.append(seconds)
        return super().claim(event, calls, seconds, **named)

    def open(self, time_limit: float, reserve: float) -> Any:
        """Ask for an event in an invocation with this time limit."""
        keeper = LedgerCoordinator(self, "fail", reserve, self.pause)
        return self.open_by(keeper, time_limit)

    def open_by(self, keeper: LedgerCoordinator, time_limit: float) -> Any:
        limit = {"time_limit_in_ms": int(time_limit * 1000)}
        context = Context(limit, clock=lambda: self.now)
        return keeper.open(parse_event(event()), Plan([], [], []), context)


class TestWaiting:
    def test_it_asks_at_ever_longer_intervals_and_no_later_than_the_hold_ends(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "scf_mps")
        ledger = Held(30.0)
        ledger.open(900.0, reserve=2.0)
        assert ledger.waited[:3] == pytest.approx([0.05, 0.075, 0.1125])
        assert max(ledger.waited) == 5.0
        assert ledger.now == pytest.approx(30.0)
        assert caplog.messages == ["waiting, the event is held by request first for at most 30.0 s"]

    def test_delivery_waits_although_the_hold_outlasts_it(self) -> None:
        """With equal time limits the hold of the first outlasts the second, but the first ends early."""
        ledger = Held(62.0, ends=20.0)
        ledger.open(60.0, reserve=2.0)
        assert 20.0 <= ledger.now <= 25.0

    def test_delivery_waits_until_no_callback_can_start(self) -> None:
        ledger = Held(62.0)
        with pytest.raises(EventHeld):
            ledger.open(60.0, reserve=2.0)
        assert ledger.now == pytest.approx(58.0)

    def test_answers_of_slow_store_use_up_no_patience(self) -> None:
        ledger = Held(62.0, ends=50.0)
        ledger.answers_after = 1.0
        ledger.open(60.0, reserve=2.0)
        assert ledger.now >= 50.0

    def test_delivery_without_time_does_not_wait(self) -> None:
        ledger = Held(62.0)
        with pytest.raises(EventHeld):
            ledger.open(2.0, reserve=2.0)
        assert ledger.waited == []

    def test_event_is_held_past_the_time_limit(self) -> None:
        """SCF kills an invocation a little after its limit. Until then no other one may begin."""
        ledger = Held(0.0)
        ledger.open(60.0, reserve=2.0)
        assert ledger.held_for == [62.0]

    def test_thread_waits_for_an_event_it_held_before(self) -> None:
        ledger = Held(0.0)
        keeper = LedgerCoordinator(ledger, "fail", 2.0, ledger.pause)
        ledger.open_by(keeper, 60.0).close([], False)
        ledger.until = 10.0
        ledger.open_by(keeper, 60.0)
        assert ledger.now == pytest.approx(10.0)


class Failing(MemoryLedger):
    """A ledger whose store is away for some of its methods."""

    def __init__(self, *methods: str) -> None:
        super().__init__()
        self.away = set(methods)

    def _ask(self, method: str) -> None:
        if method in self.away:
            raise ConnectionError("the store is away")

    def claim(self, *args: Any, **named: Any) -> Lease:
        self._ask("claim")
        return super().claim(*args, **named)

    def record(self, claim: Lease, record: Record) -> None:
        self._ask("record")
        super().record(claim, record)

    def close(self, claim: Lease, records: Sequence[Record], complete: bool) -> None:
        self._ask("close")
        super().close(claim, records, complete)


class TestALedgerThatFails:
    def test_the_event_is_retried_before_anything_ran(self, effects: Effects) -> None:
        app = application(effects, Failing("claim"))
        with pytest.raises(LedgerError, match="the ledger failed: ConnectionError: the store is"):
            app.main_handler(event(), {})
        assert effects == []

    def test_what_the_ledger_says_itself_is_told_as_it_is(self, effects: Effects) -> None:
        class Away(MemoryLedger):
            def claim(self, *args: Any, **named: Any) -> Lease:
                raise LedgerError("there is no such bucket")

        with pytest.raises(LedgerError, match=r"^there is no such bucket$"):
            application(effects, Away()).main_handler(event(), {})

    def test_or_everything_runs_if_it_is_told_so(
        self, effects: Effects, caplog: pytest.LogCaptureFixture
    ) -> None:
        app = application(effects, Failing("claim"), on_ledger_error="run")
        assert set(deliver(app, event()).values()) == {"done"}
        assert "the ledger failed, callbacks may run twice: the store is away" in caplog.messages

    def test_what_ended_but_was_not_recorded_stops_the_rest_and_is_recorded_at_the_end(
        self, effects: Effects, caplog: pytest.LogCaptureFixture
    ) -> None:
        ledger = Failing("record")
        app = application(effects, ledger)
        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(event(), {})
        assert outcomes(failed.value.summary) == {"film": "done", "sheet": "deferred"}
        assert "sheet on WorkflowTask/" in str(failed.value)
        assert "ConnectionError: the store is away" in str(failed.value)
        assert "film ended, but the ledger failed: the store is away" in caplog.messages
        assert effects == ["film"]
        ledger.away.clear()
        assert deliver(app, event()) == {"film": "skipped", "sheet": "done", "whole": "done"}

    def test_told_to_run_it_goes_on_without_records(self, effects: Effects) -> None:
        app = application(effects, Failing("record", "close"), on_ledger_error="run")
        assert set(outcomes(app.main_handler(event(), {})).values()) == {"done"}
        assert effects == ["film", "sheet", "whole"]

    def test_that_nothing_recorded_what_ended_fails_the_event(self, effects: Effects) -> None:
        ledger = Failing("record", "close")
        app = App(ledger=ledger)
        app.on(Transcode, name="film")(effects.of("film"))
        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(event("Transcode"), {})
        assert outcomes(failed.value.summary) == {"film": "done"}
        assert [one.callback for one in failed.value.failures] == ["the ledger"]
        assert "the ledger failed" in str(failed.value)

    def test_that_the_event_stays_open_is_no_failure_if_all_is_recorded(
        self, effects: Effects, caplog: pytest.LogCaptureFixture
    ) -> None:
        ledger = Failing("close")
        app = application(effects, ledger)
        assert set(outcomes(app.main_handler(event(), {})).values()) == {"done"}
        assert "the event could not be closed in the ledger: the store is away" in caplog.messages
        (entry,) = ledger.entries()
        assert entry.state == "running"

    def test_of_several_messages_one_that_is_held_keeps_no_other_from_its_turn(
        self, effects: Effects
    ) -> None:
        ledger = MemoryLedger()
        app = application(effects, ledger)
        other = event()
        other["WorkflowTaskEvent"]["TaskId"] = "another"
        ledger.claim(parse_event(event()), ["x"], 600)
        records = [{"CMQ": {"msgBody": json.dumps(one)}} for one in (event(), other)]
        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler({"Records": records}, {"time_limit_in_ms": 2000})
        assert "the ledger on Records[0]: EventHeld: " in str(failed.value)
        held, other_one = failed.value.summary["events"]
        assert (held["callbacks"], other_one["task_id"]) == ([], "another")
        assert effects == ["film", "sheet", "whole"]


class Session:
    """Something that is committed when the event is over."""


class Repository:
    def __init__(self, session: Session) -> None:
        self.session = session


class TestWhatIsCommittedAtTheEnd:
    @pytest.fixture
    def commits(self) -> list[Exception | None]:
        return []

    def application(self, commits: list[Exception | None], effects: Effects) -> App:
        app = App(ledger=MemoryLedger())

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

    def test_callbacks_run_again_whose_session_was_not_committed(
        self, commits: list[Exception | None], effects: Effects
    ) -> None:
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

    def test_on_complete_has_a_session_of_its_own(
        self, commits: list[Exception | None], effects: Effects
    ) -> None:
        app = self.application(commits, effects)
        commits[:] = [None, OSError("deadlock")]
        assert deliver(app, event("Transcode"))["whole"] == "failed"
        assert deliver(app, event("Transcode"))["whole"] == "done"
        assert effects.count("stores") == 1
        assert set(deliver(app, event("Transcode")).values()) == {"skipped"}

    def test_that_they_ended_is_written_down_when_it_is_committed(
        self, commits: list[Exception | None], effects: Effects
    ) -> None:
        app = self.application(commits, effects)
        deliver(app, event("Transcode"))
        assert set(deliver(app, event("Transcode")).values()) == {"skipped"}

    def test_they_are_written_down_before_on_complete_begins(
        self, commits: list[Exception | None], effects: Effects
    ) -> None:
        app = self.application(commits, effects)
        ledger = app.ledger
        assert ledger is not None
        seen: list[set[str]] = []

        class Looking(App):
            pass

        looking = Looking(app, ledger=ledger)

        def open_session() -> Iterator[Session]:
            yield Session()

        looking.provide(Session, open_session, per="invocation")
        looking.provide(Repository, Repository, per="invocation")

        @looking.on_complete(Event, name="look")
        def look(event: Event) -> None:
            (entry,) = ledger.entries()
            seen.append({record.callback for record in entry.records if record.ended})

        deliver(looking, event("Transcode"))
        assert seen == [{"stores", "stores too", "calls", "whole"}]

    @pytest.mark.parametrize("leaving", [SystemExit(3), KeyboardInterrupt()])
    def test_a_clean_up_that_leaves_the_process_fails_and_lets_go_of_the_event(
        self, leaving: BaseException, effects: Effects
    ) -> None:
        ledger = MemoryLedger()
        app = App(ledger=ledger)

        def open_session() -> Iterator[Session]:
            try:
                yield Session()
                yield Session()  # one too many: it is closed
            finally:
                raise leaving

        app.provide(Session, open_session, per="invocation")

        @app.on(Transcode, name="stores")
        def stores(transcode: Transcode, session: Session) -> None:
            effects.append("stores")

        assert deliver(app, event("Transcode")) == {"stores": "failed"}
        (entry,) = ledger.entries()
        assert (entry.state, entry.held) == ("failed", 0)

    def test_a_ledger_that_cannot_write_it_down_then_fails_the_event(
        self, effects: Effects
    ) -> None:
        app = App(ledger=Failing("close"))

        def open_session() -> Iterator[Session]:
            yield Session()

        app.provide(Session, open_session, per="invocation")

        @app.on(Transcode, name="stores")
        def stores(transcode: Transcode, session: Session) -> None:
            effects.append("stores")

        with pytest.raises(CallbacksFailed, match="the ledger failed"):
            app.main_handler(event("Transcode"), {})


class TestIdempotencyKey:
    def keys(self, app: App, delivered: object) -> list[str]:
        keys: list[str] = []

        def charge(result: Subtask, key: IdempotencyKey) -> None:
            keys.append(key)
            raise OSError("crashes before its record")

        app.on(Subtask, name="charge")(charge)
        for _ in range(2):
            with pytest.raises(CallbacksFailed):
                app.main_handler(delivered, {})
        return keys

    def test_it_is_the_same_in_every_delivery_and_another_for_every_result(self) -> None:
        first, second, third, fourth = self.keys(App(ledger=MemoryLedger()), event())
        assert (first, second) == (third, fourth)
        assert first != second
        assert len(first) == 32
        assert int(first, 16)

    def test_it_is_another_for_another_callback_and_there_is_one_without_a_ledger(self) -> None:
        app, keys = App(ledger="none"), []

        def keep(result: Transcode, key: IdempotencyKey) -> None:
            keys.append(key)

        def keep_too(result: Transcode, key: IdempotencyKey) -> None:
            keys.append(key)

        app.on(Transcode, name="one")(keep)
        app.on(Transcode, name="two")(keep_too)
        app.main_handler(event("Transcode"), {})
        assert len(set(keys)) == 2

    def test_a_provider_has_none(self) -> None:
        app = App()

        class Client:
            def __init__(self, key: IdempotencyKey) -> None: ...

        app.provide(Client, Client, per="invocation")

        @app.on(Transcode)
        def use(transcode: Transcode, client: Client) -> None: ...

        use.__annotations__["client"] = Client
        with pytest.raises(RegistrationError, match="IdempotencyKey"):
            app.main_handler  # noqa: B018


class TestReplay:
    def test_it_runs_what_is_not_done(self, effects: Effects) -> None:
        app = application(effects)
        effects.failing["film"] = OSError()
        deliver(app, event())
        effects.failing.clear()
        assert outcomes(app.replay(event())) == {
            "film": "done",
            "sheet": "skipped",
            "whole": "done",
        }

    def test_a_callback_can_be_forced(self, effects: Effects) -> None:
        ledger = MemoryLedger()
        app = application(effects, ledger)
        deliver(app, event())
        assert outcomes(app.replay(event(), {}, force=["sheet"])) == {
            "film": "skipped",
            "sheet": "done",
            "whole": "skipped",
        }
        assert effects.count("sheet") == 2
        (entry,) = ledger.entries()
        assert {record.callback: record.delivery for record in entry.records} == {
            "film": 1,
            "sheet": 2,
            "whole": 1,
        }

    def test_one_that_is_forced_and_fails_is_not_forgotten_to_have_ended(
        self, effects: Effects
    ) -> None:
        app = application(effects)
        deliver(app, event())
        effects.failing["sheet"] = OSError()
        with pytest.raises(CallbacksFailed):
            app.replay(event(), force=["sheet"])
        assert deliver(app, event())["sheet"] == "skipped"

    def test_a_misspelt_callback_is_named(self, effects: Effects) -> None:
        with pytest.raises(ValueError, match=r"unknown callback 'sheets'"):
            application(effects).replay(event(), force=["sheets"])
        with pytest.raises(ValueError, match="film, sheet, whole"):
            application(effects).replay(event(), force=["xyz"])


class TestWhatIsKept:
    def test_failures_are_kept_with_their_reason_and_without_secrets(
        self, effects: Effects
    ) -> None:
        ledger = MemoryLedger()
        app = application(effects, ledger)
        effects.failing["film"] = OSError("token=abcdef " + "x" * 5000)
        deliver(app, event(), {"request_id": "r"})
        (entry,) = ledger.entries()
        assert (entry.state, entry.delivery, entry.status) == ("failed", 1, "FINISH")
        film, sheet = sorted(entry.records, key=lambda record: record.callback)
        assert (film.outcome, film.error[:14], len(film.error)) == (
            "failed",
            "OSError: token",
            1000,
        )
        assert "abcdef" not in film.error
        assert (sheet.outcome, sheet.error, sheet.type) == ("done", "", "ImageSprites")
        assert sheet.place == "MediaProcessResultSet[1]"

        effects.failing.clear()
        deliver(app, event())
        (entry,) = ledger.entries()
        assert (entry.state, entry.delivery) == ("done", 2)
        assert {record.callback: record.delivery for record in entry.records} == {
            "film": 2,
            "sheet": 1,
            "whole": 2,
        }

    def test_error_is_kept_in_one_line_without_escapes(self, effects: Effects) -> None:
        ledger = MemoryLedger()
        effects.failing["film"] = OSError("a\nb\r\x1b]52;c;YQ==\x07\x9b2J\u2028\u202e任务")
        deliver(application(effects, ledger), event())
        (entry,) = ledger.entries()
        errors = {record.callback: record.error for record in entry.records}
        assert errors["film"] == (r"OSError: a\nb\r\x1b]52;c;YQ==\x07\x9b2J\u2028\u202e" + "任务")

    def test_at_the_end_the_ledger_is_told_the_same_of_all_that_ran_and_of_nothing_else(
        self, effects: Effects
    ) -> None:
        recorded: list[Record] = []
        closed: list[list[Record]] = []

        class Telling(MemoryLedger):
            def record(self, claim: Lease, record: Record) -> None:
                recorded.append(record)
                super().record(claim, record)

            def close(self, claim: Lease, records: Sequence[Record], complete: bool) -> None:
                closed.append(list(records))
                super().close(claim, records, complete)

        app = application(effects, Telling())
        effects.failing["sheet"] = OSError()
        deliver(app, event())
        effects.failing.clear()
        deliver(app, event())
        assert [[one.callback for one in records] for records in closed] == [
            ["film", "sheet"],
            ["sheet", "whole"],
        ]
        assert recorded == [closed[0][0], *closed[1]]


class TestChoosing:
    @pytest.fixture(autouse=True)
    def _on_scf(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TENCENTCLOUD_RUNENV", "SCF")
        monkeypatch.delenv("MPS_LEDGER", raising=False)

    def test_without_a_ledger_a_cold_start_warns(self, capsys: pytest.CaptureFixture[str]) -> None:
        App().main_handler  # noqa: B018
        (line,) = capsys.readouterr().out.splitlines()
        told = json.loads(line)
        assert told["level"] == "WARNING"
        assert told["message"].startswith("MPS_LEDGER is not set")

    @pytest.mark.parametrize("choice", ["none", "memory://"])
    def test_who_has_chosen_is_not_warned(
        self, choice: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("MPS_LEDGER", choice)
        App().main_handler  # noqa: B018
        assert capsys.readouterr().out == ""

    def test_the_variable_chooses_and_the_application_comes_first(
        self, monkeypatch: pytest.MonkeyPatch, effects: Effects
    ) -> None:
        monkeypatch.setenv("MPS_LEDGER", "memory://")
        app = App()
        app.on(Transcode, name="film")(effects.of("film"))
        deliver(app, event("Transcode"))
        assert deliver(app, event("Transcode")) == {"film": "skipped"}
        without = App(ledger="none")
        without.on(Transcode, name="film")(effects.of("film"))
        deliver(without, event("Transcode"))
        assert deliver(without, event("Transcode")) == {"film": "done"}

    def test_a_wrong_one_is_an_error_of_the_cold_start(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MPS_LEDGER", "dynamodb://table")
        with pytest.raises(
            LedgerError, match=r"expected the URL of a ledger, cos://bucket\.region"
        ):
            App().main_handler  # noqa: B018

    def test_so_is_a_wrong_policy(self) -> None:
        with pytest.raises(RegistrationError, match="on_ledger_error="):
            App(on_ledger_error="ignore")

    def test_without_a_ledger_nothing_of_it_is_loaded(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MPS_LEDGER", "none")

        code = (
            "import sys; from scf_mps import App, Transcode; app = App(); "
            "app.on(Transcode)(lambda result: None); app.main_handler; "
            "print([name for name in sys.modules if 'ledger' in name])"
        )
        ended = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert ended.stdout == "[]\n"


def test_four_callbacks_are_held_recorded_and_closed_with_the_fewest_calls(
    documented: dict[str, Any],
) -> None:
    asked: list[str] = []

    class Counting(MemoryLedger):
        def claim(self, *args: Any, **named: Any) -> Lease:
            asked.append("claim")
            return super().claim(*args, **named)

        def record(self, claim: Lease, record: Record) -> None:
            asked.append("record")
            super().record(claim, record)

        def close(self, claim: Lease, records: Sequence[Record], complete: bool) -> None:
            asked.append("close")
            super().close(claim, records, complete)

    app = App(ledger=Counting())
    app.on(Transcode, name="a")(lambda result: None)
    app.on_failure(AnimatedGraphics, name="b")(lambda result: None)
    app.on(SnapshotByTimeOffset, name="c")(lambda result: None)
    app.on(ImageSprites, name="d")(lambda result: None)
    app.main_handler(documented, {})
    assert asked == ["claim", *["record"] * 4, "close"]
    app.main_handler(documented, {})
    assert asked[6:] == ["claim"]
