"""The one decision whether a user's function ran: its result is final, was awaited, or is refused.

Calling a generator function, an async function or a function made by `contextlib.contextmanager` runs nothing of its
body. Every call of a callback, predicate or hook passes through here, so that none of them counts as done unrun.
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
    """Raise RegistrationError for a function that is async or yields, where only a plain one is called.

    Args:
        function: the function.
        role: what it is for, to begin the message with.
    """
    flags = read_code_flags(function)
    if flags & (COROUTINE_FLAG | GENERATOR_FLAGS):
        kind = "yields" if flags & GENERATOR_FLAGS else "is async"
        name = getattr(function, "__qualname__", function)
        raise RegistrationError(
            f"{role} {name} {kind}, so that calling it runs nothing: write a plain def that returns its result"
        )


def check_result(returned: Any) -> None:
    """Raise RegistrationError if what a call returned shows that its body has not run, or that other work has not.

    Raises an exception that was returned. Of a container each item counts, as of one coroutine for each file.
    """
    for one in _items(returned):
        _check_one(one)


def _items(returned: Any) -> list[Any]:
    """Return what a call returned and, if that is a container, what is in it at any depth."""
    found = [returned]
    containers: set[int] = set()
    for one in found:
        if isinstance(one, _CONTAINERS) and id(one) not in containers:
            containers.add(id(one))
            found += one
            found += one.values() if isinstance(one, dict) else ()
    return found


_CONTAINERS = (list, tuple, set, frozenset, dict)
_LAZY = ("builtins", "itertools", "multiprocessing.pool")
"""Modules whose iterators run a function for each item when that is taken. Those of others, as of databases and
files, are no sign of anything."""
_FUNCTIONS = (
    type(check_plain),
    type(check_plain.__get__(0)),
    type(len),
    type((0).__repr__),
    partial,
)


def _check_one(returned: Any) -> None:
    """See `check_result`. Attributes are looked up on the type: a mock has every attribute."""
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
        if hasattr(kind, "close"):  # of a coroutine, which Python would warn of
            returned.close()
        raise RegistrationError(
            f"it returned a {kind.__name__}, of which nothing has run: call it, iterate over it, or return its result"
        )


def _is_future(kind: type) -> bool:
    """Return True for futures of thread pools and asyncio, and for results of `multiprocessing.pool`."""
    return (hasattr(kind, "add_done_callback") and hasattr(kind, "result")) or (
        hasattr(kind, "successful") and hasattr(kind, "get")
    )


def await_result(returned: Any, context: Context) -> Any:
    """Return the final result of a call: awaited if it is awaitable, waited for if it is a future of a pool.

    Futures in containers are waited for too.

    Args:
        returned: what the call returned.
        context: the invocation's, whose `reserve` is left for recording the outcome.

    Raises:
        RegistrationError: if the body of the called function has not run.
        TimeoutError: if there is no result within that time.
    """
    while returned is not None:
        kind = type(returned)
        if hasattr(kind, "__await__") or _is_future(kind):
            returned = _wait(returned, context)
        else:
            for one in _items(returned):
                if _is_future(type(one)):
                    await_result(one, context)
                else:
                    _check_one(one)
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
    """Return the seconds for which an async callback may run: what is left of the invocation but its reserve."""
    left = max(0.0, context.remaining())
    return left - min(context.reserve, left / 2)
