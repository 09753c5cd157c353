"""Pool of a function's instances: the last used warm one is reused, or a new one is started."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

from .instance import Instance


class InstancePool:
    """Instances for invocations. Usable from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._live: list[Instance] = []
        self._idle: list[Instance] = []
        self._retired: set[Instance] = set()
        self._generation = 0
        self._closed = False

    @property
    def live(self) -> list[Instance]:
        """The instances, busy or idle, oldest first."""
        with self._lock:
            return list(self._live)

    def take(self, launch: Callable[[int], Instance]) -> Instance:
        """Return a warm instance, or the result of `launch` with a new number. Raises what `launch` raises."""
        while True:
            with self._lock:
                if not self._idle:
                    break
                instance = self._idle.pop()
            if instance.is_alive():
                return instance
            self.discard(instance)
        return self.start(launch)

    def start(self, launch: Callable[[int], Instance]) -> Instance:
        """Return the result of `launch` with a new number. Raises what `launch` raises."""
        generation = self._generation
        instance = launch(next(self._numbers))
        with self._lock:
            self._live.append(instance)
            if generation != self._generation:
                self._retired.add(instance)
            if self._closed:  # during the launch
                instance.kill()
        return instance

    def release(self, instance: Instance) -> None:
        """Make an instance available for the next event, or close a retired one."""
        with self._lock:
            is_retired = instance in self._retired
            if not is_retired:
                self._idle.append(instance)
        if is_retired:
            self.discard(instance)

    def discard(self, instance: Instance) -> None:
        """Close an instance that ended."""
        instance.close()
        with self._lock:
            self._live.remove(instance)
            self._retired.discard(instance)

    def retire(self) -> None:
        """Close the idle instances now, and the others after their event."""
        with self._lock:
            self._generation += 1
            idle, self._idle = self._idle, []
            self._retired.update(self._live)
        for instance in idle:
            self.discard(instance)

    def kill(self) -> None:
        """Kill all instances, including those that are being launched."""
        with self._lock:
            self._closed = True
            for instance in self._live:
                instance.kill()

    def close(self) -> None:
        """Close all instances after the last invocation."""
        for instance in self.live:
            self.discard(instance)
