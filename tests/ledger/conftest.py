"""Fixtures of ledger stores: a COS emulator, a redis-server, and worker processes."""

import socket
import time

import pytest

from tests.support.optional_programs import require

pytest.importorskip("aiohttp", reason="the COS emulator needs it")

from scf_mps.cos.transport import SHARED_POOL
from scf_mps.local.cos import CosEmulator
from tests.support.redis_server import RedisServer

from .support import (
    BUCKET,
    REGION,
    SHARED_STORES,
    STORES,
    BucketStore,
    FolderStore,
    MemoryStore,
    RedisStore,
    WorkerProcess,
)


@pytest.fixture
def silent_port():
    """The port of a server that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    require("redis-server")
    pytest.importorskip("redis", reason="NOT TESTED with Redis: the redis package is not installed")
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    """A COS emulator whose clock can be set forward by `ahead`."""
    emulator = CosEmulator(
        tmp_path_factory.mktemp("cos"), clock=lambda: time.time() + getattr(emulator, "ahead", 0.0)
    )
    with emulator as running:
        running.create_bucket(BUCKET, REGION)
        yield running


@pytest.fixture
def emulator(cloud, monkeypatch):
    """The emulator, configured by the environment as on SCF."""
    monkeypatch.setenv("MPS_COS_PROXY", cloud.url)
    monkeypatch.setenv("TENCENTCLOUD_SECRETID", cloud.key.secret_id)
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", cloud.key.secret_key)
    monkeypatch.delenv("MPS_BUCKETS", raising=False)
    cloud.ahead = 0.0
    cloud.requests.clear()
    yield cloud
    cloud.faults.clear()
    SHARED_POOL.clear()


def create_store(kind, request):
    if kind == "files":
        return FolderStore(request.getfixturevalue("tmp_path") / "ledger")
    if kind == "cos":
        return BucketStore(request.getfixturevalue("emulator"))
    if kind == "redis":
        return RedisStore(request.getfixturevalue("redis_server"))
    return MemoryStore()


@pytest.fixture(params=STORES)
def store(request):
    return create_store(request.param, request)


@pytest.fixture(params=SHARED_STORES)
def shared_store(request):
    """A store that processes can share."""
    return create_store(request.param, request)


@pytest.fixture
def ledger(store):
    return store.open()


@pytest.fixture
def start_worker():
    """Start worker processes. They end with the test."""
    workers = []

    def start():
        workers.append(WorkerProcess())
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
