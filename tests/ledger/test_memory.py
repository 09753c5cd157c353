"""The ledger in memory: expiry, a maximum of events, and leases."""

import pytest

from scf_mps.errors import EventHeld
from scf_mps.ledger import MemoryLedger

from .support import LEASE, create_event, create_record


def list_tasks(ledger):
    return [event.task_id for event in ledger.list_events()]


def handle(ledger, task):
    """Claim and close the event of a task."""
    ledger.close(ledger.claim(create_event(task), [], LEASE), [], True)


def test_full_ledger_deletes_oldest_free_event():
    ledger = MemoryLedger(max_events=3)
    ledger.claim(create_event("held"), [], LEASE)
    for task in ("one", "two", "three"):
        handle(ledger, task)
    assert list_tasks(ledger) == ["held", "two", "three"]


def test_full_ledger_keeps_held_events():
    ledger = MemoryLedger(max_events=1)
    for task in ("one", "two"):
        ledger.claim(create_event(task), [], LEASE)
    assert list_tasks(ledger) == ["one", "two"]


def test_expired_events_are_deleted_unless_held():
    ledger = MemoryLedger(keep=-1.0)  # every event is expired
    for task in ("one", "two"):
        handle(ledger, task)
    lease = ledger.claim(create_event("held"), [], LEASE)
    assert list_tasks(ledger) == ["held"]
    handle(ledger, "later")
    assert list_tasks(ledger) == ["held", "later"]
    ledger.close(lease, [], True)
    ledger.claim(create_event("last"), [], LEASE)
    assert list_tasks(ledger) == ["last"]


def test_lease_lasts_exactly_its_duration():
    now = [0.0]
    ledger = MemoryLedger(clock=lambda: now[0])
    ledger.record(ledger.claim(create_event(), ["r c"], 20.0), create_record("r c"))
    now[0] = 19.5
    assert ledger.claim(create_event(), ["r c"], 20.0).held is False
    with pytest.raises(EventHeld) as raised:
        ledger.claim(create_event(), ["r new"], 20.0)
    assert raised.value.seconds == 0.5
    now[0] = 20.0
    assert ledger.claim(create_event(), ["r c"], 20.0).held


def test_closed_event_is_free_at_clock_zero():
    ledger = MemoryLedger(max_events=1, clock=lambda: 0.0)
    handle(ledger, "one")
    (event,) = ledger.list_events()
    assert (event.state, event.lease_seconds) == ("done", 0.0)
    handle(ledger, "other")
    assert list_tasks(ledger) == ["other"]
    assert ledger.purge(float("inf")) == 1

    ledger = MemoryLedger(keep=-1.0, clock=lambda: 0.0)
    for task in ("one", "two"):
        handle(ledger, task)
    assert list_tasks(ledger) == ["two"]


def test_returned_values_do_not_change_ledger():
    ledger = MemoryLedger()
    lease = ledger.claim(create_event(), ["r c"], LEASE)
    event = ledger.find(create_event().key)
    event.notification["EventType"] = "another"
    event.add([create_record("r c")])
    assert ledger.find(create_event().key).notification["EventType"] == "WorkflowTask"
    assert ledger.find(create_event().key).records == ()
    assert lease.final_records == {}


def test_ten_thousand_events_are_kept_by_default():
    ledger = MemoryLedger()
    for number in range(10_001):
        handle(ledger, str(number))
    tasks = list_tasks(ledger)
    assert (len(tasks), tasks[0], tasks[-1]) == (10_000, "1", "10000")
