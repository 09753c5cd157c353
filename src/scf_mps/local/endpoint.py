"""SCF's Invoke API for a function of the SCF emulator: what the official SDK calls, on the loopback interface."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .api import CloudApi, Scf
from .scf import Invocation, LocalFunction


class _Outcome:
    """An invocation as the API wants it."""

    def __init__(self, invocation: Invocation) -> None:
        self.status = invocation.status
        self.returned = invocation.text
        self.error = "" if invocation.error is None else str(invocation.error["errorMessage"])
        self.log = invocation.log
        self.request_id = invocation.request_id
        self.seconds = invocation.seconds
        self.memory = invocation.memory


class Callable:
    """A running `LocalFunction` as `scf_mps.local.api.Scf` takes one."""

    def __init__(self, function: LocalFunction) -> None:
        self._function = function
        self.name = function.name
        self.namespace = function.namespace

    def invoke(self, payload: str) -> _Outcome:
        """Run it with an event and wait."""
        return _Outcome(self._function.invoke(text=payload))

    def push(self, payload: str) -> str:
        """Put an event into its queue."""
        return self._function.push(text=payload)


@contextmanager
def invoke_api(function: LocalFunction, port: int = 0) -> Iterator[CloudApi]:
    """The API with this one function, while the context lasts."""
    with CloudApi([Scf([Callable(function)])], port=port) as api:
        yield api
