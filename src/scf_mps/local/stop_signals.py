"""SIGINT and SIGTERM as a queue, for commands that run until they are stopped."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue


@contextmanager
def catch_stop_signals() -> Iterator[SimpleQueue[int]]:
    """Yield a queue of received SIGINT and SIGTERM, and restore their handlers at the end.

    A signal may interrupt the handler of another one. Only this queue is reentrant.
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
