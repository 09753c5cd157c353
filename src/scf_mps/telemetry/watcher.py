"""A warning shortly before SCF kills an invocation, with what it is doing.

SCF ends a function at its time limit without notice: no exception, no log line, no `finally`. One thread per instance
looks at the running invocations at the earliest moment at which one of them could be due. It needs no signal when an
invocation begins: all have the same time limit, so it sleeps for one limit at a time.
"""

from __future__ import annotations

import os
import threading
from time import monotonic

from .. import logs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context

WARNING_SECONDS = 0.5
"""Seconds before the time limit at which the warning is logged."""

MIN_LIMIT_SECONDS = 2.0
"""Invocations with a shorter time limit are not watched."""


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
                    else:
                        context.is_reported = True
                        from .kill_report import report

                        report(context)
                self._change.wait(logs.watched_until - WARNING_SECONDS - monotonic())


def _list_running() -> list[Context]:
    running = [scope.context for scope in logs.list_running()]
    return [
        context
        for context in running
        if context is not None
        and not context.is_reported
        and context.clock is monotonic
        and context.deadline - context.began >= MIN_LIMIT_SECONDS
    ]


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
