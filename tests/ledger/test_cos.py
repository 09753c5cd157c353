"""The ledger in COS: requests, faults, clocks, buckets and permissions."""

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

from .support import (
    BUCKET,
    FOUR,
    LEASE,
    REGION,
    BucketStore,
    claim_in_threads,
    create_event,
    create_record,
    deliver,
    measure_delay_without_ledger,
)

FAST_RETRY = Retry(attempts=5, base=0.0005, cap=0.002)
NO_RETRY = Retry(attempts=1)


@pytest.fixture
def store(emulator):
    return BucketStore(emulator)


def create_ledger(store, retry=FAST_RETRY, **options):
    return CosLedger(BUCKET, REGION, store.prefix, retry=retry, **options)


def test_requests_match_documentation(store, emulator):
    ledger = create_ledger(store)
    deliver(ledger)
    # The versioning of the bucket is read once per process.
    assert emulator.requests.counts() == {"GetBucketVersioning": 1, "GetObject": 1, "PutObject": 6}
    emulator.requests.clear()
    assert ledger.claim(create_event(), FOUR, LEASE).held is False
    assert emulator.requests.counts() == {"GetObject": 1}
    emulator.requests.clear()
    assert ledger.find(create_event().key).state == "done"
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


def test_objects_are_in_folder_of_event(store):
    ledger = create_ledger(store)
    deliver(ledger, FOUR[:1])
    event = create_event()
    folder = build_folder_name(event.task_id, event.type, event.status, event.key)
    keys = [entry.object.key for entry in Cos().list(store.url)]
    assert keys[1:] == [f"{store.prefix}{folder}/event", f"{store.prefix}{folder}/state"]
    assert keys[0].startswith(f"{store.prefix}{folder}/done-")
    state = Cos().read_json(f"cos://{BUCKET}.{REGION}/{keys[2]}")
    assert {name: state[name] for name in ("key", "task_id", "complete", "delivery")} == {
        "key": event.key,
        "task_id": event.task_id,
        "complete": True,
        "delivery": 1,
    }


# Faults


@pytest.mark.parametrize("kind", ["reset_after", "error_after"])
@pytest.mark.parametrize("delivery", [1, 2])
def test_claim_succeeds_when_response_is_lost(store, emulator, kind, delivery):
    if delivery == 2:
        create_ledger(store).claim(create_event(), FOUR, LEASE)
        store.expire()
    key = "*/event" if delivery == 1 else "*/claim-2"
    fault = emulator.faults.add(Fault(kind, operation="PutObject", key=key, count=1))
    lease = create_ledger(store).claim(create_event(), FOUR, LEASE, owner="first")
    assert emulator.faults.hits(fault) == 1
    assert (lease.held, lease.delivery) == (True, delivery)
    with pytest.raises(EventHeld, match="first"):
        create_ledger(store).claim(create_event(), FOUR, LEASE)


def test_claim_fails_when_other_delivery_wins(store, emulator):
    """The first attempt did not take effect, but another delivery's did."""
    create_ledger(store).claim(create_event(), FOUR, LEASE, owner="other")
    emulator.faults.add(Fault("reset_before", operation="PutObject", key="*/event", count=1))
    with pytest.raises(EventHeld, match="other"):
        create_ledger(store).claim(create_event(), FOUR, LEASE)


@pytest.mark.parametrize("kind", ["reset_after", "error_after", "reset_before", "error"])
def test_one_of_many_claims_when_responses_are_lost(store, emulator, kind):
    emulator.faults.add(Fault(kind, operation="PutObject", probability=0.5, seed=7))
    tasks = [f"task-{number}" for number in range(5)]
    retry = Retry(attempts=12, base=0.0005, cap=0.002)
    keys = claim_in_threads(lambda: create_ledger(store, retry), FOUR, tasks, 6)
    assert keys == sorted(create_event(task).key for task in tasks)


def test_throttled_requests_are_retried(store, emulator):
    fault = emulator.faults.add(Fault("slow_down", probability=0.4, retry_after=None, seed=3))
    deliver(create_ledger(store, Retry(attempts=12, base=0.0005, cap=0.002)))
    assert emulator.faults.hits(fault) > 0
    emulator.faults.clear()
    assert create_ledger(store).find(create_event().key).state == "done"


@pytest.mark.parametrize("kind", ["error", "reset_before", "slow_down", "expired_token"])
@pytest.mark.parametrize("method", ["claim", "record", "close", "find", "list_events", "purge"])
def test_permanent_failure_is_ledger_error(store, emulator, kind, method):
    ledger = create_ledger(store, NO_RETRY)
    lease = ledger.claim(create_event("held"), FOUR, LEASE)
    actions = {
        "claim": lambda: ledger.claim(create_event(), FOUR, LEASE),
        "record": lambda: ledger.record(lease, create_record(FOUR[0])),
        "close": lambda: ledger.close(lease, [], True),
        "find": lambda: ledger.find(create_event().key),
        "list_events": lambda: list(ledger.list_events()),
        "purge": lambda: ledger.purge(4e9),
    }
    emulator.faults.add(Fault(kind, retry_after=None))
    with pytest.raises(LedgerError, match="COS") as raised:
        actions[method]()
    assert not isinstance(raised.value, EventHeld)
    assert raised.value.__cause__ is not None
    emulator.faults.clear()
    actions[method]()


def test_refused_request_is_tried_five_times(store, emulator):
    fault = emulator.faults.add(
        Fault("slow_down", operation="PutObject", key="*/event", retry_after=None)
    )
    with pytest.raises(LedgerError, match="COS"):
        open_ledger(store.url).claim(create_event(), FOUR, LEASE)
    assert emulator.faults.hits(fault) == 5


def test_partial_purge_is_reported(store, emulator):
    ledger = create_ledger(store, NO_RETRY)
    deliver(ledger)
    store.expire(10)
    emulator.faults.add(Fault("fail_keys", key="*/state", code="AccessDenied"))
    with pytest.raises(LedgerError, match="delete"):
        ledger.purge(4e9)
    emulator.faults.clear()
    store.expire(61)
    assert ledger.purge(4e9) == 1
    assert list(Cos().list(store.url)) == []


def test_corrupt_response_is_read_again(store, emulator):
    deliver(create_ledger(store))
    fault = emulator.faults.add(Fault("corrupt", operation="GetObject", key="*/state", count=2))
    assert create_ledger(store).claim(create_event(), FOUR, LEASE).held is False
    assert emulator.faults.hits(fault) == 2


def test_corrupt_object_is_reported_after_three_reads(store, emulator):
    deliver(create_ledger(store))
    emulator.requests.clear()
    emulator.faults.add(Fault("corrupt", operation="GetObject", key="*/state"))
    with pytest.raises(LedgerError, match="ChecksumDiffers"):
        create_ledger(store).claim(create_event(), FOUR, LEASE)
    assert emulator.requests.count("GetObject") == 3


def test_unreadable_object_is_reported_and_others_listed(store, emulator):
    ledger = create_ledger(store, NO_RETRY)
    for task in ("good", "archived", "torn"):
        ledger.close(ledger.claim(create_event(task), [], LEASE), [], True)
    for kind, key, options in (
        ("error", "*/archived+*/state", {"status": 403, "code": "InvalidObjectState"}),
        ("corrupt", "*/torn+*/state", {}),
    ):
        emulator.faults.add(Fault(kind, operation="GetObject", key=key, **options))
    for task in ("archived", "torn"):
        with pytest.raises(DamagedRecord, match=task):
            ledger.claim(create_event(task), [], LEASE)
    listed = []
    with pytest.raises(DamagedRecord, match="2 events"):
        listed.extend(event.task_id for event in ledger.list_events())
    assert listed == ["good"]


@pytest.mark.parametrize(
    "headers",
    [
        "",
        "Date: Sun, 22 Nov 2026 06:40:37 GMT\r\n",
        "Last-Modified: Sun, 22 Nov 2026 06:40:37 GMT\r\n",
    ],
)
def test_response_without_dates_is_ledger_error(monkeypatch, emulator, headers):
    plain = b"<VersioningConfiguration/>"
    with ScriptedServer() as server:
        server.responses = [
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(plain), plain),
            f"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{headers}\r\n{{}}".encode(),
        ]
        monkeypatch.setenv("MPS_COS_PROXY", server.url)
        with pytest.raises(LedgerError, match="MissingHeader") as raised:
            open_ledger(f"cos://{BUCKET}.{REGION}/x/").claim(create_event(), FOUR, LEASE)
        assert not isinstance(raised.value, DamagedRecord)


def test_claim_ends_in_time_when_server_hangs(store, emulator):
    ledger = create_ledger(store)
    ledger.claim(create_event("first"), FOUR, LEASE)
    emulator.faults.add(Fault("latency", seconds=1.5))
    with pytest.raises(LedgerError, match=r"TimedOut|DeadlineExceeded"):
        ledger.claim(create_event(), FOUR, 0.2)


@pytest.mark.parametrize(("limit", "max_delay"), [(3, 1.3), (5, 2.2)])
def test_silent_server_leaves_time_for_callbacks(
    emulator, monkeypatch, silent_port, limit, max_delay
):
    monkeypatch.setenv("MPS_COS_PROXY", f"http://127.0.0.1:{silent_port}")
    assert measure_delay_without_ledger(f"cos://{BUCKET}.{REGION}/x/", limit) < max_delay


# Clocks


def test_lease_ends_by_clock_of_cos(store, emulator):
    """Dates have whole seconds: a lease may be up to a second longer, but never shorter."""
    ledger = create_ledger(store)
    emulator.ahead = 500.9 - time.time() % 1
    ledger.claim(create_event(), FOUR, 3.0)
    emulator.ahead += 2.0
    with pytest.raises(EventHeld) as raised:
        ledger.claim(create_event(), FOUR, 3.0)
    assert 1.0 <= raised.value.seconds <= 2.0
    emulator.ahead += 3.0
    assert ledger.claim(create_event(), FOUR, 3.0).delivery == 2


# Buckets and permissions


def put_versioning(emulator, bucket, status):
    from scf_mps.cos.request import Request, Target

    body = f"<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>".encode()
    target = Target(bucket, REGION)
    Cos()._client.call(Request(target, "PUT", {"versioning": ""}, {}, body, kind="write"))


@pytest.mark.parametrize(
    ("statuses", "status"), [(["Enabled"], "Enabled"), (["Enabled", "Suspended"], "Suspended")]
)
def test_bucket_with_versioning_is_rejected(emulator, statuses, status):
    bucket = f"versions-{status.lower()}-1250000000"
    emulator.create_bucket(bucket, REGION)
    for value in statuses:
        put_versioning(emulator, bucket, value)
    ledger = open_ledger(f"cos://{bucket}.{REGION}/mps/")
    for _ in range(2):
        with pytest.raises(LedgerError, match=f"versioning is {status}") as raised:
            ledger.claim(create_event(), FOUR, LEASE)
        assert bucket in str(raised.value)
    assert emulator.requests.count("PutObject") == 0


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (
            Fault("error", operation="GetBucketVersioning", status=403, code="AccessDenied"),
            "name/cos:GetBucketVersioning",
        ),
        (Fault("expired_token", operation="GetBucketVersioning"), "ExpiredToken"),
        (
            Fault("error", operation="PutObject", status=409, code="PathConflict"),
            "409 PathConflict",
        ),
    ],
)
def test_refusal_is_named(store, emulator, fault, word):
    emulator.faults.add(fault)
    ledger = create_ledger(store)
    with pytest.raises(LedgerError, match=word) as raised:
        ledger.claim(create_event(), FOUR, LEASE)
    assert ("Allow" in str(raised.value)) == (fault.code == "AccessDenied")
    emulator.faults.clear()
    assert ledger.claim(create_event(), FOUR, LEASE).held


def test_missing_bucket_is_ledger_error(emulator):
    with pytest.raises(LedgerError, match="NoSuchBucket"):
        open_ledger(f"cos://nowhere-1250000000.{REGION}/mps/").claim(create_event(), FOUR, LEASE)


def test_deleted_bucket_is_ledger_error(emulator, cloud):
    bucket = "going-1250000000"
    emulator.create_bucket(bucket, REGION)
    ledger = open_ledger(f"cos://{bucket}.{REGION}/mps/")
    assert ledger.find("x") is None
    from scf_mps.cos.request import Request, Target

    Cos()._client.call(Request(Target(bucket, REGION), "DELETE", kind="write"))
    with pytest.raises(LedgerError, match="NoSuchBucket"):
        ledger.claim(create_event(), FOUR, LEASE)


def test_credentials_are_read_for_each_call(store, emulator, monkeypatch):
    ledger = create_ledger(store)
    lease = ledger.claim(create_event(), FOUR, LEASE)
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", "over")
    with pytest.raises(LedgerError, match="SignatureDoesNotMatch") as raised:
        ledger.record(lease, create_record(FOUR[0]))
    assert emulator.key.secret_key not in str(raised.value)
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", emulator.key.secret_key)
    ledger.record(lease, create_record(FOUR[0]))


def test_bucket_allowlist_does_not_apply(store, monkeypatch):
    monkeypatch.setenv("MPS_BUCKETS", "player-*")
    assert create_ledger(store).claim(create_event(), FOUR, LEASE).held


@pytest.mark.parametrize(
    ("variable", "value", "word"),
    [("TENCENTCLOUD_SECRETID", "", "role"), ("MPS_COS_PROXY", "localhost", "MPS_COS_PROXY")],
)
def test_invalid_variable_is_reported(store, monkeypatch, variable, value, word):
    monkeypatch.setenv(variable, value)
    with pytest.raises(LedgerError, match=word):
        create_ledger(store).claim(create_event(), FOUR, LEASE)


def test_long_prefix_is_rejected():
    CosLedger(BUCKET, REGION, "x" * 600)
    with pytest.raises(LedgerError, match="600 bytes"):
        CosLedger(BUCKET, REGION, "任" * 201)


# Expiry


@pytest.mark.parametrize(("keep", "days"), [(30 * 86400.0, 30), (86401.0, 2), (60.0, 1)])
def test_lifecycle_rule_is_accepted_by_bucket(store, emulator, keep, days):
    from scf_mps.cos.request import Request, Target

    rule = create_ledger(store, keep=keep).lifecycle_rule
    target = Target(BUCKET, REGION)
    Cos()._client.call(Request(target, "PUT", {"lifecycle": ""}, {}, rule.encode(), kind="write"))
    stored = Cos()._client.call(Request(target, params={"lifecycle": ""})).body.decode()
    assert stored == rule
    assert (
        f"<Filter><Prefix>{store.prefix}</Prefix></Filter><Expiration><Days>{days}</Days>" in rule
    )


def test_documented_rule_works_with_official_sdk(emulator):
    qcloud_cos = pytest.importorskip("qcloud_cos", reason="the rule is for the SDK")
    text = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text("utf-8")
    (block,) = [
        block for block in re.findall(r"```json\n(.*?)```", text, re.S) if '"Rule"' in block
    ]
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
event = sample("WorkflowTask", [("Transcode", "SUCCESS"), ("Transcode", "SUCCESS")])
for _ in range(2):
    print([call["outcome"] for call in handler(event, {})["callbacks"]])
slow = {"asyncio", "dataclasses", "inspect", "http", "urllib.request", "redis", "requests", "qcloud_cos"}
print(sorted(slow & set(sys.modules)))
print(sorted(name for name in sys.modules if name.startswith("scf_mps.ledger")))
"""


def test_client_is_loaded_on_first_use(store):
    done = subprocess.run([sys.executable, "-c", LOADED, store.url], capture_output=True, text=True)
    *lines, modules = done.stdout.splitlines()
    assert lines == ["False False False", "['done', 'done']", "['skipped', 'skipped']", "[]"], (
        done.stderr
    )
    assert "redis" not in modules
    assert "ledger.file" not in modules
