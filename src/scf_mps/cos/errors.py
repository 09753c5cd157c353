"""The one family of errors of the COS helpers, and which of COS's refusals is which of them.

Whatever goes wrong between a callback and COS, on the wire or in the store, is a `CosError` with what support asks
for: code, status, request id, object. When to try again is left to `retry.py`.
"""

from __future__ import annotations

from ..common.exception_group import Group
from ..errors import ScfMpsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..events.files import CosObject


class CosError(ScfMpsError):
    """COS refused a request, or could not be reached.

    Attributes:
        code: COS's error code, e.g. ``NoSuchKey`` (documentation page 436/7730), or one of ours.
        status: the HTTP status; 0 if there was no answer.
        request_id: ``x-cos-request-id``, or ``""``.
        object: what the request was about, or None.
        maybe_applied: whether it may have taken effect all the same (no answer came, or a 5xx).
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
        about = " ".join(str(part) for part in (self.status, self.code) if part)
        parts = [str(part) for part in (self.object, about, self.message) if part]
        request = f" [request {self.request_id}]" if self.request_id else ""
        return ": ".join(parts) + request


class NotFound(CosError):
    """There is no such object, bucket, upload or version."""


class Denied(CosError):
    """The credentials may not do this, are missing or over, or the bucket is not on the allow-list."""


class Conflict(CosError):
    """The state of the object forbids it: it exists already, was replaced meanwhile, or is archived."""


class Throttled(CosError):
    """COS asked for fewer requests, until there was no time or no attempt left."""


class Unavailable(CosError):
    """COS could not be reached, broke off or answered 5xx, until there was no time or no attempt left."""


class Corrupt(CosError):
    """Bytes are not what they should be: CRC64, MD5 or size differ."""


class UnsafeKey(CosError, ValueError):
    """A key that names no file below the directory: ``..``, an empty step, a NUL, an over-long name."""


class SomeFailed(Group[Exception], ScfMpsError):
    """Some of many objects failed, after every one had its turn; the rest is done.

    An `ExceptionGroup` (on Python 3.10 an exception with the same `message` and `exceptions`) with one error for each
    object that failed. The same call again does what is left.

    Attributes:
        exceptions: the errors; a `CosError` among them has the object it is about.
        done: how many objects are done.
    """

    done: int = 0

    @property
    def objects(self) -> list[CosObject]:
        """The objects that failed."""
        return [one.object for one in self.exceptions if isinstance(one, CosError) and one.object]

    def __str__(self) -> str:
        shown = [f"  - {error}" for error in self.exceptions[:20]]
        more = len(self.exceptions) - len(shown)
        return "\n".join([self.message, *shown, *([f"  … and {more} more"] if more else [])])


_CODES: dict[str, type[CosError]] = {
    "SlowDown": Throttled,
    "TooManyRequests": Throttled,
    "RequestLimitExceeded": Throttled,
    # 403, yet no question of rights: the object must be restored first.
    "InvalidObjectState": Conflict,
    # 400: the body was damaged on its way to COS, which stored nothing.
    "BadDigest": Corrupt,
    # In the body of a 200, where there is no status to tell.
    "AccessDenied": Denied,
    "NoSuchKey": NotFound,
    "PreconditionFailed": Conflict,
    "InternalError": Unavailable,
    "ServiceUnavailable": Unavailable,
    # 400: the body broke off.
    "IncompleteBody": Unavailable,
    "RequestTimeout": Unavailable,
}

_STATUSES: dict[int, type[CosError]] = {
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
"""Codes of ours that no retry can change."""

FATAL_CODES = FINAL_CODES | {
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "NoCredentials",
}
"""Codes that every further request of the same work would get as well."""


def find_error_class(status: int, code: str) -> type[CosError]:
    """The class for an answer; a HEAD has no code, so that its status alone must tell (measured)."""
    if code in _CODES:
        return _CODES[code]
    if status == 503 and not code:
        return Throttled
    return _STATUSES.get(status, Unavailable if status >= 500 else CosError)


def is_retryable(error: CosError) -> bool:
    """Return True for throttling, a broken connection or server, and a damaged body."""
    return isinstance(error, Throttled | Unavailable | Corrupt) and error.code not in FINAL_CODES


def group(errors: Sequence[Exception], done: int, total: int, what: str) -> SomeFailed:
    """The errors of a piece of work as one exception; what is neither done nor failed was not begun."""
    left = total - done - len(errors)
    behind = f", {left} were not begun" if left else ""
    failed = SomeFailed(f"{what}: {len(errors)} of {total} objects failed{behind}", list(errors))
    failed.done = done
    return failed
