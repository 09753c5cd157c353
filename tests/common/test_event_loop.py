"""The event loop that all async callbacks of an instance share, within the time limit."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import sys
import threading
import time

import pytest

from scf_mps import App, CallbacksFailed, Context, Event, Transcode
from scf_mps.local.samples import sample


def create_event(results=1):
    return sample("WorkflowTask", [("Transcode", "SUCCESS")] * results)


def outcomes(summary):
    return [call["outcome"] for call in summary["callbacks"]]


class Client:
    """A client that is bound to the loop of its first use, like an HTTP session of aiohttp."""

    def __init__(self):
        self.loop = None

    async def get(self):
        self.loop = self.loop or asyncio.get_running_loop()
        self.queue = getattr(self, "queue", None) or asyncio.Queue()
        assert self.loop is asyncio.get_running_loop()
        await asyncio.sleep(0)


def create_app_with_client():
    app = App()
    app.provide(Client, Client)

    @app.on(Transcode)
    async def callback(transcode: Transcode, client: Client):
        await client.get()

    return app


def run_client_app():
    return outcomes(create_app_with_client().main_handler(create_event(2), {}))


def test_async_callbacks_share_one_loop_over_invocations():
    handler = create_app_with_client().main_handler
    for _ in range(3):
        assert outcomes(handler(create_event(2), {})) == ["done", "done"]


def test_async_callback_runs_if_caller_has_a_loop():
    handler = create_app_with_client().main_handler

    async def caller():
        return handler(create_event(2), {})

    assert outcomes(asyncio.run(caller())) == ["done", "done"]
    assert outcomes(handler(create_event(2), {})) == ["done", "done"]


def test_async_callbacks_of_several_threads_share_the_loop():
    app, events, found = App(), [], []

    @app.on(Transcode)
    async def callback(transcode: Transcode):
        events.append(asyncio.Event())
        if len(events) == 2:
            for event in events:
                event.set()
        await events[0].wait()

    def deliver():
        found.append(handler(create_event(), {"time_limit_in_ms": 30_000}))

    handler = app.main_handler
    threads = [threading.Thread(target=deliver) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcomes(summary) for summary in found] == [["done"], ["done"]]


def test_context_variables_reach_an_async_callback():
    variable = contextvars.ContextVar("variable")
    app, found = App(), []

    @app.on(Transcode)
    async def callback(transcode: Transcode):
        found.append(variable.get())

    variable.set("of the caller")
    app.main_handler(create_event(2), {})
    assert found == ["of the caller"] * 2


def test_async_callback_may_call_main_handler():
    app, seen = App(), []

    @app.on(Transcode)
    async def inner(transcode: Transcode):
        await asyncio.sleep(0)
        seen.append("inner")

    outer = App()

    @outer.on(Event)
    async def callback(event: Event):
        app.main_handler(event.raw, {})
        seen.append("outer")

    assert outcomes(outer.main_handler(create_event(2), {})) == ["done"]
    assert seen == ["inner", "inner", "outer"]


def test_async_callback_is_cancelled_before_the_limit():
    app, ended = App(reserve=0.0), []

    @app.on(Transcode, name="slow")
    async def slow(transcode: Transcode):
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    began = time.monotonic()
    with pytest.raises(CallbacksFailed) as failed:
        app.main_handler(create_event(), {"time_limit_in_ms": 1000})
    assert time.monotonic() - began < 1.0
    assert ended == [True]
    assert "TimeoutError" in str(failed.value)


def test_coroutine_that_ignores_cancellation_fails():
    app = App(reserve=0.0)
    release = threading.Event()

    @app.on(Transcode, name="stubborn")
    async def stubborn(transcode: Transcode):
        while not release.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue

    context = Context({"time_limit_in_ms": 1000})
    began = time.monotonic()
    try:
        with pytest.raises(CallbacksFailed) as failed:
            app.main_handler.__self__.handle(create_event(), context)
    finally:
        release.set()
    assert time.monotonic() - began < 1.0
    assert "TimeoutError" in str(failed.value)
    assert run_client_app() == ["done", "done"]


def test_blocked_loop_is_replaced_in_the_next_invocation(caplog):
    app, blocked, release = App(reserve=0.0), [], threading.Event()

    @app.on(Transcode, name="blocking")
    async def blocking(transcode: Transcode):
        if not blocked:
            blocked.append(threading.current_thread())
            release.wait()

    event = create_event()
    try:
        with pytest.raises(CallbacksFailed):
            app.main_handler(event, {"time_limit_in_ms": 1000})
        assert outcomes(app.main_handler(event, {"time_limit_in_ms": 30_000})) == ["done"]
    finally:
        release.set()
    assert "blocks the event loop" in caplog.text
    blocked[0].join(30)
    assert not blocked[0].is_alive()


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
def test_exiting_async_callback_does_not_stop_others(error):
    app = App()

    @app.on(Transcode, name="leaving")
    async def leaving(transcode: Transcode):
        await asyncio.sleep(0)
        raise error

    @app.on(Transcode, name="other")
    async def other(transcode: Transcode):
        await asyncio.sleep(0)

    with pytest.raises(CallbacksFailed) as failed:
        app.main_handler(create_event(), {})
    assert outcomes(failed.value.summary) == ["failed", "done"]
    assert failed.value.failures[0].__cause__ is error


def test_task_left_running_is_logged_and_continues(caplog):
    app, steps = App(), []
    gate = None

    @app.on(Transcode, name="first")
    async def first(transcode: Transcode):
        nonlocal gate
        gate = asyncio.Event()

        async def background():
            await gate.wait()
            steps.append("background")

        steps.append(asyncio.create_task(background()))
        await asyncio.create_task(asyncio.sleep(0))

    @app.on_complete(Event, name="last")
    async def last(event: Event):
        gate.set()
        await steps[0]

    app.main_handler(create_event(), {})
    assert steps[1:] == ["background"]
    (record,) = [one for one in caplog.records if one.levelname == "WARNING"]
    assert "background" in record.getMessage()


def test_exiting_task_does_not_end_the_loop(caplog):
    app = App()

    @app.on(Transcode, name="leaving")
    async def leaving(transcode: Transcode):
        async def background():
            raise SystemExit(3)

        task = asyncio.create_task(background())
        await asyncio.wait([task])
        task.exception()

    app.main_handler(create_event(), {})
    assert "a task ended with SystemExit" in caplog.text
    assert run_client_app() == ["done", "done"]


@pytest.fixture
def _interruptible():
    """Let SIGINT raise, which a shell's background jobs ignore."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.mark.usefixtures("_interruptible")
def test_interrupt_of_the_caller_cancels_the_callback():
    app, ended = App(), threading.Event()
    caller = threading.get_ident()

    @app.on(Transcode, name="slow")
    async def slow(transcode: Transcode):
        try:
            while sys._current_frames()[caller].f_code.co_name != "wait":
                await asyncio.sleep(0)
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(CallbacksFailed) as failed:
        app.main_handler(create_event(), {})
    assert isinstance(failed.value.failures[0].__cause__, KeyboardInterrupt)
    assert ended.wait(30)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_forked_process_has_its_own_loop():
    run_client_app()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if run_client_app() == ["done", "done"] else 1
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert status == 0
