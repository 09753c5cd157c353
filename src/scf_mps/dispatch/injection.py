"""Gives a callback what it asks for: a parameter's annotation names the type, a provider makes the value.

The first parameter of a callback is the result it is called for; every other one is found here by its annotation.
A provider is a function that returns a value, or a generator function that yields one and cleans up behind its
``yield``, async or not, or a context manager; providers may ask for what they need in the same way. A class of ours that callbacks may ask for without
more ado says itself how it is made, by a class method ``__provide__(invocation)``; ``per_call = True`` says that it
is another one for every call.
"""

from __future__ import annotations

import logging
import threading

from ..common.completion import GENERATOR_FLAGS, read_code_flags
from ..common.locks import free_in_child
from ..context import Context
from ..errors import RegistrationError
from ..events.base import Event, Result
from ..routing.parameters import locate_function, read_parameters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..ledger.session import LedgerSession
    from ..routing.parameters import Parameter
    from ..routing.plan import Call

    Resolver = Callable[["Invocation", str], Any]
    Arguments = tuple[tuple[str, Resolver], ...]


class Invocation:
    """What belongs to one invocation alone: the event, its context, and the values made for it.

    Attributes:
        event: the event.
        context: SCF's.
        call: the call that is being made.
        borrowed: whether it was given something that waits to be cleaned up.
        values: what was made for the invocation, by type.
        journal: where what came to an end is written down, if the application has a ledger.
        closing: the clean-ups of providers, in the order in which they were made.
        unsettled: the types whose values depend on one of those.
    """

    __slots__ = (
        "borrowed",
        "call",
        "closing",
        "context",
        "event",
        "journal",
        "unsettled",
        "values",
    )

    def __init__(self, event: Event, context: Context) -> None:
        self.event = event
        self.context = context
        self.call: Call | None = None
        self.borrowed = False
        self.journal: LedgerSession | None = None
        self.values: dict[object, Any] = {}
        self.closing: list[Callable[[], object]] = []
        self.unsettled: set[object] = set()

    def close(self) -> list[BaseException]:
        """Run the clean-ups of this invocation's providers, the last first; returns what they raised.

        Who asks for their values afterwards is given new ones.
        """
        for kind in self.unsettled:
            self.values.pop(kind, None)
        self.unsettled.clear()
        errors: list[BaseException] = []
        while self.closing:
            try:
                self.closing.pop()()
            except BaseException as error:  # SystemExit too, as of a callback
                errors.append(error)
        return errors


class Providers:
    """The types an application can be asked for, and how to make them."""

    def __init__(self) -> None:
        self._providers: dict[type, tuple[Callable[..., Any], str]] = {}
        self._values: dict[object, Any] = {}
        self._lock = free_in_child(threading.RLock())

    def add(self, kind: type, factory: Callable[..., Any], per: str) -> None:
        """See `App.provide`."""
        if not isinstance(kind, type) or not callable(factory):
            raise RegistrationError(
                f"provide() expects a type and a function that makes one, not {kind!r} and {factory!r}"
            )
        if per not in ("instance", "invocation"):
            raise RegistrationError(f'per= expects "instance" or "invocation", not {per!r}')
        if kind in self._providers or kind in _BUILT_IN:
            raise RegistrationError(f"{kind.__name__} is provided already")
        if per == "instance" and read_code_flags(factory) & GENERATOR_FLAGS:
            raise RegistrationError(
                f"{getattr(factory, '__qualname__', factory)} yields, but SCF ends an instance without a word, so that its clean-up "
                f'would never run: use per="invocation", or return the value'
            )
        self._providers[kind] = (factory, per)

    def arguments(
        self, function: Callable[..., Any], skip: int, asking: tuple[type, ...] = ()
    ) -> Arguments:
        """How to make each argument of a function behind its first `skip` parameters.

        Raises:
            RegistrationError: for a required parameter that nothing provides.
        """
        found = []
        for parameter in read_parameters(function)[skip:]:
            resolver = self._resolver(parameter.annotation, asking)
            if resolver is not None:
                found.append((parameter.name, resolver))
            elif parameter.required:
                raise RegistrationError(
                    self._cannot(function, parameter), locate_function(function)
                )
        return tuple(found)

    def _resolver(self, kind: object, asking: tuple[type, ...]) -> Resolver | None:
        if not isinstance(kind, type):
            return None
        if kind in _BUILT_IN:
            if kind is not logging.Logger:
                self._check_scope(kind, asking)
            return _BUILT_IN[kind]
        if kind not in self._providers:
            own = getattr(kind, "__provide__", None)
            if asking and getattr(kind, "per_call", False):
                raise RegistrationError(
                    f"the provider of {asking[-1].__name__} asks for {kind.__name__}, which belongs to one callback "
                    f"and one result: ask for it in the callback, and hand it on"
                )
            if own is None:
                return None
            self._check_scope(kind, asking)
            return lambda invocation, callback: own(invocation)
        if kind in asking:
            names = " -> ".join(one.__name__ for one in (*asking, kind))
            raise RegistrationError(f"providers ask for one another in a circle: {names}")
        factory, per = self._providers[kind]
        if per == "invocation":
            self._check_scope(kind, asking)
        needs = self._needs(factory, (*asking, kind))
        if per == "invocation":
            return lambda invocation, callback: self._make(
                kind, factory, needs, invocation.values, invocation, callback
            )
        return lambda invocation, callback: self._make_once(
            kind, factory, needs, invocation, callback
        )

    def check(self) -> None:
        """Raise RegistrationError for a provider that could never make its value."""
        for kind in self._providers:
            self._resolver(kind, ())

    def _check_scope(self, kind: type, asking: tuple[type, ...]) -> None:
        """Refuse to keep for the life of an instance what depends on one invocation: its token, its deadline."""
        for keeper in asking:
            if self._providers[keeper][1] == "instance":
                raise RegistrationError(
                    f"{keeper.__name__} is made once for the instance, but needs {kind.__name__}, which belongs to one "
                    f'invocation: add per="invocation" to app.provide({keeper.__name__}, …)'
                )

    def _needs(self, factory: Callable[..., Any], asking: tuple[type, ...]) -> Arguments:
        """What a provider asks for; a class asks for what its ``__init__`` takes."""
        if not isinstance(factory, type):
            return self.arguments(factory, 0, asking)
        init = factory.__init__  # type: ignore[misc]
        return self.arguments(init, 1, asking) if hasattr(init, "__code__") else ()

    def _make_once(
        self,
        kind: type,
        factory: Callable[..., Any],
        needs: Arguments,
        invocation: Invocation,
        callback: str,
    ) -> Any:
        if kind not in self._values:
            with self._lock:
                return self._make(kind, factory, needs, self._values, invocation, callback)
        return self._values[kind]

    @staticmethod
    def _make(
        kind: type,
        factory: Callable[..., Any],
        needs: Arguments,
        values: dict[object, Any],
        invocation: Invocation,
        callback: str,
    ) -> Any:
        if kind not in values:
            borrowed, invocation.borrowed = invocation.borrowed, False
            value = factory(**{name: make(invocation, callback) for name, make in needs})
            made = type(value)
            if (
                hasattr(made, "__next__")
                or hasattr(made, "asend")
                or hasattr(made, "__await__")
                or made.__module__ == "contextlib"
            ):
                from .resource import opened

                # Of the instance nothing is ever cleaned up.
                closing = invocation.closing if values is invocation.values else None
                count = len(invocation.closing)
                value = opened(value, kind, closing, invocation.context)
                invocation.borrowed = invocation.borrowed or len(invocation.closing) > count
            values[kind] = value
            if invocation.borrowed:
                invocation.unsettled.add(kind)
            invocation.borrowed |= borrowed
        elif kind in invocation.unsettled:
            invocation.borrowed = True
        return values[kind]

    def _cannot(self, function: Callable[..., Any], parameter: Parameter) -> str:
        name = f"{function.__qualname__}() asks for {parameter.name!r}"
        known = ", ".join(
            sorted({kind.__name__ for kind in (*_BUILT_IN, *self._providers)} | _SELF_PROVIDED)
        )
        if parameter.annotation is None:
            return f"{name} without saying what it is: annotate it with one of {known}, or give it a default"
        if isinstance(parameter.annotation, str):
            return (
                f"{name}: {parameter.annotation}, a name that cannot be found when the function is "
                f"called: import it at run time too, not under `if TYPE_CHECKING` alone"
            )
        kind = getattr(parameter.annotation, "__name__", parameter.annotation)
        if isinstance(parameter.annotation, type) and issubclass(parameter.annotation, Result):
            return f"{name}: {kind}, but a callback has one result, its first parameter; others are in .event"
        return (
            f"{name}: {kind}, which nothing provides: there are {known}; add app.provide({kind}, …)"
        )


_SELF_PROVIDED = {"Cos", "IdempotencyKey", "Mps"}
"""Names of the package's classes with a ``__provide__``, without loading them."""

_BUILT_IN: dict[type, Resolver] = {
    Context: lambda invocation, callback: invocation.context,
    Event: lambda invocation, callback: invocation.event,
    logging.Logger: lambda invocation, callback: logging.getLogger(callback),
}
