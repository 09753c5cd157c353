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


def create_app(callback, **options):
    app = App(**options)
    app.on(Transcode, name="a")(callback)
    return app


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
        [generate, generate_async, wrap(wrap(generate_async)), Handlers().method, context],
    )
    @pytest.mark.parametrize("verb", ["on", "on_failure", "on_progress", "on_complete"])
    def test_callback_that_yields_is_refused(self, callback, verb):
        with pytest.raises(RegistrationError, match="yield"):
            getattr(App(), verb)(WorkflowTask, name="a")(callback)

    def test_fallback_that_yields_is_refused(self):
        with pytest.raises(RegistrationError, match="yield"):
            Router().fallback(generate)

    def test_predicate_that_is_async_or_yields_is_refused(self):
        class Asking:
            async def __call__(self, result):
                return False

        partial = functools.partial(await_nothing)
        for predicate in (await_nothing, generate, Asking(), partial, wrap(await_nothing)):
            with pytest.raises(RegistrationError, match=r"(?<!the )the predicate when= "):
                App().on(Transcode, when=predicate)

    @pytest.mark.parametrize(
        "hook", ["before_event", "around_callback", "after_callback", "after_event"]
    )
    def test_hook_that_is_async_or_yields_is_refused(self, hook):
        for function in (await_nothing, generate):
            middleware = type("Timing", (Middleware,), {hook: function})()
            with pytest.raises(RegistrationError, match="the hook "):
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
            lambda result: lambda: str(result),  # a decorator without its call
            lambda result: functools.partial(str, result),
            lambda result: result.event.__repr__,
            lambda result: [result].clear,
        ],
    )
    def test_callback_that_returns_an_unrun_body_fails(self, callback):
        app = create_app(callback, ledger=MemoryLedger())
        assert deliver(app) == {"a": "failed"}
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

        app = create_app(outer)
        app.on(Transcode, name="b")(generator)
        assert deliver(app) == {"a": "done", "b": "failed"}
        assert ran == ["Transcode"]

    @pytest.mark.parametrize(
        "returned",
        [
            lambda future: future,
            lambda future: [future],
            lambda future: {future: "a"},
            lambda future: {"a": (future,)},
            lambda future: wait([future]),
        ],
    )
    @pytest.mark.parametrize(("function", "outcome"), [(str, "done"), (int, "failed")])
    def test_returned_futures_are_awaited(self, returned, function, outcome):
        with ThreadPoolExecutor(1) as pool:
            app = create_app(lambda result: returned(pool.submit(function, "a")))
            assert deliver(app) == {"a": outcome}
            assert deliver(app, {"time_limit_in_ms": 60_000}) == {"a": outcome}

    @pytest.mark.parametrize("method", ["apply_async", "map_async"])
    @pytest.mark.parametrize(("function", "outcome"), [(str, "done"), (int, "failed")])
    def test_result_of_a_multiprocessing_pool_is_awaited(self, method, function, outcome):
        with ThreadPool(1) as pool:
            app = create_app(lambda result: getattr(pool, method)(function, ["a"]))
            assert deliver(app) == {"a": outcome}

    @pytest.mark.parametrize(("function", "outcome"), [(str, "done"), (int, "failed")])
    def test_finished_tasks_in_containers_are_checked(self, function, outcome):
        async def work():
            function("a")

        async def waiting(result):
            return await asyncio.wait([asyncio.create_task(work())])

        assert deliver(create_app(waiting)) == {"a": outcome}

    def test_returned_exception_fails_the_callback(self):
        async def work():
            raise OSError("no space left")

        async def gathering(result):
            return await asyncio.gather(work(), return_exceptions=True)

        with pytest.raises(CallbacksFailed) as failed:
            create_app(gathering).main_handler(create_event(), {})
        assert isinstance(failed.value.failures[0].__cause__, OSError)

    def test_list_that_contains_itself_is_accepted(self):
        endless = [1]
        endless.append(endless)
        assert deliver(create_app(lambda result: endless)) == {"a": "done"}

    def test_mock_is_accepted(self):
        assert deliver(create_app(lambda result: MagicMock())) == {"a": "done"}

    def test_predicate_that_returns_a_coroutine_fails_its_callback(self):
        app = App()
        app.on(Transcode, name="a", when=lambda result: await_nothing(result))(lambda result: None)
        app.on(Transcode, name="b", when=lambda result: [1])(lambda result: None)
        app.on(Transcode, name="c", when=lambda result: result.event.__eq__)(lambda result: None)
        assert deliver(app) == {"a": "failed", "b": "done", "c": "failed"}

    @pytest.mark.parametrize("around", [lambda proceed: proceed, lambda proceed: map(proceed, [])])
    def test_around_hook_that_returns_a_body_fails(self, around):
        class Around(Middleware):
            def around_callback(self, call, proceed):
                return around(proceed)

        app = create_app(lambda result: None, middleware=[Around(), Around()])
        assert deliver(app) == {"a": "failed"}

    @pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError()])
    def test_exiting_predicate_fails_only_its_callback(self, error):
        def leaving(result):
            raise error

        app = App()
        app.on(Transcode, name="a", when=leaving)(lambda result: None)
        app.on(Transcode, name="b")(lambda result: None)
        assert deliver(app) == {"a": "failed", "b": "done"}

    @pytest.mark.parametrize("hook", ["before_event", "after_event"])
    def test_event_hook_returning_a_body_fails_event(self, hook):
        middleware = type("Timing", (Middleware,), {hook: lambda self, *args: generate(args)})()
        app = App(middleware=[middleware])
        with pytest.raises(RegistrationError):
            app.main_handler(create_event(), {})

    def test_hook_that_returns_an_awaitable_is_awaited(self):
        steps = []

        async def step(name):
            steps.append(name)

        class Steps(Middleware):
            def around_event(self, event, context, proceed):
                proceed()
                return step("end")

            def before_event(self, event, context):
                return step("before")

            def around_callback(self, call, proceed):
                proceed()
                return step("around")

            def after_callback(self, call):
                return step("after")

        assert deliver(create_app(lambda result: None, middleware=[Steps()])) == {"a": "done"}
        assert steps == ["before", "around", "after", "end"]


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
        assert list(outcomes(failed.value.summary).values()) == ["failed", "deferred", "deferred"]
        reasons = [call.get("reason") for call in failed.value.summary["callbacks"]]
        assert reasons == [None, *["a call before it did not succeed"] * 2]
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
        app = create_app(lambda result: 1 / 0)
        app.on_complete(Event, name="b")(lambda event: None)
        assert deliver(app) == {"a": "failed"}
        (record,) = [one for one in caplog.records if one.levelno == logging.WARNING]
        assert (record.callback, record.outcome) == ("b", "deferred")
        assert record.getMessage().endswith(": a call before it did not succeed")


def test_skipped_callbacks_are_logged_with_their_outcome(caplog):
    caplog.set_level(logging.DEBUG, "scf_mps")
    app = create_app(lambda result: None, ledger=MemoryLedger())
    deliver(app)
    deliver(app)
    assert [
        (one.outcome, one.getMessage()) for one in caplog.records if hasattr(one, "outcome")
    ] == [
        ("done", "done"),
        ("skipped", "skipped: completed in an earlier delivery"),
    ]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="TaskGroup came with Python 3.11")
class TestDropInGroups:
    def app(self, *errors):
        async def task(error):
            raise error

        async def dropping(transcode):
            async with asyncio.TaskGroup() as group:
                for error in errors:
                    group.create_task(task(error))

        return create_app(dropping)

    def test_drop_in_a_task_group_is_a_drop(self, caplog):
        assert deliver(self.app(Drop("one"), Drop("two"))) == {"a": "dropped"}
        assert "one; two" in caplog.text

    def test_drop_with_another_error_is_a_failure(self):
        assert deliver(self.app(Drop("one"), OSError("two"))) == {"a": "failed"}

    def test_failure_names_exceptions_of_its_group(self, caplog):
        app = self.app(OSError("a"), OSError("a"), KeyError("b"), OSError("c"), OSError("d"))
        with pytest.raises(CallbacksFailed) as caught:
            app.main_handler(create_event(), {})
        (failure,) = caught.value.failures
        for text in (failure.reason, caplog.messages[0]):
            assert text.endswith("OSError: a; KeyError: 'b'; OSError: c; …")

    def test_failure_may_have_itself_as_a_member(self):
        error = OSError("a")
        error.exceptions = (error,)
        with pytest.raises(CallbacksFailed) as caught:
            self.app(error).main_handler(create_event(), {})
        assert caught.value.failures[0].reason.startswith("ExceptionGroup: ")

    def test_drop_in_nested_groups_is_a_drop(self):
        def dropping(result):
            raise BaseExceptionGroup("a", [ExceptionGroup("b", [Drop("c")]), Drop("d")])  # noqa: F821

        assert deliver(create_app(dropping)) == {"a": "dropped"}
