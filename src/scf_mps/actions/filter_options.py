"""The options that narrow what an action is for: ``types=`` and the filters of a registration, read from a text.

What they mean is `filters`' and `names`' knowledge; here a mistake in one becomes a ValueError.
"""

from __future__ import annotations

from ..common.lists import split_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..routing.filters import Filters

GLOB_OPTIONS = ("bucket", "path", "session", "source")
"""The options that are filters of `Router.on`. Each takes several values with commas between."""

FILTER_OPTIONS = (*GLOB_OPTIONS, "types")
"""The names of all these options."""


def parse_types(options: Mapping[str, str]) -> frozenset[str]:
    """The types that ``types=`` asks for; none for all.

    Raises:
        ValueError: for a name that is like that of a type, and is none, or if there is no name.
    """
    asked = frozenset(split_types(options))
    if asked:
        from ..errors import RegistrationError
        from ..routing.type_names import find_classes, list_types

        for name in sorted(asked.difference(list_types())):
            try:
                find_classes(name)
            except RegistrationError as error:
                raise ValueError(f"types={name}: {error.args[0]}") from None
    return asked


def split_types(options: Mapping[str, str]) -> list[str]:
    """Return the names in ``types=``, in order and unchecked; none without the option.

    Raises:
        ValueError: if it names none.
    """
    names = _values(options, "types")
    if "types" in options and not names:
        raise ValueError("types= expects one or more types, with commas between")
    return names


def parse_filters(options: Mapping[str, str]) -> Filters:
    """The filters for `Router.on` and the verbs like it.

    Raises:
        ValueError: for one that cannot match.
    """
    values: Any = {name: _values(options, name) for name in GLOB_OPTIONS if name in options}
    if values:
        from ..errors import RegistrationError
        from ..routing.filters import create_filters

        try:
            create_filters(values)
        except RegistrationError as error:
            raise ValueError(error.args[0]) from None
    found: Filters = values
    return found


def _values(options: Mapping[str, str], name: str) -> list[str]:
    return split_list(options.get(name, ""))
