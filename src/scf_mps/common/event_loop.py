"""The event loop of a warm instance, in its own thread.

One loop lives as long as the instance, so that every async callback can use a client with open connections, such as an
HTTP session or a database pool. In its own thread it works whether or not the caller of `main_handler` has a running
loop, and for several callers at a time. Context variables follow.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from contextvars import ContextVar
from math import isinf
from weakref import WeakSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Any

log = logging.getLogger("scf_mps")

GRACE_SECONDS = 0.2
"""Seconds for a coroutine to end after its cancellation, less than the reserve of an invocation."""

_PING_SECONDS = 0.5
"""Seconds for the loop to answer, after a coroutine that did not end in time."""

_created: ContextVar[WeakSet[asyncio.Task[Any]] | None] = ContextVar("created", default=None)
"""The tasks of the running callback."""


class LoopThread:
    """An event loop and its thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_task_factory(_create_task)
        self._stopped = False
        self._is_suspect = False
        self._thread = threading.Thread(target=self._serve, name="scf-mps-loop", daemon=True)
        self._thread.start()

    @property
    def is_current(self) -> bool:
        """True in the loop's own thread, which cannot wait for the loop."""
        return threading.current_thread() is self._thread

    def is_responsive(self, seconds: float) -> bool:
        """Return False if a coroutine that did not end in time still blocks the loop."""
        if self._is_suspect:
            answered = threading.Event()
            self._loop.call_soon_threadsafe(answered.set)
            self._is_suspect = not answered.wait(seconds)
        return not self._is_suspect

    def run(self, awaitable: Awaitable[Any], seconds: float) -> Any:
        """Return the result of an awaitable, or raise its exception. Cancel it after some seconds."""
        future = asyncio.run_coroutine_threadsafe(_capture_outcome(awaitable, seconds), self._loop)
        value = None
        timeout = None if isinf(seconds) else seconds + min(GRACE_SECONDS, seconds / 2)
        try:
            value, error = future.result(timeout)
        except BaseException as problem:
            future.cancel()
            if type(problem).__name__ != "TimeoutError":  # Python 3.10 has two of that name
                raise
            self._is_suspect = True
            value, error = (
                None,
                TimeoutError(f"not finished in {seconds:.1f} s, cancellation was ignored"),
            )
        if error is not None:
            raise error
        return value

    def list_work(self) -> tuple[int | None, list[Any]]:
        """Return the identity of the thread, and the coroutines of the tasks."""
        return self._thread.ident, [task.get_coro() for task in asyncio.all_tasks(self._loop)]

    def stop(self) -> None:
        """End the loop and its thread as soon as nothing blocks them."""
        self._stopped = True
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        while not self._stopped:
            try:
                self._loop.run_forever()
            # SystemExit in a task that a callback left running. Coverage may lose the trace of this thread.
            except BaseException as error:  # pragma: no cover
                log.error("a task ended with %s", type(error).__name__)
        self._loop.close()


_current: LoopThread | None = None
_lock = threading.Lock()


def run_awaitable(awaitable: Awaitable[Any], seconds: float) -> Any:
    """Return the result of an awaitable, after running it in the loop of this instance.

    Raises:
        TimeoutError: it has not ended within these seconds, and was cancelled.
        BaseException: its own exception.
    """
    global _current
    with _lock:
        if _current is not None and not _current.is_responsive(min(_PING_SECONDS, seconds / 2)):
            log.error("an async callback blocks the event loop: later ones run in a new loop")
            _current.stop()
            _current = None
        if _current is None:
            _current = LoopThread()
        loop = _current
    if not loop.is_current:
        return loop.run(awaitable, seconds)
    nested = LoopThread()  # an async callback calls main_handler
    try:
        return nested.run(awaitable, seconds)
    finally:
        nested.stop()


def list_work() -> tuple[int | None, list[Any]]:
    """Return the identity of the loop's thread, and the coroutines of its tasks. None and nothing without a loop."""
    loop = _current
    return (None, []) if loop is None else loop.list_work()


def _forget() -> None:  # pragma: no cover (runs in a forked process)
    """Forget the loop in a forked process, which lacks the loop's thread."""
    global _current, _lock
    _current, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)


def _create_task(
    loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
) -> asyncio.Task[Any]:
    task = asyncio.Task(coroutine, loop=loop, **options)
    created = _created.get()
    if created is not None:
        created.add(task)
    return task


async def _capture_outcome(
    awaitable: Awaitable[Any], seconds: float
) -> tuple[Any, BaseException | None]:
    """Return (result, None) or (None, error). Raise nothing, because SystemExit would end the loop."""
    task = asyncio.current_task()
    assert task is not None
    expired = False

    def expire() -> None:
        nonlocal expired
        expired = True
        task.cancel()

    created: WeakSet[asyncio.Task[Any]] = WeakSet()
    _created.set(created)
    timer = None if isinf(seconds) else asyncio.get_running_loop().call_later(seconds, expire)
    try:
        return await awaitable, None
    except BaseException as error:
        if expired and isinstance(error, asyncio.CancelledError):
            return None, TimeoutError(f"not finished in {seconds:.1f} s, cancelled")
        return None, error
    finally:
        if timer is not None:
            timer.cancel()
        running = sorted(str(task.get_coro()) for task in created if not task.done())
        if running:
            log.warning(
                "%d tasks still run after their callback: await them, because SCF freezes the instance after the "
                "invocation: %s",
                len(running),
                ", ".join(running)[:500],
            )
