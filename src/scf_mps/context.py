"""The context of one invocation, from the plain dict that SCF passes."""

from __future__ import annotations

import os
import time
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from .common.operations import Operations
    from .common.spans import Tracer
    from .routing.plan import Call

_SHOWN = (
    "request_id",
    "function_name",
    "function_version",
    "namespace",
    "tencentcloud_region",
    "memory_limit_in_mb",
    "time_limit_in_ms",
)

RESERVE_SECONDS = 0.3
"""Seconds before the end of an invocation that are reserved for reporting its outcome."""


class Context:
    """One invocation of the function, read from SCF's context dict. Any of its keys may be missing.

    Create it when the invocation begins. The deadline counts from then, because SCF passes the configured time limit
    and not the remaining time (product page 583/9210).

    Attributes:
        raw: SCF's dict. It may hold live credentials under ``environ``: never print it.
        clock: returns the seconds of the clock that the deadline is on.
        sleep: waits for some seconds on that clock: between attempts at COS and the API, and for the ledger.
        began: when it was created, on the same clock.
        call: the running callback and its result, None outside of callbacks.
        called_at: when it began.
        deadline: when SCF kills this invocation, infinity without a time limit.
        reserve: seconds before the deadline at which requests of callbacks end, so that their outcome can be recorded
            and reported. A ledger needs more than `RESERVE_SECONDS`.
        events: number of events that were dispatched.
        is_reported: True if the log says that it is about to be killed.
        operations: the requests, ledger calls and waits, None before the first one.
        thread: identity of the thread that handles it.
        tracer: makes the spans, None without observers.
    """

    __slots__ = (
        "began",
        "call",
        "called_at",
        "clock",
        "deadline",
        "events",
        "is_reported",
        "operations",
        "raw",
        "reserve",
        "sleep",
        "thread",
        "tracer",
    )

    def __init__(
        self,
        raw: object = None,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.raw: Mapping[str, Any] = raw if isinstance(raw, dict) else {}
        self.clock = clock
        self.sleep = sleep
        self.began = now = clock()
        self.deadline = now + self.time_limit
        self.reserve = RESERVE_SECONDS
        self.call: Call | None = None
        self.called_at = now
        self.events = 0
        self.is_reported = False
        self.thread = 0
        self.operations: Operations | None = None
        self.tracer: Tracer | None = None

    @property
    def request_id(self) -> str:
        """SCF's request id, or ``""``. A retry of an event has the request id of its first delivery."""
        return self._text("request_id")

    @property
    def function(self) -> str:
        """The function's name, or ``""``."""
        return self._text("function_name", "SCF_FUNCTIONNAME")

    @property
    def version(self) -> str:
        """The function's version, e.g. ``$LATEST``, or ``""``."""
        return self._text("function_version", "SCF_FUNCTIONVERSION")

    @property
    def namespace(self) -> str:
        """The function's namespace, e.g. ``default``, or ``""``."""
        return self._text("namespace")

    @property
    def region(self) -> str:
        """The region the function runs in, e.g. ``ap-guangzhou``, or ``""``. Outputs may be in another one."""
        return self._text("tencentcloud_region", "TENCENTCLOUD_REGION")

    @property
    def memory_limit(self) -> int | None:
        """The memory limit in MB, None if it is missing. Tencent's own emulator sends it as a string."""
        limit = str(self.raw.get("memory_limit_in_mb"))
        return int(limit) if limit.isdecimal() else None

    @property
    def time_limit(self) -> float:
        """The configured time limit of an invocation in seconds, infinity if it is missing.

        SCF's limits are whole seconds. A value below 1,000 is not in milliseconds, but in the seconds of Tencent's own
        emulator (PyPI scf 0.2.8).
        """
        limit = self.raw.get("time_limit_in_ms")
        if not isinstance(limit, (int, float)) or limit <= 0:
            return float("inf")
        return limit / 1000 if limit >= 1000 else float(limit)

    def remaining(self) -> float:
        """Return the seconds until SCF kills this invocation. Negative after the deadline, infinity without one."""
        return self.deadline - self.clock()

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables in ``environ``, a text ``K=V;K=V``. They may hold live credentials: never print them."""
        text = self.raw.get("environ")
        if isinstance(text, dict):
            return {name: value for name, value in text.items() if isinstance(value, str)}
        if not isinstance(text, str):
            return {}
        variables: dict[str, str] = {}
        last = ""
        for pair in text.split(";"):
            name, equals, value = pair.partition("=")
            if equals and name.strip().replace("_", "a").isalnum():
                last = name.strip()
                variables[last] = value
            elif last:  # the value has a semicolon in it
                variables[last] += f";{pair}"
        return variables

    def _text(self, key: str, variable: str = "") -> str:
        value = self.raw.get(key)
        if isinstance(value, str) and value:
            return value
        return os.environ.get(variable, "") if variable else ""

    def __repr__(self) -> str:
        shown = " ".join(f"{key}={self.raw[key]!r}" for key in _SHOWN if key in self.raw)
        return f"<Context {shown}>" if shown else "<Context>"


def convert_context(context: object) -> Context:
    """Return SCF's context dict as a Context. A Context is returned as it is."""
    return context if isinstance(context, Context) else Context(context)
