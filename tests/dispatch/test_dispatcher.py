"""What `main_handler` does: each callback alone, under the deadline, one verdict at the end."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading

import pytest

from scf_mps import (
    AnimatedGraphics,
    App,
    CallbackFailed,
    CallbacksFailed,
    Context,
    Drop,
    Event,
    ImageSprites,
    InvalidEvent,
    SnapshotByTimeOffset,
    Subtask,
    Transcode,
    WorkflowTask,
)
from scf_mps.local.samples import sample

FOUR = [
    ("Transcode", "SUCCESS"),
    ("AnimatedGraphics", "SUCCESS"),
    ("SnapshotByTimeOffset", "SUCCESS"),
    ("ImageSprites", "SUCCESS"),
]


def event_of_four():
    return sample("WorkflowTask", FOUR)


def outcomes(summary):
    return [call["outcome"] for call in summary["callbacks"]]


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class TestSummary:
    def test_it_says_what_happened_to_each_callback(self, documented):
        app = App()

        @app.on(Transcode, name="publish")
        def publish(transcode: Transcode) -> object:
            return object()

        summary = app.main_handler(documented, {})

        task = documented["WorkflowTaskEvent"]["TaskId"]
        assert summary == {
            "event_type": "WorkflowTask",
            "task_id": task,
            "status": "FINISH",
            "callbacks": [
                {
                    "callback": "publish",
                    "type": "Transcode",
                    "place": "MediaProcessResultSet[0]",
                    "outcome": "done",
                }
            ],
            "unhandled": [
                {"type": "AnimatedGraphics", "place": "MediaProcessResultSet[1]", "status": "FAIL"},
                {
                    "type": "SnapshotByTimeOffset",
                    "place": "MediaProcessResultSet[2]",
                    "status": "SUCCESS",
                },
                {"type": "ImageSprites", "place": "MediaProcessResultSet[3]", "status": "SUCCESS"},
            ],
        }
        assert json.loads(json.dumps(summary)) == summary

    def test_a_callbacks_identity_is_its_module_and_name(self):
        app = App()

        @app.on(Transcode)
        def publish(transcode):
            pass

        summary = app.main_handler(event_of_four(), {})
        assert summary["callbacks"][0]["callback"] == f"{__name__}.{publish.__qualname__}"

    @pytest.mark.parametrize("context", [None, {}, {"request_id": "r"}, 5, "x"])
    def test_any_context_will_do(self, context):
        assert App().main_handler(event_of_four(), context)["event_type"] == "WorkflowTask"

    def test_the_context_may_be_left_out(self):
        assert App().main_handler(sample("EditMediaTask"))["callbacks"] == []  # type: ignore[call-arg]

    def test_all_events_of_the_corpus_are_dispatched(self, payload, monkeypatch):
        monkeypatch.setenv("MPS_ALLOW_UNSIGNED", "1")
        from tests.events.test_generated import EVENT_FILES

        app = App()

        @app.on(Subtask)
        @app.on_failure(Subtask)
        @app.on_progress(Subtask)
        @app.on("ProcedureStateChanged")
        @app.fallback
        def anything(result):
            pass

        for name in EVENT_FILES:
            summary = app.main_handler(payload(name), {})
            assert summary["callbacks"], name
            assert set(outcomes(summary)) == {"done"}
        request = app.main_handler(payload("env_http_function_url"), {})
        assert request["statusCode"] == 200
        topic = app.main_handler(payload("env_cmq_topic"), {})
        assert topic["event_type"] == "WorkflowTask"


class TestIsolation:
    def app(self, error: BaseException):
        app, ran = App(), []

        @app.on(Transcode, name="first")
        def first(result):
            ran.append("first")

        @app.on(AnimatedGraphics, name="failing")
        def failing(result):
            raise error

        @app.on(ImageSprites, name="last")
        def last(result):
            ran.append("last")

        @app.on_complete(WorkflowTask, name="complete")
        def complete(event):
            ran.append("complete")

        return app, ran

    @pytest.mark.parametrize(
        "error",
        [
            ValueError("boom"),
            KeyError("k"),
            SystemExit(3),
            KeyboardInterrupt(),
            GeneratorExit(),
            asyncio.CancelledError(),
            RecursionError("deep"),
        ],
    )
    def test_a_callback_fails_alone_and_is_raised_at_the_end(self, error):
        app, ran = self.app(error)

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(event_of_four(), {})

        assert ran == ["first", "last"]
        (failure,) = failed.value.failures
        assert isinstance(failure, CallbackFailed)
        assert failure.callback == "failing"
        assert failure.result.endswith("/FINISH/MediaProcessResultSet[1]/AnimatedGraphics/20000")
        assert failure.__cause__ is error
        assert outcomes(failed.value.summary) == ["done", "failed", "done"]

    def test_the_text_lists_every_failure(self):
        app = App()
        app.on(Transcode, name="a")(lambda result: {}["k"])
        app.on(ImageSprites, name="b")(lambda result: [].pop())
        app.on(ImageSprites, name="c")(lambda result: None)

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(event_of_four(), {})

        task = event_of_four()["WorkflowTaskEvent"]["TaskId"]
        assert str(failed.value) == (
            "2 of 3 callbacks did not finish, the event is to be delivered again\n"
            f"  - a on WorkflowTask/{task}/FINISH/MediaProcessResultSet[0]/Transcode/100030: "
            "KeyError: 'k'\n"
            f"  - b on WorkflowTask/{task}/FINISH/MediaProcessResultSet[3]/ImageSprites/10: "
            "IndexError: pop from empty list"
        )
        assert failed.value.message == (
            "2 of 3 callbacks did not finish, the event is to be delivered again"
        )

    @pytest.mark.skipif(sys.version_info < (3, 11), reason="except* came with Python 3.11")
    def test_it_is_an_exception_group_where_python_has_them(self):
        app, _ = self.app(ValueError("boom"))

        with pytest.raises(ExceptionGroup) as failed:  # noqa: F821
            app.main_handler(event_of_four(), {})
        found = failed.value.subgroup(lambda error: isinstance(error.__cause__, ValueError))
        assert found is not None

    def test_an_exception_without_text_is_named_by_its_class(self):
        app, _ = self.app(ValueError())

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(event_of_four(), {})
        assert str(failed.value).endswith("AnimatedGraphics/20000: ValueError")

    def test_a_failure_is_logged_with_its_traceback_when_it_happens(self, caplog):
        app, _ = self.app(ValueError("boom"))

        with pytest.raises(CallbacksFailed):
            app.main_handler(event_of_four(), {})
        (record,) = [one for one in caplog.records if one.levelname == "ERROR"]
        assert record.getMessage() == "failed: ValueError: boom"
        assert record.exc_info is not None
        assert record.exc_info[1].args == ("boom",)
        assert (record.callback, record.type, record.place, record.status) == (
            "failing",
            "AnimatedGraphics",
            "MediaProcessResultSet[1]",
            "SUCCESS",
        )

    def test_a_predicate_that_raises_is_a_failure_of_its_callback(self):
        app, ran = self.app(ValueError("boom"))

        @app.on(SnapshotByTimeOffset, name="asking", when=lambda result: result.nonsense)
        def asking(result):
            ran.append("asking")

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(event_of_four(), {})
        assert ran == ["first", "last"]
        assert [one.callback for one in failed.value.failures] == ["failing", "asking"]
        assert "has no field 'nonsense'" in str(failed.value)


class TestDrop:
    def test_a_dropped_callback_is_not_retried_and_says_why(self, caplog):
        app, ran = App(), []

        @app.on(Transcode)
        def drop(result):
            raise Drop("the video was deleted")

        @app.on_complete(WorkflowTask)
        def complete(event):
            ran.append("complete")

        summary = app.main_handler(event_of_four(), {})

        assert outcomes(summary) == ["dropped", "done"]
        assert ran == ["complete"]
        (record,) = [one for one in caplog.records if "dropped" in one.getMessage()]
        assert (record.levelname, record.getMessage(), record.type) == (
            "WARNING",
            "dropped: the video was deleted",
            "Transcode",
        )


class TestCompletion:
    @pytest.mark.parametrize("verb", ["on", "on_failure"])
    def test_it_waits_for_every_callback_to_succeed(self, verb):
        app, ran = App(), []

        @app.on(Transcode)
        def transcode(result):
            if verb == "on_failure":
                raise ValueError

        @app.on_complete(Event)
        def complete(event: Event):
            ran.append(event.task_id)

        if verb == "on":
            app.main_handler(event_of_four(), {})
            assert ran == [event_of_four()["WorkflowTaskEvent"]["TaskId"]]
        else:
            with pytest.raises(CallbacksFailed):
                app.main_handler(event_of_four(), {})
            assert ran == []

    def test_it_is_called_when_there_was_nothing_to_wait_for(self):
        app, ran = App(), []
        app.on_complete("EditMediaTask")(lambda event: ran.append(event.type))

        app.main_handler(sample("EditMediaTask", status="FAIL"), {})
        assert ran == ["EditMediaTask"]

    def test_a_completion_that_fails_is_a_failure(self):
        app = App()
        app.on(Transcode, name="a")(lambda result: None)
        app.on_complete(WorkflowTask, name="b")(lambda event: 1 / 0)

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(event_of_four(), {})
        assert outcomes(failed.value.summary) == ["done", "failed"]
        assert failed.value.message.startswith("1 of 2 callbacks")


class TestDeadline:
    def app(self, seconds_of_first, *, reserve=1.0, needs=None):
        app, clock, ran = App(reserve=reserve), Clock(), []

        @app.on(Transcode, name="first")
        def first(result):
            clock.now += seconds_of_first
            ran.append("first")

        @app.on(ImageSprites, name="second", needs=needs)
        def second(result):
            ran.append("second")

        return app, clock, ran

    def handle(self, app, clock, limit=10_000):
        # The clock of an invocation is its context's, and `main_handler` makes that: give it one with this clock.
        dispatcher = app.main_handler.__self__
        context = Context({"time_limit_in_ms": limit}, clock)
        return dispatcher.handle(event_of_four(), context)

    @pytest.mark.parametrize(
        ("seconds", "reserve", "needs", "started"),
        [
            (0, 1.0, None, True),
            (9.0, 1.0, None, True),
            (9.001, 1.0, None, False),
            (20, 1.0, None, False),
            (9.5, 0.5, None, True),
            (9.6, 0.5, None, False),
            (5.0, 1.0, 5.0, True),
            (5.1, 1.0, 5.0, False),
            (9.9, 1.0, 0.1, True),
            (10, 1.0, 0, True),
        ],
    )
    def test_a_callback_is_started_only_with_the_time_it_needs(
        self, seconds, reserve, needs, started
    ):
        app, clock, ran = self.app(seconds, reserve=reserve, needs=needs)

        if started:
            assert outcomes(self.handle(app, clock)) == ["done", "done"]
            assert ran == ["first", "second"]
        else:
            with pytest.raises(CallbacksFailed) as failed:
                self.handle(app, clock)
            assert ran == ["first"]
            assert outcomes(failed.value.summary) == ["done", "deferred"]
            assert str(failed.value).endswith(": not started, too little time was left")

    def test_what_is_not_started_is_logged_with_the_time_it_lacks(self, caplog):
        app, clock, _ = self.app(9.5)

        with pytest.raises(CallbacksFailed):
            self.handle(app, clock)
        (record,) = [
            one
            for one in caplog.records
            if one.name == "scf_mps"
            and one.levelname == "WARNING"
            and "not started" in one.getMessage()
        ]
        assert record.getMessage() == (
            "not started, 0.5 s are left and it needs 1.0 s: left to the next delivery"
        )
        assert record.callback == "second"

    def test_without_a_time_limit_everything_is_started(self):
        app, clock, ran = self.app(10_000)

        dispatcher = app.main_handler.__self__
        dispatcher.handle(event_of_four(), Context({}, clock))
        assert ran == ["first", "second"]

    def test_the_duration_of_each_callback_is_logged(self, caplog):
        caplog.set_level(logging.INFO)
        app, clock, _ = self.app(2.51236)

        self.handle(app, clock)
        found = [
            (one.callback, one.outcome, one.duration_ms, one.getMessage())
            for one in caplog.records
            if hasattr(one, "duration_ms")
        ]
        assert found == [("first", "done", 2512.4, "done"), ("second", "done", 0.0, "done")]


class TestUnhandled:
    def records(self, event, caplog):
        caplog.set_level(logging.DEBUG)
        App().main_handler(event, {})
        return [
            (record.levelname, record.getMessage())
            for record in caplog.records
            if record.name == "scf_mps"
        ]

    def test_a_success_nobody_asked_for_is_a_warning_and_a_failure_an_error(
        self, documented, caplog
    ):
        assert self.records(documented, caplog) == [
            ("WARNING", "no callback is for Transcode"),
            ("ERROR", "no callback is for AnimatedGraphics"),
            ("WARNING", "no callback is for SnapshotByTimeOffset"),
            ("WARNING", "no callback is for ImageSprites"),
        ]
        record = caplog.records[1]
        assert (record.type, record.place, record.status) == (
            "AnimatedGraphics",
            "MediaProcessResultSet[1]",
            "FAIL",
        )
        assert (record.err_code, record.err_code_ext) == (30010, "")

    def test_progress_nobody_asked_for_is_an_info(self, payload, caplog):
        event = payload("mps_workflow_processing_querydoc")

        assert self.records(event, caplog) == [("INFO", "no callback is for Transcode")]

    def test_a_result_of_unknown_status_is_an_error(self, caplog):
        event = sample("WorkflowTask", Transcode="SUCCESS")
        event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]["Status"] = "ODD"

        assert self.records(event, caplog) == [("ERROR", "no callback is for Transcode")]

    def test_an_event_without_results_is_unhandled_itself(self, payload, caplog):
        assert self.records(payload("synth_workflow_nulls"), caplog) == [
            ("WARNING", "no callback is for WorkflowTask")
        ]

    def test_a_broken_source_is_an_error(self, payload, caplog):
        assert self.records(payload("synth_workflow_source_error"), caplog) == [
            ("ERROR", "no callback is for WorkflowTask")
        ]


class TestInvalidEvents:
    def test_it_leaves_main_handler_and_is_logged(self, caplog):
        with pytest.raises(InvalidEvent):
            App().main_handler("x" * 10_000_000, {"request_id": "r"})

        (record,) = caplog.records
        assert (record.levelname, record.getMessage()) == (
            "ERROR",
            "invalid event: expected an MPS notification, a JSON object, but a str of length "
            "10000000 came that is no JSON: Expecting value: line 1 column 1 (char 0)",
        )

    @pytest.mark.parametrize("event", [None, [], b"x", {}, {"a": 1}, {"EventType": "WorkflowTask"}])
    def test_nothing_else_is_raised(self, event):
        with pytest.raises(InvalidEvent):
            App().main_handler(event, None)

    def test_a_valid_event_may_be_large_and_deep(self, documented):
        deep: dict = {}
        for _ in range(1000):
            deep = {"x": deep}
        documented["WorkflowTaskEvent"]["Deep"] = deep
        documented["WorkflowTaskEvent"]["Message"] = "x" * 10_000_000

        assert len(App().main_handler(documented, {})["unhandled"]) == 4


class TestAsync:
    def test_async_callbacks_run(self):
        app, ran = App(), []

        @app.on(Transcode)
        async def publish(transcode: Transcode, log: logging.Logger) -> None:
            await asyncio.sleep(0)
            ran.append(transcode.type)

        assert outcomes(app.main_handler(event_of_four(), {})) == ["done"]
        assert ran == ["Transcode"]

    def test_an_async_callback_fails_alone(self):
        app, ran = App(), []

        @app.on(Transcode)
        async def failing(transcode):
            await asyncio.sleep(0)
            raise ValueError("boom")

        @app.on(ImageSprites)
        async def fine(sprites):
            ran.append("fine")

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(event_of_four(), {})
        assert str(failed.value).endswith("ValueError: boom")
        assert ran == ["fine"]

    def test_an_async_callback_is_stopped_at_the_deadline(self):
        app = App(reserve=0.0)

        @app.on(Transcode, name="slow")
        async def slow(transcode):
            await asyncio.Event().wait()

        clock = Clock()
        context = Context({"time_limit_in_ms": 1000}, clock)
        clock.now += 0.999
        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler.__self__.handle(event_of_four(), context)
        assert "TimeoutError" in str(failed.value)

    def test_any_awaitable_a_callback_returns_is_awaited(self):
        class Later:
            def __await__(self):
                ran.append("awaited")
                return iter(())

        app, ran = App(), []
        app.on(Transcode)(lambda transcode: Later())

        app.main_handler(event_of_four(), {})
        assert ran == ["awaited"]


def test_threads_that_share_an_application_never_see_each_others_events():
    app = App()
    barrier = threading.Barrier(8)
    wrong, seen = [], []
    app.provide(list, lambda event: [event.task_id], per="invocation")

    def mine(event: Event):
        return [event.task_id]

    app_checks = App()
    app_checks.provide(list, mine, per="invocation")

    def check(transcode: Transcode, event: Event, context: Context, made: list):
        before = (transcode.event.task_id, event.task_id, context.request_id, made[0])
        barrier.wait()
        after = (transcode.event.task_id, event.task_id, context.request_id, made[0])
        if len({*before, *after}) != 1:
            wrong.append((before, after))
        seen.append(event.task_id)

    check.__annotations__ = {
        "transcode": Transcode,
        "event": Event,
        "context": Context,
        "made": list,
    }
    app_checks.on(Transcode)(check)
    handler = app_checks.main_handler

    def dispatch(task_id):
        for _ in range(50):
            event = sample("WorkflowTask", Transcode="SUCCESS")
            event["WorkflowTaskEvent"]["TaskId"] = task_id
            summary = handler(event, {"request_id": task_id})
            if summary["task_id"] != task_id:
                wrong.append(summary)

    threads = [threading.Thread(target=dispatch, args=(f"task-{index}",)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert len(seen) == 400
    assert len(set(seen)) == 8
