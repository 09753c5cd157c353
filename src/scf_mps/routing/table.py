"""The table of an application's routes: it selects the calls for an event and explains the selection."""

from __future__ import annotations

from ..errors import RegistrationError
from ..events.base import Event, Result, Subtask
from .plan import Call, Plan, Reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .plan import Route


class Table:
    """The complete, checked routes of an application. It is immutable, so threads may share it.

    Routes are found by class, verb and definition, so the time to plan an event does not grow with their number.

    Raises:
        RegistrationError: two routes are the same, or two functions have the same identity.
    """

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self.routes = routes
        _check_identities(routes)
        names = [route.name for route in routes]
        self._has_repeated_callbacks = len(set(names)) < len(names)
        self._event_verbs = {
            route.verb
            for route in routes
            if not route.kinds
            or any(issubclass(kind, Event) or kind is Result for kind in route.kinds)
        }
        self._types = {route.type for route in routes if not route.kinds}
        self._candidates: dict[tuple[type[Result], str, str], _Candidates] = {}

    def plan(self, event: Event) -> Plan:
        """Return the calls for an event. Of the user's functions, only ``when=`` predicates run."""
        calls: list[Call] = []
        completing: list[Call] = []
        unhandled: list[Result] = []
        for subtask in event.subtasks:
            if not self._add_calls(subtask, subtask.verb, calls):
                self._fall_back(subtask, calls, unhandled)
        handled = event.verb in self._event_verbs and self._add_calls(event, event.verb, calls)
        if "on_complete" in self._event_verbs and not event.in_progress:
            handled = self._add_calls(event, "on_complete", completing) or handled
        if not handled and (not event.subtasks or event.error):
            self._fall_back(event, calls, unhandled)
        return Plan(calls, completing, unhandled)

    def explain(self, event: Event) -> list[Reason]:
        """Return, for every result (the event last) and every route, whether it runs and why."""
        plan = self.plan(event)
        calls = {(call.route, call.result): call for call in plan.calls + plan.completing}
        reasons = []
        for result in (*event.subtasks, event):
            for route in self.routes:
                call = calls.get((route, result))
                code, why = _explain_call(call) if call else _explain_absence(route, result, plan)
                reasons.append(Reason(route, result, code, why))
        return reasons

    def _add_calls(self, result: Result, verb: str, calls: list[Call]) -> bool:
        """Add the calls for a result under a verb. Return True if there are any."""
        named = result.type if self._types and result.type in self._types else ""
        key = type(result), named, verb
        try:
            candidates = self._candidates[key]
        except KeyError:
            candidates = self._candidates[key] = _Candidates(
                [route for route in self.routes if route.verb == verb and route.accepts(result)]
            )
        before = len(calls)
        for route in candidates.select(result) if candidates.by_definition else candidates.any:
            call = Call(route, result)
            is_unconditional = not (route.conditions or self._has_repeated_callbacks)
            if is_unconditional or self._is_selected(call, calls):
                calls.append(call)
        return len(calls) > before

    def _is_selected(self, call: Call, calls: list[Call]) -> bool:
        """Return True if the result passes the route's filters and its callback has no call for it yet."""
        result, route = call.result, call.route
        try:
            if not all(condition.matches(result) for condition in route.conditions):
                return False
        except BaseException as error:  # whether to call remains unknown: a failure, to be retried
            call.error = error
        return not self._has_repeated_callbacks or all(
            other.result is not result or other.route.name != route.name for other in calls
        )

    def _fall_back(self, result: Result, calls: list[Call], unhandled: list[Result]) -> None:
        if not self._add_calls(result, "fallback", calls):
            unhandled.append(result)


class _Candidates:
    """The routes for one class, type and verb, in the order of registration."""

    __slots__ = ("any", "by_definition")

    def __init__(self, routes: list[Route]) -> None:
        definitions = {
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
            for definition in definitions
        }

    def select(self, result: Result) -> tuple[Route, ...]:
        """Return the routes for the definition of a result."""
        if isinstance(result, Subtask):
            return self.by_definition.get(result.definition, self.any)
        return self.any


def _check_identities(routes: tuple[Route, ...]) -> None:
    first_routes: dict[str, Route] = {}
    seen: set[tuple[object, ...]] = set()
    for route in routes:
        first = first_routes.setdefault(route.name, route)
        if (
            first.callback != route.callback
        ):  # accessing a bound method makes another object each time
            raise RegistrationError(
                f"two callbacks are named {route.name}. The other is at {first.where}. "
                f"Rename one, or set name= in its registration",
                route.where,
            )
        identity = (route.name, route.verb, route.kinds, route.type, frozenset(route.filters))
        if identity in seen:
            raise RegistrationError(
                f"{route.name} is registered twice as {route}. "
                f"Remove one registration, or the router that the application received twice",
                route.where,
            )
        seen.add(identity)


def _explain_call(call: Call) -> tuple[str, str]:
    if call.error is not None:
        from ..errors import describe_error
        from ..logs import scrub

        return "raises", f"{call.route} raises {scrub(describe_error(call.error))}"
    if call.route.verb == "on_complete":
        return "matches", f"{call.route} matches, after every other callback succeeded"
    return "matches", f"{call.route} matches"


def _explain_absence(route: Route, result: Result, plan: Plan) -> tuple[str, str]:
    if not route.accepts(result):
        return "other_kind", f"it is for {route.target}, this is {_describe_kind(result)}"
    if route.verb == "fallback":
        callbacks = [call.route.name for call in plan.calls if call.result is result]
        why = f"handled by {', '.join(callbacks)}" if callbacks else "its results are handled"
        return "handled", why
    if route.verb == "on_complete":
        if result.verb == "on_progress":
            return "other_status", f"the task is not finished (Status {result.status})"
    elif route.verb != result.verb:
        return "other_status", f"{route.verb} is not for Status {_describe_status(result)}"
    # As in `Table.plan`, the definition comes before the other filters.
    for condition in sorted(route.filters, key=lambda item: item.name != "definition"):
        if not condition.matches(result):
            return "filtered", condition.explain_mismatch(result)
    return "repeated", "another registration of the same callback matches"


def _describe_kind(result: Result) -> str:
    name = type(result).__name__
    return name if result.type in ("", name) else f"{name} ({result.type})"


def _describe_status(result: Result) -> str:
    if isinstance(result, Subtask) and result.event.in_progress:
        return f"{result.status} of an event with Status {result.event.status}"
    if isinstance(result, Event) and result.verb == "on_failure":
        return f"{result.status} with failures"
    return result.status or "(none)"
