"""Invocations on a clock of the test: every wait ends at once, and the deadline is on the same clock."""

import time

import pytest

pytest.importorskip("aiohttp", reason="the emulators need it")
pytest.importorskip("tencentcloud.common", reason="Mps uses it")

from scf_mps import App, CallbacksFailed, Context, Cos, EventHeld, Mps, Transcode, parse_event
from scf_mps.cos.transport import SHARED_POOL
from scf_mps.ledger import MemoryLedger
from scf_mps.local import api
from scf_mps.local.cos import CosEmulator, Fault
from scf_mps.local.samples import sample
from scf_mps.testing.clock import Clock

EVENT = sample("WorkflowTask", Transcode="SUCCESS")
BUCKET = "media-1250000000"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def emulator(tmp_path, monkeypatch):
    with CosEmulator(tmp_path / "cos") as running:
        running.create_bucket(BUCKET, "ap-guangzhou")
        monkeypatch.setenv("MPS_COS_PROXY", running.url)
        monkeypatch.setenv("TENCENTCLOUD_SECRETID", running.key.secret_id)
        monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", running.key.secret_key)
        yield running
        SHARED_POOL.clear()


def create_context(clock, seconds=60):
    return Context({"request_id": "r", "time_limit_in_ms": seconds * 1000}, clock, clock.sleep)


def create_writer():
    app = App()

    @app.on(Transcode)
    def write(transcode: Transcode, cos: Cos) -> None:
        cos.upload(b"done", f"cos://{BUCKET}.ap-guangzhou/done")

    return app


def test_context_argument_is_used_as_it_is(clock):
    app = App()
    contexts = []

    @app.on(Transcode)
    def keep(transcode: Transcode, context: Context) -> None:
        contexts.append(context)

    context = create_context(clock)
    app.main_handler(EVENT, context)
    app.replay(EVENT, context)
    assert [item is context for item in contexts] == [True, True]


def test_cos_retries_wait_on_the_clock_of_the_context(emulator, clock):
    app = create_writer()
    emulator.faults.add(Fault("slow_down", retry_after=7, count=2))
    began = time.monotonic()
    app.main_handler(EVENT, create_context(clock))
    assert len(clock.waits) == 2
    assert min(clock.waits) >= 7
    assert time.monotonic() - began < 7


def test_cos_retries_end_at_the_deadline_of_the_clock(emulator, clock):
    emulator.faults.add(Fault("slow_down", retry_after=7))
    with pytest.raises(CallbacksFailed):
        create_writer().main_handler(EVENT, create_context(clock, seconds=20))
    assert len(clock.waits) == 2
    assert clock.now < 1020


def test_api_retries_wait_on_the_clock_of_the_context(monkeypatch, clock):
    app = App()

    @app.on(Transcode)
    def look(transcode: Transcode, mps: Mps) -> None:
        mps.call("DescribeTasks", Status="FINISH")

    with api.CloudApi([api.Mps()]) as cloud:
        monkeypatch.setenv("MPS_API_ENDPOINT", cloud.url)
        monkeypatch.setenv("TENCENTCLOUD_REGION", "ap-guangzhou")
        monkeypatch.setenv("TENCENTCLOUD_SECRETID", cloud.key.secret_id)
        monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", cloud.key.secret_key)
        cloud.faults.add("DescribeTasks", times=2)
        app.main_handler(EVENT, create_context(clock))
    assert len(clock.waits) == 2


def test_ledger_waits_on_the_clock_of_the_context(clock):
    ledger = MemoryLedger()
    app = App(ledger=ledger)
    app.on(Transcode)(lambda transcode: None)
    ledger.claim(parse_event(EVENT), [], 600.0, owner="another delivery")
    began = time.monotonic()
    with pytest.raises(EventHeld):
        app.main_handler(EVENT, create_context(clock))
    assert sum(clock.waits) == pytest.approx(59)
    assert time.monotonic() - began < 30
