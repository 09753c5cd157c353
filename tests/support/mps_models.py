"""Schema of the MPS SDK, read from its models independently of the generator, to check the views."""

from __future__ import annotations

import re
from functools import cache

from tencentcloud.mps.v20190612 import models

SCALARS = ("str", "int", "float", "bool")


@cache
def read_fields(name: str) -> dict[str, tuple[str, bool]]:
    """Return the MPS name of each field of a type and its (type, is list), from the properties' docstrings."""
    result = {}
    text = getattr(models, name).__init__.__doc__ or ""
    for field, kind in re.findall(r":type (\w+): (.+)", text):
        inner = re.sub(r":class:`tencentcloud\.mps\.v20190612\.models\.(\w+)`", r"\1", kind)
        is_list = inner.startswith("list of ")
        result[field] = (inner.removeprefix("list of ").strip(), is_list)
    return result


@cache
def find_types(root: str) -> frozenset[str]:
    """Return the type and every type below it."""
    seen = set()
    pending = [root]
    while pending:
        name = pending.pop()
        if name not in seen and name not in SCALARS:
            seen.add(name)
            pending += [kind for kind, _ in read_fields(name).values()]
    return frozenset(seen)


def deserialize(name, data):
    """Return the SDK's object of a type, filled from a dict."""
    instance = getattr(models, name)()
    instance._deserialize(data)
    return instance
