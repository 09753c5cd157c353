"""Routers: the decorators that register callbacks."""

from __future__ import annotations

from ..errors import RegistrationError
from ..events.base import Event, Result
from .parameters import check_first_parameter
from .plan import Provision, Route, RouteSettings, Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, Concatenate, Protocol, TypeVar, overload

    from typing_extensions import Unpack

    from ..events.generated.callbacks import OfResult
    from .filters import Filter, Filters

    AnyCallback = TypeVar("AnyCallback", bound=Callable[Concatenate[Any, ...], object])
    Decorator = TypeVar("Decorator", covariant=True)
    T = TypeVar("T")

    class Routable(Protocol[Decorator]):
        """A class of results. The return type of `_takes` is the decorator for its callbacks."""

        @staticmethod
        def _takes() -> Decorator: ...

    class Verb(Protocol):
        """The static type of `Router.on` and the other verbs."""

        @overload
        def __call__(
            self,
            kind: Routable[Decorator],
            *,
            name: str = ...,
            needs: float | None = ...,
            blocking: bool = ...,
            options: Mapping[str, object] = ...,
            **filters: Unpack[Filters],
        ) -> Decorator: ...
        @overload
        def __call__(
            self,
            kind: str,
            *,
            name: str = ...,
            needs: float | None = ...,
            blocking: bool = ...,
            options: Mapping[str, object] = ...,
            **filters: Unpack[Filters],
        ) -> Callable[[AnyCallback], AnyCallback]: ...


_SETTINGS = ("name", "needs", "blocking", "options")


def _as_verb(method: Callable[..., Any]) -> Verb:
    """Return the method with the static type of a verb."""
    return method


class Router:
    """A collection of callbacks for an application.

    Args:
        routers: routers whose callbacks this one includes.
        filters: filters for every callback in it. See `on`.
    """

    def __init__(self, *routers: Router, **filters: Unpack[Filters]) -> None:
        for router in routers:
            if not isinstance(router, Router):
                raise RegistrationError(f"not a Router: {router!r}. Pass routers as arguments")
        self._routers = routers
        self._filters = _combine_filters((), filters, ())
        self._routes: list[Route] = []
        self._provisions: list[Provision] = []
        self._closed = False

    @_as_verb
    def on(self, kind: Any = None, *more: Any, **arguments: Any) -> Any:
        """Register the decorated function for each successful result of a kind.

        The first parameter of the function is the result. Its other parameters are provided by their annotations.
        The decorator returns the function unchanged.

        Args:
            kind: a class of results (``Transcode``, ``MediaSubtask``, ``EditMediaTask``, …), or the name of a type
                as MPS sends it (``"Porn.Asr"``). An unknown name stands for a type that MPS may add, unless it
                resembles a known one.
            *more: rejected: stack decorators to register for several kinds.
            **arguments: the settings and filters below.
            name: the callback's identity in logs and ledger records (default ``module.function``). It should not
                change between deployments.
            needs: seconds of the invocation that must remain to start it (default: the application's ``reserve``).
            blocking: False if its failure should not defer later ``on_complete`` callbacks. For ``on_complete`` only.
            options: values for the application's middleware.
            definition: template id or ids of the task.
            bucket: bucket (with its APPID) or buckets of the outputs, or of their planned location.
            path: glob or globs (``*`` also matches slashes) for the key of an output, or its planned location.
            source: glob or globs for the key of a source object.
            session: glob or globs for the task's ``SessionContext``.
            when: a function of the result that returns whether to call the callback.

        Raises:
            RegistrationError: the registration could never work. The text suggests a correction.
        """
        return self._create_decorator("on", kind, more, arguments)

    @_as_verb
    def on_failure(self, kind: Any = None, *more: Any, **arguments: Any) -> Any:
        """Register for each failed result, like `on`. See ``result.error``.

        An event failed if its own ``ErrCode`` is not 0 or any of its subtasks failed.
        """
        return self._create_decorator("on_failure", kind, more, arguments)

    @_as_verb
    def on_progress(self, kind: Any = None, *more: Any, **arguments: Any) -> Any:
        """Register for each unfinished result (tasks submitted with ``NotifyMode`` Change), like `on`.

        All results of a PROCESSING event are progress. The final event contains the finished ones again.
        """
        return self._create_decorator("on_progress", kind, more, arguments)

    @_as_verb
    def on_complete(self, kind: Any = None, *more: Any, **arguments: Any) -> Any:
        """Register for a finished event after every callback for the event and its results has succeeded, like `on`.

        Every earlier ``on_complete`` callback has succeeded too, including the cleanups of providers. A failure
        defers the later ones to the next delivery. The task itself may have failed: see ``event.verb`` and
        ``event.error``.
        """
        return self._create_decorator("on_complete", kind, more, arguments)

    def fallback(self, callback: OfResult) -> OfResult:
        """Register the decorated function for each result and event without any other callback."""
        self._add(callback, "fallback", Target((Result,)), self._filters, RouteSettings())
        return callback

    def _create_decorator(
        self, verb: str, kind: object, more: tuple[object, ...], arguments: dict[str, Any]
    ) -> Callable[[AnyCallback], AnyCallback]:
        if more:
            names = [getattr(item, "__name__", repr(item)) for item in (kind, *more)]
            raise RegistrationError(
                f"{verb}() takes one class of results, got {len(names)}. Stack "
                + " and ".join(f"@….{verb}({name})" for name in names)
            )
        target = _parse_target(verb, kind)
        settings = RouteSettings(
            **{name: arguments.pop(name) for name in _SETTINGS if name in arguments}
        )
        filters = _combine_filters(self._filters, arguments, target.kinds)

        def register(callback: AnyCallback) -> AnyCallback:
            self._add(callback, verb, target, filters, settings)
            return callback

        return register

    def provide(
        self,
        kind: type[T],
        factory: Callable[..., Any],
        *,
        per: str = "instance",
        subclasses: bool = False,
    ) -> None:
        """Provide the values of parameters that are annotated with a type, in the whole application.

        Args:
            kind: the type, as callbacks annotate it.
            factory: makes the value. Its own parameters are provided in the same way. It may be ``async def``. A
                generator function, async or not, yields the value and then cleans up, and so does a function
                decorated with `contextlib.contextmanager` or `asynccontextmanager`.
            per: ``"instance"`` makes one value for as long as SCF keeps the instance, ``"invocation"`` one for each
                invocation. The value of an instance cannot depend on an invocation (`Context`, `Event`, `Cos`, …).
            subclasses: True provides subclasses of the type too. A parameter of the factory that is annotated with
                ``type`` receives the class.

        Raises:
            RegistrationError: the type has a provider already, or a cleanup could never run.
        """
        provision = Provision(kind, factory, per, subclasses)
        if self._closed:
            raise RegistrationError(
                f"{kind.__name__} is provided after main_handler was read. Move it before that"
            )
        if any(earlier.kind is kind for earlier in self._provisions):
            raise RegistrationError(f"{kind.__name__} is provided already")
        self._provisions.append(provision)

    def _list_provisions(self) -> Iterator[Provision]:
        """Yield the provisions of included routers, then those of this one."""
        for router in self._routers:
            yield from router._list_provisions()
        yield from self._provisions

    def _add(
        self,
        callback: Callable[..., Any],
        verb: str,
        target: Target,
        filters: tuple[Filter, ...],
        settings: RouteSettings,
    ) -> None:
        check_first_parameter(callback, target.kinds)
        route = Route(callback, verb, target, filters, settings)
        if self._closed:
            raise RegistrationError(
                f"{route.name} is registered after main_handler was created and would never be called. "
                f"Import its module earlier"
            )
        self._routes.append(route)

    def _close(self) -> Iterator[Route]:
        """Refuse further registrations and yield every route, those of the included routers first."""
        self._closed = True
        for router in self._routers:
            for route in router._close():
                try:
                    yield route.narrow(self._filters)
                except RegistrationError as error:
                    error.locate(route.where)
                    raise
        yield from self._routes


def _parse_target(verb: str, kind: object) -> Target:
    """Return the classes or the type that a registration is for."""
    if isinstance(kind, type) and issubclass(kind, Result):
        target = Target((kind,))
    elif isinstance(kind, str):
        from .type_names import find_classes

        kinds = find_classes(kind)
        target = Target(kinds, "" if kinds else kind)
    else:
        raise RegistrationError(
            f"{verb}() takes a class of results or the name of a type, e.g. {verb}(Transcode), got {kind!r}"
        )
    if verb == "on_complete" and not (
        target.type or any(issubclass(kind, Event) for kind in target.kinds)
    ):
        raise RegistrationError(
            f"on_complete() takes a class of events, e.g. on_complete(WorkflowTask), got {target}"
        )
    return target


def _combine_filters(
    outer: tuple[Filter, ...], arguments: Any, kinds: tuple[type[Result], ...]
) -> tuple[Filter, ...]:
    """Return the filters of a router and of the keyword arguments of a registration."""
    if not arguments and not outer:  # most registrations: `filters` stays unloaded
        return ()
    from .filters import check_reachable, create_filters

    combined = outer + create_filters(arguments)
    check_reachable(combined, kinds)
    return combined
