"""The ledger in memory beside what all ledgers do: it forgets, as memory is finite."""

from __future__ import annotations

from scf_mps.ledger import MemoryLedger

from .conftest import LEASE, event


def tasks(ledger):
    return [entry.task_id for entry in ledger.entries()]


def test_it_forgets_the_oldest_event_that_nobody_holds_when_it_has_too_many():
    ledger = MemoryLedger(most=3)
    ledger.claim(event("held"), [], LEASE)
    for task in ("one", "two", "three"):
        ledger.close(ledger.claim(event(task), [], LEASE), [], True)
    assert tasks(ledger) == ["held", "two", "three"]


def test_it_takes_one_more_rather_than_forget_what_is_held():
    ledger = MemoryLedger(most=1)
    for task in ("one", "two"):
        ledger.claim(event(task), [], LEASE)
    assert tasks(ledger) == ["one", "two"]


def test_it_forgets_what_was_kept_for_long_enough():
    ledger = MemoryLedger(keep=-1.0)  # of which now is the past
    for task in ("one", "two"):
        ledger.close(ledger.claim(event(task), [], LEASE), [], True)
    held = ledger.claim(event("held"), [], LEASE)
    assert tasks(ledger) == ["held"]
    ledger.close(ledger.claim(event("behind it"), [], LEASE), [], True)
    assert tasks(ledger) == ["held", "behind it"]
    ledger.close(held, [], True)
    ledger.claim(event("last"), [], LEASE)
    assert tasks(ledger) == ["last"]


def test_it_is_not_changed_through_what_it_returned():
    ledger = MemoryLedger()
    claim = ledger.claim(event(), ["r c"], LEASE)
    ledger.find(event().key).notification["EventType"] = "another"
    assert ledger.find(event().key).notification["EventType"] == "WorkflowTask"
    assert claim.ended == {}
