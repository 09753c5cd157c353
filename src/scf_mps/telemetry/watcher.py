"""A warning shortly before SCF kills an invocation, with what it is doing.

SCF ends a function at its time limit without notice: no exception, no log line, no `finally`. One thread per instance
looks at the running invocations at the earliest moment at which one of them could be due. It needs no signal when an
invocation begins: all have the same time limit, so it sleeps for one limit at a time.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from time import monotonic

from .. import logs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from ..context import Context

log = logging.getLogger("scf_mps")

WARNING_SECONDS = 0.5
"""Seconds before the time limit at which the warning is logged."""

MIN_LIMIT_SECONDS = 2.0
"""Invocations with a shorter time limit are not watched."""

FLUSH_SECONDS = 0.2
"""Seconds that observers may take to send the spans of an invocation that is about to be killed."""

_MAX_OPERATIONS = 20


class _Watcher:
    """The thread, and the time of its next look."""

    def __init__(self) -> None:
        self._period = threading.TIMEOUT_MAX
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None

    def watch(self, context: Context) -> None:
        """Look at an invocation in time, which would be too late otherwise."""
        period = context.deadline - context.began - WARNING_SECONDS
        if context.clock is not monotonic or period < MIN_LIMIT_SECONDS - WARNING_SECONDS:
            return
        with self._change:
            self._period = min(self._period, period)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="scf-mps-watch", daemon=True)
                self._thread.start()
            self._change.notify()

    def _run(self) -> None:
        with self._change:
            while True:
                now = monotonic()
                # Before looking: an invocation that begins later finds the new time, and calls `watch` if it is due earlier.
                logs.watched_until = now + self._period + WARNING_SECONDS
                for context in _list_running():
                    if context.deadline - WARNING_SECONDS > now:
                        logs.watched_until = min(logs.watched_until, context.deadline)
                    elif not context.is_reported:
                        context.is_reported = True
                        _report(context)
                self._change.wait(logs.watched_until - WARNING_SECONDS - monotonic())


def _list_running() -> list[Context]:
    running = [scope.context for scope in logs.list_running()]
    return [
        context
        for context in running
        if context is not None
        and context.clock is monotonic
        and context.deadline - context.began >= MIN_LIMIT_SECONDS
    ]


def _report(context: Context) -> None:
    """Log what an invocation is doing, and send its spans."""
    try:
        logs.adopt(context)
        _log_state(context)
        if context.tracer is not None:
            context.tracer.abandon("about to be killed at the time limit")
            context.tracer.flush(FLUSH_SECONDS)
    except Exception:
        log.exception("the invocation is about to be killed, but its state cannot be read")


def _log_state(context: Context) -> None:
    now = context.clock()
    call, operations = context.call, context.operations
    extra: dict[str, object] = {"left_ms": round((context.deadline - now) * 1000)}
    if call is not None:
        extra["callback"] = call.route.name
        extra["callback_ms"] = round((now - context.called_at) * 1000)
    if operations is not None:
        still_open = [item.describe(now) for item in [*operations.open.values()][:_MAX_OPERATIONS]]
        extra["operations"] = "; ".join(still_open)
    stack = "".join(_format_stack(context.thread))
    record = log.makeRecord(
        log.name,
        logging.WARNING,
        __file__,
        0,
        "about to be killed: %s",
        (call.route.name if call is not None else "outside of callbacks",),
        None,
        extra=extra,
        sinfo=stack,
    )
    log.handle(record)


def _format_stack(thread: int) -> Iterator[str]:
    """Yield the lines of a thread's stack, and of the event loop if there is one."""
    from traceback import format_stack

    frames = sys._current_frames()
    if thread in frames:
        yield from format_stack(frames[thread])
    event_loop = sys.modules.get("scf_mps.common.event_loop")
    if event_loop is not None:
        loop_thread, coroutines = event_loop.list_work()
        if loop_thread in frames:
            yield "The event loop:\n"
            yield from format_stack(frames[loop_thread])
        for coroutine in coroutines:
            yield "A task:\n"
            for frame in _list_frames(coroutine):
                yield from format_stack(frame, 1)


def _list_frames(awaitable: object) -> Iterator[FrameType]:
    """Yield the frames of a suspended coroutine, the outermost first."""
    while awaitable is not None:
        frame = getattr(awaitable, "cr_frame", None)
        if frame is not None:
            yield frame
        awaitable = getattr(awaitable, "cr_await", None)


_watcher = _Watcher()


def watch(context: Context) -> None:
    """Look at an invocation in time, which would be too late otherwise."""
    _watcher.watch(context)


def _forget() -> None:  # pragma: no cover (runs in a forked process)
    """Forget the thread in a forked process."""
    global _watcher
    _watcher = _Watcher()
    logs.watched_until = float("inf")


os.register_at_fork(after_in_child=_forget)
