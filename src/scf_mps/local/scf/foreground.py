"""Function in the foreground until SIGINT or SIGTERM, with lines about its lifecycle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

from ..background import print_line
from ..stop_signals import catch_stop_signals
from .function import LocalFunction
from .lifecycle import LifecycleEvent

_MEGABYTE = 1024 * 1024


def serve(
    function: LocalFunction,
    endpoint: Callable[[LocalFunction], AbstractContextManager[str]] | None = None,
    show: Callable[[str], object] = print_line,
    observer: Callable[[LifecycleEvent], object] | None = None,
) -> None:
    """Run a function until SIGINT or SIGTERM. Call it in the main thread.

    Args:
        function: not yet started.
        endpoint: context manager that passes events to the running function. Its value is a line about it.
        show: called with every line.
        observer: called with every lifecycle event, by default to show lines about it.

    Raises:
        ValueError: if the code is missing.
    """
    function.observe(observer or make_observer(function, show))
    with (
        catch_stop_signals() as stopped,
        function,
        endpoint(function) if endpoint else nullcontext("") as where,
    ):
        show(f"SCF emulator: {function.name} on CPython {function.runtime.version}")
        if where:
            show(where)
        stopped.get()
        if function.waiting:
            show(f"lost {function.waiting} waiting events")
    for message in function.dropped:
        show(f"{message['RequestId']}  dropped: the function has no dead-letter queue")


def make_observer(
    function: LocalFunction, show: Callable[[str], object] = print_line
) -> Callable[[LifecycleEvent], None]:
    """Return an observer that shows lines about every lifecycle event."""

    def observe(event: LifecycleEvent) -> None:
        for line in _describe(event, function):
            show(f"{event.request_id}  {line}")

    return observe


def _describe(event: LifecycleEvent, function: LocalFunction) -> Iterator[str]:
    invocation = event.invocation
    if event.instance is not None and event.kind == "started":
        start = "cold" if event.instance.init_seconds is None else "warm"
        retry = f"retry {event.retry}, " if event.retry else ""
        yield f"started, {retry}{start} instance {event.instance.number}"
    elif event.kind == "record":
        yield from event.record.splitlines()
    elif invocation is not None:
        used = f"{invocation.seconds * 1000:.0f} ms, {invocation.memory / _MEGABYTE:.0f} MB"
        yield f"ended with {invocation.status} after {used}"
        if invocation.error is not None:
            yield from invocation.error["errorMessage"].splitlines()
            yield from invocation.error.get("stackTrace", "").splitlines()
        else:
            yield invocation.text
    elif event.kind == "retrying":
        yield f"retry in {function.retry_interval / function.speed:g} s"
    elif event.kind == "dead":
        yield "moved to the dead-letter queue"
    else:
        yield event.kind
