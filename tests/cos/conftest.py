"""A COS emulator for each test, its clients, and servers that misbehave."""

import os

import pytest

pytest.importorskip("aiohttp", reason="the COS emulator needs it")

from scf_mps.cos import Cos, Credentials, Pool, Retry
from scf_mps.local.cos import CosEmulator, Key

from .support import MEDIA, PART_BYTES, PLAYER, QUICK_RETRY, REGION, RecordingProxy, ScriptedServer


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
    with ScriptedServer() as running:
        yield running


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
    with RecordingProxy(emulator) as running:
        yield running


@pytest.fixture
def large_file(tmp_path):
    """A file of four parts."""
    path = tmp_path / "big"
    path.write_bytes(os.urandom(3 * PART_BYTES + 5))
    return path
