"""One log line per event, with a field for each figure. `docs/observability.md` lists them: their names are stable."""

from __future__ import annotations

import logging

from .. import logs
from ..errors import CallbacksFailed, describe_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..dispatch.invocation import Invocation

log = logging.getLogger("scf_mps")

MESSAGE = "handled"
"""The message of the line."""

MAX_ERROR_CHARACTERS = 500

MAX_LEFT_SECONDS = 1e6
"""More is no time limit."""

_is_cold = True


TEXTS = ("type", "status", "slowest", "error")
NUMBERS = (
    *("delivery", "cold", "init_ms", "ms", "left_ms"),
    *("done", "failed", "dropped", "deferred", "skipped", "unhandled", "slowest_ms"),
    *("cos_requests", "cos_retries", "cos_wait_ms", "ledger_ms"),
)
"""The fields of the line, after those of every line."""

_line = logs.LineTemplate(log, MESSAGE, TEXTS, NUMBERS)


def write_event_line(invocation: Invocation, began: float, error: BaseException | None) -> None:
    """Log the line of an event.

    Args:
        invocation: of the event, after its callbacks.
        began: when the work on it began, on the clock of the invocation.
        error: the reason for which the event failed.
    """
    done = failed = dropped = deferred = skipped = 0
    slowest, seconds = "", 0.0
    for call in invocation.calls:
        outcome = call.outcome
        if outcome == "done":
            done += 1
        else:
            failed += outcome == "failed"
            dropped += outcome == "dropped"
            deferred += outcome == "deferred"
            skipped += outcome == "skipped"
        if call.seconds > seconds:
            slowest, seconds = call.route.name, call.seconds
    context, event, session = invocation.context, invocation.event, invocation.session
    _line.emit(
        (event.type, event.status, slowest, "" if error is None else _describe(error)),
        (
            0 if session is None else session.delivery,
            *_read_times(context, began),
            done,
            failed,
            dropped,
            deferred,
            skipped,
            invocation.unhandled,
            seconds * 1000,
            *_measure(context),
        ),
    )


def write_line(context: Context, type: str, error: BaseException | None) -> None:
    """Log the line of an invocation without an event: a timer trigger, or an event that could not be read."""
    texts = (type, "", "", "" if error is None else _describe(error))
    _line.emit(texts, (0, *_read_times(context, context.began), *[0] * 6, 0.0, *_measure(context)))


def _read_times(context: Context, began: float) -> tuple[float, ...]:
    """Return `cold`, `init_ms`, `ms` and `left_ms`."""
    global _is_cold
    now = context.clock()
    left = context.deadline - now
    times = ((now - began) * 1000, left * 1000 if left < MAX_LEFT_SECONDS else -1.0)
    if not _is_cold:
        return 0, 0.0, *times
    _is_cold = False
    return 1, logs.get_init_seconds() * 1000, *times


def _measure(context: Context) -> tuple[float, ...]:
    """Return `cos_requests`, `cos_retries`, `cos_wait_ms` and `ledger_ms` since the last line."""
    if context.operations is None:
        return _NO_OPERATIONS
    cos, wait, ledger = context.operations.take("cos", "wait cos", "ledger")
    return cos.count, cos.retries, wait.seconds * 1000, ledger.seconds * 1000


_NO_OPERATIONS = (0, 0, 0.0, 0.0)


def _describe(error: BaseException) -> str:
    if isinstance(error, CallbacksFailed):
        text = "; ".join(map(str, error.exceptions))
    else:
        text = describe_error(error)
    return logs.scrub(text)[:MAX_ERROR_CHARACTERS]
