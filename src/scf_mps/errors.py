"""All exceptions of the package.

Catch `ScfMpsError` for any of them. Two are builtin errors too, because Python's own tools rely on it: `MissingField`
is an `AttributeError`, so that `getattr(view, "field", None)` and `hasattr` work, and `RegistrationError` is a
`TypeError`, raised while the application is imported.
"""

from __future__ import annotations

import sys

if sys.version_info >= (3, 11):
    Group = ExceptionGroup  # noqa: F821 - a builtin since 3.11
else:  # pragma: no cover - coverage is measured on another Python
    from .common.exception_group import Group as Group

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

PACKAGE_FOLDER = __file__.removesuffix("errors.py")

MAX_SHOWN_MEMBERS = 3
"""Maximum exceptions of a group in a text."""


def read_message(error: BaseException) -> str:
    """Return the text of an exception, even if its ``__str__`` raises."""
    try:
        return str(error)
    except Exception:
        return "(the exception has no text)"


def describe_error(error: BaseException) -> str:
    """Return the class and text of an exception. For a group, add those of up to 3 different members."""
    name, text = type(error).__name__, read_message(error)
    text = f"{name}: {text}" if text else name
    leaves = find_leaves(error)
    if error in leaves or isinstance(error, CallbacksFailed):  # its text has the members
        return text
    members = [*dict.fromkeys(map(describe_error, leaves))]
    more = ["…"] if len(members) > MAX_SHOWN_MEMBERS else []
    return f"{text}: {'; '.join([*members[:MAX_SHOWN_MEMBERS], *more])}"


def find_leaves(error: BaseException) -> list[BaseException]:
    """Return the exceptions of a group and of the groups in it, or the exception itself."""
    leaves: list[BaseException] = []
    expanded: set[int] = set()  # an exception can be its own member
    groups = [error]
    for group in groups:
        members = list_members(group)
        if id(group) in expanded:
            continue
        if members:
            expanded.add(id(group))
            groups += members
        else:
            leaves.append(group)
    return leaves or [error]


def list_members(error: BaseException) -> tuple[BaseException, ...]:
    """Return the exceptions in a group. Return none for any other exception, even if its ``__getattr__`` raises."""
    try:
        members: Any = error.exceptions  # type: ignore[attr-defined]
    except Exception:
        return ()
    members = members if isinstance(members, tuple) else ()
    return tuple(member for member in members if isinstance(member, BaseException))


def locate_caller() -> str:
    """Return ``file:line`` of the innermost frame outside of this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE_FOLDER):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


class ScfMpsError(Exception):
    """The base of all exceptions of this package."""


class InvalidEvent(ScfMpsError, ValueError):
    """The event is not a notification of MPS.

    It leaves `main_handler`, so that SCF puts the event into its dead-letter queue.
    """


class RequestRefused(InvalidEvent):
    """An HTTP request is refused: its sender or its content is not verified.

    Attributes:
        status: the HTTP status of the response.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class MissingField(ScfMpsError, AttributeError):
    """A field of an event is null, absent or of another shape. The text has its full path."""


class RegistrationError(ScfMpsError, TypeError):
    """A callback, filter, provider or middleware is declared wrongly. The text has the place and the fix.

    Attributes:
        where: ``file:line`` of the registration. By default the innermost line outside of this package.
    """

    def __init__(self, message: str, where: str = "") -> None:
        from .logs import scrub  # SCF prints it with every event, including values

        super().__init__(scrub(message))
        self._is_located = bool(where)
        self.where = where or locate_caller()

    def locate(self, where: str) -> None:
        """Set `where`, unless the exception was created with it."""
        if not self._is_located:
            self.where, self._is_located = where, True

    def __str__(self) -> str:
        return f"{self.where}: {self.args[0]}"


class ConfigurationError(ScfMpsError, ValueError):
    """Environment variables have invalid values. The text lists every mistake, by variable."""

    @classmethod
    def listing(cls, mistakes: Sequence[str]) -> ConfigurationError:
        """Return one exception for all mistakes, without secrets."""
        from .logs import scrub

        return cls("\n  ".join(["invalid environment variables:", *map(scrub, mistakes)]))


class NotInCos(ScfMpsError, ValueError):
    """An output is not an object in COS: MPS stored it in AWS S3 or VOD, or refers to it by a URL."""


class Drop(ScfMpsError):
    """Raise it in a callback that must not be retried. The callback counts as dropped."""


class LedgerError(ScfMpsError):
    """The ledger cannot be reached, refuses a request, or does not match ``MPS_LEDGER``. Its content is unchanged."""


class DamagedRecord(LedgerError):
    """An object or key of the ledger cannot be read: it is damaged, or something else wrote it. The text names it."""


class MissingPackage(LedgerError):
    """The client package of the ledger is not installed."""


class EventHeld(LedgerError):
    """Another delivery of the event is running, and this one waited as long as it could.

    It leaves `main_handler`, so that SCF retries the event after the other delivery has ended.

    Attributes:
        seconds: for which the other delivery may hold the event.
    """

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class CallbackFailed(ScfMpsError):
    """A callback failed for one result. Its `__cause__` is the original exception.

    If that has a secret, the cause is a copy of the same class without it.

    Attributes:
        callback: the callback's name, e.g. ``handlers.pictures.publish``.
        result: the stable key of the result.
        reason: the class and text of the original exception.
    """

    def __init__(self, callback: str, result: str, reason: str) -> None:
        super().__init__(callback, result, reason)
        self.callback = callback
        self.result = result
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.callback} on {self.result}: {self.reason}"


class CallbacksFailed(Group[CallbackFailed]):
    """Some callbacks of an event failed or were deferred. SCF retries the event.

    An `ExceptionGroup` (on Python 3.10 an exception with the same `message` and `exceptions`), raised once, after all
    callbacks. Its text lists every failure, because SCF's log shows nothing else on Python 3.10.

    Attributes:
        summary: what `main_handler` would have returned.
    """

    summary: dict[str, Any]

    @property
    def failures(self) -> list[CallbackFailed]:
        """The exceptions of the group."""
        return [error for error in self.exceptions if isinstance(error, CallbackFailed)]

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  - {failure}" for failure in self.exceptions)])
