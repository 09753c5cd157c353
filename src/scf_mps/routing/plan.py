"""Values that routing, dispatch and ledger share: routes, calls, and the plan for one event."""

from __future__ import annotations

from ..common.completion import GENERATOR_FLAGS, read_code_flags
from ..errors import PACKAGE_FOLDER, RegistrationError, locate_caller
from .parameters import locate_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ..events.base import Event, Result
    from .filters import Filter


class Target:
    """The results that a route is for.

    Attributes:
        kinds: classes of results. Empty for a type without a class.
        type: that type, spelled as MPS sends it, or ``""``.
    """

    __slots__ = ("kinds", "type")

    def __init__(self, kinds: tuple[type[Result], ...] = (), type: str = "") -> None:
        self.kinds = kinds
        self.type = type

    def accepts(self, result: Result) -> bool:
        """Return True if the result is of the class or type, regardless of its status."""
        return isinstance(result, self.kinds) if self.kinds else result.type == self.type

    def __str__(self) -> str:
        return self.type or " | ".join(kind.__name__ for kind in self.kinds)


class RouteSettings:
    """The arguments of a registration that select no results. See `Router.on` and `Route`."""

    __slots__ = ("blocking", "name", "needs", "options", "where")

    def __init__(
        self,
        name: str = "",
        needs: float | None = None,
        blocking: bool = True,
        options: Mapping[str, object] | None = None,
        where: str = "",
    ) -> None:
        self.name = name
        self.needs = needs
        self.blocking = blocking
        self.options = options or {}
        self.where = where


class Provision:
    """A registration of `Router.provide`: the type, its factory and its lifetime.

    Attributes:
        kind: the type, as callbacks annotate it.
        factory: makes the values.
        per: ``"instance"`` or ``"invocation"``.
        subclasses: True if the factory makes values of subclasses too.

    Raises:
        RegistrationError: an argument is invalid, or a cleanup could never run.
    """

    __slots__ = ("factory", "kind", "per", "subclasses")

    def __init__(self, kind: type, factory: Callable[..., Any], per: str, subclasses: bool) -> None:
        if not isinstance(kind, type) or not callable(factory):
            raise RegistrationError(
                f"provide() takes a type and a function, not {kind!r} and {factory!r}"
            )
        if per not in ("instance", "invocation"):
            raise RegistrationError(f'per= takes "instance" or "invocation", not {per!r}')
        if per == "instance" and read_code_flags(factory) & GENERATOR_FLAGS:
            raise RegistrationError(
                f"provider {getattr(factory, '__qualname__', factory)} yields, but SCF ends an instance without notice "
                f'and its cleanup would never run. Use per="invocation", or return the value'
            )
        self.kind = kind
        self.factory = factory
        self.per = per
        self.subclasses = subclasses


class Route:
    """One registration: a callback and the results it is for.

    Attributes:
        name: the callback's identity: ``module.function``, or the ``name=`` of the registration.
        verb: ``on``, ``on_failure``, ``on_progress``, ``on_complete`` or ``fallback``.
        target: the classes or the type it is for.
        kinds: the classes of the target. Empty for a type without a class.
        type: that type, spelled as MPS sends it, or ``""``.
        filters: the filters of the registration and of the routers around it.
        needs: seconds of the invocation that must remain to start it. None stands for the application's reserve.
        blocking: True if its failure defers the ``on_complete`` callbacks registered after it.
        options: values for middleware.
        where: ``file:line`` of the callback, or of the registration if the callback belongs to this package.
    """

    __slots__ = (
        "blocking",
        "callback",
        "conditions",
        "definitions",
        "filters",
        "kinds",
        "name",
        "needs",
        "options",
        "target",
        "type",
        "verb",
        "where",
    )

    def __init__(
        self,
        callback: Callable[..., Any],
        verb: str,
        target: Target,
        filters: tuple[Filter, ...],
        settings: RouteSettings,
    ) -> None:
        self.callback = callback
        self.verb = verb
        self.target = target
        self.kinds = target.kinds
        self.type = target.type
        self.filters = filters
        self.name = settings.name or f"{callback.__module__}.{callback.__qualname__}"
        self.needs = settings.needs
        self.blocking = settings.blocking
        self.options = settings.options
        self.where = settings.where or _locate_registration(callback)
        # The table finds routes by definition. The other filters are conditions to test on each result.
        self.conditions = tuple(item for item in filters if item.name != "definition")
        sets = [item.values for item in filters if item.name == "definition"]
        self.definitions = frozenset.intersection(*sets) if sets else None

    def narrow(self, filters: tuple[Filter, ...]) -> Route:
        """Return this route with the filters of an enclosing router added."""
        if not filters:
            return self
        from .filters import check_reachable

        combined = filters + self.filters
        check_reachable(combined, self.kinds)
        settings = RouteSettings(self.name, self.needs, self.blocking, self.options, self.where)
        return Route(self.callback, self.verb, self.target, combined, settings)

    def accepts(self, result: Result) -> bool:
        """Return True if the result is of the route's class or type, regardless of status and filters."""
        return self.target.accepts(result)

    def __str__(self) -> str:
        if self.verb == "fallback":
            return "fallback"
        return f"{self.verb}({', '.join([str(self.target), *map(str, self.filters)])})"


def _locate_registration(callback: Callable[..., Any]) -> str:
    where = locate_function(callback)
    return locate_caller() if where.startswith(PACKAGE_FOLDER) else where


class Call:
    """One callback with one result, and its outcome.

    Attributes:
        outcome: ``""`` before the call, then ``done``, ``failed``, ``dropped``, ``deferred`` (not started: too little
            time remained, or an earlier callback failed) or ``skipped`` (completed in an earlier delivery).
        error: the exception it raised, if it failed or was dropped.
        why: the reason for not starting it, if it is deferred.
        seconds: the duration of the call.
        unsettled: True if it received a value whose cleanup, at the end of the invocation, may still fail.
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
    def event(self) -> Event:
        """The event of the result. An event is its own."""
        event: Any = getattr(self.result, "event", self.result)
        return event  # type: ignore[no-any-return]

    @property
    def key(self) -> str:
        """The identity of callback and result, the same in every delivery of an event."""
        if not self._key:
            self._key = f"{self.result.key} {self.route.name}"
        return self._key


class Plan:
    """The calls for one event.

    Attributes:
        calls: the calls for the results and the event, in the order of the results, then of registration.
        completing: the ``on_complete`` calls. They run after all other calls succeeded.
        unhandled: the results without any callback.
    """

    __slots__ = ("calls", "completing", "unhandled")

    def __init__(self, calls: list[Call], completing: list[Call], unhandled: list[Result]) -> None:
        self.calls = calls
        self.completing = completing
        self.unhandled = unhandled


class Reason:
    """The reason why a callback runs, or does not run, for a result.

    Attributes:
        route: the registration of the callback.
        result: the result or event.
        code: ``matches`` or ``raises`` if it runs. Otherwise ``other_kind``, ``other_status``, ``filtered``,
            ``repeated`` (another registration of the callback matches) or ``handled`` (a fallback is not needed).
        why: the reason as a text.
    """

    __slots__ = ("code", "result", "route", "why")

    def __init__(self, route: Route, result: Result, code: str, why: str) -> None:
        self.route = route
        self.result = result
        self.code = code
        self.why = why

    @property
    def runs(self) -> bool:
        """True if the callback runs for the result. A predicate that raises is a failure of its callback."""
        return self.code in ("matches", "raises")

    def __repr__(self) -> str:
        verdict = "runs" if self.runs else "does not run"
        return f"<{self.route.name} {verdict} for {self.result.place}: {self.why}>"
