"""Tables of types whose classes are loaded when a result of the type is met first; their rows are in `sets.py`.

Fifty classes take longer to load than an event to handle, and an application meets few of them.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .base import Result

    Base = dict[str, tuple[type[Any], str]]
else:
    Base = dict


class TypeTable(Base):
    """Type, as MPS writes it, to (class, field that holds the result); raises KeyError for a type it has not.

    Attributes:
        rows: type to (module, class, field), for those who want to know without loading any.
    """

    def __init__(self, rows: Mapping[str, tuple[str, str, str]]) -> None:
        self.rows = rows

    def __missing__(self, type_: str) -> tuple[type[Any], str]:
        module, name, field = self.rows[type_]
        found = self[type_] = load_module(module)[name], field
        return found


def load_module(module: str) -> dict[str, Any]:
    """What a module of this package holds; it is loaded if it is not yet."""
    name = f"{__package__}.generated.{module}"
    __import__(name)
    return vars(sys.modules[name])


def get_class(name: str) -> type[Result]:
    """The class of results with this name; raises KeyError if there is none."""
    from .generated.type_tables import MODULES

    for module, names in MODULES.items():
        if name in names.split():
            found: type[Result] = load_module(module)[name]
            return found
    raise KeyError(name)
