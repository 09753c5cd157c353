"""Result of one invocation: the returned value, the log, and the response of SCF's Invoke API."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from .statuses import SUCCESS

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event processed once by one instance.

    Attributes:
        request_id: the same for all deliveries of an event.
        status: the status code, 200 for a success.
        text: the returned JSON, or SCF's description of the failure.
        records: writes to stdout and stderr, each cut at 8 KB as in the log service.
        seconds: the duration without loading the function.
        init_seconds: the time until the function was loaded, for a cold start, else None.
        memory: the peak memory of the instance so far, in bytes.
        memory_limit: in MB.
        retry: the number of the retry, 0 for the first delivery.
        asynchronous: whether the event came through the queue.
        duplicate: whether this is the second delivery of a duplicated event.
        instance: the number of the instance, 0 if none could be started.
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
        """True if SCF does not retry the event."""
        return self.status == SUCCESS

    @property
    def cold(self) -> bool:
        """True if the instance was new."""
        return self.init_seconds is not None

    @property
    def returned(self) -> Any:
        """The value that the function returned, parsed from JSON, or None after a failure."""
        return json.loads(self.text) if self.succeeded else None

    @property
    def error(self) -> dict[str, Any] | None:
        """SCF's description of a failure: ``errorCode``, ``errorMessage``, ``statusCode``, optional ``stackTrace``."""
        failure: dict[str, Any] | None = None if self.succeeded else json.loads(self.text)
        return failure

    @property
    def milliseconds(self) -> int:
        """The billed duration."""
        return math.ceil(self.seconds * 1000)

    @property
    def log(self) -> str:
        """The log of the invocation, with SCF's lines around the function's records."""
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
