"""Every exception this package raises, in one place; raising them is left to the rest.

The tree is shallow: catch `ScfMpsError` for all of it. Two of them are builtin errors as well, since Python's own
tools rely on it: `MissingField` is an `AttributeError`, so that `getattr(view, "field", None)` and `hasattr` work,
and `RegistrationError` is a `TypeError`, raised while the application is imported.
"""

from __future__ import annotations

import sys

from .common.exception_group import Group

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def read_message(error: BaseException) -> str:
    """Return the text of an exception, whatever its ``__str__`` does."""
    try:
        return str(error)
    except Exception:
        return "(its text cannot be told)"


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


def describe_error(error: BaseException) -> str:
    """Return the class and text of an exception; of a group those of up to 3 different members too."""
    name, text = type(error).__name__, read_message(error)
    text = f"{name}: {text}" if text else name
    leaves = find_leaves(error)
    if error in leaves or isinstance(error, CallbacksFailed):  # which has them in its text
        return text
    members = [*dict.fromkeys(map(describe_error, leaves))]
    more = ["…"] if len(members) > MAX_SHOWN_MEMBERS else []
    return f"{text}: {'; '.join([*members[:MAX_SHOWN_MEMBERS], *more])}"


MAX_SHOWN_MEMBERS = 3


def list_members(error: BaseException) -> tuple[BaseException, ...]:
    """Return the exceptions in a group; none for any other exception, whatever its ``__getattr__`` does."""
    try:
        members: Any = error.exceptions  # type: ignore[attr-defined]
    except Exception:
        return ()
    members = members if isinstance(members, tuple) else ()
    return tuple(one for one in members if isinstance(one, BaseException))


class ScfMpsError(Exception):
    """The base of every error of this package."""


class InvalidEvent(ScfMpsError, ValueError):
    """What reached `main_handler` is not a notification of MPS; says what was expected and what came.

    It leaves `main_handler`, so that SCF keeps the event for its dead-letter queue.
    """


class RequestRefused(InvalidEvent):
    """An HTTP request that is not acted on: nothing proves that MPS sent it, or that it says what MPS does.

    Attributes:
        status: the HTTP status it is answered with.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class MissingField(ScfMpsError, AttributeError):
    """A field of an event was read that is null, absent or of another shape; names its full path."""


class RegistrationError(ScfMpsError, TypeError):
    """A callback, filter, provider or middleware is declared wrongly. Its text names the place and the correction.

    Attributes:
        where: ``file:line`` of the registration; the innermost line outside of this package by default.
    """

    def __init__(self, message: str, where: str = "") -> None:
        from .logs import scrub  # SCF prints it with every event, values included

        super().__init__(scrub(message))
        self._is_located = bool(where)
        self.where = where or locate_caller()

    def locate(self, where: str) -> None:
        """Set `where`, unless the error has been raised with its own."""
        if not self._is_located:
            self.where, self._is_located = where, True

    def __str__(self) -> str:
        return f"{self.where}: {self.args[0]}"


PACKAGE_FOLDER = __file__.removesuffix("errors.py")


def locate_caller() -> str:
    """Return ``file:line`` of the innermost frame outside of this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE_FOLDER):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


class ConfigurationError(ScfMpsError, ValueError):
    """Environment variables do not say what they should; its text lists every mistake, by variable."""

    @classmethod
    def listing(cls, mistakes: Sequence[str]) -> ConfigurationError:
        """Create one error for all mistakes, without secrets."""
        from .logs import scrub

        return cls("\n  ".join(["the environment says:", *map(scrub, mistakes)]))


class NotInCos(ScfMpsError, ValueError):
    """An output that is no object in COS: MPS stored it in AWS S3 or VOD, or names it by a URL."""


class Drop(ScfMpsError):
    """Raise it in a callback to end it for good: reported as dropped, never retried."""


class LedgerError(ScfMpsError):
    """The ledger cannot be reached, refuses, or is not what ``MPS_LEDGER`` says; what it holds is as it was."""


class DamagedRecord(LedgerError):
    """One object or key of the ledger cannot be read: damaged, or written by something else. The text names it."""


class MissingPackage(LedgerError):
    """The client package of the ledger is not installed."""


class EventHeld(LedgerError):
    """Another delivery is at work on the same event, and this one waited for as long as it can.

    It leaves `main_handler`, so that SCF delivers the event again; by then the other one has ended.

    Attributes:
        seconds: for how long the other delivery may hold the event.
    """

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class CallbackFailed(ScfMpsError):
    """One callback did not finish with one result. The original exception is its `__cause__`.

    If that holds a secret, a copy of the same class without the secret takes its place.

    Attributes:
        callback: the callback's identity, e.g. ``handlers.pictures.publish``.
        result: the stable key of the result it was given.
    """

    def __init__(self, callback: str, result: str, reason: str) -> None:
        super().__init__(callback, result, reason)
        self.callback = callback
        self.result = result
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.callback} on {self.result}: {self.reason}"


class CallbacksFailed(Group[CallbackFailed]):
    """The end of an event of which some callbacks did not finish: SCF delivers it again.

    An `ExceptionGroup` (on Python 3.10 an exception with the same `message` and `exceptions`), raised once, after
    every callback had its turn. Its text lists every failure, as SCF's log shows no more than that on Python 3.10.

    Attributes:
        summary: what `main_handler` would have returned.
    """

    summary: dict[str, Any]

    @property
    def failures(self) -> list[CallbackFailed]:
        """The exceptions of the group."""
        return [one for one in self.exceptions if isinstance(one, CallbackFailed)]

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  - {failure}" for failure in self.exceptions)])
