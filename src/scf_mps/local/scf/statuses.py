"""SCF's status codes of an invocation.

Numbers and names follow product page 583/35311, the classes of retries page 583/41138. The texts of 407,
430, 433, 439 and 443 are SCF's. Those of the others are not known.
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
"""Failures of the platform, retried until the event expires."""

_PLATFORM_FAILURES = frozenset({TIME_LIMIT_REACHED, MEMORY_LIMIT_REACHED})


def build_failure(
    status: int, message: str, request_id: str, stack: str | None = None
) -> dict[str, Any]:
    """Build SCF's description of a failure, which replaces the function's result."""
    failure: dict[str, Any] = {
        "errorCode": -1 if status in _PLATFORM_FAILURES else 1,
        "errorMessage": message,
        "requestId": request_id,
    }
    if stack is not None:
        failure["stackTrace"] = stack
    return {**failure, "statusCode": status}


class InvocationRejected(Exception):
    """An event that SCF rejects because it is not JSON (400) or too large (406). It was not run or queued.

    Attributes:
        status: the status code.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
