"""The ledger of objects step by step: its requests, and what others may do between two of them."""

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

from .support import FOUR, LEASE, create_event, create_record, deliver

EVENT = create_event()
FOLDER = build_folder_name(EVENT.task_id, EVENT.type, EVENT.status, EVENT.key)


class DictStore(ObjectStore):
    """Objects in a dict, with a clock that tests set.

    Attributes:
        requests: number of requests by operation.
        meanwhile: functions to call once before an operation, by its name and the object's, without the folder.
    """

    resolution = 1.0

    def __init__(self):
        self.now = 1_700_000_000.0
        self.objects = {}
        self.requests = Counter()
        self.meanwhile = {}
        self.unreadable = {}

    def _count(self, operation, name=""):
        self.requests[operation] += 1
        act = self.meanwhile.pop(f"{operation} {name.rpartition('/')[2]}".strip(), None)
        if act is not None:
            act()

    def create(self, name, data):
        self._count("create", name)
        if name in self.objects:
            return False
        self.objects[name] = (data, self.now)
        return True

    def put(self, name, data):
        self._count("put", name)
        self.objects[name] = (data, self.now)

    def get(self, name):
        self._count("get", name)
        if name in self.unreadable:
            raise self.unreadable[name]
        if name not in self.objects:
            return None
        data, modified = self.objects[name]
        return data, lambda: self.now - modified

    def list_names(self, prefix):
        self._count("list_names")
        names = [name for name in sorted(self.objects) if name.startswith(prefix)]
        return iter([(name, self.objects[name][1]) for name in names])

    def delete(self, names):
        for name in names:
            self._count("delete", name)
            self.objects.pop(name, None)

    def take_requests(self):
        """Return the requests since the last call."""
        requests, self.requests = dict(self.requests), Counter()
        return requests


class DictLedger(ObjectLedger):
    def __init__(self, store):
        super().__init__("in a dict", clocks=[lambda: store.now])
        self.store = store

    def _open_store(self, timeout):
        return self.store


@pytest.fixture
def store():
    return DictStore()


@pytest.fixture
def ledger(store):
    return DictLedger(store)


def claim(ledger, calls=FOUR, seconds=LEASE, **options):
    return ledger.claim(EVENT, calls, seconds, **options)


# Requests


def test_first_delivery_reads_once_and_writes_six_times(store, ledger):
    deliver(ledger)
    assert store.take_requests() == {"get": 1, "create": 1, "put": 5}


def test_full_redelivery_reads_once(store, ledger):
    deliver(ledger)
    store.take_requests()
    assert claim(ledger).held is False
    assert store.take_requests() == {"get": 1}


def test_retry_of_failure_reads_and_lists_once(store, ledger):
    lease = claim(ledger)
    ledger.close(lease, [create_record(call) for call in FOUR[:3]], False)
    store.take_requests()
    lease = claim(ledger)
    assert store.take_requests() == {"get": 1, "create": 1, "list_names": 1}
    ledger.close(lease, [create_record(FOUR[3], delivery=2)], True)
    assert store.take_requests() == {"put": 1}


def test_takeover_reads_records_of_dead_delivery(store, ledger):
    ledger.record(claim(ledger), create_record(FOUR[0]))
    store.now += LEASE + 2
    store.take_requests()
    claim(ledger)
    assert store.take_requests() == {"get": 4, "create": 2, "list_names": 2}


def test_waiting_costs_four_requests_per_attempt(store, ledger):
    claim(ledger)
    store.take_requests()
    with pytest.raises(EventHeld):
        claim(ledger)
    assert store.take_requests() == {"get": 2, "create": 1, "list_names": 1}


def test_entries_read_one_object_per_event(store, ledger):
    for number in range(3):
        event = create_event(f"task-{number}")
        ledger.close(ledger.claim(event, [], LEASE), [], True)
    store.take_requests()
    assert len(list(ledger.list_events())) == 3
    assert store.take_requests() == {"list_names": 1, "get": 3}
    assert ledger.find(event.key).notification == event.raw
    assert store.take_requests() == {"list_names": 1, "get": 2}


@pytest.mark.parametrize(
    "key", ["WorkflowTask/unknown/FINISH", f"WorkflowTask/unknown/PROCESSING/{'0a' * 16}"]
)
def test_find_lists_one_folder_for_unknown_event(store, ledger, key):
    deliver(ledger)
    store.take_requests()
    assert ledger.find(key) is None
    assert store.take_requests() == {"list_names": 1}


def test_find_lists_likely_folder_without_task_id(store, ledger):
    deliver(ledger)
    event = create_event("")
    ledger.close(ledger.claim(event, [], LEASE), [], True)
    store.take_requests()
    assert ledger.find(event.key).notification == event.raw
    assert store.take_requests() == {"list_names": 1, "get": 2}


TEXTS = st.text(st.sampled_from("a/é\ud800"), max_size=4)
HEX = st.text(st.sampled_from("0a"), min_size=32, max_size=32)


@settings(max_examples=60, deadline=None)
@given(
    type=st.text(st.sampled_from("T/é"), min_size=1, max_size=4) | st.just("WorkflowTask"),
    task_id=TEXTS | HEX,
    status=TEXTS | st.sampled_from(["FINISH", "PROCESSING"]),
    outer_task_id=TEXTS | HEX,
)
def test_every_event_is_found_by_key(type, task_id, status, outer_task_id):
    payload = {"TaskId": task_id, "Status": status}
    event = parse_event({"EventType": type, "TaskId": outer_task_id, f"{type}Event": payload})
    ledger = DictLedger(DictStore())
    deliver(ledger)
    ledger.close(ledger.claim(event, [], LEASE), [], True)
    stored = ledger.find(event.key)
    assert (stored.key, stored.notification) == (event.key, event.raw)


def test_entries_do_not_read_older_events(store, ledger):
    deliver(ledger)
    store.take_requests()
    assert list(ledger.list_events(since=store.now + 3600.5)) == []
    assert store.take_requests() == {"list_names": 1}
    assert ledger.purge(store.now - 3600.5) == 0
    assert store.take_requests() == {"list_names": 1}


def test_entries_return_more_than_one_batch(store, ledger):
    for number in range(101):
        ledger.claim(create_event(f"task-{number}"), [], LEASE)
    assert len({event.key for event in ledger.list_events()}) == 101


def test_first_delivery_writes_event_without_records(ledger, store):
    claim(ledger, owner="request-1")
    fields = json.loads(store.objects[f"{FOLDER}/event"][0])
    assert fields.pop("received") > 0
    assert len(fields.pop("nonce")) == 16
    assert fields == {
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


# The end of a lease


@pytest.mark.parametrize("deliveries", [1, 2, 3])
def test_lease_ends_after_duration_plus_resolution(store, ledger, deliveries):
    for _ in range(deliveries):
        claim(ledger)
        store.now += LEASE + 1
    store.now -= 0.5
    with pytest.raises(EventHeld) as raised:
        claim(ledger)
    assert raised.value.seconds == 0.5
    event = ledger.find(EVENT.key)
    assert (event.lease_seconds, event.delivery) == (0.5, deliveries)
    store.now += 0.5
    assert claim(ledger).delivery == deliveries + 1


def test_clock_set_back_does_not_extend_lease(store, ledger):
    claim(ledger)
    store.now -= 1000
    with pytest.raises(EventHeld) as raised:
        claim(ledger)
    assert raised.value.seconds == LEASE + 1


def test_each_delivery_has_its_own_duration(store, ledger):
    ledger.close(claim(ledger), [], False)
    claim(ledger, seconds=100.0)
    store.now += 50
    with pytest.raises(EventHeld) as raised:
        claim(ledger, seconds=1.0)
    assert raised.value.seconds == 51


@pytest.mark.parametrize(
    ("elapsed", "requests"), [(LEASE - 1, {"put": 1}), (LEASE - 0.5, {"list_names": 1, "put": 1})]
)
def test_late_delivery_lists_folder_before_close(store, ledger, elapsed, requests):
    lease = claim(ledger)
    store.now += elapsed
    store.take_requests()
    ledger.close(lease, [create_record(FOUR[0])], False)
    assert store.take_requests() == requests
    assert list(claim(ledger).final_records) == FOUR[:1]


def test_overtaken_delivery_writes_missing_final_records(store, ledger):
    lease = claim(ledger)
    ledger.record(lease, create_record(FOUR[0]))
    store.now += LEASE + 1
    claim(ledger)
    store.take_requests()
    ledger.close(
        lease,
        [create_record(FOUR[0]), create_record(FOUR[1]), create_record(FOUR[2], "failed")],
        False,
    )
    assert store.take_requests() == {"list_names": 1, "put": 1}
    assert f"{FOLDER}/done-{hash_key(FOUR[1])}" in store.objects


def test_late_delivery_of_purged_event_writes_nothing(store, ledger):
    lease = claim(ledger)
    store.now += LEASE + 1
    assert ledger.purge(2e9) == 1
    ledger.close(lease, [create_record(FOUR[0])], False)
    assert store.objects == {}


# Other deliveries between two requests


def test_claim_fails_when_other_closed_meanwhile(store, ledger):
    """The next number is taken when a delivery has read an old state."""
    ledger.close(claim(ledger), [create_record(FOUR[0])], False)
    store.meanwhile["create claim-2"] = lambda: deliver(ledger, FOUR[1:3], False)
    with pytest.raises(EventHeld):
        claim(ledger)
    lease = claim(ledger)
    assert (lease.delivery, sorted(lease.final_records)) == (3, FOUR[:3])


def test_one_of_two_simultaneous_takeovers_succeeds(store, ledger):
    claim(ledger)
    store.now += LEASE + 1
    leases = []
    store.meanwhile["create claim-2"] = lambda: leases.append(claim(ledger, owner="quicker"))
    with pytest.raises(EventHeld, match="quicker"):
        claim(ledger)
    assert [lease.delivery for lease in leases] == [2]


@pytest.mark.parametrize("deliveries", [1, 2])
def test_claim_sees_record_written_meanwhile(store, ledger, deliveries):
    slow = claim(ledger)
    store.now += LEASE + 1
    if deliveries == 2:
        ledger.close(claim(ledger), [], False)
    store.meanwhile[f"create claim-{deliveries + 1}"] = lambda: ledger.record(
        slow, create_record(FOUR[0])
    )
    assert list(claim(ledger).final_records) == FOUR[:1]


def test_event_purged_during_retry_is_claimed_anew(store, ledger):
    ledger.close(claim(ledger), [create_record(FOUR[0])], False)
    store.meanwhile["create claim-2"] = lambda: ledger.purge(2e9)
    lease = claim(ledger)
    assert (lease.delivery, lease.final_records) == (1, {})
    assert list(store.objects) == [f"{FOLDER}/event"]
    with pytest.raises(EventHeld):
        claim(ledger)


def test_event_purged_during_takeover_is_claimed_anew(store, ledger):
    claim(ledger)
    store.now += LEASE + 1
    store.meanwhile["get event"] = lambda: ledger.purge(2e9)
    assert claim(ledger).delivery == 1
    assert list(store.objects) == [f"{FOLDER}/event"]


def test_purge_spares_event_claimed_meanwhile(store, ledger):
    deliver(ledger, FOUR[:1], False)
    store.meanwhile["create claim-2"] = lambda: claim(ledger)
    assert ledger.purge(2e9) == 0
    assert list(ledger.claim(EVENT, FOUR[:1], LEASE).final_records) == FOUR[:1]


def test_event_is_held_during_purge(store, ledger):
    deliver(ledger, FOUR[:1], False)
    seen = []

    def claim_meanwhile():
        with pytest.raises(EventHeld, match="purge") as raised:
            claim(ledger)
        seen.append(raised.value.seconds)

    store.meanwhile["delete event"] = claim_meanwhile
    assert ledger.purge(2e9) == 1
    assert seen == [61.0]
    assert store.objects == {}


def test_claim_fails_when_overtaken_meanwhile(store, ledger):
    ledger.close(claim(ledger), [], False)
    quick = []

    def overtake():
        store.now += 2.5
        quick.append(claim(ledger))

    store.meanwhile["list_names"] = overtake
    with pytest.raises(EventHeld):
        claim(ledger, seconds=1.0)
    assert quick[0].delivery == 3


def test_late_state_only_affects_history(store, ledger):
    """A request of a delivery that is believed to be dead may arrive late."""
    ledger.close(claim(ledger), [create_record(FOUR[0])], False)
    late = store.objects[f"{FOLDER}/state"]
    deliver(ledger, FOUR[1:], True)
    store.objects[f"{FOLDER}/state"] = late
    with pytest.raises(EventHeld):
        ledger.claim(EVENT, [*FOUR, "r/5 new"], LEASE)
    assert claim(ledger).held is False
    store.now += LEASE + 1
    assert sorted(claim(ledger).final_records) == FOUR


def test_claim_fails_when_store_never_settles(store, ledger):
    store.create = lambda name, data: False
    with pytest.raises(LedgerError, match="keep changing") as raised:
        claim(ledger)
    assert not isinstance(raised.value, EventHeld)


def test_event_deleted_while_held_is_reported(store, ledger):
    claim(ledger)
    store.now += LEASE + 1

    def lose():
        store.meanwhile["get event"] = lambda: store.objects.pop(f"{FOLDER}/event")

    store.meanwhile["create claim-2"] = lose
    with pytest.raises(LedgerError, match="deleted"):
        claim(ledger)


def test_deleted_claim_holds_nothing(store, ledger):
    ledger.close(claim(ledger), [], False)
    claim(ledger)
    store.meanwhile["get claim-2"] = lambda: store.objects.pop(f"{FOLDER}/claim-2")
    assert claim(ledger).delivery == 3


def test_entries_skip_objects_deleted_meanwhile(store, ledger):
    ledger.record(claim(ledger), create_record(FOUR[0]))
    store.meanwhile["get event"] = store.objects.clear
    assert list(ledger.list_events()) == []
    ledger.record(claim(ledger), create_record(FOUR[0]))
    name = f"done-{hash_key(FOUR[0])}"
    store.meanwhile[f"get {name}"] = lambda: store.objects.pop(f"{FOLDER}/{name}")
    assert ledger.find(EVENT.key).records == ()


# Expiry: each object expires by its own age


def test_event_without_first_object_has_no_notification(store, ledger):
    deliver(ledger)
    del store.objects[f"{FOLDER}/event"]
    event = ledger.find(EVENT.key)
    assert (event.state, event.delivery, event.notification) == ("done", 1, None)
    assert [event.key for event in ledger.list_events()] == [EVENT.key]
    assert claim(ledger).held is False
    assert claim(ledger, forced=FOUR).delivery == 2


def test_remains_of_expired_event_are_purged(store, ledger):
    ledger.close(claim(ledger), [], False)
    ledger.record(claim(ledger), create_record(FOUR[0]))
    del store.objects[f"{FOLDER}/event"], store.objects[f"{FOLDER}/state"]
    assert list(ledger.list_events()) == []
    assert ledger.find(EVENT.key) is None
    assert ledger.purge(store.now) == 0
    assert len(store.objects) == 2
    assert ledger.purge(store.now + 1) == 0
    assert store.objects == {}


def test_purge_claims_event_with_only_state(store, ledger):
    for _ in range(3):
        ledger.close(claim(ledger), [], False)
    for name in ("event", "claim-2", "claim-3"):
        del store.objects[f"{FOLDER}/{name}"]
    store.meanwhile["create claim-4"] = lambda: claim(ledger)
    assert ledger.purge(2e9) == 0
    with pytest.raises(EventHeld):
        claim(ledger)


def test_old_claims_do_not_hold_new_event(store, ledger):
    ledger.close(claim(ledger), [], False)
    claim(ledger, seconds=100.0)
    old_objects = dict(store.objects)
    store.now += 30 * 86400.0
    store.objects.clear()
    store.objects[f"{FOLDER}/claim-2"] = old_objects[f"{FOLDER}/claim-2"]
    assert claim(ledger).delivery == 1
    with pytest.raises(EventHeld) as raised:
        claim(ledger)
    assert raised.value.seconds == LEASE + 1
    store.now += LEASE + 1
    lease = claim(ledger)
    assert lease.delivery == 3
    ledger.close(lease, [], False)
    assert claim(ledger).delivery == 4


def test_number_of_old_claim_is_skipped(store, ledger):
    ledger.close(claim(ledger), [], False)
    claim(ledger)
    old = store.objects[f"{FOLDER}/claim-2"]
    store.now += 30 * 86400.0
    store.objects.clear()
    store.objects[f"{FOLDER}/claim-2"] = old
    ledger.close(claim(ledger), [], False)
    assert ledger.find(EVENT.key).delivery == 1
    assert claim(ledger).delivery == 3


# Damaged and foreign objects


def put_object(store, name, data):
    store.objects[name] = (
        data if isinstance(data, bytes) else json.dumps(data).encode(),
        store.now,
    )


def change_object(store, name, **fields):
    """Change fields of an object of the event."""
    stored = json.loads(store.objects[f"{FOLDER}/{name}"][0])
    put_object(store, f"{FOLDER}/{name}", {**stored, **fields})


@pytest.mark.parametrize("data", [b"", b"\xff", b"null", b"[]", b'"x"', b"{}", b'{"key": 1}'])
@pytest.mark.parametrize("name", ["state", "event"])
def test_damaged_object_is_named_and_not_claimed(store, ledger, name, data):
    deliver(ledger, FOUR[:1], False)
    if name == "event":
        del store.objects[f"{FOLDER}/state"]
    put_object(store, f"{FOLDER}/{name}", data)
    before = dict(store.objects)
    for act in (
        lambda: claim(ledger),
        lambda: list(ledger.list_events()),
        lambda: ledger.find(EVENT.key),
        lambda: ledger.purge(2e9),
    ):
        with pytest.raises(LedgerError, match=r"/(state|event) in the ledger in a dict") as raised:
            act()
        assert f"{FOLDER}/{name} " in str(raised.value)
        assert not isinstance(raised.value, EventHeld)
    assert store.objects == before


@pytest.mark.parametrize(
    "fields",
    [{}, create_record(FOUR[1]).as_dict(), create_record(FOUR[0], "failed").as_dict()],
    ids=["no fields", "another call", "not final"],
)
def test_foreign_record_is_named(store, ledger, fields):
    claim(ledger)
    store.now += LEASE + 1
    name = f"{FOLDER}/done-{hash_key(FOUR[0])}"
    put_object(store, name, fields)
    with pytest.raises(LedgerError) as raised:
        claim(ledger)
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
def test_foreign_object_is_named(store, ledger, name):
    deliver(ledger)
    put_object(store, name, b"")
    for act in (lambda: list(ledger.list_events()), lambda: ledger.purge(2e9)):
        with pytest.raises(DamagedRecord, match="delete it") as raised:
            act()
        assert str(raised.value).startswith(name)


def test_folder_objects_of_console_are_ignored(store, ledger):
    deliver(ledger, FOUR[:1], False)
    put_object(store, "", b"")
    put_object(store, f"{FOLDER}/", b"")
    assert len(list(ledger.list_events())) == 1
    assert claim(ledger).delivery == 2
    store.now += LEASE + 1
    assert ledger.purge(2e9) == 1
    assert list(store.objects) == [""]


def test_claim_fails_when_key_has_other_event(store, ledger):
    deliver(ledger)
    change_object(store, "state", key="another")
    with pytest.raises(LedgerError, match="another event"):
        claim(ledger)
    assert ledger.find(EVENT.key) is None


def test_takeover_fails_when_folder_has_other_event(store, ledger):
    claim(ledger)
    change_object(store, "event", key="another")
    store.now += LEASE + 1
    with pytest.raises(LedgerError, match="another event"):
        claim(ledger)


# Names of folders


def test_folder_name_is_readable():
    ending = hash_key(EVENT.key)[:12]
    assert build_folder_name("1250-Task-1", "WorkflowTask", "FINISH", EVENT.key) == (
        f"1250-Task-1+WorkflowTask+FINISH+{ending}"
    )


@pytest.mark.parametrize("text", ["..", ".hidden", "a/../b", "x" * 1000, "任务", "a+b", "\0", ""])
def test_folder_name_is_safe_path_component(text):
    folder = build_folder_name(text, text, text, text)
    assert len(folder) <= 100 + 40 + 20 + 12 + 3
    assert folder.count("+") == 3
    assert folder.replace("+", "").replace("-", "").replace("_", "").replace(".", "").isalnum()
    assert folder.isascii()
    assert not folder.startswith(".")


def test_long_folder_name_is_truncated():
    folder = build_folder_name("t" * 101, "y" * 41, "s" * 21, "key")
    assert folder == f"{'t' * 100}+{'y' * 40}+{'s' * 20}+{hash_key('key')[:12]}"
    assert build_folder_name("a.任b", ".", "-", "key").startswith("a._b+_+-+")


def test_similar_events_have_different_folders():
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
        {"seconds": "long"},
        {"seconds": 10**400, "owner": ""},
        {"seconds": 1, "owner": None},
    ],
)
def test_damaged_claim_is_reported_and_event_kept(store, ledger, lease):
    deliver(ledger, FOUR[:1], False)
    put_object(store, f"{FOLDER}/claim-2", lease)
    other = create_event("another")
    ledger.close(ledger.claim(other, [], LEASE), [], True)
    listed = []
    with pytest.raises(DamagedRecord, match="claim-2"):
        listed.extend(event.task_id for event in ledger.list_events())
    assert listed == ["another"]
    with pytest.raises(DamagedRecord, match="claim-2"):
        ledger.purge(2e9)
    assert f"{FOLDER}/state" in store.objects
    with pytest.raises(DamagedRecord, match="claim-2"):
        claim(ledger)


@pytest.mark.parametrize("damage", [b"{", DamagedRecord("done-1 cannot be read")])
def test_damaged_record_of_callback_is_named(store, ledger, damage):
    """The record may say that the callback ran: the event is not claimed."""
    ledger.record(claim(ledger), create_record(FOUR[0]))
    name = f"{FOLDER}/done-{hash_key(FOUR[0])}"
    if isinstance(damage, bytes):
        put_object(store, name, damage)
    else:
        store.unreadable[name] = damage
    store.now += LEASE + 5
    for act in (lambda: claim(ledger), lambda: list(ledger.list_events())):
        with pytest.raises(DamagedRecord, match="done-"):
            act()


@pytest.mark.parametrize("notification", [None, [], "text", 5])
def test_damaged_notification_is_named(store, ledger, notification):
    deliver(ledger)
    change_object(store, "event", notification=notification)
    with pytest.raises(DamagedRecord, match="/event"):
        ledger.find(EVENT.key)


@pytest.mark.parametrize("delivery", [-1, 1.5, True, "1", 10**13])
def test_invalid_delivery_number_is_damage(store, ledger, delivery):
    deliver(ledger)
    change_object(store, "state", delivery=delivery)
    with pytest.raises(DamagedRecord, match="/state"):
        claim(ledger)


def test_whole_number_is_accepted_as_time(store, ledger):
    deliver(ledger)
    change_object(store, "state", received=1_700_000_000)
    assert ledger.find(EVENT.key).received == 1.7e9
