"""A COS emulator for each test, its clients, and servers that misbehave."""

from __future__ import annotations

import pytest

pytest.importorskip("aiohttp", reason="the COS emulator needs it")

from scf_mps.cos import Cos, Credentials, Pool, Retry
from scf_mps.local.cos import CosEmulator, Key

from .support import (
    MEDIA,
    PLAYER,
    QUICK_RETRY,
    REGION,
    RecordingProxy,
    ScriptedServer,
    write_large_file,
)


@pytest.fixture
def emulator(tmp_path):
    with CosEmulator(tmp_path / "cos") as running:
        for bucket in (MEDIA, PLAYER):
            running.create_bucket(bucket, REGION)
        yield running


@pytest.fixture
def credentials(emulator):
    return Credentials(emulator.key.secret_id, emulator.key.secret_key)


@pytest.fixture
def temporary_credentials(emulator):
    """Temporary credentials, whose token must be sent."""
    key = Key("AKIDtemporary", "temporary-secret", token="the-session-token")
    emulator.keys.add(key)
    return Credentials(key.secret_id, key.secret_key, key.token)


@pytest.fixture
def make_cos(emulator, credentials):
    """Create a `Cos` of the emulator, with quick retries and connections of its own."""
    pools = []

    def make(keys=None, **options):
        pools.append(options.setdefault("pool", Pool()))
        options.setdefault("retry", QUICK_RETRY)
        options.setdefault("proxy", emulator.url)
        return Cos(keys or credentials, **options)

    yield make
    for pool in pools:
        pool.clear()


@pytest.fixture
def cos(make_cos):
    return make_cos()


@pytest.fixture
def make_sdk(emulator):
    """Create a client of the official SDK for the emulator."""
    qcloud_cos = pytest.importorskip("qcloud_cos", reason="the SDK is what Cos is compared with")

    def make(proxy=""):
        config = qcloud_cos.CosConfig(
            Region=REGION,
            Scheme="http",
            SecretId=emulator.key.secret_id,
            SecretKey=emulator.key.secret_key,
            Proxies={"http": proxy or emulator.url},
        )
        return qcloud_cos.CosS3Client(config, retry=1)

    return make


@pytest.fixture
def sdk(make_sdk):
    return make_sdk()


@pytest.fixture
def server():
    running = ScriptedServer()
    yield running
    running.close()


@pytest.fixture
def scripted_cos(server, make_cos):
    """A `Cos` that talks to the scripted server."""
    return make_cos(proxy=server.url)


@pytest.fixture
def hasty_cos(server, make_cos):
    """A `Cos` of the scripted server that tries twice."""
    return make_cos(proxy=server.url, retry=Retry(attempts=2, base=0.001))


@pytest.fixture
def recorder(emulator):
    running = RecordingProxy(emulator)
    yield running
    running.close()


@pytest.fixture
def large_file(tmp_path):
    return write_large_file(tmp_path)


@pytest.fixture
def fault_counts(record_property):
    """Keep what happened under a fault for the summary, in whichever process the test runs."""

    def keep(name, total, failed):
        record_property("faults", (name, total, failed))

    return keep


def pytest_terminal_summary(terminalreporter):
    rows = [
        value
        for report in terminalreporter.stats.get("passed", [])
        for key, value in report.user_properties
        if key == "faults"
    ]
    if rows:
        terminalreporter.section("COS under faults: objects that failed at first, and the total")
    for name, total, failed in rows:
        counts = "  ".join(f"{verb} {count:3}" for verb, count in failed.items())
        terminalreporter.line(
            f"{name:28} of {total}: {counts}; lost 0, wrong 0, left after resuming 0"
        )
