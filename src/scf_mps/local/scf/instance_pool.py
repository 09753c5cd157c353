"""The instances of a function: warm ones are used again, the last used first; new ones are started when there is none."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

from .instance import Instance


class InstancePool:
    """Lends instances to whoever runs invocations, from any thread. `launch` starts one, given its number."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._live: list[Instance] = []
        self._idle: list[Instance] = []
        self._closed = False

    @property
    def live(self) -> list[Instance]:
        """The instances there are, busy or idle, oldest first."""
        with self._lock:
            return list(self._live)

    def take(self, launch: Callable[[int], Instance]) -> Instance:
        """An instance for one event: a warm one, or what `launch` makes of a number. Raises what that raises."""
        while True:
            with self._lock:
                if not self._idle:
                    break
                instance = self._idle.pop()
            if instance.is_alive():
                return instance
            self.discard(instance)
        instance = launch(next(self._numbers))
        with self._lock:
            self._live.append(instance)
            if self._closed:  # while it was launched
                instance.kill()
        return instance

    def give_back(self, instance: Instance) -> None:
        """It has answered, and is there for the next event."""
        with self._lock:
            self._idle.append(instance)

    def discard(self, instance: Instance) -> None:
        """It is lost: clear up after it."""
        instance.close()
        with self._lock:
            self._live.remove(instance)

    def kill(self) -> None:
        """Kill all there are and all that are still to come; those who have them see them end."""
        with self._lock:
            self._closed = True
            for instance in self._live:
                instance.kill()

    def close(self) -> None:
        """Clear up after all, when nobody has any more."""
        for instance in self.live:
            self.discard(instance)
