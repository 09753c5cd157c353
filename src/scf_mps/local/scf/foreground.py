"""A function in the foreground: everything that happens is shown as it happens, until SIGINT or SIGTERM.

Where events come from is left to the caller: an endpoint of its own, given the function.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from queue import SimpleQueue

from ..background import print_line
from .function import LocalFunction
from .lifecycle import LifecycleEvent

_MEGABYTE = 1024 * 1024


def serve(
    function: LocalFunction,
    endpoint: Callable[[LocalFunction], AbstractContextManager[str]] | None = None,
    show: Callable[[str], object] = print_line,
    observer: Callable[[LifecycleEvent], object] | None = None,
) -> None:
    """Run a function until SIGINT or SIGTERM; from the main thread.

    Args:
        function: not yet running.
        endpoint: given the running function, takes events for it and gives them to `invoke` and `push` while its
            context lasts; its value says where, for people.
        show: gets every line.
        observer: gets every moment; by default `show` gets lines about each.

    Raises:
        ValueError: if there is no code.
    """
    function.observe(observer or make_observer(function, show))
    with (
        _stopped() as stopped,
        function,
        endpoint(function) if endpoint else nullcontext("") as where,
    ):
        show(f"SCF emulator: {function.name} on CPython {function.runtime.version}")
        if where:
            show(where)
        stopped.get()
        if function.waiting:
            show(f"{function.waiting} events still waited, and are lost")
    for message in function.dropped:
        show(f"{message['RequestId']}  was dropped: it is in no dead-letter queue")


def make_observer(
    function: LocalFunction, show: Callable[[str], object] = print_line
) -> Callable[[LifecycleEvent], None]:
    """Return an observer that shows everything that happens, as it happens."""

    def observe(moment: LifecycleEvent) -> None:
        for line in _lines(moment, function):
            show(f"{moment.request_id}  {line}")

    return observe


@contextmanager
def _stopped() -> Iterator[SimpleQueue[int]]:
    """Yield a queue that gets each SIGINT and SIGTERM. Their handlers from before are restored at the end.

    A signal can interrupt the handler of another one: of all ways to wake a thread, this queue allows that.
    """
    stopped: SimpleQueue[int] = SimpleQueue()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {
        number: signal.signal(number, lambda number, _: stopped.put(number)) for number in numbers
    }
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _lines(moment: LifecycleEvent, function: LocalFunction) -> Iterator[str]:
    invocation = moment.invocation
    if moment.instance is not None and moment.kind == "started":
        start = "cold" if moment.instance.init_seconds is None else "warm"
        retry = f"retry {moment.retry}, " if moment.retry else ""
        yield f"started, {retry}{start} instance {moment.instance.number}"
    elif moment.kind == "record":
        yield from moment.record.splitlines()
    elif invocation is not None:
        used = f"{invocation.seconds * 1000:.0f} ms, {invocation.memory / _MEGABYTE:.0f} MB"
        yield f"ended with {invocation.status} after {used}"
        if invocation.error is not None:
            yield from invocation.error["errorMessage"].splitlines()
            yield from invocation.error.get("stackTrace", "").splitlines()
        else:
            yield invocation.text
    elif moment.kind == "retrying":
        yield f"to be retried in {function.retry_interval / function.speed:g} s"
    elif moment.kind == "dead":
        yield "is in the dead-letter queue"
    else:
        yield moment.kind
