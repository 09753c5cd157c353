"""SCF's status codes of an invocation, and what follows from each; retrying is left to `function`.

Numbers and names are those of product page 583/35311, the classes of retries those of 583/41138. The texts of 407,
430, 433, 439 and 443 are as SCF writes them, those of the others are not known.
"""

from __future__ import annotations

from typing import Any

SUCCESS = 200
INVALID_PARAMETER_VALUE = 400
REQUEST_TOO_LARGE = 406
RESPONSE_TOO_LARGE = 407
USER_CODE_EXCEPTION = 430
RESOURCE_LIMIT_REACHED = 432
TIME_LIMIT_REACHED = 433
MEMORY_LIMIT_REACHED = 434
ENTRY_FILE_MISSING = 437
PROCESS_EXITED = 439
NOT_LOADED = 443
INTERNAL_ERROR = 500

RETRIED_UNTIL_TTL = frozenset({429, RESOURCE_LIMIT_REACHED, 449, INTERNAL_ERROR})
"""Failures that are not the function's: retried until the event is too old, not a number of times."""

_OF_THE_PLATFORM = frozenset({TIME_LIMIT_REACHED, MEMORY_LIMIT_REACHED})


def build_failure(
    status: int, message: str, request_id: str, stack: str | None = None
) -> dict[str, Any]:
    """What SCF returns and logs instead of the function's result."""
    told: dict[str, Any] = {
        "errorCode": -1 if status in _OF_THE_PLATFORM else 1,
        "errorMessage": message,
        "requestId": request_id,
    }
    if stack is not None:
        told["stackTrace"] = stack
    return {**told, "statusCode": status}


class InvocationRejected(Exception):
    """An event that SCF does not take: it is not JSON (400), or too large (406). Nothing was run or queued.

    Attributes:
        status: the status code.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
