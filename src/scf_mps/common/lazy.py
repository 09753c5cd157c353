"""Package attributes that are imported on first access.

A cold start then pays only for the modules that the application uses. `importlib` itself would be three more.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def create_accessors(
    namespace: dict[str, Any],
    modules: Mapping[str, str],
    find_other: Callable[[str], Any] | None = None,
    list_others: Callable[[], list[str]] = list,
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package.

    Args:
        namespace: the package's ``globals()``. Attributes are kept there after the first access.
        modules: maps a module's path below `scf_mps` to its public names, separated by spaces.
        find_other: returns the value of any other name, or raises KeyError.
        list_others: returns the other names.
    """

    def list_names() -> list[str]:
        return [*" ".join(modules.values()).split(), *list_others()]

    def get_attribute(name: str) -> Any:
        if name == "__all__":  # read by `import *`
            return list_names()
        value = _find(name)
        namespace[name] = value
        return value

    def _find(name: str) -> Any:
        for module, names in modules.items():
            if name in names.split():
                path = f"scf_mps.{module}"
                __import__(path)
                return getattr(sys.modules[path], name)
        if find_other is not None and not name.startswith("__"):
            try:
                return find_other(name)
            except KeyError:
                pass
        raise AttributeError(f"module {namespace['__name__']!r} has no attribute {name!r}")

    def list_attributes() -> list[str]:
        return sorted({*namespace, *list_names()})

    return get_attribute, list_attributes
