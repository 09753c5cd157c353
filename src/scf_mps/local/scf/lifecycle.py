"""What happens in a function, for those who watch it: shown on a terminal, or answered by a test that kills."""

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
    """Something that happened.

    Attributes:
        kind: ``pushed`` into the queue; ``started`` in an instance; ``record``, something was written; ``ended``;
            ``retrying``, it is to be tried again; ``dead``, it is in the dead-letter queue; ``dropped``, it is lost.
        request_id: the event's.
        retry: 0, or which retry it is at.
        instance: where it runs, for ``started`` and ``record``.
        record: what was written.
        invocation: what came of it, for ``ended``.
    """

    kind: Literal["pushed", "started", "record", "ended", "retrying", "dead", "dropped"]
    request_id: str
    retry: int = 0
    instance: Instance | None = None
    record: str = ""
    invocation: Invocation | None = None


class Observers:
    """Those who are told, at once and in the thread where it happened."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._observers: list[Callable[[LifecycleEvent], object]] = []

    def add(self, observer: Callable[[LifecycleEvent], object]) -> None:
        """Tell this one too, from now on."""
        with self._lock:
            self._observers.append(observer)

    def tell(self, moment: LifecycleEvent) -> None:
        """Tell all of them. What one raises is logged, and keeps no other from being told."""
        with self._lock:
            observers = list(self._observers)
        for observer in observers:
            try:
                observer(moment)
            except Exception:
                _log.exception("an observer failed")
