"""Errors of subtasks: MPS's ``ErrCodeExt`` (page 862/50369) and the numbers of ``ErrCode``."""

from __future__ import annotations

from collections.abc import Mapping

from .model import Failure

ERROR_NUMBERS: Mapping[str, int] = {
    "InvalidInput": 40000,
    "InvalidInput.InvalidTimeOffset": 40000,
    "InvalidInput.DefinitionNotExist": 40000,
    "SourceFileError": 30009,
    "SourceFileError.NoVideoMedia": 30009,
    "SourceFileError.NoVideoResolution": 30009,
    "InternalError": 30010,
}
"""Every ``ErrCodeExt`` and the ``ErrCode`` that is assumed for it, see `assumptions`."""


class SubtaskFailed(Exception):
    """A subtask that fails without processing.

    Attributes:
        failure: its error.
        assumption: the id of the assumption behind the error, or "".
    """

    def __init__(self, name: str, message: str, assumption: str = "") -> None:
        super().__init__(message)
        self.failure = build_failure(name, message)
        self.assumption = assumption


def build_failure(name: str, message: str) -> Failure:
    """Return the failure of an ``ErrCodeExt``. An unknown one has the number of InternalError."""
    return Failure(ERROR_NUMBERS.get(name, ERROR_NUMBERS["InternalError"]), name, message)
