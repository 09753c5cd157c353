"""A state machine of deliveries that overlap, die, are late or forced: each store behaves like a small model.

Two processes share a store. ``MPS_CHAOS=1000`` runs more examples.
"""

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

from .support import (
    LEASE,
    SHARED_STORES,
    STORES,
    BucketStore,
    FolderStore,
    MemoryStore,
    RedisStore,
    create_record,
)
from .worker import Worker

TASKS = ("one", "other")
CALLS = ("r/1 a", "r/2 b", "r/3 c")
OUTCOMES = ("done", "dropped", "failed", "deferred")

MUTANTS = "MUTANT_UNDER_TEST" in os.environ

tasks = st.sampled_from(TASKS)
workers = st.sampled_from([0, 1])
some_calls = st.sets(st.sampled_from(CALLS)).map(sorted)


class ModelEvent:
    """An event of the model.

    Attributes:
        holder: name of the lease. None after it was closed or expired.
        was_complete: True if the last delivery that closed left nothing to do.
        final: calls with a final record.
        open: outcomes of other calls.
    """

    def __init__(self):
        self.delivery = 0
        self.holder = None
        self.complete = False
        self.was_complete = False
        self.final = set()
        self.open = {}


class LedgerMachine(RuleBasedStateMachine):
    """The rules and the model. Subclasses set the store."""

    claims = Bundle("claims")
    make_store = None
    make_workers = None

    def __init__(self):
        super().__init__()
        self.store = type(self).make_store()
        self.workers = type(self).make_workers()
        self.events = {}
        self.count = 0
        self.purged = set()

    @initialize()
    def open(self):
        for worker in self.workers:
            worker.call("open", self.store.url)
        self.ledger = self.store.open()

    @rule(target=claims, task=tasks, worker=workers, calls=some_calls, forced=some_calls)
    def claim(self, task, worker, calls, forced):
        self.count += 1
        name = f"claim-{self.count}"
        response = self.workers[worker].call("claim", name, task, calls, LEASE, forced)
        event = self.events.get(task)
        if event is None:
            event = self.events[task] = ModelEvent()
        else:
            is_finished = all(call in event.final and call not in forced for call in calls)
            if response[0] == "finished":
                # Nothing is left of these calls, even if a later delivery with others is at work, or dead.
                assert is_finished
                assert event.complete or event.holder or event.was_complete
                assert set(calls) <= set(response[2]) <= event.final
                return multiple()
            # (A complete event may be held once more if a final record was written late.)
            assert not (is_finished and event.holder)
            if event.holder:
                kind, seconds = response
                assert kind == "held"
                assert 0 < seconds <= LEASE + 2
                return multiple()
        event.delivery += 1
        event.holder, event.complete = name, False
        assert response == ["claimed", event.delivery, sorted(event.final)]
        return name, task, worker, event.delivery

    @rule(held=claims, call=st.sampled_from(CALLS), outcome=st.sampled_from(OUTCOMES[:2]))
    def record(self, held, call, outcome):
        name, task, worker, delivery = held
        if name in self.purged:
            return
        self.workers[worker].call("record", name, create_record(call, outcome, delivery).as_dict())
        self.events[task].final.add(call)

    @rule(
        held=consumes(claims),
        outcomes=st.dictionaries(st.sampled_from(CALLS), st.sampled_from(OUTCOMES)),
        complete=st.booleans(),
    )
    def close(self, held, outcomes, complete):
        name, task, worker, delivery = held
        if name in self.purged:
            return
        records = [create_record(call, outcome, delivery) for call, outcome in outcomes.items()]
        self.workers[worker].call("close", name, [record.as_dict() for record in records], complete)
        event = self.events[task]
        event.final.update(record.key for record in records if record.is_final)
        if event.delivery == delivery:
            event.open.update(
                {record.key: record.outcome for record in records if not record.is_final}
            )
            event.holder, event.complete = None, complete
            event.was_complete = complete

    @rule(held=consumes(claims))
    def die(self, held):
        """End a delivery without closing."""

    @precondition(lambda self: self.store.ahead < 800)  # signatures of COS are valid for so long
    @rule()
    def expire(self):
        for worker in self.workers:
            worker.call("forward", LEASE + 5)
        self.store.expire()
        for event in self.events.values():
            event.holder = None

    @precondition(lambda self: self.events)
    @rule(worker=workers)
    def purge(self, worker):
        """Purge all events without a lease."""
        free = [task for task, event in self.events.items() if not event.holder]
        assert self.workers[worker].call("purge", time.time() + 1) == len(free)
        for task in free:
            del self.events[task]
        holders = {event.holder for event in self.events.values()}
        self.purged |= {f"claim-{number}" for number in range(self.count + 1)} - holders

    @invariant()
    def history_matches_model(self):
        if not hasattr(self, "ledger"):
            return
        stored_events = {event.task_id: event for event in self.ledger.list_events()}
        assert stored_events.keys() == self.events.keys()
        for task, event in self.events.items():
            stored = stored_events[task]
            assert (stored.delivery, stored.complete) == (event.delivery, event.complete)
            assert (stored.lease_seconds > 0) == bool(event.holder)
            assert {record.key for record in stored.records if record.is_final} == event.final
            still_open = {
                record.key: record.outcome for record in stored.records if not record.is_final
            }
            assert still_open == {
                call: outcome for call, outcome in event.open.items() if call not in event.final
            }


class LocalWorker:
    """A worker in this process, for the ledger in memory."""

    def __init__(self, store):
        self._worker = Worker()
        self._store = store

    def call(self, method, *arguments):
        if method == "open":
            self._worker.leases.clear()
            self._worker.ledger = self._store.open()
            return None
        return getattr(self._worker, method)(*arguments)


@pytest.mark.parametrize("kind", STORES)
def test_store_behaves_like_model(kind, request, tmp_path, start_worker):
    emulator = request.getfixturevalue("emulator") if kind == "cos" else None
    server = request.getfixturevalue("redis_server") if kind == "redis" else None
    processes = [start_worker(), start_worker()] if kind in SHARED_STORES else []
    numbers = iter(range(1_000_000))
    makers = {
        "memory": lambda: MemoryStore(),
        "files": lambda: FolderStore(tmp_path / f"ledger-{next(numbers)}"),
        "cos": lambda: BucketStore(emulator),
        "redis": lambda: RedisStore(server),
    }
    stores = []

    class Machine(LedgerMachine):
        @staticmethod
        def make_store():
            stores.append(makers[kind]())
            return stores[-1]

        @staticmethod
        def make_workers():
            return processes or [LocalWorker(stores[-1]), LocalWorker(stores[-1])]

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
    assert len(stores) >= 10
