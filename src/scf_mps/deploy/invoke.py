"""Synchronous invocation of a deployed function."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from scf_mps.build.errors import Problem

from .current_state import DeployTarget
from .errors import DeployError

MAX_EVENT_BYTES = 6 * 1024 * 1024
"""Maximum size of the event of a synchronous invocation (product page 583/11637)."""

MAX_WAIT_SECONDS = 900 + 300 + 60
"""Maximum `timeout` and `initTimeout` of a function (page 583/11637), and a minute for the request itself."""


@dataclass(frozen=True)
class InvocationResult:
    """Result of an invocation.

    Attributes:
        request_id: of the invocation.
        returned: return value of the function, or None.
        error: of a failed function, otherwise empty.
        log: the last 4 KB of its output.
        milliseconds: duration.
    """

    request_id: str
    returned: Any
    error: str
    log: str
    milliseconds: float


def invoke_remote(
    target: DeployTarget,
    event: object,
    qualifier: str = "$DEFAULT",
    seconds: float = MAX_WAIT_SECONDS,
) -> InvocationResult:
    """Invoke a deployed function with an event.

    Args:
        target: the function and its account.
        event: any JSON value.
        qualifier: version or alias.
        seconds: maximum wait for the response.

    Raises:
        DeployError: if the API refuses the request or does not respond. A failure of the function itself is in the
            result.
    """
    text = json.dumps(event, ensure_ascii=False)
    size = len(text.encode())
    if size > MAX_EVENT_BYTES:
        message = f"the event has {size} bytes, but SCF accepts {MAX_EVENT_BYTES}"
        raise DeployError(Problem("event_too_large", "", message))
    parameters = {
        **target.desired.identity,
        "Qualifier": qualifier,
        "InvocationType": "RequestResponse",
        "LogType": "Tail",
        "ClientContext": text,
    }
    result = target.cloud.call("Invoke", parameters, seconds=seconds)["Result"]
    returned = _parse_json(result.get("RetMsg") or "null")
    error = _format_error(result.get("ErrMsg") or "")
    if not error and result.get("InvokeResult"):
        error = f"status {result['InvokeResult']}"
    return InvocationResult(
        request_id=str(result.get("FunctionRequestId") or ""),
        returned=None if error else returned,
        error=error,
        log=str(result.get("Log") or ""),
        milliseconds=float(result.get("Duration") or 0),
    )


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _format_error(text: str) -> str:
    """Return SCF's error message for a terminal. SCF sends an object with the traceback, or plain text."""
    parsed = _parse_json(text)
    if not isinstance(parsed, dict) or "errorMessage" not in parsed:
        return text
    message = str(parsed["errorMessage"])
    trace = parsed.get("stackTrace")
    return f"{message}\n{trace}".strip() if trace else message
