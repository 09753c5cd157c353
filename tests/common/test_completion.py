"""Completion: results whose bodies have not run, and the order of ``on_complete``."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import logging
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from multiprocessing.pool import ThreadPool
from unittest.mock import MagicMock

import pytest

from scf_mps import (
    App,
    CallbacksFailed,
    Drop,
    Event,
    ImageSprites,
    Middleware,
    RegistrationError,
    Router,
    Transcode,
    WorkflowTask,
)
from scf_mps.ledger.memory import MemoryLedger
from scf_mps.local.samples import sample


def create_event():
    return sample("WorkflowTask", Transcode="SUCCESS")


def outcomes(summary):
    return {call["callback"]: call["outcome"] for call in summary["callbacks"]}


def deliver(app, context=None):
    try:
        return outcomes(app.main_handler(create_event(), context or {}))
    except CallbacksFailed as failed:
        return outcomes(failed.summary)


def wrap(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def generate(result):
    yield result


async def generate_async(result):
    yield result


async def await_nothing(result):
    return result


class Handlers:
    def method(self, result):
        yield result


@contextlib.contextmanager
def context(result):
    yield result


class TestGenerators:
    @pytest.mark.parametrize(
        "callback",
        [
            generate,
            generate_async,
            wrap(generate),
            wrap(wrap(generate_async)),
            Handlers().method,
            context,
        ],
    )
    @pytest.mark.parametrize("verb", ["on", "on_failure", "on_progress", "on_complete"])
    def test_callback_that_yields_is_refused(self, callback, verb):
        with pytest.raises(RegistrationError, match="yield"):
            getattr(App(), verb)(WorkflowTask, name="a")(callback)

    def test_fallback_that_yields_is_refused(self):
        with pytest.raises(RegistrationError, match="yield"):
            Router().fallback(generate)

    def test_predicate_that_is_async_or_yields_is_refused(self):
        async def asking(result):
            return False

        class Asking:
            async def __call__(self, result):
                return False

        for predicate in (
            asking,
            generate,
            Asking(),
            functools.partial(asking),
            wrap(asking),
        ):
            with pytest.raises(RegistrationError, match="predicate"):
                App().on(Transcode, when=predicate)

    @pytest.mark.parametrize(
        "hook", ["before_event", "around_callback", "after_callback", "after_event"]
    )
    def test_hook_that_is_async_or_yields_is_refused(self, hook):
        async def is_async(self, *args):
            pass

        def yields(self, *args):
            yield

        for function in (is_async, yields):
            middleware = type("Timing", (Middleware,), {hook: function})()
            with pytest.raises(RegistrationError, match="hook"):
                App(middleware=[middleware])


class TestReturnedBodies:
    @pytest.mark.parametrize(
        "callback",
        [
            lambda result: generate(result),
            lambda result: generate_async(result),
            lambda result: (one for one in [result]),
            lambda result: map(str, [result]),
            lambda result: filter(None, [result]),
            lambda result: context(result),
            lambda result: [1, (generate(result),)],
            lambda result: {await_nothing(result)},
            lambda result: {result.type: await_nothing(result)},
            lambda result: frozenset([await_nothing(result)]),
            lambda result: itertools.starmap(str, [(result,)]),
            lambda result: zip(map(str, [result])),
            lambda result: enumerate(map(str, [result])),
            lambda result: lambda: str(result),
            lambda result: functools.partial(str, result),
            lambda result: result.event.__repr__,
            lambda result: [result].clear,
        ],
    )
    def test_callback_that_returns_an_unrun_body_fails(self, callback):
        app = App(ledger=MemoryLedger())
        app.on(Transcode, name="a")(callback)
        assert deliver(app) == {"a": "failed"}
        assert deliver(app) == {"a": "failed"}

    def test_unrun_body_is_reported_with_the_callbacks_place(self):
        app = App()
        app.on(Transcode, name="a")(lambda result: generate(result))
        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(create_event(), {})
        assert app.routes[0].where in str(failed.value)

    def test_returned_coroutine_is_awaited(self):
        ran = []

        async def inner(result):
            ran.append(result.type)

        async def generator(result):
            return generate(result)

        async def outer(result):
            return inner(result)

        app = App()
        app.on(Transcode, name="a")(outer)
        app.on(Transcode, name="b")(generator)
        assert deliver(app) == {"a": "done", "b": "failed"}
        assert ran == ["Transcode"]

    @pytest.mark.parametrize(("error", "outcome"), [(None, "done"), (OSError(), "failed")])
    def test_future_of_a_pool_is_awaited(self, error, outcome):
        def work():
            if error:
                raise error

        with ThreadPoolExecutor(1) as pool:
            app = App()
            app.on(Transcode, name="a")(lambda result: pool.submit(work))
            assert deliver(app) == {"a": outcome}
            assert deliver(app, {"time_limit_in_ms": 60_000}) == {"a": outcome}

    @pytest.mark.parametrize(
        "holding", [lambda one: [one], lambda one: {one: "a"}, lambda one: {"a": (one,)}, wait]
    )
    @pytest.mark.parametrize(("error", "outcome"), [(None, "done"), (OSError(), "failed")])
    def test_futures_in_containers_are_awaited(self, holding, error, outcome):
        def work():
            if error:
                raise error

        with ThreadPoolExecutor(1) as pool:
            app = App()
            app.on(Transcode, name="a")(
                lambda result: (
                    holding([pool.submit(work)]) if holding is wait else holding(pool.submit(work))
                )
            )
            assert deliver(app) == {"a": outcome}

    @pytest.mark.parametrize("method", ["apply_async", "map_async"])
    @pytest.mark.parametrize(("function", "outcome"), [(str, "done"), (int, "failed")])
    def test_result_of_a_multiprocessing_pool_is_awaited(self, method, function, outcome):
        with ThreadPool(1) as pool:
            app = App()
            app.on(Transcode, name="a")(lambda result: getattr(pool, method)(function, ["a"]))
            assert deliver(app) == {"a": outcome}

    @pytest.mark.parametrize(("error", "outcome"), [(None, "done"), (OSError(), "failed")])
    def test_finished_tasks_in_containers_are_checked(self, error, outcome):
        async def work():
            if error:
                raise error

        async def waiting(result):
            return await asyncio.wait([asyncio.create_task(work())])

        app = App()
        app.on(Transcode, name="a")(waiting)
        assert deliver(app) == {"a": outcome}

    def test_returned_exception_fails_the_callback(self):
        async def work():
            raise OSError("no space left")

        async def gathering(result):
            return await asyncio.gather(work(), return_exceptions=True)

        app = App()
        app.on(Transcode, name="a")(gathering)
        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(create_event(), {})
        assert isinstance(failed.value.failures[0].__cause__, OSError)

    def test_list_that_contains_itself_is_accepted(self):
        endless = [1]
        endless.append(endless)
        app = App()
        app.on(Transcode, name="a")(lambda result: endless)
        assert deliver(app) == {"a": "done"}

    def test_decorator_without_its_call_fails(self):
        def retrying(times):
            def decorator(function):
                return lambda result: function(result)

            return decorator

        app = App()
        app.on(Transcode, name="a")(retrying(lambda result: None))
        assert deliver(app) == {"a": "failed"}

    def test_mock_is_accepted(self):
        app = App()
        app.on(Transcode, name="a")(lambda result: MagicMock())
        assert deliver(app) == {"a": "done"}

    def test_predicate_that_returns_a_coroutine_fails_its_callback(self):
        async def asking(result):
            return False

        app = App()
        app.on(Transcode, name="a", when=lambda result: asking(result))(lambda result: None)
        app.on(Transcode, name="b", when=lambda result: [1])(lambda result: None)
        app.on(Transcode, name="c", when=lambda result: result.event.__eq__)(lambda result: None)
        assert deliver(app) == {"a": "failed", "b": "done", "c": "failed"}

    def test_around_hook_that_returns_proceed_uncalled_fails(self):
        class Around(Middleware):
            def around_callback(self, call, proceed):
                return proceed

        app = App(middleware=[Around(), Around()])
        app.on(Transcode, name="a")(lambda result: None)
        assert deliver(app) == {"a": "failed"}

    @pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError()])
    def test_exiting_predicate_fails_only_its_callback(self, error):
        def leaving(result):
            raise error

        app = App()
        app.on(Transcode, name="a", when=leaving)(lambda result: None)
        app.on(Transcode, name="b")(lambda result: None)
        assert deliver(app) == {"a": "failed", "b": "done"}

    def test_around_hook_that_returns_a_body_fails(self):
        class Around(Middleware):
            def around_callback(self, call, proceed):
                def later():
                    yield proceed()

                return later()

        app = App(middleware=[Around()])
        app.on(Transcode, name="a")(lambda result: None)
        assert deliver(app) == {"a": "failed"}

    @pytest.mark.parametrize("hook", ["before_event", "after_event"])
    def test_event_hook_that_returns_a_body_fails_the_event(self, hook):
        middleware = type("Timing", (Middleware,), {hook: lambda self, *args: generate(args)})()
        app = App(middleware=[middleware])
        with pytest.raises(RegistrationError):
            app.main_handler(create_event(), {})

    def test_hook_that_returns_an_awaitable_is_awaited(self):
        steps = []

        async def step(name):
            steps.append(name)

        class Steps(Middleware):
            def before_event(self, event, context):
                return step("before")

            def after_callback(self, call):
                return step("after")

        app = App(middleware=[Steps()])
        app.on(Transcode, name="a")(lambda result: None)
        assert deliver(app) == {"a": "done"}
        assert steps == ["before", "after"]


class Session:
    pass


class TestOrderOfCompletion:
    def test_on_complete_waits_for_earlier_ones(self, caplog):
        app, ran = App(ledger=MemoryLedger()), []
        broken = [True]

        @app.on_complete(Event, name="manifest")
        def manifest(event):
            ran.append("manifest")
            if broken:
                raise OSError("cannot write")

        app.on_complete(Event, name="message")(lambda event: ran.append("message"))
        app.on_complete(WorkflowTask, name="forward")(lambda event: ran.append("forward"))

        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler(create_event(), {})
        assert ran == ["manifest"]
        assert outcomes(failed.value.summary) == {
            "manifest": "failed",
            "message": "deferred",
            "forward": "deferred",
        }
        assert failed.value.summary["callbacks"][1]["reason"]
        deferred = [one for one in caplog.records if getattr(one, "outcome", "") == "deferred"]
        assert [record.callback for record in deferred] == ["message", "forward"]
        broken.clear()
        assert deliver(app) == {"manifest": "done", "message": "done", "forward": "done"}
        assert ran == ["manifest", "manifest", "message", "forward"]

    def test_on_complete_of_earlier_delivery_is_skipped(self):
        app, ran = App(ledger=MemoryLedger()), []
        app.on_complete(Event, name="manifest")(lambda event: ran.append("manifest"))
        assert deliver(app) == {"manifest": "done"}

        later = App(ledger=app.ledger)
        later.on_complete(Event, name="new")(lambda event: 1 / 0)
        later.on_complete(Event, name="manifest")(lambda event: ran.append("again"))
        assert deliver(later) == {"new": "failed", "manifest": "skipped"}
        assert ran == ["manifest"]

    def test_on_complete_waits_for_commits_of_earlier_ones(self):
        app, ran = App(ledger=MemoryLedger()), []
        commits = [OSError("deadlock")]

        def open_session():
            yield Session()
            if commits:
                raise commits.pop()

        app.provide(Session, open_session, per="invocation")

        @app.on_complete(Event, name="stores")
        def stores(event, session: Session):
            ran.append("stores")

        app.on_complete(Event, name="message")(lambda event: ran.append("message"))
        assert deliver(app) == {"stores": "failed", "message": "deferred"}
        assert deliver(app) == {"stores": "done", "message": "done"}
        assert ran == ["stores", "stores", "message"]

    def test_cleanup_after_a_second_yield_fails(self):
        def open_session():
            yield Session()
            yield Session()

        async def open_async():
            yield Session()
            yield Session()

        for factory in (open_session, open_async):
            app = App(ledger=MemoryLedger())
            app.provide(Session, factory, per="invocation")

            @app.on_complete(Event, name="stores")
            def stores(event, session: Session):
                pass

            assert deliver(app) == {"stores": "failed"}

    def test_nonblocking_on_complete_does_not_stop_others(self):
        app, ran = App(ledger=MemoryLedger()), []
        app.on_complete(Event, name="chat", blocking=False)(lambda event: 1 / 0)
        app.on_complete(Event, name="mail")(lambda event: ran.append("mail"))
        outer = App(Router(app, source="*"), ledger=app._own_ledger)
        assert deliver(outer) == {"chat": "failed", "mail": "done"}
        assert deliver(outer) == {"chat": "failed", "mail": "skipped"}
        assert ran == ["mail"]

    def test_on_complete_runs_after_a_dropped_one(self):
        app, ran = App(), []

        @app.on_complete(Event, name="a")
        def dropping(event):
            raise Drop("not wanted")

        app.on_complete(Event, name="b")(lambda event: ran.append("b"))
        assert deliver(app) == {"a": "dropped", "b": "done"}

    def test_deferred_on_complete_is_logged(self, caplog):
        app = App()
        app.on(Transcode, name="a")(lambda result: 1 / 0)
        app.on_complete(Event, name="b")(lambda event: None)
        assert deliver(app) == {"a": "failed"}
        assert [
            (one.callback, one.outcome) for one in caplog.records if one.levelno == logging.WARNING
        ] == [("b", "deferred")]


def test_skipped_callbacks_are_logged_with_their_outcome(caplog):
    caplog.set_level(logging.INFO, "scf_mps")
    app = App(ledger=MemoryLedger())
    app.on(Transcode, name="a")(lambda result: None)
    deliver(app)
    deliver(app)
    assert [one.outcome for one in caplog.records] == ["done", "skipped"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="TaskGroup came with Python 3.11")
class TestDropInGroups:
    def app(self, *errors):
        app = App()

        async def task(error):
            raise error

        @app.on(Transcode, name="a")
        async def dropping(transcode):
            async with asyncio.TaskGroup() as group:
                for error in errors:
                    group.create_task(task(error))

        return app

    def test_drop_in_a_task_group_is_a_drop(self, caplog):
        assert deliver(self.app(Drop("one"), Drop("two"))) == {"a": "dropped"}
        assert "one; two" in caplog.text

    def test_drop_beside_another_error_is_a_failure(self):
        assert deliver(self.app(Drop("one"), OSError("two"))) == {"a": "failed"}

    def test_failure_names_exceptions_of_its_group(self, caplog):
        app = self.app(OSError("a"), OSError("a"), KeyError("b"), OSError("c"), OSError("d"))
        with pytest.raises(CallbacksFailed) as caught:
            app.main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {})
        (failure,) = caught.value.failures
        for text in (failure.reason, caplog.messages[0]):
            assert text.endswith("OSError: a; KeyError: 'b'; OSError: c; …")

    def test_failure_may_have_itself_as_a_member(self):
        error = OSError("a")
        error.exceptions = (error,)
        with pytest.raises(CallbacksFailed) as caught:
            self.app(error).main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {})
        assert caught.value.failures[0].reason.startswith("ExceptionGroup: ")

    def test_drop_in_nested_groups_is_a_drop(self):
        def dropping(result):
            raise BaseExceptionGroup("a", [ExceptionGroup("b", [Drop("c")]), Drop("d")])  # noqa: F821

        app = App()
        app.on(ImageSprites, name="a")(dropping)
        app.on(Transcode, name="a")(dropping)
        assert deliver(app) == {"a": "dropped"}
