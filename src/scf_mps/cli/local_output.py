"""Output of `scf-mps local`: deliveries and log lines. Each of the user's frames is shown once."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from scf_mps.common.printable import escape_controls
from scf_mps.ledger import open_ledger
from scf_mps.local.frames import Frame, describe_frames, shorten_paths, split_traceback

from .outcomes import has_skipped_all, list_summaries, print_entry, print_summary, read_events
from .output import print_error, print_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scf_mps.local.scf import LifecycleEvent, LocalFunction
    from scf_mps.local.scf.invocation import Invocation

_MEGABYTE = 1024 * 1024
_ID_CHARACTERS = 8
"""Characters of a request id at the start of a line."""
_COMMON = ("time", "level", "logger", "message", "request_id", "task_id")
"""Fields of a log record that are not extras."""


class LocalOutput:
    """Prints the lifecycle events of a function when they happen.

    Args:
        function: the function.
        full: whether to show full tracebacks, every log line and the returned values. Otherwise the line with the
            figures of an event is omitted.
        brief: whether to omit log lines about single results. A table follows.
    """

    def __init__(self, function: LocalFunction, *, full: bool, brief: bool) -> None:
        self._load_target = function
        self._brief = brief and not full
        self._full = full
        self._shown: set[Frame] = set()
        self._unfinished: dict[str, str] = {}
        self._lock = threading.Lock()

    def __call__(self, event: LifecycleEvent) -> None:
        """Print an event."""
        # On a closed pipe Rich raises SystemExit, which would end the thread of an instance.
        with self._lock, suppress(SystemExit):
            for line in self._describe(event):
                print_line(f"{event.request_id[:_ID_CHARACTERS]}  {line}", _style(event))

    def _describe(self, event: LifecycleEvent) -> Iterator[str]:
        invocation = event.invocation
        for text in self._join_records(event):
            yield from self._describe_record(text.removesuffix("\n"))
        if event.instance is not None and event.kind == "started":
            start = "cold" if event.instance.init_seconds is None else "warm"
            retry = f"retry {event.retry}, " if event.retry else ""
            yield f"started, {retry}{start} instance {event.instance.number}"
        elif invocation is not None:
            yield from self._describe_end(invocation)
        elif event.kind == "retrying":
            function = self._load_target
            yield f"will be retried in {function.retry_interval / function.speed:g} s"
        elif event.kind == "dead":
            yield "moved to the dead-letter queue"
        elif event.kind == "dropped":
            yield "lost: there is no dead-letter queue"

    def _join_records(self, event: LifecycleEvent) -> Iterator[str]:
        """Yield the texts that a lifecycle event completes. SCF records each write, and print(a, b) writes four times."""
        text = self._unfinished.pop(event.request_id, "")
        is_whole = event.record.startswith("{") and event.record.endswith("\n")
        if text and (is_whole or event.kind != "record"):
            yield text
            text = ""
        text += event.record
        if text.endswith("\n"):
            yield text
        elif text:
            self._unfinished[event.request_id] = text

    def _describe_record(self, text: str) -> Iterator[str]:
        """Yield a log record: JSON lines of the framework as text, other records unchanged."""
        try:
            fields = json.loads(text)
        except ValueError:
            fields = None
        if not isinstance(fields, dict) or not fields.keys() >= {"level", "logger", "message"}:
            yield from self._shorten(text)
            return
        exception = fields.pop("exception", "")
        is_figures = "slowest_ms" in fields or (self._brief and "place" in fields)
        if fields["logger"] == "scf_mps" and is_figures and not exception and not self._full:
            return
        extras = " ".join(
            f"{name}={value}" for name, value in fields.items() if name not in _COMMON
        )
        line = f"{fields['level']:<7} {fields['message']}" + (extras and f"  [{extras}]")
        line = escape_controls(line)
        yield from self._shorten("\n".join(filter(None, [line, exception])))

    def _describe_end(self, invocation: Invocation) -> Iterator[str]:
        used = f"{invocation.seconds * 1000:.0f} ms, {invocation.memory / _MEGABYTE:.0f} MB"
        error = invocation.error
        if error is None:
            yield f"succeeded after {used}"
            if self._full:
                yield invocation.text
            return
        message, *more = error["errorMessage"].split("\n")
        stack = error.get("stackTrace", "")
        yield f"failed after {used}: status {invocation.status}" + ("" if more else f", {message}")
        if self._full:
            yield from [*([message, *more] if more else ()), *stack.split("\n")]
        else:
            text = "\n".join([message, *more]) if more else stack
            yield from self._shorten(text, is_stack=True)

    def _shorten(self, text: str, is_stack: bool = False) -> Iterator[str]:
        """Yield a text with only the new user frames of its tracebacks.

        Args:
            text: a log record, or a traceback.
            is_stack: whether to omit a text without new frames.
        """
        if self._full:
            yield from text.split("\n")
            return
        lines, frames = split_traceback(text)
        new = [frame for frame in frames if frame not in self._shown]
        if new or not is_stack:
            yield from map(shorten_paths, lines)
        if new:
            yield from describe_frames(new).split("\n")
        self._shown.update(new)


def _style(event: LifecycleEvent) -> str:
    if event.kind in ("dead", "dropped"):
        return "red"
    if event.invocation is not None:
        return "green" if event.invocation.succeeded else "red"
    return "" if event.kind == "record" else "dim"


def print_delivery(raw: object, invocation: Invocation, ledger: str) -> None:
    """Print the callbacks of a pushed event after its last delivery.

    Args:
        raw: the event.
        invocation: the last invocation.
        ledger: the URL of the function's ledger.
    """
    events = read_events(raw)
    if invocation.succeeded:
        returned = json.loads(invocation.text)
        if isinstance(returned, dict) and isinstance(returned.get("body"), str):
            returned = json.loads(returned["body"])
        items = list_summaries(returned) if isinstance(returned, dict) else []
        summaries = [item for item in items if isinstance(item, dict) and "callbacks" in item]
        if len(summaries) == len(events):
            for summary, event in zip(summaries, events, strict=True):
                print_summary(summary, event, {})
        if has_skipped_all(summaries):
            print_error(
                "Nothing ran: every callback of this event is completed in the ledger. Push another TaskId "
                "(`scf-mps sample` makes new ones), or delete the ledger with --fresh.",
                "yellow",
            )
    elif ledger.startswith("file:"):
        store = open_ledger(ledger)
        for event in events:
            entry = store.find(event.key)
            if entry is not None:
                print_entry(entry)
