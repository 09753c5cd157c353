"""The schema of the MPS SDK, read from its models by other means than the generator: an oracle for the views."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from tencentcloud.mps.v20190612 import models

SCALARS = ("str", "int", "float", "bool")


@cache
def fields(name: str) -> dict[str, tuple[str, bool]]:
    """MPS name of each field of a type to (its type, whether a list), from the docstrings of the properties."""
    found = {}
    text = getattr(models, name).__init__.__doc__ or ""
    for field, kind in re.findall(r":type (\w+): (.+)", text):
        inner = re.sub(r":class:`tencentcloud\.mps\.v20190612\.models\.(\w+)`", r"\1", kind)
        is_list = inner.startswith("list of ")
        found[field] = (inner.removeprefix("list of ").strip(), is_list)
    return found


@cache
def reachable(root: str) -> frozenset[str]:
    """The type and every type below it."""
    seen: set[str] = set()
    todo = [root]
    while todo:
        name = todo.pop()
        if name not in seen and name not in SCALARS:
            seen.add(name)
            todo += [kind for kind, _ in fields(name).values()]
    return frozenset(seen)


def deserialized(name: str, data: dict[str, Any]) -> Any:
    """The SDK's own object of a type, filled from a dict as the SDK fills it."""
    made = getattr(models, name)()
    made._deserialize(data)
    return made
