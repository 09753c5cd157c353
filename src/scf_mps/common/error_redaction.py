"""Exceptions without secrets. SCF prints an exception that leaves the function, with its causes, into its own log.

An exception whose printed form has no secret stays as it is. Any other is replaced by a copy of the same class, whose
text has no secrets. The traceback of the original is in our own log line.
"""

from __future__ import annotations

import traceback

from ..errors import CallbackFailed, ScfMpsError, describe_error, list_members, read_message
from ..logs import scrub

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

MAX_CHAIN = 50
"""Maximum causes of causes that are kept. Printing one takes time for all below it."""

_PLAIN = (str, bytes, bool, int, float, type(None))
_CONTAINERS = (dict, list, tuple)


def redact_error(error: BaseException) -> BaseException:
    """Return the exception, or a copy without secrets in its text, attributes, notes, causes and members."""
    return error if _is_safe(error) else _copy(error, {}, 0)


def create_failure(callback: str, result: str, error: BaseException) -> CallbackFailed:
    """Return a CallbackFailed that was caused by an error, without the error's secrets.

    Where no callback failed, `callback` is the part of the framework and `result` the place of the event.
    """
    cause = redact_error(error)
    failure = CallbackFailed(callback, result, describe_error(cause))
    failure.__cause__ = cause
    return failure


def _is_safe(error: BaseException) -> bool:
    seen = {id(error)}
    chain = [error]
    for current in chain:
        if len(chain) > MAX_CHAIN:
            return False
        try:
            if any(scrub(text) != text for text in _list_texts(current)):
                return False
        except Exception:  # it cannot be printed
            return False
        for other in (current.__cause__, current.__context__, *list_members(current)):
            if isinstance(other, BaseException) and id(other) not in seen:
                seen.add(id(other))
                chain.append(other)
    return True


def _list_texts(error: BaseException) -> Iterator[str]:
    yield read_message(error)
    yield "".join(traceback.format_exception_only(type(error), error))
    yield "".join(traceback.format_tb(error.__traceback__))
    for value in (error.args, *vars(error).values()):
        if isinstance(value, (str, bytes, *_CONTAINERS)):
            yield _represent(value)


def _represent(value: object) -> str:
    try:
        return repr(value)
    except Exception:
        return ""


def _copy(error: BaseException, copies: dict[int, BaseException], depth: int) -> BaseException:
    if id(error) in copies:
        return copies[id(error)]
    text = scrub(read_message(error))
    members = list_members(error) if depth < MAX_CHAIN else ()
    members = tuple(_copy(member, copies, depth + 1) for member in members)
    copy = _create_blank(error, text, members)
    copies[id(error)] = copy
    kept = {
        name: _scrub_value(value)
        for name, value in vars(error).items()
        if isinstance(value, (*_PLAIN, *_CONTAINERS))
    }
    # On Python 3.10 a group has its members in this attribute.
    vars(copy).update(kept | ({"exceptions": members} if members and "exceptions" in kept else {}))
    if depth < MAX_CHAIN:
        if error.__cause__ is not None:
            copy.__cause__ = _copy(error.__cause__, copies, depth + 1)
        elif error.__context__ is not None and not error.__suppress_context__:
            copy.__context__ = _copy(error.__context__, copies, depth + 1)
    copy.__suppress_context__ = error.__suppress_context__
    lines = "".join(traceback.format_tb(error.__traceback__))
    return copy.with_traceback(error.__traceback__ if scrub(lines) == lines else None)


def _create_blank(
    error: BaseException, text: str, members: tuple[BaseException, ...]
) -> BaseException:
    """Return an exception of the same class with nothing but a text."""
    kind = type(error)
    name = scrub(kind.__name__)
    body = {
        "__module__": scrub(str(kind.__module__)),
        "__qualname__": scrub(kind.__qualname__),
        "__init__": lambda self, *args: None,
        "__str__": lambda self: text,
        "__repr__": lambda self: f"{name}({text!r})",
    }
    # A user's own __new__ may need other arguments.
    new: Any = next(base.__new__ for base in kind.__mro__ if base.__module__ == "builtins")
    try:
        same: Any = type(name, (kind,), body)
        blank: BaseException = new(same, text, members) if members else new(same, text)
        blank.args = (text,)
        traceback.format_exception_only(same, blank)
        getattr(blank, "__notes__", None)  # as printing does from Python 3.11 on
    except (
        Exception
    ):  # the class has no subclasses, or its instances need __init__, e.g. urllib's HTTPError
        other: Any = type(name, (ScfMpsError,), body)
        blank = other(text)
    return blank


def _scrub_value(value: Any) -> Any:
    """Return a value of JSON without secrets. Return the text of any other value."""
    if isinstance(value, dict):
        return {_scrub_value(name): _scrub_value(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_scrub_value, value)) if type(value) in (list, tuple) else ()
    if isinstance(value, bytes):
        return scrub(value.decode("latin-1")).encode("latin-1", "replace")
    if isinstance(value, str) or not isinstance(value, _PLAIN):
        return scrub(value if isinstance(value, str) else _represent(value))
    return value
