"""The replacement of `ExceptionGroup` for Python 3.10. `errors.Group` is one of the two."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Generic, TypeVar

    E = TypeVar("E", bound=Exception)

    class Group(Exception, Generic[E]):
        """Exceptions that are raised together."""

        message: str
        exceptions: tuple[E, ...]

        def __init__(self, message: str, exceptions: Sequence[E]) -> None: ...

else:

    class Group(Exception):
        """Exceptions that are raised together."""

        def __init__(self, message, exceptions):
            super().__init__(message, exceptions)
            self.message = message
            self.exceptions = tuple(exceptions)

        def __class_getitem__(cls, _):
            return cls
