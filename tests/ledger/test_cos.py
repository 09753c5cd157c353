"""The ledger in COS beside what all ledgers do: what it asks COS for, faults on the way, buckets and rights."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scf_mps.cos import Cos, Retry
from scf_mps.errors import DamagedRecord, EventHeld, LedgerError
from scf_mps.ledger import CosLedger, open_ledger
from scf_mps.ledger.object_layout import build_folder_name
from scf_mps.local.cos import Fault
from tests.cos.support import ScriptedServer

from .conftest import (
    BUCKET,
    LEASE,
    REGION,
    Bucket,
    claimed_by_threads,
    event,
    record,
    run_without_ledger,
)

FOUR = [f"r/{number} make" for number in range(4)]
PATIENT = Retry(attempts=5, base=0.0005, cap=0.002)
HASTY = Retry(attempts=1)


@pytest.fixture
def store(emulator):
    return Bucket(emulator)


def in_prefix(store, retry=PATIENT, **more):
    return CosLedger(BUCKET, REGION, store.prefix, retry=retry, **more)


def deliver(ledger, calls=FOUR):
    claim = ledger.claim(event(), calls, LEASE)
    for call in calls:
        ledger.record(claim, record(call))
    ledger.close(claim, [record(call) for call in calls], True)


def test_what_is_asked_of_cos_is_what_the_documentation_says(store, emulator):
    ledger = in_prefix(store)
    deliver(ledger)
    # Once for each process: whether the bucket has versions.
    assert emulator.requests.counts() == {"GetBucketVersioning": 1, "GetObject": 1, "PutObject": 6}
    emulator.requests.clear()
    assert ledger.claim(event(), FOUR, LEASE).held is False
    assert emulator.requests.counts() == {"GetObject": 1}
    emulator.requests.clear()
    assert ledger.find(event().key).state == "done"
    assert emulator.requests.counts() == {"ListObjects": 1, "GetObject": 2}
    emulator.requests.clear()
    assert ledger.purge(4e9) == 1
    assert emulator.requests.counts() == {
        "ListObjects": 1,
        "GetObject": 1,
        "PutObject": 1,
        "DeleteMultipleObjects": 1,
        "DeleteObject": 1,
    }


def test_the_objects_are_where_people_can_find_them(store):
    ledger = in_prefix(store)
    deliver(ledger, FOUR[:1])
    told = event()
    folder = build_folder_name(told.task_id, told.type, told.status, told.key)
    keys = [one.object.key for one in Cos().list(store.url)]
    assert keys[1:] == [f"{store.prefix}{folder}/event", f"{store.prefix}{folder}/state"]
    assert keys[0].startswith(f"{store.prefix}{folder}/done-")
    kept = Cos().read_json(f"cos://{BUCKET}.{REGION}/{keys[2]}")
    assert {name: kept[name] for name in ("key", "task_id", "complete", "delivery")} == {
        "key": told.key,
        "task_id": told.task_id,
        "complete": True,
        "delivery": 1,
    }


# Faults


@pytest.mark.parametrize("kind", ["reset_after", "error_after"])
def test_a_claim_whose_answer_was_lost_is_held_all_the_same(store, emulator, kind):
    fault = emulator.faults.add(Fault(kind, operation="PutObject", key="*/event", count=1))
    claim = in_prefix(store).claim(event(), FOUR, LEASE, owner="we")
    assert emulator.faults.hits(fault) == 1
    assert (claim.held, claim.delivery) == (True, 1)
    with pytest.raises(EventHeld, match="request we"):
        in_prefix(store).claim(event(), FOUR, LEASE)


@pytest.mark.parametrize("kind", ["reset_after", "error_after"])
def test_a_takeover_whose_answer_was_lost_is_one(store, emulator, kind):
    in_prefix(store).claim(event(), FOUR, LEASE)
    store.expire()
    emulator.faults.add(Fault(kind, operation="PutObject", key="*/claim-2", count=1))
    claim = in_prefix(store).claim(event(), FOUR, LEASE)
    assert (claim.held, claim.delivery) == (True, 2)
    with pytest.raises(EventHeld):
        in_prefix(store).claim(event(), FOUR, LEASE)


def test_a_claim_that_lost_its_answer_and_the_race_is_not_held(store, emulator):
    """The first try did not take effect, another delivery did: what is stored is not ours."""
    in_prefix(store).claim(event(), FOUR, LEASE, owner="the other one")
    emulator.faults.add(Fault("reset_before", operation="PutObject", key="*/event", count=1))
    with pytest.raises(EventHeld, match="the other one"):
        in_prefix(store).claim(event(), FOUR, LEASE)


@pytest.mark.parametrize("kind", ["reset_after", "error_after", "reset_before", "error"])
def test_exactly_one_of_many_gets_an_event_although_answers_are_lost(store, emulator, kind):
    emulator.faults.add(Fault(kind, operation="PutObject", probability=0.5, seed=7))
    tasks = [f"task-{number}" for number in range(5)]
    retry = Retry(attempts=12, base=0.0005, cap=0.002)
    got = claimed_by_threads(lambda: in_prefix(store, retry), FOUR, tasks, 6)
    assert got == sorted(event(task).key for task in tasks)


def test_throttling_is_waited_out(store, emulator):
    fault = emulator.faults.add(Fault("slow_down", probability=0.4, retry_after=None, seed=3))
    deliver(in_prefix(store, Retry(attempts=12, base=0.0005, cap=0.002)))
    assert emulator.faults.hits(fault) > 0
    emulator.faults.clear()
    assert in_prefix(store).find(event().key).state == "done"


@pytest.mark.parametrize("kind", ["error", "reset_before", "slow_down", "expired_token"])
@pytest.mark.parametrize("method", ["claim", "record", "close", "find", "entries", "purge"])
def test_what_fails_for_good_is_the_ledger_s_error_and_tells_cos_s(store, emulator, kind, method):
    ledger = in_prefix(store, HASTY)
    claim = ledger.claim(event("held"), FOUR, LEASE)
    acts = {
        "claim": lambda: ledger.claim(event(), FOUR, LEASE),
        "record": lambda: ledger.record(claim, record(FOUR[0])),
        "close": lambda: ledger.close(claim, [], True),
        "find": lambda: ledger.find(event().key),
        "entries": lambda: list(ledger.entries()),
        "purge": lambda: ledger.purge(4e9),
    }
    emulator.faults.add(Fault(kind, retry_after=None))
    with pytest.raises(LedgerError, match="the ledger failed at COS: ") as raised:
        acts[method]()
    assert not isinstance(raised.value, EventHeld)
    assert raised.value.__cause__ is not None
    emulator.faults.clear()
    acts[method]()


def test_what_cos_refuses_is_tried_five_times(store, emulator):
    fault = emulator.faults.add(
        Fault("slow_down", operation="PutObject", key="*/event", retry_after=None)
    )
    with pytest.raises(LedgerError, match="the ledger failed at COS: "):
        open_ledger(store.url).claim(event(), FOUR, LEASE)
    assert emulator.faults.hits(fault) == 5


def test_an_event_that_cannot_be_forgotten_whole_is_told(store, emulator):
    ledger = in_prefix(store, HASTY)
    deliver(ledger)
    store.expire(10)
    emulator.faults.add(Fault("fail_keys", key="*/state", code="AccessDenied"))
    with pytest.raises(LedgerError, match="the ledger failed at COS: delete: 1 of"):
        ledger.purge(4e9)
    emulator.faults.clear()
    store.expire(61)
    assert ledger.purge(4e9) == 1
    assert list(Cos().list(store.url)) == []


def test_bytes_that_came_damaged_are_read_again(store, emulator):
    deliver(in_prefix(store))
    fault = emulator.faults.add(Fault("corrupt", operation="GetObject", key="*/state", count=2))
    assert in_prefix(store).claim(event(), FOUR, LEASE).held is False
    assert emulator.faults.hits(fault) == 2


def test_bytes_that_come_damaged_every_time_are_told(store, emulator):
    deliver(in_prefix(store))
    emulator.requests.clear()
    emulator.faults.add(Fault("corrupt", operation="GetObject", key="*/state"))
    with pytest.raises(LedgerError, match=r"state: ChecksumDiffers: "):
        in_prefix(store).claim(event(), FOUR, LEASE)
    assert emulator.requests.count("GetObject") == 3


def test_object_that_cannot_be_read_is_named_and_others_listed(store, emulator):
    ledger = in_prefix(store, HASTY)
    for task in ("good", "archived", "torn"):
        ledger.close(ledger.claim(event(task), [], LEASE), [], True)
    for kind, key, more in (
        ("error", "*/archived+*/state", {"status": 403, "code": "InvalidObjectState"}),
        ("corrupt", "*/torn+*/state", {}),
    ):
        emulator.faults.add(Fault(kind, operation="GetObject", key=key, **more))
    for task in ("archived", "torn"):
        with pytest.raises(DamagedRecord, match=task):
            ledger.claim(event(task), [], LEASE)
    listed = []
    with pytest.raises(DamagedRecord, match="2 events"):
        listed.extend(entry.task_id for entry in ledger.entries())
    assert listed == ["good"]


@pytest.mark.parametrize(
    "headers",
    [
        "",
        "Date: Sun, 22 Nov 2026 06:40:37 GMT\r\n",
        "Last-Modified: Sun, 22 Nov 2026 06:40:37 GMT\r\n",
    ],
)
def test_an_age_that_cannot_be_told_is_no_age(monkeypatch, emulator, headers):
    server = ScriptedServer()
    plain = b"<VersioningConfiguration/>"
    server.responses = [
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(plain), plain),
        f"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{headers}\r\n{{}}".encode(),
    ]
    monkeypatch.setenv("MPS_COS_PROXY", server.url)
    try:
        with pytest.raises(LedgerError, match="MissingHeader") as raised:
            open_ledger(f"cos://{BUCKET}.{REGION}/x/").claim(event(), FOUR, LEASE)
        assert not isinstance(raised.value, DamagedRecord)
    finally:
        server.close()


def test_a_server_that_hangs_does_not_take_the_invocation_with_it(store, emulator):
    ledger = in_prefix(store)
    ledger.claim(event("first"), FOUR, LEASE)
    emulator.faults.add(Fault("latency", seconds=1.5))
    with pytest.raises(LedgerError, match=r"TimedOut|DeadlineExceeded"):
        ledger.claim(event(), FOUR, 0.2)


@pytest.mark.parametrize(("limit", "most"), [(3, 1.3), (5, 2.2)])
def test_a_server_that_never_answers_leaves_time_for_the_callbacks(
    emulator, monkeypatch, silent, limit, most
):
    monkeypatch.setenv("MPS_COS_PROXY", f"http://127.0.0.1:{silent}")
    assert run_without_ledger(f"cos://{BUCKET}.{REGION}/x/", limit) < most


# Time


def test_it_is_cos_s_clock_that_ends_a_hold(store, emulator):
    """Dates have whole seconds: a hold is a second longer rather than a moment shorter."""
    ledger = in_prefix(store)
    emulator.ahead = 500.9 - time.time() % 1
    ledger.claim(event(), FOUR, 3.0)
    emulator.ahead += 2.0
    with pytest.raises(EventHeld) as raised:
        ledger.claim(event(), FOUR, 3.0)
    assert 1.0 <= raised.value.seconds <= 2.0
    emulator.ahead += 3.0
    assert ledger.claim(event(), FOUR, 3.0).delivery == 2


# Buckets and rights


def put_versioning(emulator, bucket, status):
    from scf_mps.cos.request import Request, Target

    body = f"<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>".encode()
    target = Target(bucket, REGION)
    Cos()._client.call(Request(target, "PUT", {"versioning": ""}, {}, body, kind="write"))


@pytest.mark.parametrize(
    ("statuses", "told"), [(["Enabled"], "Enabled"), (["Enabled", "Suspended"], "Suspended")]
)
def test_a_bucket_that_ever_had_versions_is_refused_with_the_reason(emulator, statuses, told):
    bucket = f"versions-{told.lower()}-1250000000"
    emulator.create_bucket(bucket, REGION)
    for status in statuses:
        put_versioning(emulator, bucket, status)
    ledger = open_ledger(f"cos://{bucket}.{REGION}/mps/")
    for _ in range(2):
        with pytest.raises(LedgerError) as raised:
            ledger.claim(event(), FOUR, LEASE)
        assert str(raised.value) == (
            f"the bucket {bucket} cannot hold a ledger: its versioning is {told}, and COS heeds "
            f"x-cos-forbid-overwrite only in a bucket that never had versions; use another bucket"
        )
    assert emulator.requests.count("PutObject") == 0


def test_the_right_that_is_lacking_is_named(store, emulator):
    emulator.faults.add(
        Fault("error", operation="GetBucketVersioning", status=403, code="AccessDenied")
    )
    ledger = in_prefix(store)
    with pytest.raises(
        LedgerError, match=r"role name/cos:GetBucketVersioning on it \(403 AccessDenied"
    ):
        ledger.claim(event(), FOUR, LEASE)
    emulator.faults.clear()
    assert ledger.claim(event(), FOUR, LEASE).held


def test_another_refusal_is_not_taken_for_a_lacking_right(store, emulator):
    emulator.faults.add(Fault("expired_token", operation="GetBucketVersioning"))
    with pytest.raises(LedgerError, match="failed at COS: 403 ExpiredToken"):
        in_prefix(store).claim(event(), FOUR, LEASE)


def test_a_conflict_that_is_none_of_existence_is_told(store, emulator):
    emulator.faults.add(Fault("error", operation="PutObject", status=409, code="PathConflict"))
    with pytest.raises(LedgerError, match="409 PathConflict"):
        in_prefix(store).claim(event(), FOUR, LEASE)


def test_a_bucket_that_is_not_there_is_not_an_event_that_is_not_there(emulator):
    with pytest.raises(LedgerError, match="NoSuchBucket"):
        open_ledger(f"cos://nowhere-1250000000.{REGION}/mps/").claim(event(), FOUR, LEASE)


def test_a_bucket_that_goes_away_is_told(emulator, cloud):
    bucket = "going-1250000000"
    emulator.create_bucket(bucket, REGION)
    ledger = open_ledger(f"cos://{bucket}.{REGION}/mps/")
    assert ledger.find("x") is None
    from scf_mps.cos.request import Request, Target

    Cos()._client.call(Request(Target(bucket, REGION), "DELETE", kind="write"))
    with pytest.raises(LedgerError, match="NoSuchBucket"):
        ledger.claim(event(), FOUR, LEASE)


def test_credentials_are_read_at_each_call_as_scf_renews_them(store, emulator, monkeypatch):
    ledger = in_prefix(store)
    claim = ledger.claim(event(), FOUR, LEASE)
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", "over")
    with pytest.raises(LedgerError, match="SignatureDoesNotMatch") as raised:
        ledger.record(claim, record(FOUR[0]))
    assert emulator.key.secret_key not in str(raised.value)
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", emulator.key.secret_key)
    ledger.record(claim, record(FOUR[0]))


def test_a_function_without_a_role_is_told_what_it_lacks(store, monkeypatch):
    monkeypatch.delenv("TENCENTCLOUD_SECRETID")
    with pytest.raises(LedgerError, match="execution role"):
        in_prefix(store).claim(event(), FOUR, LEASE)


def test_the_list_of_the_callbacks_buckets_is_not_the_ledger_s(store, monkeypatch):
    monkeypatch.setenv("MPS_BUCKETS", "player-*")
    assert in_prefix(store).claim(event(), FOUR, LEASE).held


def test_a_proxy_that_is_none_is_told(store, monkeypatch):
    monkeypatch.setenv("MPS_COS_PROXY", "localhost")
    with pytest.raises(LedgerError, match="MPS_COS_PROXY"):
        in_prefix(store).claim(event(), FOUR, LEASE)


def test_a_prefix_that_leaves_no_room_for_keys_is_refused():
    CosLedger(BUCKET, REGION, "x" * 600)
    with pytest.raises(LedgerError, match=r"^a ledger's prefix has at most 600 bytes: 任{80}…$"):
        CosLedger(BUCKET, REGION, "任" * 201)


# Expiry


@pytest.mark.parametrize(("keep", "days"), [(30 * 86400.0, 30), (86401.0, 2), (60.0, 1)])
def test_the_lifecycle_rule_is_one_that_a_bucket_takes(store, emulator, keep, days):
    from scf_mps.cos.request import Request, Target

    rule = in_prefix(store, keep=keep).lifecycle_rule
    where = Target(BUCKET, REGION)
    Cos()._client.call(Request(where, "PUT", {"lifecycle": ""}, {}, rule.encode(), kind="write"))
    kept = Cos()._client.call(Request(where, params={"lifecycle": ""})).body.decode()
    assert kept == rule
    assert (
        f"<Filter><Prefix>{store.prefix}</Prefix></Filter><Expiration><Days>{days}</Days>" in rule
    )


def test_the_rule_of_the_documentation_is_one_that_the_official_sdk_sends(emulator):
    qcloud_cos = pytest.importorskip("qcloud_cos", reason="the rule is written for the SDK")
    text = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text("utf-8")
    (block,) = [one for one in re.findall(r"```json\n(.*?)```", text, re.S) if '"Rule"' in one]
    config = qcloud_cos.CosConfig(
        Region=REGION,
        Scheme="http",
        SecretId=emulator.key.secret_id,
        SecretKey=emulator.key.secret_key,
        Proxies={"http": emulator.url},
    )
    sdk = qcloud_cos.CosS3Client(config)
    sdk.put_bucket_lifecycle(Bucket=BUCKET, LifecycleConfiguration=json.loads(block))
    (rule,) = sdk.get_bucket_lifecycle(Bucket=BUCKET)["Rule"]
    assert rule == json.loads(block)["Rule"][0]


LOADED = """
import sys
from scf_mps import App, Transcode
from scf_mps.local.samples import sample

app = App(ledger=sys.argv[1])

@app.on(Transcode)
def callback(transcode: Transcode) -> None:
    pass

handler = app.main_handler
print("scf_mps.cos.client" in sys.modules, "socket" in sys.modules, "redis" in sys.modules)
told = sample("WorkflowTask", [("Transcode", "SUCCESS"), ("Transcode", "SUCCESS")])
for _ in range(2):
    print([one["outcome"] for one in handler(told, {})["callbacks"]])
slow = {"asyncio", "dataclasses", "inspect", "http", "urllib.request", "redis", "requests", "qcloud_cos"}
print(sorted(slow & set(sys.modules)))
print(sorted(name for name in sys.modules if name.startswith("scf_mps.ledger")))
"""


def test_an_application_with_this_ledger_loads_what_it_needs_when_it_needs_it(store):
    done = subprocess.run([sys.executable, "-c", LOADED, store.url], capture_output=True, text=True)
    *told, modules = done.stdout.splitlines()
    assert told == [
        "False False False",
        "['done', 'done']",
        "['skipped', 'skipped']",
        "[]",
    ], done.stderr
    assert "redis" not in modules
    assert "files" not in modules
