"""Injection: values for the annotated parameters of callbacks and providers.

The first parameter of a callback is its result. The annotation of each other one names a type, which is built in, has
a provider, or makes its own values: a class with a class method ``__provide__(invocation)``. Such a class has
``per_call = True`` if each call gets another value.
"""

from __future__ import annotations

import logging
import threading

from ..context import Context
from ..errors import RegistrationError
from ..events.base import Event, Result
from ..routing.parameters import locate_function, read_parameters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Any, TypeAlias

    from ..routing.parameters import Parameter
    from ..routing.plan import Provision
    from .invocation import Cleanup, Invocation

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

    def _create(self, invocation: Invocation, callback: str, cleanups: list[Cleanup] | None) -> Any:
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


class ConstantProvider(InstanceProvider):
    """A provider of one value, whatever it is: a context manager is not entered."""

    __slots__ = ()

    def __init__(self, kind: type, value: object) -> None:
        super().__init__(kind, lambda: value, None)
        self._values = [value]


class Providers:
    """The providers of an application, by type."""

    def __init__(self) -> None:
        self._providers: dict[type, Provider] = {}
        self._bases: dict[type, Provision] = {}
        self._lock: Any = None
        self.requested: set[type] = set()
        """The types of all parameters of callbacks and providers."""

    def add(self, provision: Provision) -> None:
        """Add a provider. See `Router.provide`."""
        kind = provision.kind
        if kind in self._providers or kind in _BUILT_IN:
            raise RegistrationError(f"{kind.__name__} is provided already")
        self._providers[kind] = self._create_provider(kind, provision)
        if provision.subclasses:
            self._bases[kind] = provision

    def _create_provider(self, kind: type, provision: Provision) -> Provider:
        if provision.per == "invocation":
            return Provider(kind, provision.factory)
        if self._lock is None:
            from ..common.locks import free_in_child

            self._lock = free_in_child(threading.RLock())
        return InstanceProvider(kind, provision.factory, self._lock)

    def replace(self, values: Mapping[type, object]) -> None:
        """Provide these values from now on. Each stands for its type."""
        for kind, value in values.items():
            self._providers[kind] = ConstantProvider(kind, value)

    def _find_provider(self, kind: type) -> Provider | None:
        """Return the provider of a type: its own, or one for the nearest base class that provides subclasses."""
        if kind not in self._providers:
            base = next((base for base in kind.__mro__ if base in self._bases), None)
            if base is None:
                return None
            self._providers[kind] = self._create_provider(kind, self._bases[base])
        return self._providers[kind]

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
            resolver = None
            if kind is type and dependents:
                resolver = _create_constant(dependents[-1].kind)
            elif isinstance(kind, type):
                resolver = self._find_resolver(kind, parameter.metadata, dependents)
            if resolver is not None and isinstance(kind, type):
                resolvers.append((parameter.name, kind, resolver))
                self.requested.add(kind)
            elif parameter.required:
                raise RegistrationError(
                    self._explain_missing(function, parameter), locate_function(function)
                )
        return Arguments(resolvers)

    def check(self) -> None:
        """Raise RegistrationError for a provider that could never make its value."""
        for provider in tuple(self._providers.values()):
            self._resolve_provider(provider, ())

    def _find_resolver(
        self, kind: type, metadata: tuple[object, ...], dependents: Dependents
    ) -> Resolver | None:
        if kind in _BUILT_IN:
            if kind is not logging.Logger:
                _check_scope(kind, dependents)
            return _BUILT_IN[kind]
        provider = self._find_provider(kind)
        if provider is not None:
            return self._resolve_provider(provider, dependents)
        provide = getattr(kind, "__provide__", None)
        if dependents and getattr(kind, "per_call", False):
            raise RegistrationError(
                f"the provider of {dependents[-1].kind.__name__} needs {kind.__name__}, which differs for each "
                f"callback and result. Declare it in the callback, and pass it on"
            )
        if provide is None and not _is_sdk_client(kind):
            return None
        _check_scope(kind, dependents)
        if provide is None:
            from ..sdk import create_resolver

            return create_resolver(kind, metadata)
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


def check_overrides(
    values: Mapping[type, object], requested: Collection[type]
) -> dict[type, object]:
    """Return the values by the types of `requested`.

    A type of a module that was loaded again stands for the requested one of the same name.

    Raises:
        RegistrationError: a type is not requested, or a value is not an instance of its type.
    """
    names = {(kind.__module__, kind.__qualname__): kind for kind in requested}
    checked = {}
    for kind, value in values.items():
        name = getattr(kind, "__name__", repr(kind))
        if kind in _BUILT_IN:
            raise RegistrationError(
                f"{name} cannot be overridden: it belongs to the invocation. Pass another event or Context"
            )
        needed = names.get((getattr(kind, "__module__", ""), getattr(kind, "__qualname__", "")))
        if needed is None:
            raise RegistrationError(
                f"cannot override {name}: no callback or provider needs it. {_suggest(name, requested)}"
            )
        if not _is_instance(value, kind):
            raise RegistrationError(f"cannot override {name} by {value!r}: not an instance of it")
        checked[needed] = value
    return checked


def _suggest(name: str, kinds: Collection[type]) -> str:
    from difflib import get_close_matches

    known = sorted(kind.__name__ for kind in kinds if kind not in _BUILT_IN)
    near = get_close_matches(name, known, 1)
    if near:
        return f"Did you mean {near[0]}?"
    return f"They need {', '.join(known)}" if known else "They need none"


def _is_instance(value: object, kind: type) -> bool:
    """Return False if a value is not an instance of a type. Any value fits a protocol that cannot be checked."""
    try:
        return isinstance(value, kind)
    except TypeError:
        return True


def _create_constant(value: object) -> Resolver:
    return lambda invocation, callback: value


def _is_sdk_client(kind: type) -> bool:
    """Return True for the official clients. They are recognised by name: most functions import no SDK."""
    return any((base.__module__, base.__name__) in _SDK_CLIENTS for base in kind.__mro__)


_SDK_CLIENTS = {
    ("qcloud_cos.cos_client", "CosS3Client"),
    ("tencentcloud.common.abstract_client", "AbstractClient"),
}

_SELF_PROVIDED = {"Cos", "IdempotencyKey", "Mps", "Sdk"}
"""Names of the package's classes with a ``__provide__``, which are not imported for their names."""

_BUILT_IN: dict[type, Resolver] = {
    Context: lambda invocation, callback: invocation.context,
    Event: lambda invocation, callback: invocation.event,
    logging.Logger: lambda invocation, callback: logging.getLogger(callback),
}
