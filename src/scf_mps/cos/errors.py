"""Errors of the COS helpers, and the class for each refusal of COS."""

from __future__ import annotations

from ..errors import Group, ScfMpsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..events.files import CosObject

_MAX_LISTED_ERRORS = 20


class CosError(ScfMpsError):
    """COS refused a request, or could not be reached.

    Attributes:
        code: COS's error code, e.g. ``NoSuchKey`` (documentation page 436/7730), or one of ours.
        status: the HTTP status; 0 without a response.
        request_id: ``x-cos-request-id``, or ``""``.
        object: the object of the request, or None.
        maybe_applied: True if the request may have taken effect: no response came, or a 5xx.
        retry_after: seconds that COS asked to wait.
    """

    maybe_applied = False
    retry_after = 0.0

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        status: int = 0,
        request_id: str = "",
        object: CosObject | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.request_id = request_id
        self.object = object

    def __str__(self) -> str:
        reason = " ".join(str(part) for part in (self.status, self.code) if part)
        parts = [str(part) for part in (self.object, reason, self.message) if part]
        request = f" [request {self.request_id}]" if self.request_id else ""
        return ": ".join(parts) + request


class NotFound(CosError):
    """The object, bucket, upload or version is missing."""


class Denied(CosError):
    """The credentials are missing, expired or lack a permission, or the bucket is not on the allowlist."""


class Conflict(CosError):
    """The state of the object forbids the request: it exists, was replaced meanwhile, or is archived."""


class Throttled(CosError):
    """COS demanded fewer requests until no time or no attempt was left."""


class Unavailable(CosError):
    """COS was unreachable, broke off or returned 5xx until no time or no attempt was left."""


class Corrupt(CosError):
    """Bytes differ from what they should be, by CRC64, MD5 or size."""


class UnsafeKey(CosError, ValueError):
    """A key cannot become a file below the directory: it holds ``..``, an empty or over-long name, or a NUL."""


class SomeFailed(Group[Exception], ScfMpsError):
    """Some of many objects failed after all of them were tried. Repeating the call processes the rest.

    An `ExceptionGroup` (on Python 3.10 an exception with the same `message` and `exceptions`) with one error for each
    object that failed.

    Attributes:
        exceptions: the errors. A `CosError` among them has its object.
        done: number of objects that succeeded.
    """

    done: int = 0

    @property
    def objects(self) -> list[CosObject]:
        """The objects that failed."""
        errors = (error for error in self.exceptions if isinstance(error, CosError))
        return [error.object for error in errors if error.object]

    def __str__(self) -> str:
        lines = [f"  - {error}" for error in self.exceptions[:_MAX_LISTED_ERRORS]]
        more = len(self.exceptions) - len(lines)
        return "\n".join([self.message, *lines, *([f"  … and {more} more"] if more else [])])


_CLASSES_BY_CODE: dict[str, type[CosError]] = {
    "SlowDown": Throttled,
    "TooManyRequests": Throttled,
    "RequestLimitExceeded": Throttled,
    # A 403, but not about permissions: the object must be restored first.
    "InvalidObjectState": Conflict,
    # A 400: the body was damaged on its way to COS, which stored nothing.
    "BadDigest": Corrupt,
    # Codes in the body of a 200, whose status says nothing.
    "AccessDenied": Denied,
    "NoSuchKey": NotFound,
    "PreconditionFailed": Conflict,
    "InternalError": Unavailable,
    "ServiceUnavailable": Unavailable,
    # A 400: the body broke off.
    "IncompleteBody": Unavailable,
    "RequestTimeout": Unavailable,
}

_CLASSES_BY_STATUS: dict[int, type[CosError]] = {
    304: Conflict,
    401: Denied,
    403: Denied,
    404: NotFound,
    408: Unavailable,
    409: Conflict,
    412: Conflict,
    429: Throttled,
}

FINAL_CODES = frozenset({"DeadlineExceeded", "CertificateNotTrusted"})
"""Codes of ours that a retry cannot change."""

FATAL_CODES = FINAL_CODES | {
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "NoCredentials",
}
"""Codes that all further requests of the same work would get too."""


def find_error_class(status: int, code: str) -> type[CosError]:
    """Return the class for a response. The response to a HEAD has no code, so that its status decides (measured)."""
    if code in _CLASSES_BY_CODE:
        return _CLASSES_BY_CODE[code]
    if status == 503 and not code:
        return Throttled
    return _CLASSES_BY_STATUS.get(status, Unavailable if status >= 500 else CosError)


def is_retryable(error: CosError) -> bool:
    """Return True for throttling, a broken connection or server, and a damaged body."""
    return isinstance(error, Throttled | Unavailable | Corrupt) and error.code not in FINAL_CODES


def group_errors(errors: Sequence[Exception], done: int, total: int, verb: str) -> SomeFailed:
    """Return the errors of some work on `total` objects as one exception."""
    skipped = total - done - len(errors)
    suffix = f", {skipped} were not begun" if skipped else ""
    error = SomeFailed(f"{verb}: {len(errors)} of {total} objects failed{suffix}", list(errors))
    error.done = done
    return error
