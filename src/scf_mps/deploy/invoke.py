"""Runs a deployed function with an event, and waits for what comes of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .cloud import Cloud
from .desired_state import DesiredState
from .errors import DeployError

MAX_EVENT_BYTES = 6 * 1024 * 1024
"""Bytes of the event of a synchronous call (product page 583/11637)."""

MAX_WAIT_SECONDS = 900 + 300 + 60
"""Seconds to wait for a run: its `timeout` and `initTimeout` at most (page 583/11637), and the way there and back."""


@dataclass(frozen=True)
class InvocationResult:
    """What came of it.

    Attributes:
        request_id: of the invocation.
        returned: what the function returned, or None.
        error: why it failed; empty if it did not.
        log: the last 4 KB of what it wrote.
        milliseconds: it took.
    """

    request_id: str
    returned: Any
    error: str
    log: str
    milliseconds: float


def invoke_remote(
    cloud: Cloud,
    wanted: DesiredState,
    event: object,
    qualifier: str = "$DEFAULT",
    seconds: float = MAX_WAIT_SECONDS,
) -> InvocationResult:
    """Run the function with an event.

    Args:
        cloud: where it is.
        wanted: the function.
        event: what it gets.
        qualifier: which version.
        seconds: to wait for it, at most.

    Raises:
        DeployError: if it is refused; a failure of the function is in the answer.
    """
    text = json.dumps(event, ensure_ascii=False)
    if len(text.encode()) > MAX_EVENT_BYTES:
        raise DeployError(
            f"the event has {len(text.encode())} bytes, but SCF takes {MAX_EVENT_BYTES}"
        )
    parameters = {
        **wanted.identity,
        "Qualifier": qualifier,
        "InvocationType": "RequestResponse",
        "LogType": "Tail",
        "ClientContext": text,
    }
    result = cloud.call("Invoke", parameters, seconds=seconds)["Result"]
    returned = _parsed(result.get("RetMsg") or "null")
    error = _reason(result.get("ErrMsg") or "")
    if not error and result.get("InvokeResult"):
        error = f"status {result['InvokeResult']}"
    return InvocationResult(
        request_id=str(result.get("FunctionRequestId") or ""),
        returned=None if error else returned,
        error=error,
        log=str(result.get("Log") or ""),
        milliseconds=float(result.get("Duration") or 0),
    )


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _reason(text: str) -> str:
    """SCF's account of a failure as it is to be read; it is an object with the trace in it, or a sentence."""
    parsed = _parsed(text)
    if isinstance(parsed, dict) and "errorMessage" in parsed:
        trace = parsed.get("stackTrace")
        return (
            f"{parsed['errorMessage']}\n{trace}".strip() if trace else str(parsed["errorMessage"])
        )
    return text
