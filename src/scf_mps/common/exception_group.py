"""`ExceptionGroup` of Python 3.11, with a replacement for Python 3.10."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Generic, TypeVar

    E = TypeVar("E", bound=Exception)

    class _Group(Exception, Generic[E]):
        message: str
        exceptions: tuple[E, ...]

        def __init__(self, message: str, exceptions: Sequence[E]) -> None: ...

else:

    class _Group(Exception):
        def __init__(self, message, exceptions):
            super().__init__(message, exceptions)
            self.message = message
            self.exceptions = tuple(exceptions)

        def __class_getitem__(cls, _):
            return cls


if sys.version_info >= (3, 11):
    Group = ExceptionGroup  # noqa: F821 - a builtin since 3.11
else:  # pragma: no cover - coverage is measured on another Python
    Group = _Group
