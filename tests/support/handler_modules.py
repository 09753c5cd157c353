"""Modules of `handlers`, which each test loads under its own variables."""

import sys
from contextlib import contextmanager


def unload_handlers():
    """Unload the package `handlers`. Return its modules by name."""
    names = [name for name in sys.modules if name.partition(".")[0] == "handlers"]
    return {name: sys.modules.pop(name) for name in names}


@contextmanager
def reload_handlers():
    """Load `handlers` anew inside the block, and restore the earlier modules afterwards."""
    before = unload_handlers()
    try:
        yield
    finally:
        unload_handlers()
        sys.modules.update(before)
