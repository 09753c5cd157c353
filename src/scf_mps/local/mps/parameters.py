"""Checks of the parameters of templates: types, ranges, and the error code of each parameter."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any

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


@dataclass(frozen=True, slots=True)
class Integer:
    """An integer in a range. With `zero`, 0 is valid too."""

    low: int
    high: int
    zero: bool = False

    def __call__(self, path: str, value: Any) -> int:
        """Check a value."""
        if type(value) is int and (self.low <= value <= self.high or (self.zero and value == 0)):
            return value
        allowed = f"{self.low} to {self.high}{' or 0' if self.zero else ''}"
        raise Invalid(path, f"invalid {path} {value!r}. Use an integer {allowed}")


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a range."""

    low: float
    high: float

    def __call__(self, path: str, value: Any) -> float:
        """Check a value."""
        if type(value) in (int, float) and self.low <= value <= self.high:
            return float(value)
        raise Invalid(path, f"invalid {path} {value!r}. Use a number {self.low} to {self.high}")


class Choice:
    """One of some values."""

    def __init__(self, *values: Any) -> None:
        self._values = values

    def __call__(self, path: str, value: Any) -> Any:
        """Check a value."""
        # True equals 1, but is no number in JSON.
        if any(type(value) is type(item) and value == item for item in self._values):
            return value
        names = ", ".join(map(str, self._values))
        raise Invalid(path, f"invalid {path} {value!r}. Use one of {names}")


@dataclass(frozen=True, slots=True)
class Text:
    """A text of at most some characters."""

    maximum: int

    def __call__(self, path: str, value: Any) -> str:
        """Check a value."""
        if isinstance(value, str) and len(value) <= self.maximum:
            return value
        raise Invalid(path, f"invalid {path}. Use a text of at most {self.maximum} characters")


def accept(path: str, value: Any) -> Any:
    """Return any value: the local MPS ignores the parameter."""
    del path
    return value


@dataclass(frozen=True, slots=True)
class Fields:
    """An object with these fields.

    Attributes:
        checks: by field.
        defaults: values of missing or null fields. Those without one remain missing.
    """

    checks: Mapping[str, Check]
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __call__(self, path: str, value: Any) -> dict[str, Any]:
        """Check a value."""
        if not isinstance(value, Mapping):
            raise Invalid(path, f"{path or 'the value'} is not an object")
        prefix = f"{path}." if path else ""
        for name in value:
            if name not in self.checks:
                raise Refused("UnknownParameter", f"unknown parameter {prefix}{name}")
        present = {name: item for name, item in value.items() if item is not None}
        merged = {**self.defaults, **present}
        return {
            name: check(prefix + name, merged[name])
            for name, check in self.checks.items()
            if name in merged
        }


@dataclass(frozen=True, slots=True)
class Items:
    """A list of 1 to `maximum` items."""

    check: Check
    maximum: int

    def __call__(self, path: str, value: Any) -> list[Any]:
        """Check a value."""
        if not isinstance(value, list) or not 0 < len(value) <= self.maximum:
            raise Invalid(path, f"{path} is not a list of 1 to {self.maximum} items")
        return [self.check(f"{path}.{index}", item) for index, item in enumerate(value)]


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters of which single values are replaced, also inside objects. Null changes nothing."""
    merged = dict(base)
    for name, value in changes.items():
        if isinstance(value, Mapping) and isinstance(merged.get(name), Mapping):
            merged[name] = merge(merged[name], value)
        elif value is not None:
            merged[name] = value
    return merged
