"""Checks of the parameters of templates: types, ranges, and the error code of each parameter."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, TypeVar

from .errors import Refused

_PREFIXES = {
    "Video": "Video",
    "VideoTemplate": "Video",
    "Audio": "Audio",
    "AudioTemplate": "Audio",
    "TEHDConfig": "TEHD",
}
"""Object to the prefix that the codes of its fields have in some actions."""

_OTHER_NAMES = {"Width": "Resolution", "Height": "Resolution", "AudioChannel": "SoundSystem"}


class Invalid(Exception):
    """A parameter is invalid.

    Attributes:
        path: of the parameter, such as ``VideoTemplate.Fps``.
        message: the value and the fix.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message

    def find_code(self, documented: Container[str]) -> str:
        """Return the error code of the parameter, the first one that an action documents."""
        parent, _, name = self.path.rpartition(".")
        prefix = _PREFIXES.get(parent.rpartition(".")[2], "")
        for candidate in (prefix + name, name, _OTHER_NAMES.get(name, "")):
            if candidate in documented:
                return f"InvalidParameterValue.{candidate}"
        return "InvalidParameterValue"


Check = Callable[[str, Any], Any]
"""Takes a path and a value, returns the value. Raises Invalid, or Refused for an unknown parameter."""

_Value = TypeVar("_Value")


def integer(low: int, high: int, *, zero: bool = False) -> Check:
    """Return a check of an integer in a range, in which 0 may be allowed besides."""

    def check(path: str, value: Any) -> int:
        if type(value) is int and (low <= value <= high or (zero and value == 0)):
            return value
        allowed = f"{low} to {high}{' or 0' if zero else ''}"
        raise Invalid(path, f"invalid {path} {value!r}. Use an integer {allowed}")

    return check


def number(low: float, high: float) -> Check:
    """Return a check of a number in a range."""

    def check(path: str, value: Any) -> float:
        if type(value) in (int, float) and low <= value <= high:
            return float(value)
        raise Invalid(path, f"invalid {path} {value!r}. Use a number {low} to {high}")

    return check


def choice(values: Iterable[_Value]) -> Check:
    """Return a check of a value among some."""
    allowed = tuple(values)

    def check(path: str, value: Any) -> _Value:
        for candidate in allowed:
            if type(value) is type(candidate) and value == candidate:
                return candidate
        names = ", ".join(map(str, allowed))
        raise Invalid(path, f"invalid {path} {value!r}. Use one of {names}")

    return check


def text(maximum: int) -> Check:
    """Return a check of a text of some length."""

    def check(path: str, value: Any) -> str:
        if isinstance(value, str) and len(value) <= maximum:
            return value
        raise Invalid(path, f"invalid {path}. Use a text of at most {maximum} characters")

    return check


def anything(path: str, value: Any) -> Any:
    """Accept a value of a field that the local MPS ignores."""
    del path
    return value


def fields(checks: Mapping[str, Check], defaults: Mapping[str, Any]) -> Check:
    """Return a check of an object.

    Args:
        checks: by field. A field that is missing or null gets its default, or remains missing.
        defaults: values of missing fields.
    """

    def check(path: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise Invalid(path, f"{path} is not an object")
        unknown = sorted(set(value) - set(checks))
        if unknown:
            prefix = f"{path}." if path else ""
            raise Refused("UnknownParameter", f"unknown parameter {prefix}{unknown[0]}")
        given = {name: item for name, item in value.items() if item is not None}
        merged = {**defaults, **given}
        return {
            name: checks[name](f"{path}.{name}" if path else name, merged[name])
            for name in checks
            if name in merged
        }

    return check


def items(check: Check, maximum: int) -> Check:
    """Return a check of a list with at least one item."""

    def check_items(path: str, value: Any) -> list[Any]:
        if not isinstance(value, list) or not 0 < len(value) <= maximum:
            raise Invalid(path, f"{path} is not a list of 1 to {maximum} items")
        return [check(f"{path}.{index}", item) for index, item in enumerate(value)]

    return check_items


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters of which single values are replaced, also inside objects. Null changes nothing."""
    merged = dict(base)
    for name, value in changes.items():
        if isinstance(value, Mapping) and isinstance(merged.get(name), Mapping):
            merged[name] = merge(merged[name], value)
        elif value is not None:
            merged[name] = value
    return merged
