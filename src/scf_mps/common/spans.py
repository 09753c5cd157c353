"""Spans: the parts of an invocation with their begin, end and parent, and the observers that receive them.

Loaded only by an application with observers.
"""

from __future__ import annotations

import logging
import os
import re
import time
from contextvars import ContextVar
from itertools import count

from ..context import RESERVE_SECONDS
from ..errors import RegistrationError, describe_error
from ..logs import scrub

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextvars import Token
    from typing import Any, TypeVar

    from typing_extensions import Self

    from ..context import Context
    from ..events.base import Event
    from ..routing.plan import Call

    T = TypeVar("T")

log = logging.getLogger("scf_mps")

MAX_FLUSH_SECONDS = 1.0
"""Seconds that the observers may take at the end of an invocation."""

_TRACEPARENT = re.compile(r"traceparent=00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


class Observer:
    """Receives the spans of an application: ``App(observers=[…])``.

    Both methods do nothing by default. An exception in them is logged, and never fails the event. Requests that they
    make have no spans.
    """

    def ended(self, span: Span) -> None:
        """Use a span that has ended. Called in the thread in which it ended, so several threads may call at a time."""

    def flush(self, seconds: float) -> None:
        """Send what was collected. Called once per invocation, last, because SCF freezes the instance afterwards.

        Args:
            seconds: to take at most: 1, or what is left until 0.3 s before the time limit. 0 if no time is left.
        """


def check_observers(observers: Sequence[Observer]) -> tuple[Observer, ...]:
    """Return the observers. Raise RegistrationError for anything else."""
    for item in observers:
        if not isinstance(item, Observer):
            raise RegistrationError(f"{item!r} is not an instance of a subclass of Observer")
    return tuple(observers)


class Link:
    """A span of another trace that led to this one.

    Attributes:
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
    """

    __slots__ = ("span_id", "trace_id")

    def __init__(self, trace_id: str, span_id: str) -> None:
        self.trace_id = trace_id
        self.span_id = span_id


class _Trace:
    """The id of a trace, ``""`` as long as the task is unknown."""

    __slots__ = ("id",)

    def __init__(self, id: str = "") -> None:
        self.id = id


class Span:
    """One part of an invocation. ``span["bucket"]`` reads an attribute, ``span.get("bucket")`` may return None.

    Attributes:
        kind: ``invocation``, ``event``, ``callback``, ``cos``, ``ledger``, ``api``, ``post`` or ``wait``.
        name: e.g. the callback, or the action of a request.
        span_id: 16 hexadecimal digits.
        parent_id: of the enclosing span, ``""`` for the first one of a trace in this invocation.
        start: nanoseconds since the epoch.
        end: nanoseconds since the epoch, 0 while it is open.
        attempt: of a request, from 1.
        error: class and text of the exception without secrets, ``""`` without one.
        attributes: by name.
        links: spans of other traces.
    """

    __slots__ = (
        "_token",
        "_trace",
        "_tracer",
        "attempt",
        "attributes",
        "end",
        "error",
        "kind",
        "links",
        "name",
        "parent_id",
        "span_id",
        "start",
    )

    def __init__(
        self, tracer: Tracer, kind: str, name: str, attributes: dict[str, Any], parent: Span | None
    ) -> None:
        self._tracer = tracer
        self._trace: _Trace = parent._trace if parent is not None else _Trace()
        self._token: Token[Span | None] | None = None
        self.kind = kind
        self.name = name
        self.attributes = attributes
        self.parent_id = parent.span_id if parent is not None else ""
        self.span_id: str = f"{next(tracer.ids) & 0xFFFFFFFFFFFFFFFF:016x}"
        self.start = tracer.read_time()
        self.end = 0
        self.attempt = 1
        self.error = ""
        self.links: list[Link] = []

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits, the same for all deliveries of a task."""
        return self._trace.id

    def __getitem__(self, name: str) -> Any:
        return self.attributes[name]

    def __setitem__(self, name: str, value: object) -> None:
        self.attributes[name] = value

    def get(self, name: str, default: object = None) -> Any:
        """Return an attribute, or a default."""
        return self.attributes.get(name, default)

    def enter(self) -> Self:
        """Make this the parent of the spans that begin now."""
        self._token = _current.set(self)
        return self

    def leave(self) -> None:
        """Restore the parent that was current before `enter`. The time of the span ends now."""
        assert self._token is not None
        _current.reset(self._token)
        self.end = self._tracer.read_time()

    def finish(self, error: BaseException | None = None) -> None:
        """End the span and pass it to the observers, unless that is done."""
        if error is not None:
            self.error = scrub(describe_error(error))
        self._tracer.report(self)

    def __repr__(self) -> str:
        return f"<Span {self.kind} {self.name}{': ' + self.error if self.error else ''}>"


_current: ContextVar[Span | None] = ContextVar("scf_mps_span", default=None)
_is_muted: ContextVar[bool] = ContextVar("scf_mps_muted", default=False)
"""True inside of an observer."""


def is_muted() -> bool:
    """Return True inside of an observer, whose own work has no spans."""
    return _is_muted.get()


def derive_trace_id(task_id: str) -> str:
    """Return the trace id of a task."""
    # hashlib loads OpenSSL, which takes 3 ms and 3 MB.
    try:
        from _blake2 import blake2b
    except ImportError:  # pragma: no cover - of CPython without its own hashes
        from hashlib import blake2b

    return blake2b(f"scf-mps task {task_id}".encode("utf-8", "replace"), digest_size=16).hexdigest()


def find_link(session_context: str) -> Link | None:
    """Return the span of the submitter, from ``traceparent=…`` in the task's ``SessionContext`` (W3C Trace Context)."""
    found = _TRACEPARENT.search(session_context)
    return Link(found[1], found[2]) if found else None


class Tracer:
    """The spans of one invocation.

    The trace is that of the task. Spans that end before the task is known are kept until then.

    Args:
        observers: receive the spans.
        context: of the invocation.
    """

    def __init__(self, observers: Sequence[Observer], context: Context) -> None:
        clock = context.clock
        self._observers = observers
        self._context = context
        # One random number per invocation: a call of the system for each span takes longer than the span.
        self.ids = count(int.from_bytes(os.urandom(8), "big"))
        self._epoch = time.time_ns() - int(clock() * 1e9)
        self._waiting: list[Span] | None = []
        self._callbacks: dict[Call, Span] = {}
        self._open: dict[str, Span] = {}
        outer = _current.get()
        attributes = {
            "request_id": context.request_id,
            "function": context.function,
            "version": context.version,
            "namespace": context.namespace,
            "region": context.region,
        }
        self.root = Span(self, "invocation", context.function or "main_handler", attributes, None)
        if outer is not None:  # a callback called another main_handler
            self.root.links.append(Link(outer.trace_id, outer.span_id))
        self._open[self.root.span_id] = self.root
        self._innermost = self.root.enter()

    def read_time(self) -> int:
        """Return the time in nanoseconds since the epoch, on the clock of the invocation."""
        return self._epoch + int(self._context.clock() * 1e9)

    def begin(
        self, kind: str, name: str, attempt: int = 1, attributes: dict[str, Any] | None = None
    ) -> Span | None:
        """Begin the span of an operation. Return None for one of an observer."""
        if is_muted():
            return None
        span = self._begin(kind, name, {} if attributes is None else attributes)
        span.attempt = attempt
        return span

    def _begin(self, kind: str, name: str, attributes: dict[str, Any]) -> Span:
        """Begin a span below the current one, or below the running callback in a thread without one."""
        span = Span(self, kind, name, attributes, self._get_parent())
        self._open[span.span_id] = span
        return span

    def format_traceparent(self) -> str:
        """Return the current span as in the header ``traceparent`` (W3C Trace Context)."""
        span = self._get_parent()
        return f"00-{span.trace_id}-{span.span_id}-01"

    def _get_parent(self) -> Span:
        """Return the current span, or the running callback in a thread without one."""
        span = _current.get()
        return self._innermost if span is None or span._tracer is not self else span

    def report(self, span: Span) -> None:
        """Pass a span to the observers. Only the first call for a span has an effect."""
        if self._open.pop(span.span_id, None) is None:
            return
        span.end = span.end or self.read_time()
        if self._waiting is not None and span._trace is self.root._trace:
            self._waiting.append(span)
        else:
            self._call_observers("ended", span)

    def settle(self, trace_id: str = "") -> None:
        """Set the trace of the invocation, unless it is set. Without an id it is a new trace."""
        if self._waiting is not None:
            self.root._trace.id = trace_id or os.urandom(16).hex()
            waiting, self._waiting = self._waiting, None
            for span in waiting:
                self._call_observers("ended", span)

    def open_event(self, event: Event) -> Span:
        """Begin the span of an event in the trace of its task."""
        trace_id = derive_trace_id(event.task_id or event.key)
        self.settle(trace_id)
        attributes = {"type": event.type, "task_id": event.task_id, "status": event.status}
        if trace_id == self.root.trace_id:
            span = Span(self, "event", event.type, attributes, self.root)
        else:
            span = Span(self, "event", event.type, attributes, None)
            span._trace.id = trace_id
            span.links.append(Link(self.root.trace_id, self.root.span_id))
        submitter = find_link(event.session_context)
        if submitter is not None:
            span.links.append(submitter)
        self._open[span.span_id] = span
        self._innermost = span.enter()
        return span

    def close_event(self, span: Span, calls: Sequence[Call], error: BaseException | None) -> None:
        """End the span of an event, after those of the calls that did not start."""
        for call in calls:
            if call not in self._callbacks:
                self._begin_callback(call)
                self._leave_callback(call)
        self.end_callbacks(calls)
        self._innermost = self.root
        span.leave()
        span.finish(error)

    def wrap(self, run: Callable[[Call, T], Any]) -> Callable[[Call, T], Any]:
        """Return `run` inside of the span of a call. Its outcome may change until `end_callbacks`."""

        def run_inside(call: Call, invocation: T) -> Any:
            self._begin_callback(call)
            try:
                return run(call, invocation)
            finally:
                self._leave_callback(call)

        return run_inside

    def _begin_callback(self, call: Call) -> None:
        result = call.result
        attributes = {"type": result.type, "place": result.place, "status": result.status}
        span = self._begin("callback", call.route.name, attributes)
        self._callbacks[call] = self._innermost = span.enter()

    def _leave_callback(self, call: Call) -> None:
        span = self._callbacks[call]
        span.leave()
        self._innermost = self._open.get(span.parent_id, self.root)

    def end_callbacks(self, calls: Sequence[Call]) -> None:
        """End the spans of calls with their outcomes, which the cleanups of providers may have changed."""
        for call in calls:
            span = self._callbacks[call]
            if span.end:
                span["outcome"] = call.outcome
                if call.why:
                    span["reason"] = call.why
                span.finish(call.error)

    def close(self, error: BaseException | None) -> None:
        """End the invocation's span, and let the observers send what they have."""
        self.settle()
        self.root.leave()
        self.root.finish(error)
        self.flush(self._context.remaining() - RESERVE_SECONDS)

    def abandon(self, reason: str) -> None:
        """End all open spans as errors, the innermost first, because SCF is about to kill the invocation."""
        self.settle()
        self.end_callbacks([*self._callbacks])
        for span in [*self._open.values()][::-1]:
            span.error = reason
            self.report(span)

    def flush(self, seconds: float) -> None:
        """Let the observers send what they have, in at most these seconds."""
        self._call_observers("flush", max(0.0, min(seconds, MAX_FLUSH_SECONDS)))

    def _call_observers(self, method: str, argument: object) -> None:
        token = _is_muted.set(True)
        try:
            for observer in self._observers:
                try:
                    getattr(observer, method)(argument)
                except BaseException as error:
                    log.error("the observer failed: %s", describe_error(error), exc_info=error)
        finally:
            _is_muted.reset(token)
