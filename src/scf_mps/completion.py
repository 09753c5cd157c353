"""The one decision whether a user's function ran: its result is final, was awaited, or is refused.

Calling a generator function, an async function or a function made by `contextlib.contextmanager` runs nothing of its
body. Every call of a callback, predicate or hook passes through here, so that none of them counts as done unrun.
"""

from __future__ import annotations

from functools import partial

from .errors import RegistrationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .context import Context

# inspect.CO_GENERATOR, CO_COROUTINE and CO_ASYNC_GENERATOR, without the 9 ms of importing inspect.
COROUTINE = 0x80
YIELDS = 0x20 | 0x200


def body_flags(function: Any) -> int:
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
    flags = body_flags(function)
    if flags & (COROUTINE | YIELDS):
        kind = "yields" if flags & YIELDS else "is async"
        name = getattr(function, "__qualname__", function)
        raise RegistrationError(
            f"{role} {name} {kind}, so that calling it runs nothing: write a plain def that returns its result"
        )


def check_ran(returned: Any) -> None:
    """Raise RegistrationError if what a call returned shows that its body has not run.

    Attributes are looked up on the type: a mock has every attribute. Of a list each item counts, as of one coroutine
    for each file.
    """
    kind = type(returned)
    if kind in (list, tuple, set):
        for one in returned:
            check_ran(one)
    if (
        (hasattr(kind, "send") and hasattr(kind, "__next__"))
        or hasattr(kind, "asend")
        or hasattr(kind, "__await__")
        or kind in (map, filter)
        or kind.__module__ == "contextlib"
    ):
        if hasattr(kind, "close"):  # of a coroutine, which Python would warn of
            returned.close()
        raise RegistrationError(
            f"it returned a {kind.__name__}, of which nothing has run: iterate over it, or return its result"
        )


def complete(returned: Any, context: Context) -> Any:
    """Return the final result of a call: awaited if it is awaitable, waited for if it is a future of a thread pool.

    Args:
        returned: what the call returned.
        context: the invocation's, whose `reserve` is left for recording the outcome.

    Raises:
        RegistrationError: if the body of the called function has not run.
        TimeoutError: if there is no result within that time.
    """
    while returned is not None:
        kind = type(returned)
        if hasattr(kind, "__await__"):
            from .loop import run

            returned = run(returned, limit(context))
        elif hasattr(kind, "add_done_callback") and hasattr(kind, "result"):
            seconds = limit(context)
            returned = returned.result(None if seconds == float("inf") else seconds)
        else:
            check_ran(returned)
            break
    return returned


def limit(context: Context) -> float:
    """Return the seconds for which an async callback may run: what is left of the invocation but its reserve."""
    left = max(0.0, context.remaining())
    return left - min(context.reserve, left / 2)
