"""What all ledgers share: records, entries, and events without their secrets."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps import App, Drop, Transcode
from scf_mps.common.redaction import redact
from scf_mps.errors import CallbacksFailed
from scf_mps.ledger import MemoryLedger
from scf_mps.ledger.base import Record, StoredEvent, compute_claim_timeout, hash_key
from scf_mps.local.samples import sample

from .conftest import record


def test_a_record_is_known_by_its_call_and_shows_it():
    one = record("result callback", "failed")
    assert one.key == "result callback"
    assert repr(one) == "<Record failed: result callback>"


def test_a_record_tells_what_became_of_a_call():
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
    (entry,) = ledger.entries()
    told = {one.callback: one for one in entry.records}
    assert (told["fail"].outcome, told["fail"].error) == ("failed", "ValueError: no")
    assert (told["drop"].outcome, told["drop"].error) == ("dropped", "Drop: why")
    for one in entry.records:
        assert (one.type, one.place, one.delivery) == ("Transcode", "MediaProcessResultSet[0]", 1)
        assert one.key.startswith(f"{entry.key}/MediaProcessResultSet[0]/Transcode/")
        assert 0 <= one.seconds < 10
        assert before <= one.at <= time.time()


def test_a_record_needs_no_more_than_its_call_and_its_outcome():
    one = Record("c", "r", "T", "here", "done")
    assert (one.error, one.seconds, one.at, one.delivery) == ("", 0.0, 0.0, 1)


@pytest.mark.parametrize(
    ("outcome", "ended"),
    [("done", True), ("dropped", True), ("failed", False), ("deferred", False)],
)
def test_what_is_done_or_dropped_ended(outcome, ended):
    assert record("r c", outcome).ended is ended


def test_a_record_comes_back_from_its_fields_whatever_a_later_version_adds():
    one = record("r c", error="why", seconds=1.5, at=2.5, delivery=3)
    assert Record.from_dict({**one.as_dict(), "new": 1}) == one
    assert one != record("r c")
    assert one != one.as_dict()


OUTCOMES = st.sampled_from(["done", "dropped", "failed", "deferred"])
RECORDS = st.builds(
    lambda outcome, delivery: record("r c", outcome, delivery), OUTCOMES, st.integers(1, 9)
)


@given(st.lists(RECORDS, min_size=1))
def test_what_ended_once_is_never_replaced_by_what_did_not(records):
    kept = None
    for one in records:
        if one.replaces(kept):
            kept = one
    assert kept.ended is any(one.ended for one in records)
    same = [one for one in records if one.ended is kept.ended]
    assert kept.delivery == max(one.delivery for one in same)
    assert kept is [one for one in same if one.delivery == kept.delivery][-1]


@pytest.mark.parametrize(
    ("complete", "held", "outcomes", "state"),
    [
        (True, 0.0, ["done"], "done"),
        (False, 3.0, ["failed"], "running"),
        (False, 0.0, ["done", "failed"], "failed"),
        (False, 0.0, ["done"], "interrupted"),
        (False, 0.0, [], "interrupted"),
    ],
)
def test_the_state_of_an_entry(complete, held, outcomes, state):
    records = [record(f"r {outcome}", outcome) for outcome in outcomes]
    entry = StoredEvent("T/t/FINISH", "T", "t", "FINISH", 0.0, 1, complete, held, records)
    assert entry.state == state
    assert repr(entry) == f"<Entry T/t/FINISH {state}>"


def test_an_entry_is_made_with_its_notification_or_without():
    fields = ("T/t/FINISH", "T", "t", "FINISH", 0.0, 1, True, 0.0, [])
    assert StoredEvent(*fields).notification is None
    assert StoredEvent(*fields, {"EventType": "T"}).notification == {"EventType": "T"}


def test_a_digest_is_32_hexadecimal_digits_that_stay_the_same():
    assert hash_key("") == "e3b0c44298fc1c149afbf4c8996fb924"
    assert len(hash_key("\ud800")) == 32


def test_every_secret_is_hidden_wherever_it_is_and_nothing_else():
    told = {
        "S3SecretId": "id",
        "S3SecretKey": "key",
        "Sign": "sign",
        "NotifyKey": "key",
        "Signature": "not one",
        "List": [{"Sign": "sign"}, [{"Sign": "sign"}], "Sign", 1, None],
        "Empty": {"Sign": "", "S3SecretKey": None, "NotifyKey": 7},
    }
    assert redact(told) == {
        "S3SecretId": "***",
        "S3SecretKey": "***",
        "Sign": "***",
        "NotifyKey": "***",
        "Signature": "not one",
        "List": [{"Sign": "***"}, [{"Sign": "***"}], "Sign", 1, None],
        "Empty": {"Sign": "", "S3SecretKey": None, "NotifyKey": 7},
    }
    assert told["Sign"] == "sign"
    assert redact("Sign") == "Sign"


@pytest.mark.parametrize(
    ("left", "seconds"),
    [(0.1, 0.05), (0.6, 0.3), (1.0, 0.5), (3.0, 1.0), (10.0, 4.5), (60.0, 10.0), (898.0, 10.0)],
)
def test_patience_is_half_of_time_above_a_second(left, seconds):
    assert compute_claim_timeout(left + 2.0) == pytest.approx(seconds)
