"""Which callback gets which result: the decorators that register callbacks, and the table that is made of them.

A `Router` collects `Route`s, each a callback with the class it is for, a verb and filters. An application makes one
`Table` of them when it is complete; for an event the table gives the calls to make, and says why. Running them is
`dispatch/runner.py`'s work.
"""

from __future__ import annotations

from ..common.completion import GENERATOR_FLAGS, read_code_flags
from ..errors import PACKAGE_FOLDER, RegistrationError, locate_caller
from ..events.base import Event, Result, Subtask, UnknownEvent, UnknownSubtask
from .parameters import locate_function, read_parameters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, Concatenate, Protocol, TypeVar, overload

    from typing_extensions import Unpack

    from ..events.generated.callbacks import OfResult
    from .filters import Filter, Filters

    AnyCallback = TypeVar("AnyCallback", bound=Callable[Concatenate[Any, ...], object])
    Decorator = TypeVar("Decorator", covariant=True)

    class Routable(Protocol[Decorator]):
        """A class of results. Its `_takes` tells what it decorates; see `events/generated/callbacks.py`."""

        @staticmethod
        def _takes() -> Decorator: ...

    class Verb(Protocol):
        """The static type of `Router.on` and the verbs like it."""

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


def verb(method: Callable[..., Any]) -> Verb:
    """Gives a method of `Router` the static type of a verb, and changes nothing else."""
    return method


class Route:
    """One registration: a callback, and which results it is for.

    Attributes:
        name: the callback's identity, stable over deployments: ``module.function``, or what ``name=`` gave.
        verb: ``on``, ``on_failure``, ``on_progress``, ``on_complete`` or ``fallback``.
        kinds: the classes it is for; empty if it is for a type no class of ours stands for.
        type: that type, as MPS would write it, else ``""``.
        needs: seconds that must be left to start it, or None for the application's reserve.
        blocking: whether its failure defers the ``on_complete`` callbacks that are registered after it.
        options: what it says to middleware.
        where: ``file:line`` of the callback; of its registration if the callback is this package's.
    """

    __slots__ = (
        "blocking",
        "callback",
        "definitions",
        "filters",
        "kinds",
        "name",
        "needs",
        "options",
        "tests",
        "type",
        "verb",
        "where",
    )

    def __init__(
        self,
        callback: Callable[..., Any],
        verb: str,
        kinds: tuple[type[Result], ...],
        type: str,
        filters: tuple[Filter, ...],
        name: str,
        needs: float | None,
        options: Mapping[str, object],
        where: str = "",
        blocking: bool = True,
    ) -> None:
        self.blocking = blocking
        self.callback = callback
        self.verb = verb
        self.kinds = kinds
        self.type = type
        self.filters = filters
        self.name = name
        self.needs = needs
        self.options = options
        if not where:
            where = locate_function(callback)
            if where.startswith(PACKAGE_FOLDER):  # an action: its registration says more
                where = locate_caller()
        self.where = where
        # The table finds routes by definition; the other filters are tested on each result.
        self.tests = tuple(one for one in filters if one.name != "definition")
        sets = [one.values for one in filters if one.name == "definition"]
        self.definitions = frozenset.intersection(*sets) if sets else None

    def under(self, filters: tuple[Filter, ...]) -> Route:
        """This route in a router that has filters of its own."""
        if not filters:
            return self
        from .filters import check_reachable

        both = filters + self.filters
        check_reachable(both, self.kinds)
        return Route(
            self.callback,
            self.verb,
            self.kinds,
            self.type,
            both,
            self.name,
            self.needs,
            self.options,
            self.where,
            self.blocking,
        )

    def accepts(self, result: Result) -> bool:
        """Whether the result is of its class or type, whatever its status and the filters say."""
        return isinstance(result, self.kinds) if self.kinds else result.type == self.type

    @property
    def target(self) -> str:
        """What it is for, in words: a class's name, or a type."""
        return self.type or " | ".join(kind.__name__ for kind in self.kinds)

    def __str__(self) -> str:
        if self.verb == "fallback":
            return "fallback"
        return f"{self.verb}({', '.join([self.target, *map(str, self.filters)])})"


class Router:
    """A collection of callbacks. Give one to `App`, alone or with others.

    Args:
        routers: routers whose callbacks this one takes in.
        filters: what every callback in it is narrowed by; see `on`.
    """

    def __init__(self, *routers: Router, **filters: Unpack[Filters]) -> None:
        for router in routers:
            if not isinstance(router, Router):
                raise RegistrationError(f"expected a Router, not {router!r}")
        self._routers = routers
        self._filters = _filters(filters, (), ())
        self._routes: list[Route] = []
        self._closed = False

    @verb
    def on(self, kind: Any = None, *more: Any, **given: Any) -> Any:
        """Decorates a function that receives each result of a kind that finished well.

        The function's first parameter is the result; it is given what else its parameters are annotated with.
        It stays the function it was.

        Args:
            kind: a class of results (``Transcode``, ``MediaSubtask``, ``EditMediaTask``, …), or the name of a type
                as MPS writes it (``"Porn.Asr"``). An unknown name is taken for a type MPS adds one day, unless it
                is close to one there is.
            name: the callback's identity, where ``module.function`` does not do (it is what logs and records of
                what was done call it, so it should not change).
            needs: seconds that must be left of the invocation to start it (the application's ``reserve``).
            blocking: for ``on_complete``: False lets the later ones run although this one failed, as of several
                messages that do not depend on each other.
            options: what middleware of the application is told about it.
            definition: template id or ids, as asked for in the task.
            bucket: bucket (with its APPID) or buckets that the result was, or was to be, written to.
            path: glob or globs (``*`` crosses slashes) that the key of an output, or of where it was to go, matches.
            source: glob or globs that the key of a source object matches.
            session: glob or globs that the task's ``SessionContext`` matches.
            when: a function of the result that returns whether to call it.

        Raises:
            RegistrationError: for anything that could never work: it says what to write instead.
        """
        return self._verb("on", kind, more, **given)

    @verb
    def on_failure(self, kind: Any = None, *more: Any, **given: Any) -> Any:
        """As `on`, for each result that finished badly: ``result.error`` says why.

        An event is for it if its own ``ErrCode`` is not 0 or any of its subtasks failed.
        """
        return self._verb("on_failure", kind, more, **given)

    @verb
    def on_progress(self, kind: Any = None, *more: Any, **given: Any) -> Any:
        """As `on`, for each result that is not finished (tasks submitted with ``NotifyMode`` Change).

        All results of an event that is PROCESSING are progress: the event of the end brings the finished ones again.
        """
        return self._verb("on_progress", kind, more, **given)

    @verb
    def on_complete(self, kind: Any = None, *more: Any, **given: Any) -> Any:
        """As `on`, for a finished event, after every callback of the event and its results has succeeded.

        Every earlier ``on_complete`` has succeeded too, clean-ups of providers included. A failure defers the rest to
        the next delivery. It is called whether or not the task succeeded, see ``event.verb`` and ``event.error``.
        """
        return self._verb("on_complete", kind, more, **given)

    def fallback(self, callback: OfResult) -> OfResult:
        """Decorates a function that receives each result, and each event, that no other callback was for."""
        self._add(callback, "fallback", (Result,), "", self._filters, "", None, {})
        return callback

    def _verb(
        self,
        verb: str,
        kind: object,
        more: tuple[object, ...],
        name: str = "",
        needs: float | None = None,
        blocking: bool = True,
        options: Mapping[str, object] | None = None,
        **filters: Any,
    ) -> Callable[[AnyCallback], AnyCallback]:
        if more:
            names = [getattr(one, "__name__", repr(one)) for one in (kind, *more)]
            raise RegistrationError(
                f"{verb}() takes one class of results, not {len(names)}: stack "
                + " and ".join(f"@….{verb}({name})" for name in names)
            )
        kinds, type_ = _target(verb, kind)
        all_filters = _filters(filters, self._filters, kinds)

        def register(callback: AnyCallback) -> AnyCallback:
            self._add(
                callback, verb, kinds, type_, all_filters, name, needs, options or {}, blocking
            )
            return callback

        return register

    def _add(
        self,
        callback: Callable[..., Any],
        verb: str,
        kinds: tuple[type[Result], ...],
        type_: str,
        filters: tuple[Filter, ...],
        name: str,
        needs: float | None,
        options: Mapping[str, object],
        blocking: bool = True,
    ) -> None:
        _check_first_parameter(callback, verb, kinds)
        name = name or f"{callback.__module__}.{callback.__qualname__}"
        if self._closed:
            raise RegistrationError(
                f"{name} is registered after main_handler was taken from the application, and would never be "
                f"called: import its module before that"
            )
        route = Route(
            callback, verb, kinds, type_, filters, name, needs, options, blocking=blocking
        )
        self._routes.append(route)

    def _close(self) -> Iterator[Route]:
        """Every route, those of the routers taken in first; from now on none is added."""
        self._closed = True
        for router in self._routers:
            for route in router._close():
                try:
                    yield route.under(self._filters)
                except RegistrationError as error:
                    error.locate(route.where)
                    raise
        yield from self._routes


class Call:
    """One callback with one result, and what came of it.

    Attributes:
        outcome: ``""`` before it ran, then ``done``, ``failed``, ``dropped``, ``deferred`` (not started: no time was
            left, or something before it failed) or ``skipped`` (completed in an earlier delivery of the event).
        error: what it raised, if it failed or was dropped.
        why: why it was not started, if it is deferred.
        seconds: how long it ran.
        unsettled: whether it was given something whose clean-up, at the end of the invocation, may still fail.
    """

    __slots__ = ("_key", "error", "outcome", "result", "route", "seconds", "unsettled", "why")

    def __init__(self, route: Route, result: Result) -> None:
        self.route = route
        self.result = result
        self.outcome = ""
        self.error: BaseException | None = None
        self.why = ""
        self.seconds = 0.0
        self.unsettled = False
        self._key = ""

    @property
    def key(self) -> str:
        """What names the callback with its result: the same in every delivery of an event."""
        if not self._key:
            self._key = f"{self.result.key} {self.route.name}"
        return self._key


class Plan:
    """What to do for one event.

    Attributes:
        calls: the calls of the results and of the event, in the order of the results, then of registration.
        completing: the ``on_complete`` calls, for when all of the others succeeded.
        unhandled: the results no callback is for, a fallback included.
    """

    __slots__ = ("calls", "completing", "unhandled")

    def __init__(self, calls: list[Call], completing: list[Call], unhandled: list[Result]) -> None:
        self.calls = calls
        self.completing = completing
        self.unhandled = unhandled


class Reason:
    """Why a callback runs, or does not run, for a result."""

    __slots__ = ("result", "route", "runs", "why")

    def __init__(self, route: Route, result: Result, runs: bool, why: str) -> None:
        self.route = route
        self.result = result
        self.runs = runs
        self.why = why

    def __repr__(self) -> str:
        verdict = "runs" if self.runs else "does not run"
        return f"<{self.route.name} {verdict} for {self.result.place}: {self.why}>"


class Table:
    """The routes of an application, complete and checked; it never changes, so threads may share it.

    Looking up the routes of a result takes the same time for ten as for a thousand routes, as they are found by
    class, verb and definition.

    Raises:
        RegistrationError: if two routes are the same, or two functions have the same identity.
    """

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self.routes = routes
        self._check_identities()
        names = [route.name for route in routes]
        self._repeats = len(set(names)) < len(names)
        self._verbs_of_events = {
            route.verb
            for route in routes
            if not route.kinds
            or any(issubclass(kind, Event) or kind is Result for kind in route.kinds)
        }
        self._types = {route.type for route in routes if not route.kinds}
        self._found: dict[tuple[type[Result], str, str], _Candidates] = {}

    def plan(self, event: Event) -> Plan:
        """The calls for an event; nothing is run, but the predicates of ``when=``."""
        calls: list[Call] = []
        completing: list[Call] = []
        unhandled: list[Result] = []
        for subtask in event.subtasks:
            if not self._add_calls(subtask, subtask.verb, calls):
                self._fall_back(subtask, calls, unhandled)
        taken = event.verb in self._verbs_of_events and self._add_calls(event, event.verb, calls)
        if "on_complete" in self._verbs_of_events and not event.in_progress:
            taken = self._add_calls(event, "on_complete", completing) or taken
        if not taken and (not event.subtasks or event.error):
            self._fall_back(event, calls, unhandled)
        return Plan(calls, completing, unhandled)

    def explain(self, event: Event) -> list[Reason]:
        """For every route and every result (the event last), whether it runs and why."""
        plan = self.plan(event)
        calls = {(call.route, call.result): call for call in plan.calls + plan.completing}
        return [
            Reason(route, result, (route, result) in calls, self._why(route, result, plan, calls))
            for result in (*event.subtasks, event)
            for route in self.routes
        ]

    def _add_calls(self, result: Result, verb: str, calls: list[Call]) -> bool:
        """Add the calls of the result under a verb; whether any route is for it."""
        named = result.type if self._types and result.type in self._types else ""
        key = type(result), named, verb
        try:
            found = self._found[key]
        except KeyError:
            found = self._found[key] = _Candidates(
                [route for route in self.routes if route.verb == verb and route.accepts(result)]
            )
        before = len(calls)
        for route in found.of(result) if found.by_definition else found.any:
            call = Call(route, result)
            if not (route.tests or self._repeats) or self._is_wanted(call, calls):
                calls.append(call)
        return len(calls) > before

    def _is_wanted(self, call: Call, calls: list[Call]) -> bool:
        """Whether the result passes the route's filters, and the callback is not called for it already."""
        result, route = call.result, call.route
        try:
            if not all(test.passes(result) for test in route.tests):
                return False
        except BaseException as error:  # it stays open whether to call: a failure, to be retried
            call.error = error
        return not self._repeats or all(
            other.result is not result or other.route.name != route.name for other in calls
        )

    def _fall_back(self, result: Result, calls: list[Call], unhandled: list[Result]) -> None:
        if not self._add_calls(result, "fallback", calls):
            unhandled.append(result)

    def _why(
        self, route: Route, result: Result, plan: Plan, calls: dict[tuple[Route, Result], Call]
    ) -> str:
        call = calls.get((route, result))
        if call is not None:
            if call.error is not None:
                from ..errors import describe_error
                from ..logs import scrub

                return f"{route} raises {scrub(describe_error(call.error))}"
            after = ", after every other callback succeeded" if route.verb == "on_complete" else ""
            return f"{route} matches{after}"
        if not route.accepts(result):
            return f"it is for {route.target}, this is {_named(result)}"
        if route.verb == "fallback":
            takers = [call.route.name for call in plan.calls if call.result is result]
            return f"taken by {', '.join(takers)}" if takers else "its results were looked at"
        if route.verb == "on_complete":
            if result.verb == "on_progress":
                return f"the task is not finished (Status {result.status})"
        elif route.verb != result.verb:
            return f"{route.verb} is not for Status {_state(result)}"
        # As in `plan`: the definition is looked up before any filter is asked.
        for one in sorted(route.filters, key=lambda one: one.name != "definition"):
            if not one.passes(result):
                return one.why_not(result)
        return "the same callback takes it by another registration"

    def _check_identities(self) -> None:
        callbacks: dict[str, Route] = {}
        seen: dict[tuple[object, ...], Route] = {}
        for route in self.routes:
            first = callbacks.setdefault(route.name, route)
            if first.callback != route.callback:  # a bound method is another object each time
                raise RegistrationError(
                    f"two callbacks are called {route.name}, the other at {first.where}: rename one, or give it "
                    f"another name with name=",
                    route.where,
                )
            same = (route.name, route.verb, route.kinds, route.type, frozenset(route.filters))
            if same in seen:
                raise RegistrationError(
                    f"{route.name} is registered twice as {route}: remove one (or the router that was given to "
                    f"the application twice)",
                    route.where,
                )
            seen[same] = route


class _Candidates:
    """The routes for one class, type and verb, in the order of registration, found by definition."""

    __slots__ = ("any", "by_definition")

    def __init__(self, routes: list[Route]) -> None:
        wanted = {
            definition
            for route in routes
            if route.definitions is not None
            for definition in route.definitions
        }
        self.any = tuple(route for route in routes if route.definitions is None)
        self.by_definition = {
            definition: tuple(
                route
                for route in routes
                if route.definitions is None or definition in route.definitions
            )
            for definition in wanted
        }

    def of(self, result: Result) -> tuple[Route, ...]:
        if isinstance(result, Subtask):
            return self.by_definition.get(result.definition, self.any)
        return self.any


def _target(verb: str, kind: object) -> tuple[tuple[type[Result], ...], str]:
    """The classes, or else the type, that a registration is for."""
    if isinstance(kind, type) and issubclass(kind, Result):
        kinds: tuple[type[Result], ...] = (kind,)
        type_ = ""
    elif isinstance(kind, str):
        from .type_names import find_classes

        kinds = find_classes(kind)
        type_ = "" if kinds else kind
    else:
        raise RegistrationError(
            f"{verb}() expects a class of results, e.g. {verb}(Transcode), or the name of a type, not {kind!r}"
        )
    if verb == "on_complete" and not (type_ or any(issubclass(one, Event) for one in kinds)):
        raise RegistrationError(
            f"on_complete() is for events, e.g. on_complete(WorkflowTask), not for {kinds[0].__name__}"
        )
    return kinds, type_


def _check_first_parameter(
    callback: Callable[..., Any], verb: str, kinds: tuple[type[Result], ...]
) -> None:
    parameters = read_parameters(callback)
    if read_code_flags(callback) & GENERATOR_FLAGS:
        raise RegistrationError(
            f"{callback.__qualname__}() contains yield, so that calling it runs nothing of it: take the yield out "
            f"(or out of what it wraps)"
        )
    if not parameters:
        raise RegistrationError(
            f"{callback.__qualname__}() takes no argument, but it is given the result it is called for: "
            f"def {callback.__name__}(result: {kinds[0].__name__ if kinds else 'UnknownSubtask'}): …"
        )
    wanted = parameters[0].annotation
    if not isinstance(wanted, type) or wanted.__module__ == "typing":  # Any is a class since 3.11
        return
    unknown = any(issubclass(kind, wanted) for kind in (UnknownSubtask, UnknownEvent))
    for kind in kinds or (() if unknown else (UnknownSubtask,)):
        if not issubclass(kind, wanted):
            raise RegistrationError(
                f"{callback.__qualname__}() is registered for {kind.__name__} but its first parameter is "
                f"{parameters[0].name}: {wanted.__name__}"
            )


def _filters(
    given: Any, above: tuple[Filter, ...], kinds: tuple[type[Result], ...]
) -> tuple[Filter, ...]:
    """The filters of the keyword arguments below those of the router; most registrations have none."""
    if not given and not above:
        return ()
    from .filters import check_reachable, create_filters

    both = above + create_filters(given)
    check_reachable(both, kinds)
    return both


def _named(result: Result) -> str:
    name = type(result).__name__
    return name if result.type in ("", name) else f"{name} ({result.type})"


def _state(result: Result) -> str:
    if isinstance(result, Subtask) and result.event.in_progress:
        return f"{result.status} of an event that is {result.event.status}"
    if isinstance(result, Event) and result.verb == "on_failure":
        return f"{result.status} with failures"
    return result.status or "(none)"
