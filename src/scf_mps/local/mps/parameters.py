"""Checks of the parameters of templates: types, ranges and the SDK's error code of each field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from .errors import Refused

MAX_NAME_CHARACTERS = 64
MAX_COMMENT_CHARACTERS = 256

_CODES = frozenset(
    [
        "AudioBitrate",
        "AudioChannel",
        "AudioCodec",
        "AudioSampleRate",
        "ColumnCount",
        "Comment",
        "Container",
        "ContainerType",
        "Definition",
        "Definitions",
        "DeleteDefaultTemplate",
        "DisableHigherVideoBitrate",
        "DisableHigherVideoResolution",
        "FillType",
        "Format",
        "FormatWebpWidthAndHeightBothZero",
        "Fps",
        "Gop",
        "Height",
        "Limit",
        "ModifyDefaultTemplate",
        "Name",
        "Quality",
        "RemoveAudio",
        "RemoveVideo",
        "ResolutionAdaptive",
        "RowCount",
        "SampleInterval",
        "SampleType",
        "TEHDType",
        "Type",
        "VideoBitrate",
        "VideoCodec",
        "Width",
    ]
)
"""The ``InvalidParameterValue.…`` codes of SDK 3.1.194 for templates. Other fields have no code of their own."""

Check = Callable[[str, Any], Any]
"""Takes a path and a value, returns the value, raises Refused."""

_Value = TypeVar("_Value")


def refuse(field: str, message: str) -> Refused:
    """Return the refusal of a field, with the field's own code if the SDK has one."""
    code = "InvalidParameterValue"
    return Refused(f"{code}.{field}" if field in _CODES else code, message)


def integer(low: int, high: int, *, zero: bool = False, code: str = "") -> Check:
    """Return a check of an integer in a range, in which 0 may be allowed besides."""

    def check(path: str, value: Any) -> int:
        if type(value) is int and (low <= value <= high or (zero and value == 0)):
            return value
        allowed = f"{low} to {high}{' or 0' if zero else ''}"
        raise refuse(code or _last(path), f"invalid {path} {value!r}. Use an integer {allowed}")

    return check


def number(low: float, high: float) -> Check:
    """Return a check of a number in a range."""

    def check(path: str, value: Any) -> float:
        if type(value) in (int, float) and low <= value <= high:
            return float(value)
        raise refuse(_last(path), f"invalid {path} {value!r}. Use a number {low} to {high}")

    return check


def choice(values: Iterable[_Value], *, code: str = "") -> Check:
    """Return a check of a value among some."""
    allowed = tuple(values)

    def check(path: str, value: Any) -> _Value:
        for candidate in allowed:
            if type(value) is type(candidate) and value == candidate:
                return candidate
        names = ", ".join(map(str, allowed))
        raise refuse(code or _last(path), f"invalid {path} {value!r}. Use one of {names}")

    return check


def text(maximum: int) -> Check:
    """Return a check of a text of some length."""

    def check(path: str, value: Any) -> str:
        if isinstance(value, str) and len(value) <= maximum:
            return value
        raise refuse(_last(path), f"invalid {path}. Use a text of at most {maximum} characters")

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
            raise refuse(_last(path), f"{path} is not an object")
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
            raise refuse(_last(path), f"{path} is not a list of 1 to {maximum} items")
        return [check(f"{path}.{index}", item) for index, item in enumerate(value)]

    return check_items


def _last(path: str) -> str:
    return path.rpartition(".")[2]
