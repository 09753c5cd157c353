"""`main_handler`: outcomes of callbacks, their summary, and `App.explain`."""

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


def create_event_of_four():
    return sample("WorkflowTask", FOUR)


def outcomes(summary):
    return [call["outcome"] for call in summary["callbacks"]]


class Clock:
    """A clock that a test sets."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class TestSummary:
    def test_summary_has_outcome_of_each_callback(self, documented):
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

    def test_callback_is_named_by_module_and_function(self):
        app = App()

        @app.on(Transcode)
        def publish(transcode):
            pass

        summary = app.main_handler(create_event_of_four(), {})
        assert summary["callbacks"][0]["callback"] == f"{__name__}.{publish.__qualname__}"

    @pytest.mark.parametrize("context", [None, {}, {"request_id": "r"}, 5, "x"])
    def test_any_context_is_accepted(self, context):
        assert App().main_handler(create_event_of_four(), context)["event_type"] == "WorkflowTask"

    def test_context_is_optional(self):
        assert App().main_handler(sample("EditMediaTask"))["callbacks"] == []

    def test_every_sample_event_is_dispatched(self, payload, monkeypatch):
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
    def app(self, error):
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
    def test_failed_callback_does_not_stop_others(self, error):
        app, ran = self.app(error)

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(create_event_of_four(), {})

        assert ran == ["first", "last"]
        (failure,) = failed.value.failures
        assert isinstance(failure, CallbackFailed)
        assert failure.callback == "failing"
        assert failure.result.endswith("/FINISH/MediaProcessResultSet[1]/AnimatedGraphics/20000")
        assert failure.__cause__ is error
        assert outcomes(failed.value.summary) == ["done", "failed", "done"]

    def test_error_text_lists_every_failure(self):
        app = App()
        app.on(Transcode, name="a")(lambda result: {}["k"])
        app.on(ImageSprites, name="b")(lambda result: [].pop())
        app.on(ImageSprites, name="c")(lambda result: None)

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(create_event_of_four(), {})

        task = create_event_of_four()["WorkflowTaskEvent"]["TaskId"]
        message, *lines = str(failed.value).splitlines()
        assert message == failed.value.message
        assert message.startswith("2 of 3 callbacks")
        assert lines == [
            f"  - a on WorkflowTask/{task}/FINISH/MediaProcessResultSet[0]/Transcode/100030: "
            "KeyError: 'k'",
            f"  - b on WorkflowTask/{task}/FINISH/MediaProcessResultSet[3]/ImageSprites/10: "
            "IndexError: pop from empty list",
        ]

    @pytest.mark.skipif(sys.version_info < (3, 11), reason="except* came with Python 3.11")
    def test_error_is_an_exception_group(self):
        app, _ = self.app(ValueError("boom"))

        with pytest.raises(ExceptionGroup) as failed:  # noqa: F821
            app.main_handler(create_event_of_four(), {})
        found = failed.value.subgroup(lambda error: isinstance(error.__cause__, ValueError))
        assert found is not None

    def test_exception_without_text_is_named_by_class(self):
        app, _ = self.app(ValueError())

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(create_event_of_four(), {})
        assert str(failed.value).endswith("AnimatedGraphics/20000: ValueError")

    def test_failure_is_logged_with_traceback(self, caplog):
        app, _ = self.app(ValueError("boom"))

        with pytest.raises(CallbacksFailed):
            app.main_handler(create_event_of_four(), {})
        (record,) = [one for one in caplog.records if one.levelname == "ERROR"]
        assert record.getMessage() == "failed: ValueError: boom"
        assert record.exc_info is not None
        assert record.exc_info[1].args == ("boom",)
        assert (record.callback, record.type) == ("failing", "AnimatedGraphics")
        assert (record.place, record.status) == ("MediaProcessResultSet[1]", "SUCCESS")

    def test_raising_predicate_fails_its_callback(self):
        app, ran = self.app(ValueError("boom"))

        @app.on(SnapshotByTimeOffset, name="asking", when=lambda result: result.nonsense)
        def asking(result):
            ran.append("asking")

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(create_event_of_four(), {})
        assert ran == ["first", "last"]
        assert [one.callback for one in failed.value.failures] == ["failing", "asking"]
        assert "has no field 'nonsense'" in str(failed.value)


class TestDrop:
    def test_dropped_callback_succeeds_with_a_warning(self, caplog):
        app, ran = App(), []

        @app.on(Transcode)
        def drop(result):
            raise Drop("the video was deleted")

        @app.on_complete(WorkflowTask)
        def complete(event):
            ran.append("complete")

        summary = app.main_handler(create_event_of_four(), {})

        assert outcomes(summary) == ["dropped", "done"]
        assert ran == ["complete"]
        (record,) = [one for one in caplog.records if "dropped" in one.getMessage()]
        assert record.levelname == "WARNING"
        assert (record.getMessage(), record.type) == ("dropped: the video was deleted", "Transcode")


class TestCompletion:
    @pytest.mark.parametrize("verb", ["on", "on_failure"])
    def test_on_complete_runs_only_after_success(self, verb):
        app, ran = App(), []

        @app.on(Transcode)
        def transcode(result):
            if verb == "on_failure":
                raise ValueError

        @app.on_complete(Event)
        def complete(event: Event):
            ran.append(event.task_id)

        if verb == "on":
            app.main_handler(create_event_of_four(), {})
            assert ran == [create_event_of_four()["WorkflowTaskEvent"]["TaskId"]]
        else:
            with pytest.raises(CallbacksFailed):
                app.main_handler(create_event_of_four(), {})
            assert ran == []

    def test_on_complete_runs_without_other_callbacks(self):
        app, ran = App(), []
        app.on_complete("EditMediaTask")(lambda event: ran.append(event.type))

        app.main_handler(sample("EditMediaTask", status="FAIL"), {})
        assert ran == ["EditMediaTask"]

    def test_failed_on_complete_fails_the_event(self):
        app = App()
        app.on(Transcode, name="a")(lambda result: None)
        app.on_complete(WorkflowTask, name="b")(lambda event: 1 / 0)

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(create_event_of_four(), {})
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
        dispatcher = app.main_handler.__self__
        context = Context({"time_limit_in_ms": limit}, clock)
        return dispatcher.handle(create_event_of_four(), context)

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
    def test_callback_starts_only_with_enough_time(self, seconds, reserve, needs, started):
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
            (failure,) = failed.value.failures
            assert failure.callback == "second"
            assert failure.result.endswith("/MediaProcessResultSet[3]/ImageSprites/10")

    def test_deferred_callback_is_logged_with_missing_time(self, caplog):
        app, clock, _ = self.app(9.5)

        with pytest.raises(CallbacksFailed):
            self.handle(app, clock)
        (record,) = [
            one
            for one in caplog.records
            if one.name == "scf_mps"
            and one.levelname == "WARNING"
            and "deferred" in one.getMessage()
        ]
        assert record.getMessage() == (
            "deferred to the next delivery: 0.5 s remain and it needs 1.0 s"
        )
        assert record.callback == "second"

    def test_every_callback_starts_without_time_limit(self):
        app, clock, ran = self.app(10_000)

        dispatcher = app.main_handler.__self__
        dispatcher.handle(create_event_of_four(), Context({}, clock))
        assert ran == ["first", "second"]

    def test_duration_of_each_callback_is_logged(self, caplog):
        caplog.set_level(logging.DEBUG)
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
            if record.name == "scf_mps" and record.getMessage() != "handled"
        ]

    def test_unhandled_success_warns_and_failure_errs(self, documented, caplog):
        assert self.records(documented, caplog) == [
            ("WARNING", "unhandled: no callback for Transcode"),
            ("ERROR", "unhandled: no callback for AnimatedGraphics"),
            ("WARNING", "unhandled: no callback for SnapshotByTimeOffset"),
            ("WARNING", "unhandled: no callback for ImageSprites"),
        ]
        record = caplog.records[1]
        assert (record.type, record.place) == ("AnimatedGraphics", "MediaProcessResultSet[1]")
        assert record.status == "FAIL"
        assert (record.err_code, record.err_code_ext) == (30010, "")

    def test_unhandled_progress_is_an_info(self, payload, caplog):
        event = payload("mps_workflow_processing_querydoc")

        assert self.records(event, caplog) == [("INFO", "unhandled: no callback for Transcode")]

    def test_unhandled_unknown_status_is_an_error(self, caplog):
        event = sample("WorkflowTask", Transcode="SUCCESS")
        event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]["Status"] = "ODD"

        assert self.records(event, caplog) == [("ERROR", "unhandled: no callback for Transcode")]

    def test_event_without_results_is_unhandled_itself(self, payload, caplog):
        assert self.records(payload("synth_workflow_nulls"), caplog) == [
            ("WARNING", "unhandled: no callback for WorkflowTask")
        ]

    def test_unhandled_broken_source_is_an_error(self, payload, caplog):
        assert self.records(payload("synth_workflow_source_error"), caplog) == [
            ("ERROR", "unhandled: no callback for WorkflowTask")
        ]


class TestInvalidEvents:
    def test_invalid_event_is_raised_and_logged(self, caplog):
        with pytest.raises(InvalidEvent):
            App().main_handler("x" * 10_000_000, {"request_id": "r"})

        (record,) = caplog.records
        assert record.levelname == "ERROR"
        assert "length 10000000" in record.getMessage()

    @pytest.mark.parametrize("event", [None, [], b"x", {}, {"a": 1}, {"EventType": "WorkflowTask"}])
    def test_invalid_events_raise_only_invalid_event(self, event):
        with pytest.raises(InvalidEvent):
            App().main_handler(event, None)

    def test_valid_event_may_be_large_and_deep(self, documented):
        deep = {}
        for _ in range(1000):
            deep = {"x": deep}
        documented["WorkflowTaskEvent"]["Deep"] = deep
        documented["WorkflowTaskEvent"]["Message"] = "x" * 10_000_000

        assert len(App().main_handler(documented, {})["unhandled"]) == 4


class TestAsync:
    def test_async_callback_runs(self):
        app, ran = App(), []

        @app.on(Transcode)
        async def publish(transcode: Transcode, log: logging.Logger) -> None:
            await asyncio.sleep(0)
            ran.append(transcode.type)

        assert outcomes(app.main_handler(create_event_of_four(), {})) == ["done"]
        assert ran == ["Transcode"]

    def test_failed_async_callback_does_not_stop_others(self):
        app, ran = App(), []

        @app.on(Transcode)
        async def failing(transcode):
            await asyncio.sleep(0)
            raise ValueError("boom")

        @app.on(ImageSprites)
        async def fine(sprites):
            ran.append("fine")

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(create_event_of_four(), {})
        assert str(failed.value).endswith("ValueError: boom")
        assert ran == ["fine"]

    def test_async_callback_stops_at_the_deadline(self):
        app = App(reserve=0.0)

        @app.on(Transcode, name="slow")
        async def slow(transcode):
            await asyncio.Event().wait()

        clock = Clock()
        context = Context({"time_limit_in_ms": 1000}, clock)
        clock.now += 0.999
        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler.__self__.handle(create_event_of_four(), context)
        assert "TimeoutError" in str(failed.value)

    def test_returned_awaitable_is_awaited(self):
        class Later:
            def __await__(self):
                ran.append("awaited")
                return iter(())

        app, ran = App(), []
        app.on(Transcode)(lambda transcode: Later())

        app.main_handler(create_event_of_four(), {})
        assert ran == ["awaited"]


def test_threads_do_not_see_each_others_events():
    barrier = threading.Barrier(8)
    wrong, seen = [], []

    def make_list(event: Event):
        return [event.task_id]

    app = App()
    app.provide(list, make_list, per="invocation")

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
    app.on(Transcode)(check)
    handler = app.main_handler

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
