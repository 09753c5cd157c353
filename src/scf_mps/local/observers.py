"""Functions that an emulator calls with everything that happens in it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Observers(Generic[T]):
    """Functions that are called with every item, in the thread of the caller."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._observers: list[Callable[[T], object]] = []

    def __bool__(self) -> bool:
        with self._lock:
            return bool(self._observers)

    def add(self, observer: Callable[[T], object]) -> None:
        """Add a function."""
        with self._lock:
            self._observers.append(observer)

    def notify(self, item: T) -> None:
        """Call all functions. The exception of one is logged and does not stop the others."""
        with self._lock:
            observers = list(self._observers)
        for observer in observers:
            try:
                observer(item)
            except Exception:
                _log.exception("an observer failed")
