"""What an HTTP request is answered: the verdict as a response, by which MPS can tell what to send again.

Nothing is raised for a delivery over HTTP: behind a URL nobody would see it. What went wrong is in the log; the
answer, which anybody may get, tells no more than the request itself or a callback's name.
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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

log = logging.getLogger("scf_mps")

DEFAULT_RETRY_SECONDS = 60
"""Seconds to wait before the next try, where nothing better is known: SCF's own interval (product page 583/39851)."""


def create_response(status: int, content: object, **headers: str) -> dict[str, Any]:
    """A response as function URLs and API gateways take it; the content is written as JSON."""
    import json

    return {
        "isBase64Encoded": False,
        "statusCode": status,
        "headers": {"Content-Type": "application/json", **headers},
        "body": json.dumps(content),
    }


def create_error_response(error: Exception) -> dict[str, Any]:
    """The response for what kept a delivery from being done, which is logged."""
    if isinstance(error, InvalidEvent):
        status = error.status if isinstance(error, RequestRefused) else 400
        if status == 405:  # a health probe, most likely
            log.info("%s", error)
            return create_response(status, {"error": str(error)}, Allow="POST")
        if status == 503:
            log.error("not handled: %s", error)
            return _later(DEFAULT_RETRY_SECONDS)
        log.error("invalid event: %s", error)
        from .claim_check import InvalidReference

        told = (
            "expected an archived event"
            if isinstance(error, InvalidReference)
            else scrub(str(error))
        )
        return create_response(status, {"error": told})
    if isinstance(error, CallbacksFailed):
        log.error("%s", error)
        names = sorted({failure.callback for failure in error.failures})
        return create_response(500, {"error": "not all was done", "failed": names})
    if isinstance(error, LedgerError):
        log.error("not handled: %s", describe_error(error))
        seconds = error.seconds if isinstance(error, EventHeld) else DEFAULT_RETRY_SECONDS
        return _later(seconds)
    log.error("not handled: %s", describe_error(error), exc_info=error)
    status = _status(error)
    if status == 503:
        return _later(DEFAULT_RETRY_SECONDS)
    if status == 403:
        return create_response(status, {"error": "MPS tells of no such task"})
    return create_response(status, {"error": "not handled"})


def _later(seconds: float) -> dict[str, Any]:
    wait = str(max(1, ceil(seconds)))
    return create_response(503, {"error": "not now"}, **{"Retry-After": wait})


def _status(error: Exception) -> int:
    """Of what a store or MPS itself answered: whether the same request may be done later."""
    from ..cos.errors import CosError, Denied
    from ..tencent.mps import MpsError, NoNotification, TaskNotFound

    if isinstance(error, MpsError):
        if error.retryable or error.code == "DeadlineExceeded":
            return 503
        return 403 if isinstance(error, TaskNotFound | NoNotification) else 500
    return 503 if isinstance(error, CosError) and not isinstance(error, Denied) else 500
