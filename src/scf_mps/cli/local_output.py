"""Output of `scf-mps local`: deliveries and log lines, with each of the user's frames once."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from scf_mps.common.printable import escape_controls
from scf_mps.ledger import open_ledger
from scf_mps.local.frames import Frame, describe_frames, shorten_paths, split_traceback

from .outcomes import has_skipped_all, read_events, show_entry, show_summary
from .output import say, warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scf_mps.local.scf import LifecycleEvent, LocalFunction
    from scf_mps.local.scf.invocation import Invocation

_MEGABYTE = 1024 * 1024
_ID_CHARACTERS = 8
"""Characters of a request id at the beginning of a line."""
_COMMON = ("time", "level", "logger", "message", "request_id", "task_id")
"""Fields of a log record that are not shown as extras."""


class LocalOutput:
    """Shows the moments of a function as they happen.

    Args:
        function: the function.
        full: whether to show full tracebacks, every log line and the returned values.
        brief: whether to leave out the framework's log lines about single results, which a table follows.
    """

    def __init__(self, function: LocalFunction, *, full: bool, brief: bool) -> None:
        self._function = function
        self._brief = brief and not full
        self._full = full
        self._shown: set[Frame] = set()
        self._unfinished: dict[str, str] = {}
        self._lock = threading.Lock()

    def __call__(self, moment: LifecycleEvent) -> None:
        # On a closed pipe Rich ends the command by SystemExit, which would end an instance's thread here.
        with self._lock, suppress(SystemExit):
            for line in self._describe(moment):
                say(f"{moment.request_id[:_ID_CHARACTERS]}  {line}", _style(moment))

    def _describe(self, moment: LifecycleEvent) -> Iterator[str]:
        invocation = moment.invocation
        for text in self._join_records(moment):
            yield from self._describe_record(text.removesuffix("\n"))
        if moment.instance is not None and moment.kind == "started":
            start = "cold" if moment.instance.init_seconds is None else "warm"
            retry = f"retry {moment.retry}, " if moment.retry else ""
            yield f"started, {retry}{start} instance {moment.instance.number}"
        elif invocation is not None:
            yield from self._describe_end(invocation)
        elif moment.kind == "retrying":
            function = self._function
            yield f"will be retried in {function.retry_interval / function.speed:g} s"
        elif moment.kind == "dead":
            yield "moved to the dead-letter queue"
        elif moment.kind == "dropped":
            yield "lost: there is no dead-letter queue"

    def _join_records(self, moment: LifecycleEvent) -> Iterator[str]:
        """Yield the texts that a moment completes: SCF makes a record of each write, and print(a, b) writes four times."""
        text = self._unfinished.pop(moment.request_id, "")
        is_whole = moment.record.startswith("{") and moment.record.endswith("\n")
        if text and (is_whole or moment.kind != "record"):
            yield text
            text = ""
        text += moment.record
        if text.endswith("\n"):
            yield text
        elif text:
            self._unfinished[moment.request_id] = text

    def _describe_record(self, text: str) -> Iterator[str]:
        """Yield a log record: a JSON line of the framework's logger as text, others as they are."""
        try:
            fields = json.loads(text)
        except ValueError:
            fields = None
        if not isinstance(fields, dict) or not fields.keys() >= {"level", "logger", "message"}:
            yield from self._shorten(text)
            return
        exception = fields.pop("exception", "")
        is_redundant = fields["logger"] == "scf_mps" and "place" in fields and not exception
        if is_redundant and self._brief:
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
        """Yield a text without the framework's frames in its tracebacks, and without frames shown before.

        Args:
            text: a log record, or a traceback.
            is_stack: leave it out if all of its frames have been shown.
        """
        if self._full:
            yield from text.split("\n")
            return
        lines, frames = split_traceback(text)
        new = [one for one in frames if one not in self._shown]
        if new or not is_stack:
            yield from map(shorten_paths, lines)
        if new:
            yield from describe_frames(new).split("\n")
        self._shown.update(new)


def _style(moment: LifecycleEvent) -> str:
    if moment.kind in ("dead", "dropped"):
        return "red"
    if moment.invocation is not None:
        return "green" if moment.invocation.succeeded else "red"
    return "" if moment.kind == "record" else "dim"


def show_delivered(raw: object, invocation: Invocation, ledger: str) -> None:
    """Show the callbacks of a pushed event after its last delivery.

    Args:
        raw: the event.
        invocation: the last one.
        ledger: the URL of the function's ledger.
    """
    events = read_events(raw)
    if invocation.succeeded:
        returned = json.loads(invocation.text)
        if isinstance(returned, dict) and isinstance(returned.get("body"), str):
            returned = json.loads(returned["body"])
        every = returned.get("events", [returned]) if isinstance(returned, dict) else []
        summaries = [one for one in every if isinstance(one, dict) and "callbacks" in one]
        if len(summaries) == len(events):
            for summary, event in zip(summaries, events, strict=True):
                show_summary(summary, event, {})
        if has_skipped_all(summaries):
            warn(
                "Nothing ran: the ledger has every callback of this event as completed. Push another TaskId "
                "(scf-mps sample makes new ones), or forget all with --fresh.",
                "yellow",
            )
    elif ledger.startswith("file:"):
        store = open_ledger(ledger)
        for event in events:
            entry = store.find(event.key)
            if entry is not None:
                show_entry(entry)
