"""Two deliveries after another, at once, killed, late, forced, in any order: each store does what a small model says.

Two processes work with a store that processes can share; the memory is that of one. ``MPS_CHAOS=1000`` looks for
longer.
"""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from .conftest import LEASE, SHARED, STORES, Bucket, Folder, Server, Store, record
from .worker import Worker

TASKS = ("one", "other")
CALLS = ("r/1 a", "r/2 b", "r/3 c")
OUTCOMES = ("done", "dropped", "failed", "deferred")

MUTANTS = "MUTANT_UNDER_TEST" in os.environ

tasks = st.sampled_from(TASKS)
workers = st.sampled_from([0, 1])
some_calls = st.sets(st.sampled_from(CALLS)).map(sorted)


class Known:
    """What the model knows of an event.

    Attributes:
        holder: the name of the claim that may still be at work; None once it closed, or its time was over.
        was_complete: whether the last delivery that closed left nothing to do.
    """

    def __init__(self):
        self.delivery = 0
        self.holder = None
        self.complete = False
        self.was_complete = False
        self.ended = set()
        self.open = {}


class LedgerMachine(RuleBasedStateMachine):
    """The rules, and the model. A subclass names the store."""

    claims = Bundle("claims")
    make_store = None
    make_workers = None

    def __init__(self):
        super().__init__()
        self.store = type(self).make_store()
        self.workers = type(self).make_workers()
        self.known = {}
        self.count = 0
        self.forgotten = set()

    @initialize()
    def open(self):
        for worker in self.workers:
            worker.do("open", self.store.url)
        self.ledger = self.store.open()

    @rule(target=claims, task=tasks, worker=workers, calls=some_calls, again=some_calls)
    def claim(self, task, worker, calls, again):
        self.count += 1
        name = f"claim-{self.count}"
        answer = self.workers[worker].do("claim", name, task, calls, LEASE, again)
        known = self.known.get(task)
        if known is None:
            known = self.known[task] = Known()
        else:
            over = all(call in known.ended and call not in again for call in calls)
            if answer[0] == "over":
                # Of these calls nothing is left, even if a later delivery with others is at work, or dead.
                assert over
                assert known.complete or known.holder or known.was_complete
                assert set(calls) <= set(answer[2]) <= known.ended
                return multiple()
            # (One that was complete may be held once more, if what ended was written down late.)
            assert not (over and known.holder)
            if known.holder:
                kind, seconds = answer
                assert kind == "held"
                assert 0 < seconds <= LEASE + 2
                return multiple()
        known.delivery += 1
        known.holder, known.complete = name, False
        assert answer == ["claimed", known.delivery, sorted(known.ended)]
        return name, task, worker, known.delivery

    @rule(held=claims, call=st.sampled_from(CALLS), outcome=st.sampled_from(OUTCOMES[:2]))
    def record(self, held, call, outcome):
        name, task, worker, delivery = held
        if name in self.forgotten:
            return
        self.workers[worker].do("record", name, record(call, outcome, delivery).as_dict())
        self.known[task].ended.add(call)

    @rule(
        held=consumes(claims),
        outcomes=st.dictionaries(st.sampled_from(CALLS), st.sampled_from(OUTCOMES)),
        complete=st.booleans(),
    )
    def close(self, held, outcomes, complete):
        name, task, worker, delivery = held
        if name in self.forgotten:
            return
        records = [record(call, outcome, delivery) for call, outcome in outcomes.items()]
        self.workers[worker].do("close", name, [one.as_dict() for one in records], complete)
        known = self.known[task]
        known.ended.update(one.key for one in records if one.ended)
        if known.delivery == delivery:
            known.open.update({one.key: one.outcome for one in records if not one.ended})
            known.holder, known.complete = None, complete
            known.was_complete = complete

    @rule(held=consumes(claims))
    def die(self, held):
        """Nothing more is heard of a delivery."""

    @precondition(lambda self: self.store.ahead < 800)  # for so long a signature is good
    @rule()
    def expire(self):
        for worker in self.workers:
            worker.do("forward", LEASE + 5)
        self.store.expire()
        for known in self.known.values():
            known.holder = None

    @precondition(lambda self: self.known)
    @rule(worker=workers)
    def forget(self, worker):
        """What nobody holds is forgotten; whoever still worked on it is long dead."""
        free = [task for task, known in self.known.items() if not known.holder]
        assert self.workers[worker].do("purge", time.time() + 1) == len(free)
        for task in free:
            del self.known[task]
        holders = {known.holder for known in self.known.values()}
        self.forgotten |= {f"claim-{number}" for number in range(self.count + 1)} - holders

    @invariant()
    def history_tells_what_happened(self):
        if not hasattr(self, "ledger"):
            return
        told = {entry.task_id: entry for entry in self.ledger.entries()}
        assert told.keys() == self.known.keys()
        for task, known in self.known.items():
            entry = told[task]
            assert (entry.delivery, entry.complete) == (known.delivery, known.complete)
            assert (entry.held > 0) == bool(known.holder)
            assert {one.key for one in entry.records if one.ended} == known.ended
            still_open = {one.key: one.outcome for one in entry.records if not one.ended}
            assert still_open == {
                call: outcome for call, outcome in known.open.items() if call not in known.ended
            }


class Here:
    """A worker in this process, for the memory that no other can share."""

    def __init__(self, store):
        self._worker = Worker()
        self._store = store

    def do(self, method, *arguments):
        if method == "open":
            self._worker.claims.clear()
            self._worker.ledger = self._store.open()
            return None
        return getattr(self._worker, method)(*arguments)


@pytest.mark.parametrize("kind", STORES)
def test_a_store_does_what_the_model_says(kind, request, tmp_path, start_process):
    emulator = request.getfixturevalue("emulator") if kind == "cos" else None
    server = request.getfixturevalue("redis_server") if kind == "redis" else None
    processes = [start_process(), start_process()] if kind in SHARED else []
    numbers = iter(range(1_000_000))
    makers = {
        "memory": lambda: Store("memory"),
        "files": lambda: Folder(tmp_path / f"ledger-{next(numbers)}"),
        "cos": lambda: Bucket(emulator),
        "redis": lambda: Server(server),
    }
    made = []

    class Machine(LedgerMachine):
        @staticmethod
        def make_store():
            made.append(makers[kind]())
            return made[-1]

        @staticmethod
        def make_workers():
            return processes or [Here(made[-1]), Here(made[-1])]

    chaos = int(os.environ.get("MPS_CHAOS", "0"))
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=chaos or (12 if MUTANTS else 15 if kind == "cos" else 30),
            stateful_step_count=50 if chaos else 25,
            derandomize=not chaos,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert len(made) >= 10
