"""Filters: keyword arguments of a registration that narrow the results a callback receives."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from ..common.completion import check_plain, check_result
from ..errors import RegistrationError
from ..events.base import Event, Result, Subtask, get_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypedDict

    class Filters(TypedDict, total=False):
        """The filter arguments of `Router` and its verbs."""

        definition: int | Collection[int] | None
        bucket: str | Collection[str] | None
        path: str | Collection[str] | None
        source: str | Collection[str] | None
        session: str | Collection[str] | None
        when: Callable[[Any], object] | None


FILTER_NAMES = ("definition", "bucket", "path", "source", "session", "when")

_GLOB_FILTERS = ("path", "source", "session")


class Filter:
    """One filter argument, e.g. ``definition=(10, 20)``.

    Attributes:
        name: the keyword.
        values: exact values or globs. For ``when=``, the predicate.
    """

    __slots__ = ("_match_glob", "name", "values")

    def __init__(self, name: str, value: object) -> None:
        self.name = name
        self.values = _parse_values(name, value)
        self._match_glob = (
            re.compile("|".join(map(_translate_glob, sorted(map(str, self.values))))).fullmatch
            if name in _GLOB_FILTERS
            else None
        )

    def matches(self, result: Result) -> bool:
        """Return True if the result matches. An exception of a ``when=`` predicate passes through."""
        if self.name == "definition":
            return isinstance(result, Subtask) and result.definition in self.values
        if self.name == "when":
            (predicate,) = self.values
            returned = predicate(result)  # type: ignore[operator]
            if returned is True or returned is False:
                return returned
            check_result(returned)
            return bool(returned)
        values = _READERS[self.name](result)
        if self._match_glob is None:
            return any(value in self.values for value in values)
        return any(self._match_glob(value) for value in values)

    def explain_mismatch(self, result: Result) -> str:
        """Return a text with the filter and the values of a result that does not match."""
        if self.name == "when":
            return f"{self} is false"
        if self.name == "definition":
            values = [str(result.definition)] if isinstance(result, Subtask) else []
        else:
            values = sorted(set(_READERS[self.name](result)))
        return f"{self} does not match {', '.join(values) or 'none'}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Filter) and (self.name, self.values) == (other.name, other.values)

    def __hash__(self) -> int:
        return hash((self.name, self.values))

    def __str__(self) -> str:
        if self.name == "when":
            (predicate,) = self.values
            return f"when={getattr(predicate, '__qualname__', predicate)}"
        values: list[Any] = sorted(self.values)
        return f"{self.name}={values[0] if len(values) == 1 else tuple(values)!r}"


def create_filters(arguments: Filters) -> tuple[Filter, ...]:
    """Create the filters for keyword arguments. None stands for no filter.

    Raises:
        RegistrationError: an argument is unknown or can never match.
    """
    for name in arguments:
        if name not in FILTER_NAMES:
            from difflib import get_close_matches

            near = get_close_matches(name, FILTER_NAMES)
            hint = f"Did you mean {near[0]}=?" if near else f"Use {', '.join(FILTER_NAMES)}"
            raise RegistrationError(f"unknown filter {name}=. {hint}")
    return tuple(Filter(name, value) for name, value in arguments.items() if value is not None)


def check_reachable(filters: tuple[Filter, ...], kinds: tuple[type[Result], ...]) -> None:
    """Check that some result of the classes can match all filters.

    Raises:
        RegistrationError: no result can.
    """
    first_filters: dict[str, Filter] = {}
    for condition in filters:
        if condition.name in ("definition", "bucket"):
            first = first_filters.setdefault(condition.name, condition)
            if not condition.values & first.values:
                raise RegistrationError(f"no result matches both {first} and {condition}")
        for kind in kinds:
            if condition.name == "definition" and (
                issubclass(kind, Event) or not kind.has_definition
            ):
                raise RegistrationError(
                    f"{condition} can never match: {kind.__name__} has no definition"
                )
            if condition.name in ("bucket", "path") and not kind.has_location:
                raise RegistrationError(
                    f"{condition} can never match: {kind.__name__} has no output files"
                )


def _read_buckets(result: Result) -> list[str]:
    from ..events.files import find_locations

    return [bucket for bucket, _ in find_locations(result)]


def _read_keys(result: Result) -> list[str]:
    from ..events.files import find_locations

    return [key for _, key in find_locations(result)]


def _read_sources(result: Result) -> list[str]:
    return [source.path for source in get_event(result).inputs]


def _read_session(result: Result) -> list[str]:
    return [get_event(result).session_context]


_READERS: dict[str, Callable[[Result], list[str]]] = {
    "bucket": _read_buckets,
    "path": _read_keys,
    "source": _read_sources,
    "session": _read_session,
}


def _translate_glob(pattern: str) -> str:
    from fnmatch import translate

    return translate(pattern)


def _parse_values(name: str, value: object) -> frozenset[object]:
    if name == "when":
        if not callable(value):
            raise RegistrationError(
                f"when= expects a function of the result, e.g. when=lambda result: …, got {value!r}"
            )
        check_plain(value, "predicate when=")
        return frozenset([value])
    kind = int if name == "definition" else str
    values = [value] if isinstance(value, int | str) else value
    if not isinstance(values, Collection) or not values:
        raise RegistrationError(f"{name}= expects one or more {kind.__name__}, got {value!r}")
    for item in values:
        if not isinstance(item, kind) or isinstance(item, bool):
            raise RegistrationError(f"{name}= expects {kind.__name__}, got {item!r}")
        _check_value(name, str(item))
    return frozenset(values)


def _check_value(name: str, value: str) -> None:
    if name in ("path", "source") and value.startswith("/"):
        raise RegistrationError(
            f"{name}={value!r} can never match: COS keys have no leading slash. "
            f"Use {value.lstrip('/')!r}"
        )
    if name == "bucket" and not re.fullmatch(r"[^/.]+-[0-9*]+", value):
        raise RegistrationError(
            f"bucket={value!r} can never match: bucket names end with the APPID, "
            f"e.g. media-1250000000"
        )
