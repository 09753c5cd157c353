"""The filters of a registration: keyword arguments that narrow which results a callback receives.

Each is a named test of one result; `why_not` tells in words why a result does not pass. Combining them into routes
is `routing/router.py`'s work.
"""

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
        """What `Router` and its verbs take to narrow what a callback receives."""

        definition: int | Collection[int] | None
        bucket: str | Collection[str] | None
        path: str | Collection[str] | None
        source: str | Collection[str] | None
        session: str | Collection[str] | None
        when: Callable[[Any], object] | None


class Filter:
    """One keyword argument of a registration: ``definition=(10, 20)``.

    Attributes:
        name: the keyword.
        values: what was given, as a frozenset of exact values or of globs; for ``when=`` the predicate alone.
    """

    __slots__ = ("_matches", "name", "values")

    def __init__(self, name: str, value: object) -> None:
        self.name = name
        self.values = _values(name, value)
        self._matches = (
            re.compile("|".join(map(_glob, sorted(map(str, self.values))))).fullmatch
            if name in _GLOBS
            else None
        )

    def passes(self, result: Result) -> bool:
        """Whether the result passes. A ``when=`` predicate may raise; that is its callback's failure."""
        if self.name == "definition":
            return isinstance(result, Subtask) and result.definition in self.values
        if self.name == "when":
            (predicate,) = self.values
            answer = predicate(result)  # type: ignore[operator]
            if answer is True or answer is False:
                return answer
            check_result(answer)
            return bool(answer)
        found = _FOUND[self.name](result)
        if self._matches is None:
            return any(value in self.values for value in found)
        return any(self._matches(value) for value in found)

    def why_not(self, result: Result) -> str:
        """Why the result does not pass, for people: what was wanted and what it has."""
        if self.name == "when":
            return f"{self} does not hold"
        if self.name == "definition":
            has = [str(result.definition)] if isinstance(result, Subtask) else []
        else:
            has = sorted(set(_FOUND[self.name](result)))
        return f"{self} is asked for, it has {', '.join(has) or 'none'}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Filter) and (self.name, self.values) == (other.name, other.values)

    def __hash__(self) -> int:
        return hash((self.name, self.values))

    def __str__(self) -> str:
        if self.name == "when":
            (predicate,) = self.values
            return f"when={getattr(predicate, '__qualname__', predicate)}"
        shown: list[Any] = sorted(self.values)
        return f"{self.name}={shown[0] if len(shown) == 1 else tuple(shown)!r}"


def create_filters(given: Filters) -> tuple[Filter, ...]:
    """The filters of the keyword arguments that were given; raises RegistrationError for one that cannot match."""
    for name in given:
        if name not in _NAMES:
            from difflib import get_close_matches

            near = get_close_matches(name, _NAMES)
            hint = f"did you mean {near[0]}=?" if near else f"there are {', '.join(_NAMES)}"
            raise RegistrationError(f"there is no filter {name}=; {hint}")
    return tuple(Filter(name, value) for name, value in given.items() if value is not None)


def check_reachable(filters: tuple[Filter, ...], kinds: tuple[type[Result], ...]) -> None:
    """Raises RegistrationError if no result of the classes can ever pass all the filters."""
    seen: dict[str, Filter] = {}
    for one in filters:
        if one.name in ("definition", "bucket"):
            other = seen.setdefault(one.name, one)
            if not one.values & other.values:
                raise RegistrationError(f"no result can have both {other} and {one}")
        for kind in kinds:
            if one.name == "definition" and (issubclass(kind, Event) or not kind.has_definition):
                raise RegistrationError(
                    f"{one} can never match: a {kind.__name__} has no definition"
                )
            if one.name in ("bucket", "path") and not kind.has_location:
                raise RegistrationError(
                    f"{one} can never match: a {kind.__name__} has no output files"
                )


def _buckets(result: Result) -> list[str]:
    from ..events.files import find_locations

    return [bucket for bucket, _ in find_locations(result)]


def _keys(result: Result) -> list[str]:
    from ..events.files import find_locations

    return [key for _, key in find_locations(result)]


def _sources(result: Result) -> list[str]:
    return [source.path for source in get_event(result).inputs]


_FOUND: dict[str, Callable[[Result], list[str]]] = {
    "bucket": _buckets,
    "path": _keys,
    "source": _sources,
    "session": lambda result: [get_event(result).session_context],
}

_NAMES = ("definition", "bucket", "path", "source", "session", "when")
_GLOBS = ("path", "source", "session")


def _glob(pattern: str) -> str:
    from fnmatch import translate

    return translate(pattern)


def _values(name: str, value: object) -> frozenset[object]:
    if name == "when":
        if not callable(value):
            raise RegistrationError(
                f"when= expects a function of the result, e.g. when=lambda result: …, not {value!r}"
            )
        check_plain(value, "the predicate when=")
        return frozenset([value])
    kind = int if name == "definition" else str
    values = [value] if isinstance(value, int | str) else value
    if not isinstance(values, Collection) or not values:
        raise RegistrationError(f"{name}= expects one or more {kind.__name__}, not {value!r}")
    for one in values:
        if not isinstance(one, kind) or isinstance(one, bool):
            raise RegistrationError(f"{name}= expects {kind.__name__}, not {one!r}")
        if name in ("path", "source") and str(one).startswith("/"):
            raise RegistrationError(
                f"{name}={one!r} can never match: the keys of COS have no leading slash, "
                f"write {str(one).lstrip('/')!r}"
            )
        if name == "bucket" and not re.fullmatch(r"[^/.]+-[0-9*]+", str(one)):
            raise RegistrationError(
                f"bucket={one!r} can never match: a bucket's name ends with the APPID, "
                f"e.g. media-1250000000"
            )
    return frozenset(values)
