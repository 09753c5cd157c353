"""Injection: values for the annotated parameters of callbacks and providers.

The first parameter of a callback is its result. The annotation of each other one names a type, which is built in, has
a provider, or makes its own values: a class with a class method ``__provide__(invocation)``. Such a class has
``per_call = True`` if each call gets another value.
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
    from collections.abc import Callable, Sequence
    from typing import Any, TypeAlias

    from ..routing.parameters import Parameter
    from .invocation import CleanupStack, Invocation

    Resolver: TypeAlias = Callable[[Invocation, str], Any]
    """Returns the value of a parameter, from the invocation and the name of the callback."""

    Dependents: TypeAlias = "tuple[Provider, ...]"
    """The providers that need a value, the outermost first."""


class Arguments:
    """The arguments of a function, besides those that its caller passes.

    Args:
        resolvers: name, type and resolver of each parameter.
    """

    __slots__ = ("_resolvers", "_types")

    def __init__(self, resolvers: Sequence[tuple[str, type, Resolver]]) -> None:
        self._resolvers = tuple((name, resolve) for name, _, resolve in resolvers)
        self._types = frozenset(kind for _, kind, _ in resolvers)

    def __len__(self) -> int:
        return len(self._resolvers)

    def make(self, invocation: Invocation, callback: str) -> dict[str, Any]:
        """Return the values by parameter."""
        return {name: resolve(invocation, callback) for name, resolve in self._resolvers}

    def are_open(self, invocation: Invocation) -> bool:
        """Return True if a cleanup of the invocation may still undo what was done with the values."""
        return not invocation.open_types.isdisjoint(self._types)


class Provider:
    """A factory that makes one value per invocation.

    Attributes:
        kind: the type of the values.
        factory: makes a value.
        arguments: the factory's arguments.
    """

    __slots__ = ("arguments", "factory", "kind")

    def __init__(self, kind: type, factory: Callable[..., Any]) -> None:
        self.kind = kind
        self.factory = factory
        self.arguments = Arguments(())

    def resolve(self, invocation: Invocation, callback: str) -> Any:
        """Return the invocation's value. The first call makes it."""
        values = invocation.values
        if self.kind not in values:
            cleanups = len(invocation.cleanups)
            values[self.kind] = self._create(invocation, callback, invocation.cleanups)
            if len(invocation.cleanups) > cleanups or self.arguments.are_open(invocation):
                invocation.open_types.add(self.kind)
        return values[self.kind]

    def _create(self, invocation: Invocation, callback: str, cleanups: CleanupStack | None) -> Any:
        value = self.factory(**self.arguments.make(invocation, callback))
        kind = type(value)
        if (
            hasattr(kind, "__next__")
            or hasattr(kind, "asend")
            or hasattr(kind, "__await__")
            or kind.__module__ == "contextlib"
        ):
            from .resource import open_value

            return open_value(value, self.kind, cleanups, invocation.context)
        return value


class InstanceProvider(Provider):
    """A factory that makes one value for as long as SCF keeps the instance. Threads share it.

    Args:
        lock: a reentrant lock that all providers of an application share.
    """

    __slots__ = ("_lock", "_values")

    def __init__(self, kind: type, factory: Callable[..., Any], lock: Any) -> None:
        super().__init__(kind, factory)
        self._lock = lock
        self._values: list[Any] = []

    def resolve(self, invocation: Invocation, callback: str) -> Any:
        """Return the instance's value. The first call makes it."""
        if not self._values:
            with self._lock:
                self._values = self._values or [self._create(invocation, callback, None)]
        return self._values[0]


class Providers:
    """The providers of an application, by type."""

    def __init__(self) -> None:
        self._providers: dict[type, Provider] = {}
        self._lock = free_in_child(threading.RLock())

    def add(self, kind: type, factory: Callable[..., Any], per: str) -> None:
        """Add a provider. See `App.provide`."""
        if not isinstance(kind, type) or not callable(factory):
            raise RegistrationError(
                f"provide() takes a type and a function, not {kind!r} and {factory!r}"
            )
        if per not in ("instance", "invocation"):
            raise RegistrationError(f'per= takes "instance" or "invocation", not {per!r}')
        if kind in self._providers or kind in _BUILT_IN:
            raise RegistrationError(f"{kind.__name__} is provided already")
        if per == "invocation":
            self._providers[kind] = Provider(kind, factory)
        elif read_code_flags(factory) & GENERATOR_FLAGS:
            raise RegistrationError(
                f"provider {getattr(factory, '__qualname__', factory)} yields, but SCF ends an instance without notice "
                f'and its cleanup would never run. Use per="invocation", or return the value'
            )
        else:
            self._providers[kind] = InstanceProvider(kind, factory, self._lock)

    def resolve_arguments(
        self, function: Callable[..., Any], skip: int, dependents: Dependents = ()
    ) -> Arguments:
        """Return the arguments of a function.

        Args:
            function: a callback or provider.
            skip: how many parameters at the beginning the caller passes.
            dependents: the providers that need the function's value.

        Raises:
            RegistrationError: nothing provides a required parameter.
        """
        resolvers: list[tuple[str, type, Resolver]] = []
        for parameter in read_parameters(function)[skip:]:
            kind = parameter.annotation
            resolver = self._find_resolver(kind, dependents) if isinstance(kind, type) else None
            if resolver is not None and isinstance(kind, type):
                resolvers.append((parameter.name, kind, resolver))
            elif parameter.required:
                raise RegistrationError(
                    self._explain_missing(function, parameter), locate_function(function)
                )
        return Arguments(resolvers)

    def check(self) -> None:
        """Raise RegistrationError for a provider that could never make its value."""
        for provider in self._providers.values():
            self._resolve_provider(provider, ())

    def _find_resolver(self, kind: type, dependents: Dependents) -> Resolver | None:
        if kind in _BUILT_IN:
            if kind is not logging.Logger:
                _check_scope(kind, dependents)
            return _BUILT_IN[kind]
        provider = self._providers.get(kind)
        if provider is not None:
            return self._resolve_provider(provider, dependents)
        provide = getattr(kind, "__provide__", None)
        if dependents and getattr(kind, "per_call", False):
            raise RegistrationError(
                f"the provider of {dependents[-1].kind.__name__} needs {kind.__name__}, which differs for each "
                f"callback and result. Declare it in the callback, and pass it on"
            )
        if provide is None:
            return None
        _check_scope(kind, dependents)
        return lambda invocation, callback: provide(invocation)

    def _resolve_provider(self, provider: Provider, dependents: Dependents) -> Resolver:
        if provider in dependents:
            names = " -> ".join(item.kind.__name__ for item in (*dependents, provider))
            raise RegistrationError(f"providers need each other in a loop: {names}")
        if not isinstance(provider, InstanceProvider):
            _check_scope(provider.kind, dependents)
        factory, skip = provider.factory, 0
        if isinstance(factory, type):
            factory, skip = factory.__init__, 1  # type: ignore[misc]
        if skip == 0 or hasattr(factory, "__code__"):
            provider.arguments = self.resolve_arguments(factory, skip, (*dependents, provider))
        return provider.resolve

    def _explain_missing(self, function: Callable[..., Any], parameter: Parameter) -> str:
        place = f"{function.__qualname__}() needs {parameter.name!r}"
        types = {kind.__name__ for kind in (*_BUILT_IN, *self._providers)} | _SELF_PROVIDED
        known = ", ".join(sorted(types))
        annotation = parameter.annotation
        if annotation is None:
            return f"{place} without an annotation. Annotate it with one of {known}, or give it a default"
        if isinstance(annotation, str):
            return (
                f"{place}: {annotation}, a name that is missing at run time. Import it outside of "
                f"`if TYPE_CHECKING`"
            )
        name = getattr(annotation, "__name__", annotation)
        if isinstance(annotation, type) and issubclass(annotation, Result):
            return (
                f"{place}: {name}, but a callback gets one result, as its first parameter. "
                f"Read others from .event"
            )
        return f"{place}: {name}, which has no provider. Use one of {known}, or add app.provide({name}, …)"


def _check_scope(kind: type, dependents: Dependents) -> None:
    """Raise RegistrationError if a value of the instance needs one of an invocation, such as its deadline."""
    for dependent in dependents:
        if isinstance(dependent, InstanceProvider):
            name = dependent.kind.__name__
            raise RegistrationError(
                f"{name} is made once per instance, but needs {kind.__name__}, which belongs to one invocation. Add "
                f'per="invocation" to app.provide({name}, …)'
            )


_SELF_PROVIDED = {"Cos", "IdempotencyKey", "Mps"}
"""Names of the package's classes with a ``__provide__``, which are not imported for their names."""

_BUILT_IN: dict[type, Resolver] = {
    Context: lambda invocation, callback: invocation.context,
    Event: lambda invocation, callback: invocation.event,
    logging.Logger: lambda invocation, callback: logging.getLogger(callback),
}
