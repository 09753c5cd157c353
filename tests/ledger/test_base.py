"""Records, stored events, and helpers that all ledgers share."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps import App, Drop, Transcode
from scf_mps.errors import CallbacksFailed, DamagedRecord
from scf_mps.ledger import MemoryLedger
from scf_mps.ledger.base import (
    Record,
    StoredEvent,
    compute_claim_timeout,
    hash_key,
    merge_damage,
)
from scf_mps.local.samples import sample

from .support import create_event, create_record


def test_record_shows_key_and_outcome():
    record = create_record("result callback", "failed")
    assert record.key == "result callback"
    assert repr(record) == "<Record failed: result callback>"


@pytest.mark.parametrize(
    ("count", "shown", "more"),
    [(2, 2, ""), (10, 10, ""), (11, 10, "\n  and 1 more"), (12, 10, "\n  and 2 more")],
)
def test_damaged_events_are_listed_up_to_ten(count, shown, more):
    error = merge_damage([DamagedRecord(f"event {number}") for number in range(count)])
    lines = "".join(f"\n  event {number}" for number in range(shown))
    assert str(error) == f"{count} events of the ledger are damaged:{lines}{more}"


def test_records_hold_outcomes_of_calls():
    ledger = MemoryLedger()
    app = App(ledger=ledger)

    @app.on(Transcode, name="fail")
    def fail(transcode: Transcode) -> None:
        raise ValueError("no")

    @app.on(Transcode, name="drop")
    def drop(transcode: Transcode) -> None:
        raise Drop("why")

    before = time.time()
    with pytest.raises(CallbacksFailed):
        app.main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {})
    (event,) = ledger.list_events()
    records = {record.callback: record for record in event.records}
    assert (records["fail"].outcome, records["fail"].error) == ("failed", "ValueError: no")
    assert (records["drop"].outcome, records["drop"].error) == ("dropped", "Drop: why")
    for record in event.records:
        assert (record.type, record.place) == ("Transcode", "MediaProcessResultSet[0]")
        assert record.delivery == 1
        assert record.key.startswith(f"{event.key}/MediaProcessResultSet[0]/Transcode/")
        assert 0 <= record.seconds < 10
        assert before <= record.at <= time.time()


def test_record_defaults():
    record = Record("c", "r", "T", "here", "done")
    assert (record.error, record.seconds, record.at, record.delivery) == ("", 0.0, 0.0, 1)


@pytest.mark.parametrize(
    ("outcome", "is_final"),
    [("done", True), ("dropped", True), ("failed", False), ("deferred", False)],
)
def test_record_is_final_when_done_or_dropped(outcome, is_final):
    assert create_record("r c", outcome).is_final is is_final


def test_record_from_dict_ignores_unknown_fields():
    record = create_record("r c", error="why", seconds=1.5, at=2.5, delivery=3)
    assert Record.from_dict({**record.as_dict(), "new": 1}) == record
    assert record != create_record("r c")
    assert record != record.as_dict()


OUTCOMES = st.sampled_from(["done", "dropped", "failed", "deferred"])
RECORDS = st.builds(
    lambda outcome, delivery: create_record("r c", outcome, delivery), OUTCOMES, st.integers(1, 9)
)


@given(st.lists(RECORDS, min_size=1))
def test_final_record_is_replaced_only_by_final(records):
    event = StoredEvent.from_event(create_event())
    event.add(records)
    (kept,) = event.records
    assert kept.is_final is any(record.is_final for record in records)
    similar = [record for record in records if record.is_final is kept.is_final]
    assert kept.delivery == max(record.delivery for record in similar)
    assert kept is [record for record in similar if record.delivery == kept.delivery][-1]


@pytest.mark.parametrize(
    ("complete", "lease_seconds", "outcomes", "state"),
    [
        (True, 0.0, ["done"], "done"),
        (False, 3.0, ["failed"], "running"),
        (False, 0.0, ["done", "failed"], "failed"),
        (False, 0.0, ["done"], "interrupted"),
        (False, 0.0, [], "interrupted"),
    ],
)
def test_stored_event_state(complete, lease_seconds, outcomes, state):
    event = StoredEvent("T/t/FINISH", "T", "t", "FINISH", 0.0)
    event.complete, event.lease_seconds = complete, lease_seconds
    event.add(create_record(f"r {outcome}", outcome) for outcome in outcomes)
    assert event.state == state
    assert repr(event) == f"<StoredEvent T/t/FINISH {state}>"


def test_hash_key_is_stable():
    assert hash_key("") == "e3b0c44298fc1c149afbf4c8996fb924"
    assert len(hash_key("\ud800")) == 32


@pytest.mark.parametrize(
    ("left", "seconds"),
    [(0.1, 0.05), (0.6, 0.3), (1.0, 0.5), (3.0, 1.0), (10.0, 4.5), (60.0, 10.0), (898.0, 10.0)],
)
def test_claim_timeout_is_half_of_remaining_time(left, seconds):
    assert compute_claim_timeout(left + 2.0) == pytest.approx(seconds)
