"""The ledger in memory beside what all ledgers do: it forgets, as memory is finite."""

from __future__ import annotations

import pytest

from scf_mps.errors import EventHeld
from scf_mps.ledger import MemoryLedger

from .conftest import LEASE, event, record


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


def test_a_hold_lasts_to_its_last_moment_and_no_longer():
    now = [0.0]
    ledger = MemoryLedger(clock=lambda: now[0])
    ledger.record(ledger.claim(event(), ["r c"], 20.0), record("r c"))
    now[0] = 19.5
    assert ledger.claim(event(), ["r c"], 20.0).held is False
    with pytest.raises(EventHeld) as raised:
        ledger.claim(event(), ["r new"], 20.0)
    assert raised.value.seconds == 0.5
    now[0] = 20.0
    assert ledger.claim(event(), ["r c"], 20.0).held


def test_what_was_let_go_of_at_the_clock_s_zero_is_held_by_nobody():
    ledger = MemoryLedger(most=1, clock=lambda: 0.0)
    ledger.close(ledger.claim(event("one"), [], LEASE), [], True)
    (entry,) = ledger.entries()
    assert (entry.state, entry.held) == ("done", 0.0)
    ledger.close(ledger.claim(event("another"), [], LEASE), [], True)
    assert tasks(ledger) == ["another"]
    assert ledger.purge(float("inf")) == 1

    ledger = MemoryLedger(keep=-1.0, clock=lambda: 0.0)
    for task in ("one", "two"):
        ledger.close(ledger.claim(event(task), [], LEASE), [], True)
    assert tasks(ledger) == ["two"]


def test_it_is_not_changed_through_what_it_returned():
    ledger = MemoryLedger()
    claim = ledger.claim(event(), ["r c"], LEASE)
    ledger.find(event().key).notification["EventType"] = "another"
    assert ledger.find(event().key).notification["EventType"] == "WorkflowTask"
    assert claim.ended == {}


def test_it_keeps_ten_thousand_events_unless_told_otherwise():
    ledger = MemoryLedger()
    for number in range(10_001):
        ledger.close(ledger.claim(event(str(number)), [], LEASE), [], True)
    told = tasks(ledger)
    assert (len(told), told[0], told[-1]) == (10_000, "1", "10000")
