"""Tables of MPS types whose classes are imported on first use.

Importing all fifty classes takes longer than handling an event, and an application meets few of them.
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
    """Type, as MPS sends it, to (class, field of the result). Raises KeyError for an unknown type.

    Attributes:
        rows: type to (module, class, field), without importing any class.
    """

    def __init__(self, rows: Mapping[str, tuple[str, str, str]]) -> None:
        self.rows = rows

    def __missing__(self, type_: str) -> tuple[type[Any], str]:
        module, name, field = self.rows[type_]
        row = self[type_] = load_module(module)[name], field
        return row


def load_module(module: str) -> dict[str, Any]:
    """Import a module of `generated` and return its members by name."""
    name = f"{__package__}.generated.{module}"
    __import__(name)
    return vars(sys.modules[name])


def get_class(name: str) -> type[Result]:
    """Return the class of results with this name.

    Raises:
        KeyError: no class has this name.
    """
    from .generated.type_tables import MODULES

    for module, names in MODULES.items():
        if name in names.split():
            kind: type[Result] = load_module(module)[name]
            return kind
    raise KeyError(name)
