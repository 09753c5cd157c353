"""What came of one invocation: the result, the log as the console shows it, and the answer of SCF's Invoke API."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from .statuses import SUCCESS

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event given once to one instance.

    Attributes:
        request_id: the same for all tries of an event.
        status: the status code, 200 for a success.
        text: JSON: what the function returned, or SCF's account of the failure.
        records: what was written to stdout and stderr, write by write, each cut at 8 KB as in the log service.
        seconds: how long it took, without loading the function.
        init_seconds: of a cold start: how long the instance took until the function was loaded; else None.
        memory: the most the instance has used up to now, in bytes.
        memory_limit: in MB.
        retry: 0, or which retry this is.
        asynchronous: whether the event came through the queue.
        duplicate: whether this is the second delivery of an event that was delivered twice.
        instance: the number of the instance; 0 if there was none to be had.
    """

    request_id: str
    status: int
    text: str
    records: tuple[str, ...] = ()
    seconds: float = 0
    init_seconds: float | None = None
    memory: int = 0
    memory_limit: int = 128
    retry: int = 0
    asynchronous: bool = False
    duplicate: bool = False
    instance: int = 0

    @property
    def succeeded(self) -> bool:
        """Whether SCF takes the event for handled."""
        return self.status == SUCCESS

    @property
    def cold(self) -> bool:
        """Whether the instance was new."""
        return self.init_seconds is not None

    @property
    def returned(self) -> Any:
        """What the function returned, as JSON made it; None for a failure."""
        return json.loads(self.text) if self.succeeded else None

    @property
    def error(self) -> dict[str, Any] | None:
        """SCF's account of a failure: ``errorCode``, ``errorMessage``, ``statusCode``, ``stackTrace`` if it has one."""
        failure: dict[str, Any] | None = None if self.succeeded else json.loads(self.text)
        return failure

    @property
    def milliseconds(self) -> int:
        """What is billed."""
        return math.ceil(self.seconds * 1000)

    @property
    def log(self) -> str:
        """The log of the invocation, with the lines SCF puts around what the function writes."""
        name = f"RequestId: {self.request_id}"
        used = f"Memory: {self.memory_limit}MB MemUsage: {self.memory / _MEGABYTE:.6f}MB"
        lines = [f"START {name}"]
        if self.init_seconds is not None:
            lines.append(f"Init Report {name} Coldstart: {self.init_seconds * 1000:.0f}ms {used}")
        lines += [record.removesuffix("\n") for record in self.records]
        if not self.succeeded:
            lines.append(f"ERROR {name} Result:{self.text}")
        lines.append(f"END {name}")
        lines.append(f"Report {name} Duration:{self.milliseconds}ms {used}")
        return "\n".join(lines) + "\n"

    def to_api_result(self) -> dict[str, Any]:
        """``Result`` in the answer of SCF's Invoke API (2018-04-16) to a synchronous call."""
        error = self.error
        return {
            "FunctionRequestId": self.request_id,
            "InvokeResult": error["errorCode"] if error else 0,
            "RetMsg": self.text,
            "ErrMsg": error["errorMessage"] if error else "",
            "Log": self.log,
            "Duration": self.seconds * 1000,
            "BillDuration": self.milliseconds,
            "MemUsage": self.memory,
        }
