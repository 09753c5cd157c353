"""The application of the storm, deployed as `handlers`: callbacks that fail, hang and die, and tell an outside file.

Every line is one `write` to a file opened for appending, so that lines of several processes stand in the order in
which things happened. Nothing else is known of what happened inside: the lines are what is judged.
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

LINES = os.open(os.environ["CHAOS_LINES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
WILD = float(os.environ.get("CHAOS_WILD", "0"))
"""The share of calls to which something happens."""
CHANCE = random.Random(f"{os.environ.get('CHAOS_SEED')} {os.getpid()}")

SIZE = 128
"""Bytes of a line. None crosses the end of a page of memory, where SIGKILL can cut a write in two."""


def tell(what: str, key: str) -> None:
    line = {"what": what, "key": key, "pid": os.getpid()}
    os.write(LINES, json.dumps(line).ljust(SIZE - 1).encode() + b"\n")


class Telling(Ledger):
    """A ledger that tells when a record was written, and when the store refused one."""

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

    def record(self, claim: Lease, record: Record) -> None:
        try:
            self._inner.record(claim, record)
        except Exception:
            tell("refused", hash_key(record.key))
            raise
        tell("recorded", hash_key(record.key))

    def close(self, claim: Lease, records: Sequence[Record], complete: bool) -> None:
        self._inner.close(claim, records, complete)
        for record in records:
            if record.is_final:
                tell("recorded", hash_key(record.key))

    def find(self, key: str) -> StoredEvent | None:
        return self._inner.find(key)

    def entries(self, task_id: str = "", since: float = 0.0) -> Iterator[StoredEvent]:
        return self._inner.entries(task_id, since)

    def purge(self, before: float) -> int:
        return self._inner.purge(before)


def work(result: Result, key: IdempotencyKey) -> None:
    """The effect, and around it whatever can go wrong."""
    tell("begins", key)
    fate = CHANCE.random() / WILD if WILD else 1.0
    if fate < 0.55:
        tell("fails", key)
        raise OSError("no route to host") if fate < 0.5 else SystemExit(3)
    if fate < 0.65:
        os.kill(os.getpid(), signal.SIGKILL)  # before the effect
    tell("effect", key)
    if fate < 0.8:
        os.kill(os.getpid(), signal.SIGKILL)  # between the effect and its record
    if fate < 0.85:
        os._exit(1)
    if fate < 0.9:
        time.sleep(60)  # until the time limit strikes
    tell("ends", key)


app = App(
    ledger=Telling(open_ledger(os.environ["MPS_LEDGER"])),
    reserve=float(os.environ.get("CHAOS_RESERVE", "0.2")),
)
for verb in ("on", "on_failure"):

    def of_a_result(result: Subtask, key: IdempotencyKey) -> None:
        work(result, key)

    def of_an_event(event: Event, key: IdempotencyKey) -> None:
        work(event, key)

    getattr(app, verb)(Subtask, name=f"{verb} result")(of_a_result)
    getattr(app, verb)(Event, name=f"{verb} event")(of_an_event)


@app.on(Subtask, name="second")
def second(result: Subtask, key: IdempotencyKey) -> None:
    work(result, key)


@app.on_complete(Event, name="complete")
def complete(event: Event, key: IdempotencyKey) -> None:
    work(event, key)


def main_handler(event: Any, context: Any) -> Any:
    return app.main_handler(event, context)


app.main_handler  # noqa: B018 - closes the application when the instance starts
