"""Behaviour that all ledgers share: the same tests with memory, files, COS and Redis."""

import json
import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from scf_mps import App, Event
from scf_mps.errors import DamagedRecord, EventHeld
from scf_mps.events.parser import parse_event

from .support import (
    LEASE,
    claim_in_threads,
    create_event,
    create_notification,
    create_record,
    deliver,
)

TWO = ("r/1 make", "r/2 send")
KEY = create_event().key


def claim(ledger, calls=TWO, **options):
    return ledger.claim(create_event(), calls, LEASE, **options)


def get_outcomes(event):
    return {record.key: record.outcome for record in event.records}


def test_first_claim_holds_event(ledger):
    lease = claim(ledger, owner="request-1")
    assert (lease.event, lease.delivery, lease.final_records, lease.held) == (KEY, 1, {}, True)


def test_second_claim_fails_when_event_is_held(store):
    claim(store.open(), owner="request-1")
    with pytest.raises(EventHeld, match="request-1") as raised:
        claim(store.open())
    assert LEASE - 2 < raised.value.seconds <= LEASE + 2


def test_holder_without_request_id_is_unknown(ledger):
    claim(ledger)
    with pytest.raises(EventHeld, match="unknown"):
        claim(ledger)


def test_lease_does_not_affect_other_events(ledger):
    ledger.claim(create_event("one"), TWO, LEASE)
    assert ledger.claim(create_event("another"), TWO, LEASE).held
    assert ledger.claim(create_event("one", status="FAIL"), TWO, LEASE).held


def test_next_delivery_gets_final_records(store):
    first = store.open()
    lease = claim(first)
    first.record(lease, create_record(TWO[0], "dropped", error="why", seconds=1.5, at=3.25))
    first.close(
        lease,
        [create_record(TWO[0], "dropped", error="why"), create_record(TWO[1], "failed")],
        False,
    )
    again = claim(store.open())
    assert (again.delivery, again.held) == (2, True)
    assert list(again.final_records) == [TWO[0]]
    record = again.final_records[TWO[0]]
    assert (record.outcome, record.error, record.delivery) == ("dropped", "why", 1)


def test_record_survives_when_delivery_never_closes(store):
    first = store.open()
    lease = claim(first)
    record = create_record(TWO[0], error="näh", seconds=0.25, at=1700000000.5)
    first.record(lease, record)
    store.expire()
    assert claim(store.open()).final_records == {TWO[0]: record}


def test_claim_holds_nothing_when_event_is_done(store):
    ledger = store.open()
    lease = claim(ledger)
    ledger.close(lease, [create_record(call) for call in TWO], True)
    finished = claim(store.open())
    assert (finished.event, finished.delivery, finished.held) == (KEY, 1, False)
    assert sorted(finished.final_records) == sorted(TWO)
    assert claim(store.open(), TWO[:1]).held is False
    assert ledger.find(KEY).state == "done"


def test_claim_holds_done_event_for_new_callback(ledger):
    deliver(ledger, TWO)
    lease = claim(ledger, [*TWO, "r/3 new"])
    assert (lease.held, lease.delivery, sorted(lease.final_records)) == (True, 2, sorted(TWO))
    assert ledger.find(KEY).complete is False
    ledger.close(lease, [create_record("r/3 new", delivery=2)], True)
    assert claim(ledger, [*TWO, "r/3 new"]).held is False
    assert len(ledger.find(KEY).records) == 3


def test_claim_holds_done_event_when_call_is_forced(ledger):
    deliver(ledger, TWO)
    lease = claim(ledger, forced={TWO[1]})
    assert (lease.held, lease.delivery, sorted(lease.final_records)) == (True, 2, sorted(TWO))
    ledger.record(lease, create_record(TWO[1], "dropped", 2))
    ledger.close(lease, [create_record(TWO[1], "dropped", 2)], True)
    assert get_outcomes(ledger.find(KEY)) == {TWO[0]: "done", TWO[1]: "dropped"}
    assert claim(ledger).held is False


def test_final_record_stays_when_forced_call_fails(ledger):
    ledger.close(claim(ledger, TWO[:1]), [create_record(TWO[0])], True)
    lease = claim(ledger, TWO[:1], forced=TWO[:1])
    ledger.close(lease, [create_record(TWO[0], "failed", 2)], False)
    assert list(claim(ledger).final_records) == [TWO[0]]


def test_claim_holds_nothing_when_calls_are_final(store):
    ledger = store.open()
    lease = claim(ledger)
    for call in TWO:
        ledger.record(lease, create_record(call))
    finished = claim(store.open())
    assert (finished.event, finished.held, finished.delivery) == (KEY, False, 1)
    assert sorted(finished.final_records) == sorted(TWO)
    with pytest.raises(EventHeld):
        claim(store.open(), forced=TWO[:1])


def test_later_claim_holds_nothing_when_calls_are_final(store):
    ledger = store.open()
    ledger.close(claim(ledger), [create_record(TWO[0])], False)
    lease = claim(ledger)
    ledger.record(lease, create_record(TWO[1], delivery=2))
    finished = claim(store.open())
    assert (finished.held, finished.delivery) == (False, 2)
    assert sorted(finished.final_records) == sorted(TWO)


def test_unclosed_event_is_held_once_more(store):
    ledger = store.open()
    lease = claim(ledger)
    for call in TWO:
        ledger.record(lease, create_record(call))
    store.expire()
    assert ledger.find(KEY).state == "interrupted"
    again = claim(ledger)
    assert (again.held, again.delivery, sorted(again.final_records)) == (True, 2, sorted(TWO))
    ledger.close(again, [], True)
    event = ledger.find(KEY)
    assert (event.state, get_outcomes(event)) == ("done", dict.fromkeys(TWO, "done"))


def test_close_keeps_earlier_records(ledger):
    lease = claim(ledger)
    for call in TWO:
        ledger.record(lease, create_record(call))
    ledger.close(lease, [], True)
    assert claim(ledger).held is False


def test_event_without_calls_is_done(ledger):
    lease = claim(ledger, [])
    assert lease.held
    ledger.close(lease, [], True)
    assert claim(ledger, []).held is False
    assert ledger.find(KEY).state == "done"


def test_one_of_many_threads_claims_event(store):
    tasks = [f"task-{number}" for number in range(4)]
    keys = claim_in_threads(store.open, TWO, tasks, 8)
    assert keys == sorted(create_event(task).key for task in tasks)


def test_one_of_many_threads_takes_expired_event_over(store):
    dead = store.open()
    dead.record(claim(dead), create_record(TWO[0]))
    store.expire()
    start = threading.Barrier(8)

    def work(_):
        start.wait(timeout=30)
        try:
            lease = claim(store.open())
        except EventHeld:
            return None
        return lease.delivery, list(lease.final_records)

    with ThreadPoolExecutor(8) as pool:
        leases = [lease for lease in pool.map(work, range(8)) if lease is not None]
    assert leases == [(2, [TWO[0]])]


def test_one_of_two_processes_claims_event(shared_store, start_worker):
    tasks = [f"task-{number}" for number in range(20)]
    processes = [start_worker(), start_worker()]
    for process in processes:
        process.call("open", shared_store.url)
    for process in processes:
        process.send("race", tasks)
    first, second = (process.receive() for process in processes)
    assert sorted(first + second) == sorted(tasks)


def test_record_survives_when_process_is_killed(shared_store, start_worker):
    process = start_worker()
    process.call("open", shared_store.url)
    task = create_event().task_id
    assert process.call("claim", "killed", task, TWO, LEASE) == ["claimed", 1, []]
    process.call("record", "killed", create_record(TWO[0]).as_dict())
    process.kill()
    ledger = shared_store.open()
    assert ledger.find(KEY).state == "running"
    with pytest.raises(EventHeld, match="killed"):
        claim(ledger)
    shared_store.expire()
    assert ledger.find(KEY).state == "interrupted"
    assert list(claim(ledger).final_records) == [TWO[0]]


def test_overtaken_delivery_adds_only_final_records(store):
    slow, quick = store.open(), store.open()
    late = claim(slow)
    store.expire()
    lease = claim(quick)
    quick.record(lease, create_record(TWO[1], delivery=2))
    quick.close(lease, [create_record(TWO[1], delivery=2)], True)
    slow.record(late, create_record(TWO[0]))
    slow.close(
        late,
        [create_record(TWO[0]), create_record(TWO[1], "failed"), create_record("r/3 x", "failed")],
        False,
    )
    event = quick.find(KEY)
    assert (event.complete, event.delivery, event.lease_seconds) == (True, 2, 0)
    assert get_outcomes(event) == dict.fromkeys(TWO, "done")
    assert claim(store.open(), [*TWO, "r/3 x"]).delivery == 3


def test_overtaken_delivery_does_not_release_newer_lease(store):
    slow, quick = store.open(), store.open()
    late = claim(slow)
    store.expire()
    claim(quick, owner="newer")
    # A record that failed earlier is repeated at the close.
    slow.close(late, [create_record(TWO[0]), create_record(TWO[1], "failed")], False)
    with pytest.raises(EventHeld, match="newer"):
        claim(store.open())
    event = quick.find(KEY)
    assert (event.state, event.delivery, get_outcomes(event)) == ("running", 2, {TWO[0]: "done"})
    store.expire()
    assert list(claim(store.open()).final_records) == [TWO[0]]


def test_late_record_of_overtaken_delivery_is_final(store):
    slow, quick = store.open(), store.open()
    late = claim(slow)
    store.expire()
    lease = claim(quick)
    quick.close(lease, [create_record(call, "failed", 2) for call in TWO], False)
    slow.record(late, create_record(TWO[0]))
    assert get_outcomes(quick.find(KEY)) == {TWO[0]: "done", TWO[1]: "failed"}
    assert list(claim(store.open()).final_records) == [TWO[0]]


def test_late_delivery_closes_when_not_overtaken(store):
    ledger = store.open()
    lease = claim(ledger)
    store.expire()
    ledger.close(lease, [create_record(TWO[0]), create_record(TWO[1], "failed", error="no")], False)
    event = ledger.find(KEY)
    assert (event.state, event.delivery) == ("failed", 1)
    assert get_outcomes(event) == {TWO[0]: "done", TWO[1]: "failed"}
    assert claim(ledger).delivery == 2


def test_failure_of_last_delivery_is_kept(ledger):
    for delivery in (1, 2):
        lease = claim(ledger)
        assert lease.delivery == delivery
        failed = create_record(TWO[0], "failed", delivery, error=f"delivery {delivery}")
        ledger.close(lease, [failed, create_record(TWO[1], "deferred", delivery)], False)
    records = {record.key: record for record in ledger.find(KEY).records}
    assert records[TWO[0]].error == "delivery 2"
    assert records[TWO[1]].outcome == "deferred"


def test_stored_event_describes_each_state(store):
    ledger = store.open()
    before = time.time()
    lease = claim(ledger)
    event = ledger.find(KEY)
    assert (event.key, event.type, event.task_id) == (KEY, "WorkflowTask", create_event().task_id)
    assert (event.status, event.delivery, event.complete) == ("FINISH", 1, False)
    assert before <= event.received <= time.time()
    assert (event.state, event.records) == ("running", ())
    assert LEASE - 2 < event.lease_seconds <= LEASE + 2
    store.expire()
    assert ledger.find(KEY).state == "interrupted"
    ledger.close(lease, [create_record(TWO[0], "deferred")], False)
    assert ledger.find(KEY).state == "failed"
    received = ledger.find(KEY).received
    lease = claim(ledger)
    assert ledger.find(KEY).state == "running"
    ledger.close(lease, [create_record(TWO[0], delivery=2)], False)
    assert ledger.find(KEY).state == "interrupted"
    ledger.close(claim(ledger), [create_record(TWO[1], delivery=3)], True)
    event = ledger.find(KEY)
    assert (event.state, event.delivery, event.lease_seconds) == ("done", 3, 0)
    assert event.received == received


def test_only_find_returns_notification(ledger):
    assert ledger.find(KEY) is None
    assert list(ledger.list_events()) == []
    ledger.close(claim(ledger), [], True)
    assert ledger.find(KEY).notification == create_notification()
    (event,) = ledger.list_events()
    assert (event.key, event.notification) == (KEY, None)


def test_no_secret_is_stored(store):
    secrets = {
        "S3SecretKey": "wJalrXUtnFEMI",
        "S3SecretId": "AKIAIOSFODNN7",
        "Sign": "e3b0c44298fc1c14",
        "NotifyKey": "kSxvxk4ZHd",
    }
    event = create_notification()
    event["Sign"] = secrets["Sign"]
    event["WorkflowTaskEvent"]["MediaProcessResultSet"] = [
        {"Output": {"S3OutputStorage": {"S3Bucket": "b", **secrets, "S3Region": None}}}
    ]
    ledger = store.open()
    ledger.close(ledger.claim(parse_event(event), [], LEASE), [], True)
    raw = store.read_bytes()
    assert b"S3SecretKey" in raw
    for secret in secrets.values():
        assert secret.encode() not in raw
    notification = ledger.find(parse_event(event).key).notification
    storage = notification["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["Output"][
        "S3OutputStorage"
    ]
    assert storage == {"S3Bucket": "b", **dict.fromkeys(secrets, "***"), "S3Region": None}


def test_event_of_128_kb_is_stored(ledger):
    event = create_notification(SessionContext="…" * 42_000, SessionId='"\\\n\0')
    ledger.close(ledger.claim(parse_event(event), [], LEASE), [], True)
    assert ledger.find(parse_event(event).key).notification == event


UNUSUAL_TASKS = [
    "..",
    ".",
    "../../etc/passwd",
    "a/b",
    "x" * 300,
    "x" * 301,
    "任务 1",
    "a+b",
    "-",
    "\0\n\ud800",
]


def test_unusual_task_ids_are_accepted(ledger):
    for task in UNUSUAL_TASKS:
        lease = ledger.claim(create_event(task), ["r/\ud800任 c"], LEASE)
        assert lease.delivery == 1
        ledger.record(lease, create_record("r/\ud800任 c"))
        ledger.close(lease, [create_record("r/\ud800任 c", error="\ud800")], True)
    for task in UNUSUAL_TASKS:
        assert ledger.claim(create_event(task), ["r/\ud800任 c"], LEASE).held is False
        assert [event.task_id for event in ledger.list_events(task)] == [task]
        assert ledger.find(create_event(task).key).notification == create_notification(task)
    assert len(list(ledger.list_events())) == len(UNUSUAL_TASKS)


def test_event_without_task_id_is_found_by_content(ledger):
    one, other = create_event("", SessionId="one"), create_event("", SessionId="other")
    ledger.close(ledger.claim(one, TWO, LEASE), [create_record(call) for call in TWO], True)
    assert ledger.claim(create_event("", SessionId="one"), TWO, LEASE).held is False
    assert ledger.claim(other, TWO, LEASE).held
    assert ledger.find(one.key).notification["SessionId"] == "one"
    assert ledger.find(other.key).task_id == ""


def test_event_with_outer_task_id_is_found(ledger):
    event = create_event("", TaskId="outer")
    ledger.close(ledger.claim(event, [], LEASE), [], True)
    assert ledger.find(event.key).task_id == "outer"
    assert [event.key for event in ledger.list_events("outer")] == [event.key]


def test_entries_filter_by_task_and_time(ledger):
    for task in ("a", "ab", "b"):
        for status in ("FINISH", "PROCESSING"):
            ledger.close(ledger.claim(create_event(task, status), [], LEASE), [], True)
    assert len(list(ledger.list_events())) == 6
    assert [event.task_id for event in ledger.list_events("a")] == ["a", "a"]
    assert {event.status for event in ledger.list_events("a")} == {"FINISH", "PROCESSING"}
    assert list(ledger.list_events("c")) == []
    since = max(event.received for event in ledger.list_events())
    assert [event.received for event in ledger.list_events(since=since)] == [since]
    assert len(list(ledger.list_events("b", since=since))) == 1
    assert list(ledger.list_events(since=since + 1e-3)) == []
    assert list(ledger.list_events("b", since=since + 1e6)) == []


def test_event_in_progress_is_found(ledger):
    event = create_event("a/b", "PROCESSING")
    ledger.claim(event, TWO, LEASE)
    assert ledger.find(event.key).state == "running"
    assert ledger.find(event.key + "0") is None


def test_purge_spares_held_events(store):
    ledger = store.open()
    for task in ("closed", "dead", "twice", "held"):
        lease = ledger.claim(create_event(task), TWO, LEASE)
        ledger.record(lease, create_record(TWO[0]))
        if task in ("closed", "twice"):
            ledger.close(lease, [create_record(TWO[0])], False)
    ledger.claim(create_event("twice"), TWO, LEASE)
    store.expire()
    ledger.claim(create_event("held"), TWO, LEASE)
    received = min(event.received for event in ledger.list_events())
    assert ledger.purge(received) == 0
    assert ledger.purge(time.time() + 1) == 3
    assert ledger.purge(time.time() + 1) == 0
    assert [event.task_id for event in ledger.list_events()] == ["held"]
    assert ledger.find(create_event("closed").key) is None
    lease = ledger.claim(create_event("closed"), TWO, LEASE)
    assert (lease.delivery, lease.final_records) == (1, {})
    assert [event.task_id for event in ledger.list_events("closed")] == ["closed"]
    with pytest.raises(EventHeld):
        ledger.claim(create_event("held"), TWO, LEASE)


def test_purge_spares_later_events(ledger):
    for task in ("old", "young"):
        ledger.close(ledger.claim(create_event(task), [], LEASE), [], True)
    received = {event.task_id: event.received for event in ledger.list_events()}
    assert received["old"] < received["young"]
    assert ledger.purge(received["young"]) == 1
    assert [event.task_id for event in ledger.list_events()] == ["young"]


def test_lease_that_holds_nothing_rejects_records(ledger):
    ledger.close(claim(ledger, []), [], True)
    finished = claim(ledger, [])
    with pytest.raises(AssertionError):
        ledger.record(finished, create_record(TWO[0]))
    with pytest.raises(AssertionError):
        ledger.close(finished, [], True)


def test_record_rejects_outcome_that_is_not_final(ledger):
    lease = claim(ledger)
    with pytest.raises(AssertionError):
        ledger.record(lease, create_record(TWO[0], "failed"))


TEXTS = st.text(max_size=40)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(task=TEXTS, result=TEXTS, callback=st.text("abc._é\n", min_size=1), error=TEXTS)
@example(task="a/b/../c", result="", callback="x", error="{}\x00")
def test_texts_are_stored_unchanged(store, task, result, callback, error):
    ledger = store.open()
    ledger.purge(time.time() + 1)
    event = create_event(task)
    record = create_record(f"{result} {callback}", error=error)
    lease = ledger.claim(event, [record.key], LEASE)
    ledger.record(lease, record)
    ledger.close(lease, [record], True)
    assert ledger.claim(event, [record.key], LEASE).final_records == {record.key: record}
    assert ledger.find(event.key).records == (record,)
    assert ledger.purge(time.time() + 1) == 1


def change_fields(**fields):
    return lambda data: json.dumps({**json.loads(data), **fields}).encode()


DAMAGE = {
    "empty": lambda data: b"",
    "truncated": lambda data: data[:-9],
    "binary": lambda data: b"\x00\xff\xfe" + data,
    "nested": lambda data: b"[" * 100_000,
    "nested objects": lambda data: b'{"key":' * 100_000,
    "infinite": change_fields(received=float("inf")),
    "overflow": change_fields(received=10**400),
    "digits": lambda data: b'{"received": ' + b"9" * 5000 + b"}",
    "array": lambda data: b"[]",
    "another object": lambda data: json.dumps(create_notification()).encode(),
    "number for text": change_fields(task_id=5),
    "text for number": change_fields(received="yesterday"),
    "null": change_fields(key=None),
    "list": change_fields(status=["FINISH"]),
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_damaged_event_is_reported_and_others_listed(shared_store, change):
    ledger = shared_store.open()
    for task in ("good", "bad", "other"):
        ledger.close(
            ledger.claim(create_event(task), TWO, LEASE),
            [create_record(call) for call in TWO],
            True,
        )
    shared_store.damage(create_event("bad"), change)
    ledger, ran = shared_store.open(), []
    app = App(ledger=ledger, on_ledger_error="run")
    app.on(Event)(lambda event: ran.append(event.task_id))
    for act in (
        lambda: ledger.claim(create_event("bad"), TWO, LEASE),
        lambda: ledger.find(create_event("bad").key),
        lambda: app.main_handler(create_notification("bad"), {}),
    ):
        with pytest.raises(DamagedRecord, match="delete it"):
            act()
    assert ran == []
    listed = []
    with pytest.raises(DamagedRecord, match="delete it"):
        listed.extend(event.task_id for event in ledger.list_events())
    assert sorted(listed) == ["good", "other"]
    with pytest.raises(DamagedRecord, match="delete it"):
        ledger.purge(time.time() + 1)
    assert ledger.find(create_event("good").key) is None


def test_many_damaged_events_are_summarized(shared_store):
    ledger = shared_store.open()
    tasks = [f"task-{number}" for number in range(12)]
    for task in tasks:
        ledger.close(ledger.claim(create_event(task), [], LEASE), [], True)
        shared_store.damage(create_event(task), lambda data: b"{")
    with pytest.raises(DamagedRecord, match="12 events") as raised:
        list(shared_store.open().list_events())
    assert str(raised.value).count("\n") == 11
    assert str(raised.value).endswith("and 2 more")


SIMILAR_EVENTS = [
    ("a/b", "FINISH"),
    ("a", "b/FINISH"),
    ("a%2Fb", "FINISH"),
    ("a%252Fb", "FINISH"),
    ("a\nb", "FINISH"),
    ("a\\nb", "FINISH"),
    ("\x1b]52;c;YQ==\x07", "FINISH"),
    ("x" * 100 + "1", "FINISH"),
    ("x" * 100 + "2", "FINISH"),
    (" a", "FINISH"),
    ("a ", "FINISH"),
    ("0123456789abcdef0123456789abcdef", "FINISH"),
]


def test_similar_events_are_kept_apart(ledger):
    for task, status in SIMILAR_EVENTS:
        event = create_event(task, status)
        lease = ledger.claim(event, TWO, LEASE)
        assert (lease.held, lease.delivery) == (True, 1)
        ledger.close(lease, [create_record(call) for call in TWO], True)
    for task, status in SIMILAR_EVENTS:
        stored = ledger.find(create_event(task, status).key)
        assert (stored.task_id, stored.status) == (task, status)
        assert stored.notification == create_notification(task, status)
    assert len(list(ledger.list_events())) == len(SIMILAR_EVENTS)


def _handle_ten_events(ledger, task, results):
    for number in range(10):
        event = create_event(f"{task}-{number}")
        lease = ledger.claim(event, TWO, LEASE)
        ledger.record(lease, create_record(TWO[0], error=event.task_id))
        ledger.close(lease, [], False)
        results.put((event.key, ledger.find(event.key).records[0].error, event.task_id))


def test_ledger_works_on_both_sides_of_fork(shared_store):
    """Connections are not shared across a fork."""
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    ledger = shared_store.open()
    claim_in_threads(lambda: ledger, TWO, ["before"], 4)  # opens connections
    children = [
        context.Process(target=_handle_ten_events, args=(ledger, f"child-{number}", results))
        for number in range(3)
    ]
    for child in children:
        child.start()
    for number in range(10):
        event = create_event(f"parent-{number}")
        lease = ledger.claim(event, TWO, LEASE)
        ledger.record(lease, create_record(TWO[0], error=event.task_id))
        assert ledger.find(event.key).records[0].error == event.task_id
    rows = [results.get(timeout=60) for _ in range(30)]
    for child in children:
        child.join(30)
        assert child.exitcode == 0
    assert all(error == task for _, error, task in rows)
    assert len({key for key, _, _ in rows}) == 30
