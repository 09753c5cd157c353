"""What every ledger does, whatever it is made of: the same tests on the memory, files, COS and Redis."""

from __future__ import annotations

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

from .conftest import LEASE, claimed_by_threads, event, notification, record

TWO = ("r/1 make", "r/2 send")


def outcomes(entry):
    return {one.key: one.outcome for one in entry.records}


def test_the_first_claim_holds_the_event_and_nothing_ended_before_it(ledger):
    claim = ledger.claim(event(), TWO, LEASE, owner="request-1")
    assert (claim.event, claim.delivery, claim.ended, claim.held) == (event().key, 1, {}, True)


def test_an_event_that_is_held_is_held_for_every_other_delivery(store):
    store.open().claim(event(), TWO, LEASE, owner="request-1")
    with pytest.raises(EventHeld, match="held by request request-1") as raised:
        store.open().claim(event(), TWO, LEASE)
    assert LEASE - 2 < raised.value.seconds <= LEASE + 2


def test_a_holder_without_a_name_is_unknown(ledger):
    ledger.claim(event(), TWO, LEASE)
    with pytest.raises(EventHeld, match=r"held by request \(unknown\)"):
        ledger.claim(event(), TWO, LEASE)


def test_another_event_is_not_held(ledger):
    ledger.claim(event("one"), TWO, LEASE)
    assert ledger.claim(event("another"), TWO, LEASE).held
    assert ledger.claim(event("one", status="FAIL"), TWO, LEASE).held


def test_what_was_recorded_ended_for_the_next_delivery(store):
    first = store.open()
    claim = first.claim(event(), TWO, LEASE)
    first.record(claim, record(TWO[0], "dropped", error="why", seconds=1.5, at=3.25))
    first.close(claim, [record(TWO[0], "dropped", error="why"), record(TWO[1], "failed")], False)
    again = store.open().claim(event(), TWO, LEASE)
    assert (again.delivery, again.held) == (2, True)
    assert list(again.ended) == [TWO[0]]
    ended = again.ended[TWO[0]]
    assert (ended.outcome, ended.error, ended.delivery) == ("dropped", "why", 1)


def test_a_record_outlives_a_delivery_that_never_closed(store):
    first = store.open()
    claim = first.claim(event(), TWO, LEASE)
    told = record(TWO[0], error="näh", seconds=0.25, at=1700000000.5)
    first.record(claim, told)
    store.expire()
    assert store.open().claim(event(), TWO, LEASE).ended == {TWO[0]: told}


def test_an_event_that_is_done_is_not_held_again(store):
    ledger = store.open()
    claim = ledger.claim(event(), TWO, LEASE)
    ledger.close(claim, [record(call) for call in TWO], True)
    over = store.open().claim(event(), TWO, LEASE)
    assert (over.event, over.delivery, over.held) == (event().key, 1, False)
    assert sorted(over.ended) == sorted(TWO)
    assert store.open().claim(event(), TWO[:1], LEASE).held is False
    assert ledger.find(event().key).state == "done"


def test_a_callback_that_is_new_runs_for_an_event_that_was_done(ledger):
    ledger.close(ledger.claim(event(), TWO, LEASE), [record(call) for call in TWO], True)
    claim = ledger.claim(event(), [*TWO, "r/3 new"], LEASE)
    assert (claim.held, claim.delivery, sorted(claim.ended)) == (True, 2, sorted(TWO))
    assert ledger.find(event().key).complete is False
    ledger.close(claim, [record("r/3 new", delivery=2)], True)
    assert ledger.claim(event(), [*TWO, "r/3 new"], LEASE).held is False
    assert len(ledger.find(event().key).records) == 3


def test_what_is_to_be_done_again_is_claimed_although_it_ended(ledger):
    ledger.close(ledger.claim(event(), TWO, LEASE), [record(call) for call in TWO], True)
    claim = ledger.claim(event(), TWO, LEASE, again={TWO[1]})
    assert (claim.held, claim.delivery, sorted(claim.ended)) == (True, 2, sorted(TWO))
    ledger.record(claim, record(TWO[1], "dropped", 2))
    ledger.close(claim, [record(TWO[1], "dropped", 2)], True)
    assert outcomes(ledger.find(event().key)) == {TWO[0]: "done", TWO[1]: "dropped"}
    assert ledger.claim(event(), TWO, LEASE).held is False


def test_what_ended_stays_ended_although_it_failed_when_it_was_done_again(ledger):
    ledger.close(ledger.claim(event(), TWO[:1], LEASE), [record(TWO[0])], True)
    claim = ledger.claim(event(), TWO[:1], LEASE, again=TWO[:1])
    ledger.close(claim, [record(TWO[0], "failed", 2)], False)
    assert list(ledger.claim(event(), TWO, LEASE).ended) == [TWO[0]]


def test_an_event_whose_calls_all_ended_is_not_waited_for(store):
    ledger = store.open()
    claim = ledger.claim(event(), TWO, LEASE)
    for call in TWO:
        ledger.record(claim, record(call))
    over = store.open().claim(event(), TWO, LEASE)
    assert (over.event, over.held, over.delivery) == (event().key, False, 1)
    assert sorted(over.ended) == sorted(TWO)
    with pytest.raises(EventHeld):
        store.open().claim(event(), TWO, LEASE, again=TWO[:1])


def test_an_event_whose_calls_all_ended_is_not_waited_for_in_a_later_delivery(store):
    ledger = store.open()
    ledger.close(ledger.claim(event(), TWO, LEASE), [record(TWO[0])], False)
    claim = ledger.claim(event(), TWO, LEASE)
    ledger.record(claim, record(TWO[1], delivery=2))
    over = store.open().claim(event(), TWO, LEASE)
    assert (over.held, over.delivery, sorted(over.ended)) == (False, 2, sorted(TWO))


def test_an_event_that_lacks_only_its_end_is_held_once_more_and_then_complete(store):
    ledger = store.open()
    claim = ledger.claim(event(), TWO, LEASE)
    for call in TWO:
        ledger.record(claim, record(call))
    store.expire()
    assert ledger.find(event().key).state == "interrupted"
    again = ledger.claim(event(), TWO, LEASE)
    assert (again.held, again.delivery, sorted(again.ended)) == (True, 2, sorted(TWO))
    ledger.close(again, [], True)
    entry = ledger.find(event().key)
    assert (entry.state, outcomes(entry)) == ("done", dict.fromkeys(TWO, "done"))


def test_what_was_recorded_need_not_be_told_again_at_the_end(ledger):
    claim = ledger.claim(event(), TWO, LEASE)
    for call in TWO:
        ledger.record(claim, record(call))
    ledger.close(claim, [], True)
    assert ledger.claim(event(), TWO, LEASE).held is False


def test_an_event_without_calls_is_known_and_over(ledger):
    claim = ledger.claim(event(), [], LEASE)
    assert claim.held
    ledger.close(claim, [], True)
    assert ledger.claim(event(), [], LEASE).held is False
    assert ledger.find(event().key).state == "done"


def test_exactly_one_of_many_threads_gets_an_event(store):
    tasks = [f"task-{number}" for number in range(4)]
    got = claimed_by_threads(store.open, TWO, tasks, 8)
    assert got == sorted(event(task).key for task in tasks)


def test_exactly_one_of_many_threads_takes_an_expired_event_over(store):
    dead = store.open()
    dead.record(dead.claim(event(), TWO, LEASE), record(TWO[0]))
    store.expire()
    start = threading.Barrier(8)

    def work(_):
        start.wait(timeout=30)
        try:
            claim = store.open().claim(event(), TWO, LEASE)
        except EventHeld:
            return None
        return claim.delivery, list(claim.ended)

    with ThreadPoolExecutor(8) as pool:
        got = [one for one in pool.map(work, range(8)) if one is not None]
    assert got == [(2, [TWO[0]])]


def test_exactly_one_of_two_processes_gets_an_event(shared, start_process):
    tasks = [f"task-{number}" for number in range(20)]
    processes = [start_process(), start_process()]
    for process in processes:
        process.do("open", shared.url)
    for process in processes:
        process.send("race", tasks)
    got = [process.answer() for process in processes]
    assert sorted(got[0] + got[1]) == sorted(tasks)


def test_what_a_process_recorded_outlives_its_being_killed(shared, start_process):
    process = start_process()
    process.do("open", shared.url)
    task = event().task_id
    assert process.do("claim", "it", task, TWO, LEASE) == ["claimed", 1, []]
    process.do("record", "it", record(TWO[0]).as_dict())
    process.kill()
    ledger = shared.open()
    assert ledger.find(event().key).state == "running"
    with pytest.raises(EventHeld, match="held by request it"):
        ledger.claim(event(), TWO, LEASE)
    shared.expire()
    assert ledger.find(event().key).state == "interrupted"
    assert list(ledger.claim(event(), TWO, LEASE).ended) == [TWO[0]]


def test_a_delivery_that_was_overtaken_undoes_nothing(store):
    slow, quick = store.open(), store.open()
    late = slow.claim(event(), TWO, LEASE)
    store.expire()
    claim = quick.claim(event(), TWO, LEASE)
    quick.record(claim, record(TWO[1], delivery=2))
    quick.close(claim, [record(TWO[1], delivery=2)], True)
    slow.record(late, record(TWO[0]))
    slow.close(late, [record(TWO[0]), record(TWO[1], "failed"), record("r/3 x", "failed")], False)
    entry = quick.find(event().key)
    assert (entry.complete, entry.delivery, entry.held) == (True, 2, 0)
    assert outcomes(entry) == dict.fromkeys(TWO, "done")
    assert store.open().claim(event(), [*TWO, "r/3 x"], LEASE).delivery == 3


def test_a_delivery_that_was_overtaken_does_not_let_the_newer_one_go(store):
    slow, quick = store.open(), store.open()
    late = slow.claim(event(), TWO, LEASE)
    store.expire()
    quick.claim(event(), TWO, LEASE, owner="the newer one")
    # What it could not record when it ended is told at its end.
    slow.close(late, [record(TWO[0]), record(TWO[1], "failed")], False)
    with pytest.raises(EventHeld, match="the newer one"):
        store.open().claim(event(), TWO, LEASE)
    entry = quick.find(event().key)
    assert (entry.state, entry.delivery, outcomes(entry)) == ("running", 2, {TWO[0]: "done"})
    store.expire()
    assert list(store.open().claim(event(), TWO, LEASE).ended) == [TWO[0]]


def test_what_an_overtaken_delivery_recorded_late_does_not_run_a_third_time(store):
    slow, quick = store.open(), store.open()
    late = slow.claim(event(), TWO, LEASE)
    store.expire()
    claim = quick.claim(event(), TWO, LEASE)
    quick.close(claim, [record(call, "failed", 2) for call in TWO], False)
    slow.record(late, record(TWO[0]))
    assert outcomes(quick.find(event().key)) == {TWO[0]: "done", TWO[1]: "failed"}
    assert list(store.open().claim(event(), TWO, LEASE).ended) == [TWO[0]]


def test_a_delivery_that_is_late_and_was_not_overtaken_still_closes(store):
    ledger = store.open()
    claim = ledger.claim(event(), TWO, LEASE)
    store.expire()
    ledger.close(claim, [record(TWO[0]), record(TWO[1], "failed", error="no")], False)
    entry = ledger.find(event().key)
    assert (entry.state, entry.delivery) == ("failed", 1)
    assert outcomes(entry) == {TWO[0]: "done", TWO[1]: "failed"}
    assert ledger.claim(event(), TWO, LEASE).delivery == 2


def test_the_last_delivery_tells_why_a_callback_failed(ledger):
    for delivery in (1, 2):
        claim = ledger.claim(event(), TWO, LEASE)
        assert claim.delivery == delivery
        failed = record(TWO[0], "failed", delivery, error=f"for the {delivery}. time")
        ledger.close(claim, [failed, record(TWO[1], "deferred", delivery)], False)
    records = {one.key: one for one in ledger.find(event().key).records}
    assert records[TWO[0]].error == "for the 2. time"
    assert records[TWO[1]].outcome == "deferred"


def test_an_entry_tells_the_event_its_state_and_who_is_at_work(store):
    ledger = store.open()
    before = time.time()
    claim = ledger.claim(event(), TWO, LEASE)
    entry = ledger.find(event().key)
    assert (entry.key, entry.type, entry.task_id) == (
        event().key,
        "WorkflowTask",
        event().task_id,
    )
    assert (entry.status, entry.delivery, entry.complete) == ("FINISH", 1, False)
    assert before <= entry.received <= time.time()
    assert (entry.state, entry.records) == ("running", ())
    assert LEASE - 2 < entry.held <= LEASE + 2
    store.expire()
    assert ledger.find(event().key).state == "interrupted"
    ledger.close(claim, [record(TWO[0], "deferred")], False)
    assert ledger.find(event().key).state == "failed"
    received = ledger.find(event().key).received
    claim = ledger.claim(event(), TWO, LEASE)
    assert ledger.find(event().key).state == "running"
    ledger.close(claim, [record(TWO[0], delivery=2)], False)
    assert ledger.find(event().key).state == "interrupted"
    ledger.close(ledger.claim(event(), TWO, LEASE), [record(TWO[1], delivery=3)], True)
    entry = ledger.find(event().key)
    assert (entry.state, entry.delivery, entry.held) == ("done", 3, 0)
    assert entry.received == received


def test_an_event_is_found_with_its_notification_and_listed_without(ledger):
    assert ledger.find(event().key) is None
    assert list(ledger.entries()) == []
    ledger.close(ledger.claim(event(), TWO, LEASE), [], True)
    assert ledger.find(event().key).notification == notification()
    (entry,) = ledger.entries()
    assert (entry.key, entry.notification) == (event().key, None)


def test_no_secret_is_stored(store):
    secrets = {
        "S3SecretKey": "wJalrXUtnFEMI",
        "S3SecretId": "AKIAIOSFODNN7",
        "Sign": "e3b0c44298fc1c14",
        "NotifyKey": "kSxvxk4ZHd",
    }
    told = notification()
    told["Sign"] = secrets["Sign"]
    told["WorkflowTaskEvent"]["MediaProcessResultSet"] = [
        {"Output": {"S3OutputStorage": {"S3Bucket": "b", **secrets, "S3Region": None}}}
    ]
    ledger = store.open()
    ledger.close(ledger.claim(parse_event(told), [], LEASE), [], True)
    raw = store.raw()
    assert b"S3SecretKey" in raw
    for secret in secrets.values():
        assert secret.encode() not in raw
    found = ledger.find(parse_event(told).key).notification
    storage = found["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["Output"]["S3OutputStorage"]
    assert storage == {"S3Bucket": "b", **dict.fromkeys(secrets, "***"), "S3Region": None}


def test_an_event_of_128_kb_is_stored_whole(ledger):
    told = notification(SessionContext="…" * 42_000, SessionId='"\\\n\0')
    ledger.close(ledger.claim(parse_event(told), [], LEASE), [], True)
    assert ledger.find(parse_event(told).key).notification == told


STRANGE = [
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


def test_task_ids_may_be_whatever_they_are(ledger):
    for task in STRANGE:
        claim = ledger.claim(event(task), ["r/\ud800任 c"], LEASE)
        assert claim.delivery == 1
        ledger.record(claim, record("r/\ud800任 c"))
        ledger.close(claim, [record("r/\ud800任 c", error="\ud800")], True)
    for task in STRANGE:
        assert ledger.claim(event(task), ["r/\ud800任 c"], LEASE).held is False
        assert [entry.task_id for entry in ledger.entries(task)] == [task]
        assert ledger.find(event(task).key).notification == notification(task)
    assert len(list(ledger.entries())) == len(STRANGE)


def test_an_event_without_a_task_id_is_known_by_what_it_says(ledger):
    one, other = event("", SessionId="one"), event("", SessionId="other")
    ledger.close(ledger.claim(one, TWO, LEASE), [record(call) for call in TWO], True)
    assert ledger.claim(event("", SessionId="one"), TWO, LEASE).held is False
    assert ledger.claim(other, TWO, LEASE).held
    assert ledger.find(one.key).notification["SessionId"] == "one"
    assert ledger.find(other.key).task_id == ""


def test_an_event_whose_task_id_is_not_in_its_payload_is_found(ledger):
    told = event("", TaskId="of the notification")
    ledger.close(ledger.claim(told, [], LEASE), [], True)
    assert ledger.find(told.key).task_id == "of the notification"
    assert [entry.key for entry in ledger.entries("of the notification")] == [told.key]


def test_events_are_listed_by_task_and_by_time(ledger):
    for task in ("a", "ab", "b"):
        for status in ("FINISH", "PROCESSING"):
            ledger.close(ledger.claim(event(task, status), [], LEASE), [], True)
    assert len(list(ledger.entries())) == 6
    assert [entry.task_id for entry in ledger.entries("a")] == ["a", "a"]
    assert {entry.status for entry in ledger.entries("a")} == {"FINISH", "PROCESSING"}
    assert list(ledger.entries("c")) == []
    since = max(entry.received for entry in ledger.entries())
    assert [entry.received for entry in ledger.entries(since=since)] == [since]
    assert len(list(ledger.entries("b", since=since))) == 1
    assert list(ledger.entries(since=since + 1e-3)) == []
    assert list(ledger.entries("b", since=since + 1e6)) == []


def test_an_event_in_progress_is_found(ledger):
    told = event("a/b", "PROCESSING")
    ledger.claim(told, TWO, LEASE)
    assert ledger.find(told.key).state == "running"
    assert ledger.find(told.key + "0") is None


def test_old_events_are_forgotten_unless_they_are_held(store):
    ledger = store.open()
    for task in ("closed", "dead", "twice", "held"):
        claim = ledger.claim(event(task), TWO, LEASE)
        ledger.record(claim, record(TWO[0]))
        if task in ("closed", "twice"):
            ledger.close(claim, [record(TWO[0])], False)
    ledger.claim(event("twice"), TWO, LEASE)
    store.expire()
    ledger.claim(event("held"), TWO, LEASE)
    received = min(entry.received for entry in ledger.entries())
    assert ledger.purge(received) == 0
    assert ledger.purge(time.time() + 1) == 3
    assert ledger.purge(time.time() + 1) == 0
    assert [entry.task_id for entry in ledger.entries()] == ["held"]
    assert ledger.find(event("closed").key) is None
    claim = ledger.claim(event("closed"), TWO, LEASE)
    assert (claim.delivery, claim.ended) == (1, {})
    assert [entry.task_id for entry in ledger.entries("closed")] == ["closed"]
    with pytest.raises(EventHeld):
        ledger.claim(event("held"), TWO, LEASE)


def test_forgetting_spares_what_came_later(ledger):
    for task in ("old", "young"):
        ledger.close(ledger.claim(event(task), [], LEASE), [], True)
    received = {entry.task_id: entry.received for entry in ledger.entries()}
    assert received["old"] < received["young"]
    assert ledger.purge(received["young"]) == 1
    assert [entry.task_id for entry in ledger.entries()] == ["young"]


def test_a_claim_that_holds_nothing_has_nothing_to_record(ledger):
    ledger.close(ledger.claim(event(), [], LEASE), [], True)
    over = ledger.claim(event(), [], LEASE)
    why = "^a claim that holds nothing has nothing to record"
    with pytest.raises(AssertionError, match=why):
        ledger.record(over, record(TWO[0]))
    with pytest.raises(AssertionError, match=why):
        ledger.close(over, [], True)


def test_what_did_not_end_is_no_record(ledger):
    claim = ledger.claim(event(), TWO, LEASE)
    with pytest.raises(
        AssertionError, match=r"^what did not end is told when the event is let go of"
    ):
        ledger.record(claim, record(TWO[0], "failed"))


TEXTS = st.text(max_size=40)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(task=TEXTS, result=TEXTS, callback=st.text("abc._é\n", min_size=1), error=TEXTS)
@example(task="a/b/../c", result="", callback="x", error="{}\x00")
def test_texts_come_back_as_they_were(store, task, result, callback, error):
    ledger = store.open()
    ledger.purge(time.time() + 1)
    told = event(task)
    one = record(f"{result} {callback}", error=error)
    claim = ledger.claim(told, [one.key], LEASE)
    ledger.record(claim, one)
    ledger.close(claim, [one], True)
    assert ledger.claim(told, [one.key], LEASE).ended == {one.key: one}
    assert ledger.find(told.key).records == (one,)
    assert ledger.purge(time.time() + 1) == 1


def changed(**fields):
    return lambda data: json.dumps({**json.loads(data), **fields}).encode()


DAMAGE = {
    "empty": lambda data: b"",
    "truncated": lambda data: data[:-9],
    "binary": lambda data: b"\x00\xff\xfe" + data,
    "nested": lambda data: b"[" * 100_000,
    "nested objects": lambda data: b'{"key":' * 100_000,
    "infinite": lambda data: json.dumps({**json.loads(data), "received": float("inf")}).encode(),
    "overflow": lambda data: json.dumps({**json.loads(data), "received": 10**400}).encode(),
    "digits": lambda data: b'{"received": ' + b"9" * 5000 + b"}",
    "array": lambda data: b"[]",
    "another object": lambda data: json.dumps(notification()).encode(),
    "number for text": changed(task_id=5),
    "text for number": changed(received="yesterday"),
    "null": changed(key=None),
    "list": changed(status=["FINISH"]),
}


@pytest.mark.parametrize("make", DAMAGE.values(), ids=DAMAGE)
def test_damaged_event_is_named_and_others_listed(shared, make):
    ledger = shared.open()
    for task in ("good", "bad", "other"):
        ledger.close(ledger.claim(event(task), TWO, LEASE), [record(call) for call in TWO], True)
    shared.damage(event("bad"), make)
    ledger, ran = shared.open(), []
    app = App(ledger=ledger, on_ledger_error="run")
    app.on(Event)(lambda event: ran.append(event.task_id))
    for act in (
        lambda: ledger.claim(event("bad"), TWO, LEASE),
        lambda: ledger.find(event("bad").key),
        lambda: app.main_handler(notification("bad"), {}),
    ):
        with pytest.raises(DamagedRecord, match="delete it"):
            act()
    assert ran == []
    listed = []
    with pytest.raises(DamagedRecord, match="delete it"):
        listed.extend(entry.task_id for entry in ledger.entries())
    assert sorted(listed) == ["good", "other"]
    with pytest.raises(DamagedRecord, match="delete it"):
        ledger.purge(time.time() + 1)
    assert ledger.find(event("good").key) is None


def test_several_damaged_events_are_counted_and_some_named(shared):
    ledger = shared.open()
    tasks = [f"task-{number}" for number in range(12)]
    for task in tasks:
        ledger.close(ledger.claim(event(task), [], LEASE), [], True)
        shared.damage(event(task), lambda data: b"{")
    with pytest.raises(DamagedRecord, match="12 events") as raised:
        list(shared.open().entries())
    assert str(raised.value).count("\n") == 11
    assert str(raised.value).endswith("and 2 more")


LOOKALIKES = [
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


def test_events_that_look_alike_never_meet(ledger):
    for task, status in LOOKALIKES:
        told = event(task, status)
        claim = ledger.claim(told, TWO, LEASE)
        assert (claim.held, claim.delivery) == (True, 1)
        ledger.close(claim, [record(call) for call in TWO], True)
    for task, status in LOOKALIKES:
        found = ledger.find(event(task, status).key)
        assert (found.task_id, found.status) == (task, status)
        assert found.notification == notification(task, status)
    assert len(list(ledger.entries())) == len(LOOKALIKES)


def _work_in_child(ledger, task, results):
    for number in range(10):
        told = event(f"{task}-{number}")
        claim = ledger.claim(told, TWO, LEASE)
        ledger.record(claim, record(TWO[0], error=told.task_id))
        ledger.close(claim, [], False)
        results.put((told.key, ledger.find(told.key).records[0].error, told.task_id))


def test_ledger_is_usable_on_both_sides_of_fork(shared):
    """No answer for the other process comes: connections never cross a fork."""
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    ledger = shared.open()
    claimed_by_threads(lambda: ledger, TWO, ["before"], 4)  # leaves connections open
    children = [
        context.Process(target=_work_in_child, args=(ledger, f"child-{number}", results))
        for number in range(3)
    ]
    for child in children:
        child.start()
    for number in range(10):
        told = event(f"parent-{number}")
        claim = ledger.claim(told, TWO, LEASE)
        ledger.record(claim, record(TWO[0], error=told.task_id))
        assert ledger.find(told.key).records[0].error == told.task_id
    found = [results.get(timeout=60) for _ in range(30)]
    for child in children:
        child.join(30)
        assert child.exitcode == 0
    assert all(error == task for _, error, task in found)
    assert len({key for key, _, _ in found}) == 30
