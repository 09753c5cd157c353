"""Middleware: hooks around events and callbacks.

An extension overrides the hooks it needs and is passed to `App(middleware=[…])`. Threads share it, so the state of an
event belongs into `Event.state`, or into the local variables of `around_event`.
"""

from __future__ import annotations

from ..common.completion import check_plain
from ..errors import RegistrationError
from .runner import Hooks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, ClassVar

    from ..context import Context
    from ..events.base import Event
    from ..routing.plan import Call, Route


class Middleware:
    """Hooks that do nothing unless they are overridden.

    A hook that raises fails the callback it is around. The hooks of an event fail the event.
    """

    options: ClassVar[Mapping[str, type]] = {}
    """The names and types of the options that a registration may pass with ``options={…}``."""

    def around_event(
        self, event: Event, context: Context, proceed: Callable[[], dict[str, Any]]
    ) -> dict[str, Any] | None:
        """Handle an event with `proceed()`, and anything before, after or instead of it.

        All other hooks, the ledger and the callbacks run inside `proceed`. It returns the summary, and raises
        `CallbacksFailed` if a callback failed, or `LedgerError`. An exception that is not let through is not seen by
        SCF, which then does not retry the event.

        Returns:
            The summary for SCF. None stands for that of `proceed`.
        """
        return proceed()

    def before_event(self, event: Event, context: Context) -> None:
        """Prepare for an event, of which no callback has run."""

    def around_callback(self, call: Call, proceed: Callable[[], Any]) -> Any:
        """Run a callback with `proceed()`, and anything before, after or instead of it.

        `proceed` raises the exception of the callback. Let it through unless it is handled here.
        """
        return proceed()

    def after_callback(self, call: Call) -> None:
        """Use the outcome of a callback, ``call.outcome``: done, failed, dropped or deferred."""

    def after_event(self, event: Event, context: Context, summary: dict[str, Any]) -> None:
        """Use or change the summary of an event, after all callbacks. SCF gets it unless a callback failed."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in vars(cls):
            if not name.startswith("_") and name not in _HOOKS and callable(getattr(cls, name)):
                from difflib import get_close_matches

                near = get_close_matches(name, _HOOKS)
                hint = f"Did you mean {near[0]}?" if near else f"Hooks are {', '.join(_HOOKS)}"
                raise RegistrationError(
                    f"{cls.__name__}.{name} is not a hook of Middleware and would never be called. {hint} "
                    f"(Start the names of other methods with an underscore)"
                )


_HOOKS = ("around_event", "before_event", "around_callback", "after_callback", "after_event")


def collect_hooks(middleware: Sequence[Middleware]) -> Hooks:
    """Return the overridden hooks, in the order of their calls. The others cost nothing.

    Raises:
        RegistrationError: an item is not a `Middleware`, or a hook is async or a generator.
    """
    for item in middleware:
        if not isinstance(item, Middleware):
            raise RegistrationError(f"{item!r} is not an instance of a subclass of Middleware")
    hooks = Hooks()
    for name in _HOOKS:
        for item in middleware:
            check_plain(getattr(item, name), "hook")
        # `before_event` goes from the outermost inwards, the others go outwards.
        order = middleware if name == "before_event" else list(reversed(middleware))
        overriding = [getattr(item, name) for item in order if _overrides(item, name)]
        getattr(hooks, name).extend(overriding)
    return hooks


def check_options(routes: Sequence[Route], middleware: Sequence[Middleware]) -> None:
    """Raise RegistrationError for an option of a route that no middleware has, or whose type differs."""
    declared = {name: kind for item in middleware for name, kind in item.options.items()}
    for route in routes:
        for name, value in route.options.items():
            if name not in declared:
                known = ", ".join(sorted(declared))
                hint = (
                    f"Use {known}" if known else "Is a middleware missing in App(middleware=[…])?"
                )
                raise RegistrationError(
                    f"{route.name} has an unknown option {name!r}. {hint}", route.where
                )
            if not isinstance(value, declared[name]):
                raise RegistrationError(
                    f"option {name!r} of {route.name} takes {declared[name].__name__}, not {value!r}",
                    route.where,
                )


def _overrides(middleware: Middleware, hook: str) -> bool:
    return getattr(type(middleware), hook) is not getattr(Middleware, hook)
