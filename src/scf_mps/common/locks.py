"""Locks that are free in a forked child, even if a thread of the parent held them."""

from __future__ import annotations

import os
from weakref import WeakSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    L = TypeVar("L")

_locks: WeakSet[Any] = WeakSet()


def free_in_child(lock: L) -> L:
    """Return the lock, after making sure that it is free in forked children, which lack the thread that held it."""
    _locks.add(lock)
    return lock


def _free_all() -> None:
    for lock in _locks:
        lock._at_fork_reinit()  # as in `logging` and `concurrent.futures`


os.register_at_fork(after_in_child=_free_all)
