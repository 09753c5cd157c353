"""Parameters of callbacks and providers, read without `inspect`."""

from __future__ import annotations

from ..errors import RegistrationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any


class Parameter:
    """One parameter of a callback or provider.

    Attributes:
        name: the parameter's name.
        annotation: the annotation, None if there is none. A text if it names nothing at run time.
        required: False if the parameter has a default.
    """

    __slots__ = ("annotation", "name", "required")

    def __init__(self, name: str, annotation: object, required: bool) -> None:
        self.name = name
        self.annotation = annotation
        self.required = required


def unwrap_function(function: Any) -> Any:
    """Return the function that `functools.wraps` wrapped, at any depth."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def locate_function(function: Callable[..., Any]) -> str:
    """Return ``file:line`` of a function."""
    code = unwrap_function(function).__code__
    return f"{code.co_filename}:{code.co_firstlineno}"


def read_parameters(callback: Callable[..., Any]) -> list[Parameter]:
    """Return the parameters of a function, or of the function that it wraps.

    Raises:
        RegistrationError: the callback is not a function, but a class, a partial or an object with ``__call__``.
    """
    function = unwrap_function(callback)
    code: CodeType | None = getattr(function, "__code__", None)
    if code is None:
        raise RegistrationError(f"expected a function (def or async def), not {function!r}")
    count = code.co_argcount
    names = code.co_varnames[: count + code.co_kwonlyargcount]
    optional = {*names[count - len(function.__defaults__ or ()) : count]}
    optional |= set(function.__kwdefaults__ or ())
    bound = 1 if hasattr(function, "__self__") else 0
    return [
        Parameter(name, _read_annotation(function, name), name not in optional)
        for name in names[bound:]
    ]


def _read_annotation(function: Any, name: str) -> object:
    annotation = function.__annotations__.get(name)
    if isinstance(annotation, str):
        try:
            return eval(annotation, function.__globals__)
        except Exception:
            return annotation
    return annotation
