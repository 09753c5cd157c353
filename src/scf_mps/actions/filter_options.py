"""Options that limit an action to some events: ``types=`` and the filters of `Router.on`, parsed from text."""

from __future__ import annotations

from ..common.lists import split_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..events.base import Result
    from ..routing.filters import Filters

GLOB_OPTIONS = ("bucket", "path", "session", "source")
"""Options that are filters of `Router.on`. Each takes several values, separated by commas."""

FILTER_OPTIONS = (*GLOB_OPTIONS, "types")
"""All options of this module."""


def split_types(options: Mapping[str, str]) -> list[str]:
    """Return the names in ``types=`` in order, unchecked. Empty without the option.

    Raises:
        ValueError: the option contains no name.
    """
    names = split_list(options.get("types", ""))
    if "types" in options and not names:
        raise ValueError("invalid types=: give one or more types, separated by commas")
    return names


def parse_types(options: Mapping[str, str]) -> frozenset[str]:
    """Return the checked names in ``types=``, empty for all types.

    Raises:
        ValueError: a name resembles a known type, or the list is empty.
    """
    names = frozenset(split_types(options))
    if names:
        from ..routing.type_names import list_types

        for name in sorted(names.difference(list_types())):
            find_type_classes(name)
    return names


def find_type_classes(name: str) -> tuple[type[Result], ...]:
    """Return the classes of a name in ``types=``, empty for a type that this version does not know.

    Raises:
        ValueError: the name resembles a known type.
    """
    from ..errors import RegistrationError
    from ..routing.type_names import find_classes

    try:
        return find_classes(name)
    except RegistrationError as error:
        raise ValueError(f"invalid types={name}: {error.args[0]}") from None


def parse_filters(options: Mapping[str, str]) -> Filters:
    """Return the filters for `Router.on`.

    Raises:
        ValueError: a filter can never match.
    """
    values: Any = {name: split_list(options[name]) for name in GLOB_OPTIONS if name in options}
    if values:
        from ..errors import RegistrationError
        from ..routing.filters import create_filters

        try:
            create_filters(values)
        except RegistrationError as error:
            raise ValueError(error.args[0]) from None
    filters: Filters = values
    return filters
