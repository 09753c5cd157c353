"""Values that a provider opens and closes: generators, context managers and coroutines, async or not."""

from __future__ import annotations

from ..common.completion import compute_timeout
from ..errors import RegistrationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from typing import Any

    from ..context import Context


def opened(
    value: Any,
    kind: type,
    closing: list[Callable[[], object]] | None,
    context: Context,
) -> Any:
    """Return the value that a provider's result stands for, and keep how to close it.

    Args:
        value: what the provider returned.
        kind: the type it provides. A result of that type is the value itself.
        closing: takes the clean-up; None for a value of the instance, which is never cleaned up.
        context: the invocation's.

    Raises:
        RegistrationError: if there is a clean-up that would never run.
    """
    from ..common.event_loop import run_awaitable

    def wait(awaitable: Any) -> Any:
        return run_awaitable(awaitable, compute_timeout(context))

    if hasattr(type(value), "__await__") and not _is(value, kind):
        value = wait(value)
    made = type(value)
    enter: Callable[[], Any]
    close: Callable[[], object]
    if hasattr(made, "send") and hasattr(made, "__next__"):
        enter, close = lambda: next(value), lambda: _finish(value)
    elif hasattr(made, "asend"):
        enter, close = lambda: wait(anext(value)), lambda: wait(_finish_async(value))
    elif made.__module__ != "contextlib" or _is(value, kind):
        return value
    elif hasattr(made, "__aenter__"):
        enter, close = (
            lambda: wait(value.__aenter__()),
            lambda: wait(value.__aexit__(None, None, None)),
        )
    else:
        enter, close = value.__enter__, lambda: value.__exit__(None, None, None)
    if closing is None:
        raise RegistrationError(
            f"the provider of {kind.__name__} has a clean-up, but SCF ends an instance without a word, so that it would "
            f'never run: use per="invocation", or return the value'
        )
    found = enter()
    closing.append(close)
    return found


def _is(value: object, kind: type) -> bool:
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
    "the provider yields twice, so that what is behind the second yield would never run: yield once"
)
