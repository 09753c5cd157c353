"""The ledger of objects, step by step: what a delivery reads and writes, and what others may do between two steps."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scf_mps.errors import DamagedRecord, EventHeld, LedgerError
from scf_mps.events.parser import parse_event
from scf_mps.ledger.base import hash_key
from scf_mps.ledger.object_layout import build_folder_name
from scf_mps.ledger.object_store import ObjectLedger, ObjectStore

from .conftest import LEASE, event, record

FOUR = [f"r/{number} make" for number in range(4)]
EVENT = event()
FOLDER = build_folder_name(EVENT.task_id, EVENT.type, EVENT.status, EVENT.key)


class Shelf(ObjectStore):
    """Objects in a dict, with a clock that stands still, a count of what was asked, and things that happen meanwhile.

    Attributes:
        meanwhile: what happens right before an operation, once: by its name and the object's, without the folder.
    """

    resolution = 1.0

    def __init__(self):
        self.now = 1_700_000_000.0
        self.kept = {}
        self.asked = Counter()
        self.meanwhile = {}
        self.unreadable = {}

    def _ask(self, what, name=""):
        self.asked[what] += 1
        happens = self.meanwhile.pop(f"{what} {name.rpartition('/')[2]}".strip(), None)
        if happens is not None:
            happens()

    def create(self, name, data):
        self._ask("create", name)
        if name in self.kept:
            return False
        self.kept[name] = (data, self.now)
        return True

    def put(self, name, data):
        self._ask("put", name)
        self.kept[name] = (data, self.now)

    def get(self, name):
        self._ask("get", name)
        if name in self.unreadable:
            raise self.unreadable[name]
        if name not in self.kept:
            return None
        data, made = self.kept[name]
        return data, lambda: self.now - made

    def names(self, prefix):
        self._ask("names")
        return iter(
            [(name, self.kept[name][1]) for name in sorted(self.kept) if name.startswith(prefix)]
        )

    def delete(self, names):
        for name in names:
            self._ask("delete", name)
            self.kept.pop(name, None)

    def take(self):
        """What was asked since the last time."""
        asked, self.asked = dict(self.asked), Counter()
        return asked


class ShelfLedger(ObjectLedger):
    def __init__(self, shelf):
        super().__init__("on a shelf", clocks=[lambda: shelf.now])
        self.shelf = shelf

    def _objects(self, seconds):
        return self.shelf


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def ledger(shelf):
    return ShelfLedger(shelf)


def claimed(ledger, calls=FOUR, seconds=LEASE, **more):
    return ledger.claim(EVENT, calls, seconds, **more)


def done(ledger, calls=FOUR, complete=True):
    claim = claimed(ledger, calls)
    for call in calls:
        ledger.record(claim, record(call, delivery=claim.delivery))
    ledger.close(claim, [record(call, delivery=claim.delivery) for call in calls], complete)


# What it costs


def test_a_first_delivery_of_four_callbacks_reads_once_and_writes_six_times(shelf, ledger):
    done(ledger)
    assert shelf.take() == {"get": 1, "create": 1, "put": 5}


def test_a_full_redelivery_reads_once(shelf, ledger):
    done(ledger)
    shelf.take()
    assert claimed(ledger).held is False
    assert shelf.take() == {"get": 1}


def test_a_retry_of_what_failed_reads_and_lists_once(shelf, ledger):
    claim = claimed(ledger)
    ledger.close(claim, [record(call) for call in FOUR[:3]], False)
    shelf.take()
    claim = claimed(ledger)
    assert shelf.take() == {
        "get": 1,
        "create": 1,
        "names": 1,
    }
    ledger.close(claim, [record(FOUR[3], delivery=2)], True)
    assert shelf.take() == {"put": 1}


def test_a_takeover_reads_what_the_dead_one_recorded(shelf, ledger):
    ledger.record(claimed(ledger), record(FOUR[0]))
    shelf.now += LEASE + 2
    shelf.take()
    claimed(ledger)
    assert shelf.take() == {"get": 4, "create": 2, "names": 2}


def test_waiting_for_another_delivery_costs_four_requests_a_look(shelf, ledger):
    claimed(ledger)
    shelf.take()
    with pytest.raises(EventHeld):
        claimed(ledger)
    assert shelf.take() == {"get": 2, "create": 1, "names": 1}


def test_history_reads_an_object_for_each_event_that_is_closed(shelf, ledger):
    for number in range(3):
        told = event(f"task-{number}")
        ledger.close(ledger.claim(told, [], LEASE), [], True)
    shelf.take()
    assert len(list(ledger.entries())) == 3
    assert shelf.take() == {"names": 1, "get": 3}
    assert ledger.find(told.key).notification == told.raw
    assert shelf.take() == {"names": 1, "get": 2}


@pytest.mark.parametrize(
    "key", ["WorkflowTask/unknown/FINISH", f"WorkflowTask/unknown/PROCESSING/{'0a' * 16}"]
)
def test_an_event_that_is_not_there_is_looked_for_at_its_place_alone(shelf, ledger, key):
    done(ledger)
    shelf.take()
    assert ledger.find(key) is None
    assert shelf.take() == {"names": 1}


def test_an_event_without_a_task_id_is_looked_for_at_its_place_first(shelf, ledger):
    done(ledger)
    told = event("")
    ledger.close(ledger.claim(told, [], LEASE), [], True)
    shelf.take()
    assert ledger.find(told.key).notification == told.raw
    assert shelf.take() == {"names": 1, "get": 2}


WORDS = st.text(st.sampled_from("a/é\ud800"), max_size=4)
HEX = st.text(st.sampled_from("0a"), min_size=32, max_size=32)


@settings(max_examples=60, deadline=None)
@given(
    type=st.text(st.sampled_from("T/é"), min_size=1, max_size=4) | st.just("WorkflowTask"),
    task_id=WORDS | HEX,
    status=WORDS | st.sampled_from(["FINISH", "PROCESSING"]),
    outside=WORDS | HEX,
)
def test_every_event_is_found_by_its_key_whatever_is_in_it(type, task_id, status, outside):
    payload = {"TaskId": task_id, "Status": status}
    told = parse_event({"EventType": type, "TaskId": outside, f"{type}Event": payload})
    ledger = ShelfLedger(Shelf())
    done(ledger)
    ledger.close(ledger.claim(told, [], LEASE), [], True)
    entry = ledger.find(told.key)
    assert (entry.key, entry.notification) == (told.key, told.raw)


def test_history_does_not_read_what_is_older_than_was_asked_for(shelf, ledger):
    done(ledger)
    shelf.take()
    assert list(ledger.entries(since=shelf.now + 3600.5)) == []
    assert shelf.take() == {"names": 1}
    assert ledger.purge(shelf.now - 3600.5) == 0
    assert shelf.take() == {"names": 1}


def test_more_events_than_are_read_at_once_are_all_told(shelf, ledger):
    for number in range(101):
        ledger.claim(event(f"task-{number}"), [], LEASE)
    assert len({entry.key for entry in ledger.entries()}) == 101


def test_what_the_first_delivery_writes_is_an_event_about_which_nothing_is_known(ledger, shelf):
    claimed(ledger, owner="request-1")
    written = json.loads(shelf.kept[f"{FOLDER}/event"][0])
    assert written.pop("received") > 0
    assert len(written.pop("nonce")) == 16
    assert written == {
        "key": EVENT.key,
        "type": "WorkflowTask",
        "task_id": EVENT.task_id,
        "status": "FINISH",
        "delivery": 1,
        "complete": False,
        "records": [],
        "seconds": LEASE,
        "owner": "request-1",
        "notification": EVENT.raw,
    }


# When it may be taken over


@pytest.mark.parametrize("deliveries", [1, 2, 3])
def test_a_hold_ends_when_its_time_and_the_clock_s_resolution_are_over(shelf, ledger, deliveries):
    for _ in range(deliveries):
        claimed(ledger)
        shelf.now += LEASE + 1
    shelf.now -= 0.5
    with pytest.raises(EventHeld) as raised:
        claimed(ledger)
    assert raised.value.seconds == 0.5
    entry = ledger.find(EVENT.key)
    assert (entry.held, entry.delivery) == (0.5, deliveries)
    shelf.now += 0.5
    assert claimed(ledger).delivery == deliveries + 1


def test_a_clock_that_went_back_makes_no_hold_longer_than_it_was(shelf, ledger):
    claimed(ledger)
    shelf.now -= 1000
    with pytest.raises(EventHeld) as raised:
        claimed(ledger)
    assert raised.value.seconds == LEASE + 1


def test_each_delivery_holds_the_event_for_as_long_as_it_asked(shelf, ledger):
    ledger.close(claimed(ledger), [], False)
    claimed(ledger, seconds=100.0)
    shelf.now += 50
    with pytest.raises(EventHeld) as raised:
        claimed(ledger, seconds=1.0)
    assert raised.value.seconds == 51


@pytest.mark.parametrize(
    ("gone_by", "asked"), [(LEASE - 1, {"put": 1}), (LEASE - 0.5, {"names": 1, "put": 1})]
)
def test_a_delivery_that_may_be_late_looks_before_it_closes(shelf, ledger, gone_by, asked):
    claim = claimed(ledger)
    shelf.now += gone_by
    shelf.take()
    ledger.close(claim, [record(FOUR[0])], False)
    assert shelf.take() == asked
    assert list(claimed(ledger).ended) == FOUR[:1]


def test_an_overtaken_delivery_writes_what_ended_and_was_not_written(shelf, ledger):
    claim = claimed(ledger)
    ledger.record(claim, record(FOUR[0]))
    shelf.now += LEASE + 1
    claimed(ledger)
    shelf.take()
    ledger.close(claim, [record(FOUR[0]), record(FOUR[1]), record(FOUR[2], "failed")], False)
    assert shelf.take() == {"names": 1, "put": 1}
    assert f"{FOLDER}/done-{hash_key(FOUR[1])}" in shelf.kept


def test_a_late_delivery_of_an_event_that_was_forgotten_writes_nothing(shelf, ledger):
    claim = claimed(ledger)
    shelf.now += LEASE + 1
    assert ledger.purge(2e9) == 1
    ledger.close(claim, [record(FOUR[0])], False)
    assert shelf.kept == {}


# What others do between two steps


def test_one_that_closed_between_two_looks_is_not_undone(shelf, ledger):
    """A delivery that read an old state finds the next number taken."""
    ledger.close(claimed(ledger), [record(FOUR[0])], False)
    shelf.meanwhile["create claim-2"] = lambda: done(ledger, FOUR[1:3], False)
    with pytest.raises(EventHeld):
        claimed(ledger)
    claim = claimed(ledger)
    assert (claim.delivery, sorted(claim.ended)) == (3, FOUR[:3])


def test_two_that_take_over_at_once_are_one_that_does(shelf, ledger):
    claimed(ledger)
    shelf.now += LEASE + 1
    got = []
    shelf.meanwhile["create claim-2"] = lambda: got.append(claimed(ledger, owner="the quicker one"))
    with pytest.raises(EventHeld, match="the quicker one"):
        claimed(ledger)
    assert [claim.delivery for claim in got] == [2]


def test_what_is_recorded_while_another_takes_over_is_seen_by_it(shelf, ledger):
    slow = claimed(ledger)
    shelf.now += LEASE + 1
    shelf.meanwhile["create claim-2"] = lambda: ledger.record(slow, record(FOUR[0]))
    assert list(claimed(ledger).ended) == FOUR[:1]


def test_what_is_recorded_while_a_retry_claims_is_seen_by_it(shelf, ledger):
    slow = claimed(ledger)
    shelf.now += LEASE + 1
    ledger.close(claimed(ledger), [], False)
    shelf.meanwhile["create claim-3"] = lambda: ledger.record(slow, record(FOUR[0]))
    assert list(claimed(ledger).ended) == FOUR[:1]


def test_an_event_that_is_forgotten_while_it_is_claimed_again_is_claimed_anew(shelf, ledger):
    ledger.close(claimed(ledger), [record(FOUR[0])], False)
    shelf.meanwhile["create claim-2"] = lambda: ledger.purge(2e9)
    claim = claimed(ledger)
    assert (claim.delivery, claim.ended) == (1, {})
    assert list(shelf.kept) == [f"{FOLDER}/event"]
    with pytest.raises(EventHeld):
        claimed(ledger)


def test_an_event_that_is_forgotten_while_it_is_taken_over_is_claimed_anew(shelf, ledger):
    claimed(ledger)
    shelf.now += LEASE + 1
    shelf.meanwhile["get event"] = lambda: ledger.purge(2e9)
    assert claimed(ledger).delivery == 1
    assert list(shelf.kept) == [f"{FOLDER}/event"]


def test_an_event_that_is_claimed_while_it_is_to_be_forgotten_is_kept(shelf, ledger):
    done(ledger, FOUR[:1], False)
    shelf.meanwhile["create claim-2"] = lambda: claimed(ledger)
    assert ledger.purge(2e9) == 0
    assert list(ledger.claim(EVENT, FOUR[:1], LEASE).ended) == FOUR[:1]


def test_an_event_that_is_being_forgotten_is_held(shelf, ledger):
    done(ledger, FOUR[:1], False)
    seen = []

    def look():
        with pytest.raises(EventHeld, match="purge") as raised:
            claimed(ledger)
        seen.append(raised.value.seconds)

    shelf.meanwhile["delete event"] = look
    assert ledger.purge(2e9) == 1
    assert seen == [61.0]
    assert shelf.kept == {}


def test_one_that_is_overtaken_before_it_began_does_not_begin(shelf, ledger):
    ledger.close(claimed(ledger), [], False)
    quick = []

    def overtake():
        shelf.now += 2.5
        quick.append(claimed(ledger))

    shelf.meanwhile["names"] = overtake
    with pytest.raises(EventHeld):
        claimed(ledger, seconds=1.0)
    assert quick[0].delivery == 3


def test_a_late_writer_of_the_state_harms_history_alone(shelf, ledger):
    """A request that reaches the store long after it was sent, as its sender is believed to be dead."""
    ledger.close(claimed(ledger), [record(FOUR[0])], False)
    late = shelf.kept[f"{FOLDER}/state"]
    done(ledger, FOUR[1:], True)
    shelf.kept[f"{FOLDER}/state"] = late
    with pytest.raises(EventHeld):
        ledger.claim(EVENT, [*FOUR, "r/5 new"], LEASE)
    assert claimed(ledger).held is False
    shelf.now += LEASE + 1
    assert sorted(claimed(ledger).ended) == FOUR


def test_a_store_that_takes_nothing_and_shows_nothing_is_refused(shelf, ledger):
    shelf.create = lambda name, data: False
    with pytest.raises(LedgerError, match="does not settle") as raised:
        claimed(ledger)
    assert not isinstance(raised.value, EventHeld)


def test_an_event_that_vanishes_while_it_is_held_is_told(shelf, ledger):
    claimed(ledger)
    shelf.now += LEASE + 1

    def lose():
        shelf.meanwhile["get event"] = lambda: shelf.kept.pop(f"{FOLDER}/event")

    shelf.meanwhile["create claim-2"] = lose
    with pytest.raises(LedgerError, match=r"lost .* while it was held"):
        claimed(ledger)


def test_a_claim_that_vanishes_while_it_is_looked_at_holds_nothing(shelf, ledger):
    ledger.close(claimed(ledger), [], False)
    claimed(ledger)
    shelf.meanwhile["get claim-2"] = lambda: shelf.kept.pop(f"{FOLDER}/claim-2")
    assert claimed(ledger).delivery == 3


def test_what_vanishes_while_history_is_read_is_left_out(shelf, ledger):
    ledger.record(claimed(ledger), record(FOUR[0]))
    shelf.meanwhile["get event"] = shelf.kept.clear
    assert list(ledger.entries()) == []
    ledger.record(claimed(ledger), record(FOUR[0]))
    name = f"done-{hash_key(FOUR[0])}"
    shelf.meanwhile[f"get {name}"] = lambda: shelf.kept.pop(f"{FOLDER}/{name}")
    assert ledger.find(EVENT.key).records == ()


# What expiry leaves: one object after the other goes, by its own age


def test_an_event_whose_first_object_expired_is_known_without_its_notification(shelf, ledger):
    done(ledger)
    del shelf.kept[f"{FOLDER}/event"]
    entry = ledger.find(EVENT.key)
    assert (entry.state, entry.delivery, entry.notification) == ("done", 1, None)
    assert [one.key for one in ledger.entries()] == [EVENT.key]
    assert claimed(ledger).held is False
    assert claimed(ledger, again=FOUR).delivery == 2


def test_what_is_left_of_an_expired_event_is_no_event_and_goes_with_the_next_purge(shelf, ledger):
    ledger.close(claimed(ledger), [], False)
    ledger.record(claimed(ledger), record(FOUR[0]))
    del shelf.kept[f"{FOLDER}/event"], shelf.kept[f"{FOLDER}/state"]
    assert list(ledger.entries()) == []
    assert ledger.find(EVENT.key) is None
    assert ledger.purge(shelf.now) == 0
    assert len(shelf.kept) == 2
    assert ledger.purge(shelf.now + 1) == 0
    assert shelf.kept == {}


def test_an_event_of_which_only_the_state_is_left_is_held_while_it_is_forgotten(shelf, ledger):
    for _ in range(3):
        ledger.close(claimed(ledger), [], False)
    for name in ("event", "claim-2", "claim-3"):
        del shelf.kept[f"{FOLDER}/{name}"]
    shelf.meanwhile["create claim-4"] = lambda: claimed(ledger)
    assert ledger.purge(2e9) == 0
    with pytest.raises(EventHeld):
        claimed(ledger)


def test_claims_that_are_left_of_an_expired_event_hold_the_new_one_not(shelf, ledger):
    ledger.close(claimed(ledger), [], False)
    claimed(ledger, seconds=100.0)
    claimed_long_ago = dict(shelf.kept)
    shelf.now += 30 * 86400.0
    shelf.kept.clear()
    shelf.kept[f"{FOLDER}/claim-2"] = claimed_long_ago[f"{FOLDER}/claim-2"]
    assert claimed(ledger).delivery == 1
    with pytest.raises(EventHeld) as raised:
        claimed(ledger)
    assert raised.value.seconds == LEASE + 1
    shelf.now += LEASE + 1
    claim = claimed(ledger)
    assert claim.delivery == 3
    ledger.close(claim, [], False)
    assert claimed(ledger).delivery == 4


def test_a_number_that_is_left_of_an_expired_event_is_passed_over(shelf, ledger):
    ledger.close(claimed(ledger), [], False)
    claimed(ledger)
    old = shelf.kept[f"{FOLDER}/claim-2"]
    shelf.now += 30 * 86400.0
    shelf.kept.clear()
    shelf.kept[f"{FOLDER}/claim-2"] = old
    ledger.close(claimed(ledger), [], False)
    assert ledger.find(EVENT.key).delivery == 1
    assert claimed(ledger).delivery == 3


# What does not belong there


def spoil(shelf, name, data):
    shelf.kept[name] = (data if isinstance(data, bytes) else json.dumps(data).encode(), shelf.now)


@pytest.mark.parametrize("data", [b"", b"\xff", b"null", b"[]", b'"x"', b"{}", b'{"key": 1}'])
@pytest.mark.parametrize("name", ["state", "event"])
def test_a_damaged_object_is_named_and_nothing_is_claimed(shelf, ledger, name, data):
    done(ledger, FOUR[:1], False)
    if name == "event":
        del shelf.kept[f"{FOLDER}/state"]
    spoil(shelf, f"{FOLDER}/{name}", data)
    there = dict(shelf.kept)
    for act in (
        lambda: claimed(ledger),
        lambda: list(ledger.entries()),
        lambda: ledger.find(EVENT.key),
        lambda: ledger.purge(2e9),
    ):
        with pytest.raises(LedgerError, match=r"/(state|event) in the ledger on a shelf") as raised:
            act()
        assert f"{FOLDER}/{name} " in str(raised.value)
        assert not isinstance(raised.value, EventHeld)
    assert shelf.kept == there


def test_a_claim_that_cannot_be_read_is_not_taken_over(shelf, ledger):
    ledger.close(claimed(ledger), [], False)
    spoil(shelf, f"{FOLDER}/claim-2", {"seconds": "long"})
    with pytest.raises(LedgerError, match=r"/claim-2 in the ledger"):
        claimed(ledger)


@pytest.mark.parametrize(
    "fields",
    [{}, record(FOUR[1]).as_dict(), record(FOUR[0], "failed").as_dict()],
    ids=["nothing", "another call's", "one that did not end"],
)
def test_a_record_that_is_none_is_named(shelf, ledger, fields):
    claimed(ledger)
    shelf.now += LEASE + 1
    name = f"{FOLDER}/done-{hash_key(FOUR[0])}"
    spoil(shelf, name, fields)
    with pytest.raises(LedgerError) as raised:
        claimed(ledger)
    assert str(raised.value).startswith(name)


@pytest.mark.parametrize(
    "name",
    [
        "readme.txt",
        "notes/readme.txt",
        f"{FOLDER}/states",
        f"{FOLDER}/claim-02",
        f"{FOLDER}/a/event",
    ],
)
def test_what_is_not_the_ledger_s_is_named(shelf, ledger, name):
    done(ledger)
    spoil(shelf, name, b"")
    for act in (lambda: list(ledger.entries()), lambda: ledger.purge(2e9)):
        with pytest.raises(DamagedRecord, match="delete it") as raised:
            act()
        assert str(raised.value).startswith(name)


def test_what_a_console_makes_to_show_a_folder_is_no_harm(shelf, ledger):
    done(ledger, FOUR[:1], False)
    spoil(shelf, "", b"")
    spoil(shelf, f"{FOLDER}/", b"")
    assert len(list(ledger.entries())) == 1
    assert claimed(ledger).delivery == 2
    shelf.now += LEASE + 1
    assert ledger.purge(2e9) == 1
    assert list(shelf.kept) == [""]


def test_another_event_in_its_place_is_told(shelf, ledger):
    done(ledger)
    state = json.loads(shelf.kept[f"{FOLDER}/state"][0])
    spoil(shelf, f"{FOLDER}/state", {**state, "key": "another"})
    with pytest.raises(
        LedgerError, match=f"another event at {FOLDER}/state: another, not Work".replace("+", r"\+")
    ):
        claimed(ledger)
    assert ledger.find(EVENT.key) is None


def test_another_event_that_is_taken_over_is_told(shelf, ledger):
    claimed(ledger)
    first = json.loads(shelf.kept[f"{FOLDER}/event"][0])
    spoil(shelf, f"{FOLDER}/event", {**first, "key": "another"})
    shelf.now += LEASE + 1
    with pytest.raises(LedgerError, match="has another event at"):
        claimed(ledger)


# Names


def test_a_folder_is_named_by_what_people_look_for():
    ending = hash_key(EVENT.key)[:12]
    assert build_folder_name("1250-Task-1", "WorkflowTask", "FINISH", EVENT.key) == (
        f"1250-Task-1+WorkflowTask+FINISH+{ending}"
    )


@pytest.mark.parametrize("text", ["..", ".hidden", "a/../b", "x" * 1000, "任务", "a+b", "\0", ""])
def test_a_folder_is_one_safe_component_whatever_is_in_it(text):
    folder = build_folder_name(text, text, text, text)
    assert len(folder) <= 100 + 40 + 20 + 12 + 3
    assert folder.count("+") == 3
    assert folder.replace("+", "").replace("-", "").replace("_", "").replace(".", "").isalnum()
    assert folder.isascii()
    assert not folder.startswith(".")


def test_a_name_that_is_too_long_is_cut_and_not_one_that_is_not():
    folder = build_folder_name("t" * 101, "y" * 41, "s" * 21, "key")
    assert folder == f"{'t' * 100}+{'y' * 40}+{'s' * 20}+{hash_key('key')[:12]}"
    assert build_folder_name("a.任b", ".", "-", "key").startswith("a._b+_+-+")


def test_two_events_whose_names_look_alike_have_two_folders():
    assert build_folder_name("a/b", "T", "S", "T/a/b/S") != build_folder_name(
        "a_b", "T", "S", "T/a_b/S"
    )


@pytest.mark.parametrize(
    "lease",
    [
        b"[" * 100_000,
        {"seconds": float("inf"), "owner": ""},
        {"seconds": "5", "owner": ""},
        {"seconds": 5},
        {"seconds": 10**400, "owner": ""},
        {"seconds": 1, "owner": None},
    ],
)
def test_damaged_claim_is_named_and_event_kept(shelf, ledger, lease):
    done(ledger, FOUR[:1], False)
    spoil(shelf, f"{FOLDER}/claim-2", lease)
    other = event("another")
    ledger.close(ledger.claim(other, [], LEASE), [], True)
    listed = []
    with pytest.raises(DamagedRecord, match="claim-2"):
        listed.extend(entry.task_id for entry in ledger.entries())
    assert listed == ["another"]
    with pytest.raises(DamagedRecord, match="claim-2"):
        ledger.purge(2e9)
    assert f"{FOLDER}/state" in shelf.kept
    with pytest.raises(DamagedRecord, match="claim-2"):
        claimed(ledger)


@pytest.mark.parametrize("damage", [b"{", DamagedRecord("done-1 cannot be read")])
def test_damaged_record_of_callback_is_named(shelf, ledger, damage):
    """What it says may be that the callback ran: the event is not claimed."""
    ledger.record(claimed(ledger), record(FOUR[0]))
    name = f"{FOLDER}/done-{hash_key(FOUR[0])}"
    if isinstance(damage, bytes):
        spoil(shelf, name, damage)
    else:
        shelf.unreadable[name] = damage
    shelf.now += LEASE + 5
    for act in (lambda: claimed(ledger), lambda: list(ledger.entries())):
        with pytest.raises(DamagedRecord, match="done-"):
            act()


@pytest.mark.parametrize("notification", [None, [], "text", 5])
def test_damaged_notification_is_named(shelf, ledger, notification):
    done(ledger)
    first = json.loads(shelf.kept[f"{FOLDER}/event"][0])
    spoil(shelf, f"{FOLDER}/event", {**first, "notification": notification})
    with pytest.raises(DamagedRecord, match="/event"):
        ledger.find(EVENT.key)


@pytest.mark.parametrize("delivery", [-1, 1.5, True, "1", 10**13])
def test_number_of_delivery_that_is_none_is_damage(shelf, ledger, delivery):
    done(ledger)
    state = json.loads(shelf.kept[f"{FOLDER}/state"][0])
    spoil(shelf, f"{FOLDER}/state", {**state, "delivery": delivery})
    with pytest.raises(DamagedRecord, match="/state"):
        claimed(ledger)


def test_whole_number_is_a_time(shelf, ledger):
    done(ledger)
    state = json.loads(shelf.kept[f"{FOLDER}/state"][0])
    spoil(shelf, f"{FOLDER}/state", {**state, "received": 1_700_000_000})
    assert ledger.find(EVENT.key).received == 1.7e9
