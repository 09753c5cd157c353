"""The application of the crash test, deployed as `handlers`: callbacks that fail, hang and die, and log to a file.

Every line is one `write` to a file opened for appending, so that the lines of several processes are in the order of
the steps. Only these lines are judged.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from typing import TYPE_CHECKING, Any

from scf_mps import App, Event, IdempotencyKey, Ledger, Result, Subtask
from scf_mps.ledger import open_ledger
from scf_mps.ledger.base import hash_key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from scf_mps.ledger import Lease, Record, StoredEvent

LOG = os.open(os.environ["CHAOS_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
FAULT_RATE = float(os.environ.get("CHAOS_FAULT_RATE", "0"))
"""Share of calls with a fault."""
RANDOM = random.Random(f"{os.environ.get('CHAOS_SEED')} {os.getpid()}")

LINE_BYTES = 128
"""A divisor of the page size: SIGKILL can cut a write in two at the end of a page."""


def log_step(step: str, key: str) -> None:
    line = {"step": step, "key": key, "pid": os.getpid()}
    os.write(LOG, json.dumps(line).ljust(LINE_BYTES - 1).encode() + b"\n")


class LoggingLedger(Ledger):
    """A ledger that logs stored and failed records."""

    def __init__(self, inner: Ledger) -> None:
        self._inner = inner

    def claim(
        self,
        event: Event,
        calls: Collection[str],
        seconds: float,
        *,
        forced: Collection[str] = (),
        owner: str = "",
    ) -> Lease:
        return self._inner.claim(event, calls, seconds, forced=forced, owner=owner)

    def record(self, lease: Lease, record: Record) -> None:
        try:
            self._inner.record(lease, record)
        except Exception:
            log_step("refused", hash_key(record.key))
            raise
        log_step("recorded", hash_key(record.key))

    def close(self, lease: Lease, records: Sequence[Record], complete: bool) -> None:
        self._inner.close(lease, records, complete)
        for record in records:
            if record.is_final:
                log_step("recorded", hash_key(record.key))

    def find(self, key: str) -> StoredEvent | None:
        return self._inner.find(key)

    def list_events(self, task_id: str = "", since: float = 0.0) -> Iterator[StoredEvent]:
        return self._inner.list_events(task_id, since)

    def purge(self, before: float) -> int:
        return self._inner.purge(before)


def work(result: Result, key: IdempotencyKey) -> None:
    """Log the effect, with faults before and after it."""
    log_step("begins", key)
    fault = RANDOM.random() / FAULT_RATE if FAULT_RATE else 1.0
    if fault < 0.55:
        log_step("fails", key)
        raise OSError("no route to host") if fault < 0.5 else SystemExit(3)
    if fault < 0.65:
        os.kill(os.getpid(), signal.SIGKILL)  # before the effect
    log_step("effect", key)
    if fault < 0.8:
        os.kill(os.getpid(), signal.SIGKILL)  # between the effect and its record
    if fault < 0.85:
        os._exit(1)
    if fault < 0.9:
        time.sleep(60)  # until the time limit
    log_step("ends", key)


app = App(
    ledger=LoggingLedger(open_ledger(os.environ["MPS_LEDGER"])),
    reserve=float(os.environ.get("CHAOS_RESERVE", "0.2")),
)
for verb in ("on", "on_failure"):

    def handle_result(result: Subtask, key: IdempotencyKey) -> None:
        work(result, key)

    def handle_event(event: Event, key: IdempotencyKey) -> None:
        work(event, key)

    getattr(app, verb)(Subtask, name=f"{verb} result")(handle_result)
    getattr(app, verb)(Event, name=f"{verb} event")(handle_event)


@app.on(Subtask, name="second")
def second(result: Subtask, key: IdempotencyKey) -> None:
    work(result, key)


@app.on_complete(Event, name="complete")
def complete(event: Event, key: IdempotencyKey) -> None:
    work(event, key)


def main_handler(event: Any, context: Any) -> Any:
    return app.main_handler(event, context)


app.main_handler  # noqa: B018 - closes the application when the instance starts
