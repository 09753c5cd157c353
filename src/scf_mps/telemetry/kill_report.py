"""The state of an invocation that SCF is about to kill: callback, open operations and stack."""

from __future__ import annotations

import logging
import sys

from .. import logs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from ..context import Context

log = logging.getLogger("scf_mps")

FLUSH_SECONDS = 0.2
"""Seconds that observers may take to send the spans."""

_MAX_OPERATIONS = 20


def report(context: Context) -> None:
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
    event_loop = sys.modules.get("scf_mps.common.event_loop")
    loop_thread, coroutines = (None, []) if event_loop is None else event_loop.list_work()
    threads = (("", thread), ("The event loop:\n", loop_thread))
    for title, frame in [(title, frames[ident]) for title, ident in threads if ident in frames]:
        yield title
        yield from format_stack(frame)
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
