"""HTTP requests and responses. The status asks MPS to resend, or not.

No exception leaves `main_handler` for a request: its sender cannot use a traceback. The log has the details. Responses
are public, and contain only parts of the request and names of callbacks.
"""

from __future__ import annotations

import logging
from math import ceil

from ..errors import (
    CallbacksFailed,
    EventHeld,
    InvalidEvent,
    LedgerError,
    RequestRefused,
    describe_error,
)
from ..logs import scrub
from .delivery import ReplyingDelivery
from .envelope import unwrap
from .signature import is_reread_enabled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Any

    from ..context import Context
    from ..events.base import Event
    from .delivery import Outcome

log = logging.getLogger("scf_mps")

DEFAULT_RETRY_SECONDS = 60
"""Seconds in ``Retry-After`` if nothing better is known. SCF retries after as many (product page 583/39851)."""


class HttpDelivery(ReplyingDelivery):
    """The notification in an HTTP request.

    Args:
        request: the request, as a function URL or an API gateway passes it.
        context: SCF's context.
        named_types: types of events that callbacks are registered for by name.
    """

    __slots__ = ()

    def __init__(self, request: object, context: Context, named_types: Collection[str]) -> None:
        try:
            notifications = unwrap(request)
        except InvalidEvent as error:
            notifications = [error]
        super().__init__(notifications, context, named_types)

    def read(self, index: int, *, verify: bool = True) -> Event:
        """Return the event, as MPS confirms it if ``MPS_REREAD`` is set. See `Delivery.read`."""
        event = super().read(index)
        if verify and is_reread_enabled():
            from .confirm import verify_with_mps

            return verify_with_mps(event, self._context)
        return event

    def reply(self, outcomes: Sequence[Outcome]) -> dict[str, Any]:
        """Return the response. It raises nothing."""
        (outcome,) = outcomes
        if outcome.error is None:
            return create_response(200, outcome.summary)
        return create_error_response(outcome.error)


def create_response(status: int, content: object, **headers: str) -> dict[str, Any]:
    """Return a response for function URLs and API gateways, with the content as JSON."""
    import json

    return {
        "isBase64Encoded": False,
        "statusCode": status,
        "headers": {"Content-Type": "application/json", **headers},
        "body": json.dumps(content),
    }


def create_error_response(error: Exception) -> dict[str, Any]:
    """Log why an event was not handled, and return the response for it."""
    if isinstance(error, InvalidEvent):
        return _respond_to_invalid(error)
    if isinstance(error, CallbacksFailed):
        log.error("%s", error)
        names = sorted({failure.callback for failure in error.failures})
        return create_response(500, {"error": "callbacks failed", "failed": names})
    if isinstance(error, LedgerError):
        log.error("event failed: %s", describe_error(error))
        return _create_retry_response(
            error.seconds if isinstance(error, EventHeld) else DEFAULT_RETRY_SECONDS
        )
    log.error("event failed: %s", describe_error(error), exc_info=error)
    status = _choose_status(error)
    if status == 503:
        return _create_retry_response(DEFAULT_RETRY_SECONDS)
    return create_response(
        status, {"error": "MPS has no such task" if status == 403 else "internal error"}
    )


def _respond_to_invalid(error: InvalidEvent) -> dict[str, Any]:
    status = error.status if isinstance(error, RequestRefused) else 400
    if status == 405:  # most likely a health probe
        log.info("%s", error)
        return create_response(status, {"error": str(error)}, Allow="POST")
    if status == 503:
        log.error("event failed: %s", error)
        return _create_retry_response(DEFAULT_RETRY_SECONDS)
    log.error("invalid event: %s", error)
    from .claim_check import InvalidReference

    # The content of a reference goes to the log only.
    message = "invalid reference" if isinstance(error, InvalidReference) else scrub(str(error))
    return create_response(status, {"error": message})


def _create_retry_response(seconds: float) -> dict[str, Any]:
    wait = str(max(1, ceil(seconds)))
    return create_response(503, {"error": "try again later"}, **{"Retry-After": wait})


def _choose_status(error: Exception) -> int:
    """Return the status for an error of COS or MPS: 503 if the same request can succeed later."""
    from ..cos.errors import CosError, Denied
    from ..tencent.mps import MpsError, NoNotification, TaskNotFound

    if isinstance(error, MpsError):
        if error.retryable or error.code == "DeadlineExceeded":
            return 503
        return 403 if isinstance(error, TaskNotFound | NoNotification) else 500
    return 503 if isinstance(error, CosError) and not isinstance(error, Denied) else 500
