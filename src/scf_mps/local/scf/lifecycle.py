"""Lifecycle events of a function, for output and for tests."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .instance import Instance
from .invocation import Invocation

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LifecycleEvent:
    """A lifecycle event.

    Attributes:
        kind: ``pushed`` into the queue, ``started`` in an instance, ``record`` written, ``ended``, ``retrying``,
            ``dead`` (moved to the dead-letter queue) or ``dropped``.
        request_id: of the function's event.
        retry: the number of the retry, 0 for the first delivery.
        instance: for ``started`` and ``record``.
        record: the written text.
        invocation: the result, for ``ended``.
    """

    kind: Literal["pushed", "started", "record", "ended", "retrying", "dead", "dropped"]
    request_id: str
    retry: int = 0
    instance: Instance | None = None
    record: str = ""
    invocation: Invocation | None = None


class Observers:
    """Functions called with every lifecycle event, in the thread in which it happens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._observers: list[Callable[[LifecycleEvent], object]] = []

    def add(self, observer: Callable[[LifecycleEvent], object]) -> None:
        """Add a function."""
        with self._lock:
            self._observers.append(observer)

    def notify(self, event: LifecycleEvent) -> None:
        """Call all functions. The exception of one is logged and does not stop the others."""
        with self._lock:
            observers = list(self._observers)
        for observer in observers:
            try:
                observer(event)
            except Exception:
                _log.exception("an observer failed")
