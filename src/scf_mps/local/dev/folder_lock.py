"""Lock of the folder of a stack, which one process may use."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StackInUse(Exception):
    """Another process uses the folder of the stack."""


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, in a file beside it, as the folder may be deleted.

    Raises:
        StackInUse: if another process holds it.
    """
    with folder.with_suffix(".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackInUse(
                f"{folder} is in use by another `scf-mps dev`. Stop that one first"
            ) from None
        yield
