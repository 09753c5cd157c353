"""Values that a provider opens and closes: generators, context managers and coroutines, async or not."""

from __future__ import annotations

from ..common.completion import compute_timeout
from ..errors import RegistrationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from typing import Any, TypeAlias

    from ..context import Context
    from .invocation import Cleanup

    Steps: TypeAlias = tuple[Callable[[], Any], Callable[[], object]]
    """Opens a resource and returns its value; closes it."""


def open_value(value: Any, kind: type, cleanups: list[Cleanup] | None, context: Context) -> Any:
    """Return the value that the result of a provider stands for, and keep its cleanup.

    Args:
        value: what the provider returned.
        kind: the type it provides. A result of that type is the value itself.
        cleanups: takes the cleanup. None for a value of the instance, which is never cleaned up.
        context: the invocation's context, which bounds what is awaited.

    Raises:
        RegistrationError: there is a cleanup that would never run.
    """
    from ..common.event_loop import run_awaitable

    def wait(awaitable: Any) -> Any:
        return run_awaitable(awaitable, compute_timeout(context))

    if hasattr(type(value), "__await__") and not _is_instance(value, kind):
        value = wait(value)
    steps = _find_steps(value, kind, wait)
    if steps is None:
        return value
    if cleanups is None:
        raise RegistrationError(
            f"the provider of {kind.__name__} has a cleanup, but SCF ends an instance without notice and it would "
            f'never run. Use per="invocation", or return the value'
        )
    enter, close = steps
    opened = enter()
    cleanups.append(close)
    return opened


def _find_steps(value: Any, kind: type, wait: Callable[[Any], Any]) -> Steps | None:
    """Return the steps of a generator or context manager, or None for a plain value."""
    result_type = type(value)
    if hasattr(result_type, "send") and hasattr(result_type, "__next__"):
        return lambda: next(value), lambda: _finish(value)
    if hasattr(result_type, "asend"):
        return lambda: wait(anext(value)), lambda: wait(_finish_async(value))
    if result_type.__module__ != "contextlib" or _is_instance(value, kind):
        return None
    if hasattr(result_type, "__aenter__"):
        return lambda: wait(value.__aenter__()), lambda: wait(value.__aexit__(None, None, None))
    return value.__enter__, lambda: value.__exit__(None, None, None)


def _is_instance(value: object, kind: type) -> bool:
    try:
        return isinstance(value, kind)
    except TypeError:  # a protocol that cannot be checked
        return False


def _finish(generator: Generator[Any, None, None]) -> None:
    try:
        for _ in generator:
            raise RegistrationError(_SECOND_YIELD)
    finally:
        generator.close()


async def _finish_async(generator: AsyncGenerator[Any, None]) -> None:
    try:
        async for _ in generator:
            raise RegistrationError(_SECOND_YIELD)
    finally:
        await generator.aclose()


_SECOND_YIELD = (
    "the provider yields twice, and the code after the second yield would never run. Yield once"
)
