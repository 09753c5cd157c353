"""Completion of users' functions: their results are final, awaited, or refused.

Calling a generator function, an async function or a function made by `contextlib.contextmanager` runs nothing of its
body. Every result of a callback, predicate or hook is checked here, so that none of them is done without having run.
"""

from __future__ import annotations

from functools import partial

from ..errors import RegistrationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..context import Context

# inspect.CO_GENERATOR, CO_COROUTINE and CO_ASYNC_GENERATOR, without the 9 ms of importing inspect.
COROUTINE_FLAG = 0x80
GENERATOR_FLAGS = 0x20 | 0x200


def read_code_flags(function: Any) -> int:
    """Return the code flags of a function and of all that it wraps, combined."""
    flags = 0
    while function is not None:
        code = getattr(function, "__code__", None)
        if code is None and callable(function):
            code = getattr(type(function).__call__, "__code__", None)
        flags |= 0 if code is None else code.co_flags
        wrapped = getattr(function, "__wrapped__", None)
        function = function.func if isinstance(function, partial) else wrapped
    return flags


def check_plain(function: Any, role: str) -> None:
    """Raise RegistrationError for an async function or a generator function, where only a plain one can be called."""
    flags = read_code_flags(function)
    if flags & (COROUTINE_FLAG | GENERATOR_FLAGS):
        kind = "yields" if flags & GENERATOR_FLAGS else "is async"
        name = getattr(function, "__qualname__", function)
        raise RegistrationError(
            f"the {role} {name} {kind}, so calling it would run nothing. Write a plain def that returns its result"
        )


def check_result(returned: Any) -> None:
    """Raise RegistrationError if the result of a call shows that some work has not run.

    A returned exception is raised. Every item of a container is checked, e.g. one coroutine for each file.
    """
    for item in _list_items(returned):
        _check_item(item)


def _list_items(returned: Any) -> list[Any]:
    """Return the result of a call and, if it is a container, its items at any depth."""
    items = [returned]
    containers: set[int] = set()
    for item in items:
        if isinstance(item, _CONTAINERS) and id(item) not in containers:
            containers.add(id(item))
            items += item
            items += item.values() if isinstance(item, dict) else ()
    return items


_CONTAINERS = (list, tuple, set, frozenset, dict)
_LAZY = ("builtins", "itertools", "multiprocessing.pool")
"""Modules whose iterators run a function for each item they return. Iterators of others, such as databases and files,
are accepted."""
_FUNCTIONS = (
    type(check_plain),
    type(check_plain.__get__(0)),
    type(len),
    type((0).__repr__),
    partial,
)


def _check_item(returned: Any) -> None:
    """Check one result. See `check_result`. Attributes are those of the type, because a mock has every attribute."""
    if isinstance(returned, BaseException):
        raise returned
    kind = type(returned)
    if (
        (hasattr(kind, "__next__") and (hasattr(kind, "send") or kind.__module__ in _LAZY))
        or hasattr(kind, "asend")
        or hasattr(kind, "__await__")
        or _is_future(kind)
        or kind in _FUNCTIONS
        or kind.__module__ == "contextlib"
    ):
        if hasattr(kind, "close"):  # Python would warn of a coroutine
            returned.close()
        raise RegistrationError(
            f"it returned a {kind.__name__}, which has not run. Call it, iterate over it, or return its result"
        )


def _is_future(kind: type) -> bool:
    """Return True for futures of thread pools and asyncio, and for results of `multiprocessing.pool`."""
    return (hasattr(kind, "add_done_callback") and hasattr(kind, "result")) or (
        hasattr(kind, "successful") and hasattr(kind, "get")
    )


def await_result(returned: Any, context: Context) -> Any:
    """Return the final result of a call, after awaiting it. Futures of pools are awaited too, also in containers.

    Raises:
        RegistrationError: the body of the called function has not run.
        TimeoutError: there is no result when only the `reserve` of the context is left, for recording the outcome.
    """
    while returned is not None:
        kind = type(returned)
        if hasattr(kind, "__await__") or _is_future(kind):
            returned = _wait(returned, context)
        else:
            for item in _list_items(returned):
                if _is_future(type(item)):
                    await_result(item, context)
                else:
                    _check_item(item)
            break
    return returned


def _wait(future: Any, context: Context) -> Any:
    seconds = compute_timeout(context)
    if hasattr(type(future), "__await__"):
        from .event_loop import run_awaitable

        return run_awaitable(future, seconds)
    wait = future.result if hasattr(type(future), "result") else future.get
    return wait(None if seconds == float("inf") else seconds)


def compute_timeout(context: Context) -> float:
    """Return the seconds for which an async callback may run: the rest of the invocation except for its reserve."""
    remaining = max(0.0, context.remaining())
    return remaining - min(context.reserve, remaining / 2)
