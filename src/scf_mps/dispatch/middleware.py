"""What an extension can do around events and callbacks: one class of hooks, each of which does nothing.

An extension overrides the hooks it needs and is given to `App(middleware=[…])`. It holds no state of an event:
threads may share it.
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
    """Hooks around the work of an application. The first given is the outermost.

    A hook that raises fails the callback it is around; `before_event` and `after_event` fail the event.
    """

    options: ClassVar[Mapping[str, type]] = {}
    """The options a registration may give it with ``options={…}``: their names and types."""

    def before_event(self, event: Event, context: Context) -> None:
        """An event was read; nothing of it has run."""

    def around_callback(self, call: Call, proceed: Callable[[], Any]) -> Any:
        """Runs a callback with `proceed()`, and may do something before, after or instead.

        What `proceed` raises is the callback's exception: let it through unless it is handled here.
        """
        return proceed()

    def after_callback(self, call: Call) -> None:
        """A callback was done, failed, was dropped or deferred: ``call.outcome`` tells."""

    def after_event(self, event: Event, context: Context, summary: dict[str, Any]) -> None:
        """Every callback had its turn; what `summary` says is returned to SCF unless a callback failed."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in vars(cls):
            if not name.startswith("_") and name not in _HOOKS and callable(getattr(cls, name)):
                from difflib import get_close_matches

                near = get_close_matches(name, _HOOKS)
                hint = f"did you mean {near[0]}?" if near else f"hooks are {', '.join(_HOOKS)}"
                raise RegistrationError(
                    f"{cls.__name__}.{name} is no hook of Middleware and would never be called; {hint} "
                    f"(methods of your own begin with an underscore)"
                )


_HOOKS = ("before_event", "around_callback", "after_callback", "after_event")


def collect_hooks(middleware: Sequence[Middleware]) -> Hooks:
    """The hooks that are overridden, in the order they are called in: one that does nothing costs nothing."""
    for one in middleware:
        if not isinstance(one, Middleware):
            raise RegistrationError(
                f"expected an instance of a subclass of Middleware, not {one!r}"
            )
    hooks = Hooks()
    for name in _HOOKS:
        for one in middleware:
            check_plain(getattr(one, name), "the hook")
        # What runs before goes from the outermost inwards; the rest starts with the innermost.
        order = middleware if name == "before_event" else list(reversed(middleware))
        getattr(hooks, name).extend(getattr(one, name) for one in order if _overrides(one, name))
    return hooks


def check_options(routes: Sequence[Route], middleware: Sequence[Middleware]) -> None:
    """Raises RegistrationError for an option that no middleware has, or of another type than it declares."""
    declared = {name: kind for one in middleware for name, kind in one.options.items()}
    for route in routes:
        for name, value in route.options.items():
            if name not in declared:
                known = (
                    ", ".join(sorted(declared))
                    or "none: is a middleware missing from App(middleware=[…])?"
                )
                raise RegistrationError(
                    f"{route.name} has an unknown option {name!r}; there are {known}", route.where
                )
            if not isinstance(value, declared[name]):
                raise RegistrationError(
                    f"option {name!r} of {route.name} expects {declared[name].__name__}, not {value!r}",
                    route.where,
                )


def _overrides(middleware: Middleware, hook: str) -> bool:
    return getattr(type(middleware), hook) is not getattr(Middleware, hook)
