"""Parameters of callbacks and providers, read from their code objects.

Importing `inspect` takes longer than handling an event.
"""

from __future__ import annotations

from ..common.completion import GENERATOR_FLAGS, read_code_flags
from ..errors import RegistrationError
from ..events.base import UnknownEvent, UnknownSubtask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any

    from ..events.base import Result


class Parameter:
    """One parameter of a callback or provider.

    Attributes:
        name: its name.
        annotation: the evaluated annotation, None without one, or its text if it cannot be evaluated. ``X`` for
            ``X | None`` and ``Annotated[X, …]``.
        metadata: the values after ``X`` in ``Annotated[X, …]``.
        required: whether it has no default.
    """

    __slots__ = ("annotation", "metadata", "name", "required")

    def __init__(self, name: str, annotation: object, required: bool) -> None:
        self.name = name
        self.annotation, self.metadata = _unwrap_annotation(annotation)
        self.required = required


def unwrap_function(function: Any) -> Any:
    """Return the function that `functools.wraps` was applied to, at any depth."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def locate_function(function: Callable[..., Any]) -> str:
    """Return ``file:line`` of a function."""
    code = unwrap_function(function).__code__
    return f"{code.co_filename}:{code.co_firstlineno}"


def read_parameters(callback: Callable[..., Any]) -> list[Parameter]:
    """Return the parameters of a function, or of the function it wraps.

    Raises:
        RegistrationError: the object is not a function but a class, a partial or an object with ``__call__``.
    """
    function = unwrap_function(callback)
    code: CodeType | None = getattr(function, "__code__", None)
    if code is None:
        raise RegistrationError(f"not a function (def or async def): {function!r}")
    count = code.co_argcount
    names = code.co_varnames[: count + code.co_kwonlyargcount]
    optional = {*names[count - len(function.__defaults__ or ()) : count]}
    optional |= set(function.__kwdefaults__ or ())
    bound = 1 if hasattr(function, "__self__") else 0
    return [
        Parameter(name, _evaluate_annotation(function, name), name not in optional)
        for name in names[bound:]
    ]


def _unwrap_annotation(annotation: Any) -> tuple[object, tuple[object, ...]]:
    """Return the type of ``X | None`` and ``Annotated[X, …]``, and the metadata."""
    metadata: tuple[object, ...] = ()
    while True:
        members: tuple[Any, ...] = getattr(annotation, "__args__", ())
        if hasattr(annotation, "__metadata__"):
            metadata += annotation.__metadata__
            annotation = annotation.__origin__
        elif len(members) == 2 and type(None) in members:
            annotation = members[members[0] is type(None)]
        else:
            return annotation, metadata


def _evaluate_annotation(function: Any, name: str) -> object:
    annotation = function.__annotations__.get(name)
    if isinstance(annotation, str):
        try:
            return eval(annotation, function.__globals__)
        except Exception:
            return annotation
    return annotation


def check_first_parameter(callback: Callable[..., Any], kinds: tuple[type[Result], ...]) -> None:
    """Check that a callback can receive results.

    Args:
        callback: the function to register.
        kinds: the classes it is registered for. Empty for a type without a class.

    Raises:
        RegistrationError: the callback is a generator, has no parameter, or its first parameter is of another class.
    """
    parameters = read_parameters(callback)
    if read_code_flags(callback) & GENERATOR_FLAGS:
        raise RegistrationError(
            f"{callback.__qualname__}() contains yield, so calling it does not run its body. "
            f"Remove the yield, also from a function it wraps"
        )
    if not parameters:
        name = kinds[0].__name__ if kinds else "UnknownSubtask"
        raise RegistrationError(
            f"{callback.__qualname__}() has no parameter for the result. "
            f"Write def {callback.__name__}(result: {name}): …"
        )
    declared = parameters[0].annotation
    if (
        not isinstance(declared, type) or declared.__module__ == "typing"
    ):  # Any is a class since 3.11
        return
    accepts_unknown = any(issubclass(kind, declared) for kind in (UnknownSubtask, UnknownEvent))
    for kind in kinds or (() if accepts_unknown else (UnknownSubtask,)):
        if not issubclass(kind, declared):
            raise RegistrationError(
                f"{callback.__qualname__}() is registered for {kind.__name__}, but its first parameter is "
                f"{parameters[0].name}: {declared.__name__}. Change one of them"
            )
