"""Every store a ledger can have, each for real: a folder, a COS emulator, a redis-server; time is theirs to be put forward."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from uuid import uuid4

import pytest

from tests.support.optional_programs import require

pytest.importorskip("aiohttp", reason="the COS emulator needs it")

from scf_mps import App, Transcode
from scf_mps.cos import Cos
from scf_mps.cos.transport import SHARED_POOL as SHARED_CONNECTIONS
from scf_mps.errors import EventHeld
from scf_mps.events.parser import parse_event
from scf_mps.ledger import MemoryLedger, Record
from scf_mps.ledger.base import hash_key
from scf_mps.ledger.object_layout import build_folder_name
from scf_mps.local.cos import CosEmulator
from scf_mps.local.samples import sample
from tests.support.redis_server import RedisServer

from .worker import notification, opened

REGION = "ap-guangzhou"
BUCKET = "ledger-1250000000"
LEASE = 20.0
STORES = ("memory", "files", "cos", "redis")
SHARED = ("files", "cos", "redis")


def event(*args, **more):
    return parse_event(notification(*args, **more))


def record(call, outcome="done", delivery=1, **more):
    """A record of the call with this key: of a result, a blank, and a callback."""
    callback = call.rpartition(" ")[2]
    return Record(call, callback, "Transcode", "here", outcome, delivery=delivery, **more)


def claimed_by_threads(open_one, calls, tasks, threads):
    """The keys of the events that threads got; all of them claim the event of one task after another at once."""
    start = threading.Barrier(threads)

    def work(_):
        ledger, got = open_one(), []
        for task in tasks:
            start.wait(timeout=30)
            try:
                got.append(ledger.claim(event(task), calls, LEASE).event)
            except EventHeld:
                continue
        return got

    with ThreadPoolExecutor(threads) as pool:
        return sorted(key for got in pool.map(work, range(threads)) for key in got)


def folder_of_event(one):
    return build_folder_name(one.task_id, one.type, one.status, one.key)


class Store:
    """A place for ledgers, fresh for each test.

    Attributes:
        url: None for the memory of one process.
        ahead: seconds by which its clock was put forward.
    """

    def __init__(self, kind):
        self.kind = kind
        self.ahead = 0.0
        self.url = None
        self._memory = MemoryLedger(clock=self.clock)

    def clock(self):
        return monotonic() + self.ahead

    def open(self):
        """A ledger of this place, as another instance of the function would open it."""
        return opened(self.url, self.clock) if self.url else self._memory

    def expire(self, seconds=LEASE + 5):
        """Let so many seconds go by."""
        self.ahead += seconds

    def raw(self):
        """All bytes that are stored."""
        entries = self._memory.entries()
        return json.dumps([self._memory.find(one.key).notification for one in entries]).encode()


class Folder(Store):
    def __init__(self, folder):
        super().__init__("files")
        self.folder = folder
        self.url = f"file://{folder}"

    def expire(self, seconds=LEASE + 5):
        super().expire(seconds)
        for path in self.folder.glob("[!.]*/*"):
            made = path.stat().st_mtime - seconds
            os.utime(path, (made, made))

    def raw(self):
        return b"".join(path.read_bytes() for path in self.folder.rglob("*") if path.is_file())

    def damage(self, damaged, make):
        """Replace what is known of an event by what `make` makes of it."""
        path = self.folder / folder_of_event(damaged) / "state"
        path.write_bytes(make(path.read_bytes()))


class Bucket(Store):
    def __init__(self, emulator):
        super().__init__("cos")
        self.emulator = emulator
        self.prefix = f"ledgers/{uuid4().hex}/"
        self.url = f"cos://{BUCKET}.{REGION}/{self.prefix}"
        emulator.ahead = 0.0

    def expire(self, seconds=LEASE + 5):
        super().expire(seconds)
        self.emulator.ahead += seconds

    def raw(self):
        cos = Cos()
        return b"".join(cos.read([one.object for one in cos.list(self.url)]))

    def damage(self, damaged, make):
        url = f"{self.url}{folder_of_event(damaged)}/state"
        Cos().upload(make(Cos().read(url)), url)


class Server(Store):
    def __init__(self, server):
        super().__init__("redis")
        self.server = server
        self.prefix = uuid4().hex
        self.url = f"{server.url}?prefix={self.prefix}"

    def expire(self, seconds=LEASE + 5):
        super().expire(seconds)
        names = f"{{{self.prefix}}}:"
        for member in self.server.client.zrange(names + "index", 0, -1):
            key = f"{names}event:{member.decode()}"
            until = int(self.server.client.hget(key, "until"))
            self.server.client.hset(key, "until", until - int(seconds * 1000))

    def raw(self):
        client = self.server.client
        found = []
        for key in client.scan_iter(f"{{{self.prefix}}}:*"):
            kind = client.type(key)
            if kind == b"hash":
                found += [part for pair in client.hgetall(key).items() for part in pair]
            elif kind == b"string":
                found.append(client.get(key))
        return b"".join(found)

    def damage(self, damaged, make):
        key = f"{{{self.prefix}}}:event:{hash_key(damaged.key)}"
        self.server.client.hset(key, "told", make(self.server.client.hget(key, "told")))


@pytest.fixture
def silent():
    """The port of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


def run_without_ledger(url, limit):
    """For how many seconds an application without a ledger to talk to keeps its callback waiting."""
    app = App(ledger=url, on_ledger_error="run")
    ran = []

    @app.on(Transcode, name="callback")
    def callback(transcode: Transcode) -> None:
        ran.append(monotonic())

    told = sample("WorkflowTask", Transcode="SUCCESS")
    began = monotonic()
    summary = app.main_handler(told, {"time_limit_in_ms": limit * 1000})
    assert [one["outcome"] for one in summary["callbacks"]] == ["done"]
    return ran[0] - began


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    require("redis-server")
    pytest.importorskip("redis", reason="NOT TESTED with Redis: the redis package is not there")
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    """A COS emulator whose clock can be put forward: `ahead`."""
    made = CosEmulator(
        tmp_path_factory.mktemp("cos"), clock=lambda: time.time() + getattr(made, "ahead", 0.0)
    )
    with made as running:
        running.create_bucket(BUCKET, REGION)
        yield running


@pytest.fixture
def emulator(cloud, monkeypatch):
    """The emulator, as COS is reached on SCF: by the environment."""
    monkeypatch.setenv("MPS_COS_PROXY", cloud.url)
    monkeypatch.setenv("TENCENTCLOUD_SECRETID", cloud.key.secret_id)
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", cloud.key.secret_key)
    monkeypatch.delenv("MPS_BUCKETS", raising=False)
    cloud.ahead = 0.0
    cloud.requests.clear()
    yield cloud
    cloud.faults.clear()
    SHARED_CONNECTIONS.clear()


def make_store(kind, request):
    if kind == "files":
        return Folder(request.getfixturevalue("tmp_path") / "ledger")
    if kind == "cos":
        return Bucket(request.getfixturevalue("emulator"))
    if kind == "redis":
        return Server(request.getfixturevalue("redis_server"))
    return Store("memory")


@pytest.fixture(params=STORES)
def store(request):
    return make_store(request.param, request)


@pytest.fixture(params=SHARED)
def shared(request):
    """A store that processes can share."""
    return make_store(request.param, request)


@pytest.fixture
def ledger(store):
    return store.open()


class Process:
    """A worker in a process of its own."""

    def __init__(self):
        paths = os.pathsep.join([*sys.path])
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
        )

    def send(self, method, *arguments):
        self._process.stdin.write(json.dumps([method, arguments]) + "\n")
        self._process.stdin.flush()

    def answer(self):
        return json.loads(self._process.stdout.readline())

    def do(self, method, *arguments):
        self.send(method, *arguments)
        return self.answer()

    def kill(self):
        self._process.kill()
        self._process.wait(timeout=10)
        self._process.stdin.close()
        self._process.stdout.close()


@pytest.fixture
def start_process():
    """Starts workers; they end with the test."""
    started = []

    def start():
        started.append(Process())
        return started[-1]

    yield start
    for process in started:
        process.kill()
