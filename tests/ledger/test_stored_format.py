"""Records of earlier versions, as literal text: every store must still read them.

Never change the literals. Deployed functions have such records in their ledgers for up to ten years.
"""

import pytest

from scf_mps import App, Event, Subtask
from scf_mps.cos import Cos
from scf_mps.ledger import MemoryLedger

from .support import LEASE, create_event

DONE_RECORD = (
    '{"at":1700000001.5,"callback":"make","delivery":1,"error":"","key":"r/1 make","outcome":"done",'
    '"place":"MediaProcessResultSet[0]","seconds":0.25,"type":"Transcode"}'
)
DROPPED_RECORD = (
    '{"at":1700000001.5,"callback":"make","delivery":1,"error":"Drop: old","key":"r/1 make","outcome":"dropped",'
    '"place":"MediaProcessResultSet[0]","seconds":0.25,"type":"Transcode"}'
)
FAILED_RECORD = (
    '{"at":1700000001.5,"callback":"send","delivery":1,"error":"OSError: no route","key":"r/2 send",'
    '"outcome":"failed","place":"MediaProcessResultSet[0]","seconds":0.25,"type":"Transcode"}'
)


def describe(task, complete, records):
    return (
        f'{{"key":"WorkflowTask/{task}/FINISH","type":"WorkflowTask","task_id":"{task}","status":"FINISH",'
        f'"received":1700000000.5,"delivery":1,"complete":{complete},"records":[{records}]'
    )


def format_first_claim(task):
    return (
        describe(task, "false", "")
        + ',"seconds":20.0,"owner":"request-1","nonce":"0001020304050607","notification":{"EventType":'
        f'"WorkflowTask","WorkflowTaskEvent":{{"TaskId":"{task}","Status":"FINISH"}},"SessionId":"s"}}}}'
    )


OBJECTS = {
    "died+WorkflowTask+FINISH+7e35ab25b01d/done-a0e3db0bb0fe59923d2e3cd19d2f01b1": DONE_RECORD,
    "died+WorkflowTask+FINISH+7e35ab25b01d/event": format_first_claim("died"),
    "done+WorkflowTask+FINISH+56f66a73215c/done-a0e3db0bb0fe59923d2e3cd19d2f01b1": DONE_RECORD,
    "done+WorkflowTask+FINISH+56f66a73215c/event": format_first_claim("done"),
    "done+WorkflowTask+FINISH+56f66a73215c/state": describe("done", "true", DONE_RECORD) + "}",
    "failed+WorkflowTask+FINISH+98685336e61f/done-a0e3db0bb0fe59923d2e3cd19d2f01b1": DROPPED_RECORD,
    "failed+WorkflowTask+FINISH+98685336e61f/event": format_first_claim("failed"),
    "failed+WorkflowTask+FINISH+98685336e61f/state": describe(
        "failed", "false", f"{DROPPED_RECORD},{FAILED_RECORD}"
    )
    + "}",
}
"""Objects or files of a ledger, by their names."""

REDIS_EVENTS = {
    "56f66a73215cfb5e95d589d425f8e22a": ("done", "1", {"r/1 make": f"1 1 {DONE_RECORD}"}),
    "7e35ab25b01d510f702a7a5ae74d3084": ("died", "0", {"r/1 make": f"1 1 {DONE_RECORD}"}),
    "98685336e61f8a3871e1cea7e354f0e5": (
        "failed",
        "0",
        {"r/1 make": f"1 1 {DROPPED_RECORD}", "r/2 send": f"0 1 {FAILED_RECORD}"},
    ),
}
"""Hashes of events in Redis: task, complete, and records."""

REDIS_TASKS = {
    "done": "a4c3ed04a95a3da14a9d235c83d868be",
    "died": "5ddf61f4d52f255942217bf9578854a3",
    "failed": "5d28a90f4498a81461efbaf6f628a19d",
}


def write_files(store):
    for name, text in OBJECTS.items():
        path = store.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def write_objects(store):
    for name, text in OBJECTS.items():
        Cos().upload(text.encode(), store.url + name)


def write_redis(store):
    client, names = store.server.client, f"{{{store.prefix}}}:"
    for digest, (task, complete, records) in REDIS_EVENTS.items():
        fields = {
            "told": f'{{"key": "WorkflowTask/{task}/FINISH", "type": "WorkflowTask", "task_id": "{task}", '
            '"status": "FINISH", "received": 1700000000.5}',
            "delivery": "1",
            "complete": complete,
            "until": "0" if task != "died" else "1700000020500",
            "nonce": "0001020304050607",
            "owner": "request-1",
            **{f"record {call}": text for call, text in records.items()},
        }
        client.hset(f"{names}event:{digest}", mapping=fields)
        client.set(
            f"{names}raw:{digest}",
            f'{{"EventType": "WorkflowTask", "WorkflowTaskEvent": {{"TaskId": "{task}", "Status": "FINISH"}}, '
            '"SessionId": "s"}',
        )
        client.zadd(f"{names}index", {digest: 1700000000.5})
        client.sadd(f"{names}task:{REDIS_TASKS[task]}", digest)


WRITERS = {"FolderStore": write_files, "BucketStore": write_objects, "RedisStore": write_redis}


@pytest.fixture
def ledger(shared_store):
    """A ledger with three events of an earlier version."""
    WRITERS[type(shared_store).__name__](shared_store)
    shared_store.expire()
    return shared_store.open()


def test_stored_events_are_read(ledger):
    events = {event.task_id: event for event in ledger.list_events(since=1700000000.5)}
    states = {task: event.state for task, event in events.items()}
    assert states == {"done": "done", "failed": "failed", "died": "interrupted"}
    for task, event in events.items():
        assert (event.key, event.status) == (f"WorkflowTask/{task}/FINISH", "FINISH")
        assert (event.received, event.delivery) == (1700000000.5, 1)
        assert [stored.key for stored in ledger.list_events(task)] == [event.key]
    make, send = sorted(events["failed"].records, key=lambda record: record.callback)
    assert (make.outcome, make.error, make.seconds) == ("dropped", "Drop: old", 0.25)
    assert (send.outcome, send.error, send.at) == ("failed", "OSError: no route", 1700000001.5)


def test_stored_notifications_are_found(ledger):
    for task in ("done", "failed", "died"):
        assert ledger.find(f"WorkflowTask/{task}/FINISH").notification == {
            "EventType": "WorkflowTask",
            "WorkflowTaskEvent": {"TaskId": task, "Status": "FINISH"},
            "SessionId": "s",
        }


def test_stored_records_prevent_repetition(ledger):
    done = ledger.claim(create_event("done"), ["r/1 make"], LEASE)
    assert (done.held, done.delivery, list(done.final_records)) == (False, 1, ["r/1 make"])
    for task in ("failed", "died"):
        lease = ledger.claim(create_event(task), ["r/1 make", "r/2 send"], LEASE)
        assert (lease.held, lease.delivery) == (True, 2)
        assert list(lease.final_records) == ["r/1 make"]
        ledger.close(lease, [], True)
        assert ledger.find(create_event(task).key).state == "done"


def test_stored_events_are_purged(ledger):
    assert ledger.purge(4e9) == 3
    assert list(ledger.list_events()) == []


def test_keys_of_calls_are_unchanged(documented):
    ledger = MemoryLedger()
    app = App(ledger=ledger)
    app.on(Subtask, name="each")(lambda result: None)
    app.on_failure(Subtask, name="failed")(lambda result: None)
    app.on_failure(Event, name="whole")(lambda event: None)
    app.main_handler(documented, {})
    (event,) = ledger.list_events()
    key = "WorkflowTask/245****654-WorkflowTask-f46dac7fe2436c47******d71946986t0/FINISH"
    assert event.key == key
    assert {record.key for record in event.records} >= {
        f"{key}/MediaProcessResultSet[0]/Transcode/10 each",
        f"{key}/MediaProcessResultSet[1]/AnimatedGraphics/20000 failed",
        f"{key}/MediaProcessResultSet[2]/SnapshotByTimeOffset/10 each",
        f"{key}/MediaProcessResultSet[3]/ImageSprites/10 each",
    }
