"""Events, records and stores for the tests of ledgers.

Every store is real: a folder, a COS emulator, a redis-server. Tests can set its clock forward.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from uuid import uuid4

from scf_mps import App, Transcode
from scf_mps.cos import Cos
from scf_mps.errors import EventHeld
from scf_mps.events.parser import parse_event
from scf_mps.ledger import MemoryLedger, Record
from scf_mps.ledger.base import hash_key
from scf_mps.ledger.object_layout import build_folder_name
from scf_mps.local.samples import sample

from .worker import create_notification, open_with_clock

REGION = "ap-guangzhou"
BUCKET = "ledger-1250000000"
LEASE = 20.0
STORES = ("memory", "files", "cos", "redis")
SHARED_STORES = ("files", "cos", "redis")
FOUR = [f"r/{number} make" for number in range(4)]
"""Keys of four calls."""


def create_event(*args, **fields):
    return parse_event(create_notification(*args, **fields))


def create_record(call, outcome="done", delivery=1, **fields):
    """Return a record of a call by its key: a result, a blank and a callback."""
    callback = call.rpartition(" ")[2]
    return Record(call, callback, "Transcode", "here", outcome, delivery=delivery, **fields)


def deliver(ledger, calls=FOUR, complete=True, event=None):
    """Claim an event, record all calls as done, and close it."""
    lease = ledger.claim(event or create_event(), calls, LEASE)
    records = [create_record(call, delivery=lease.delivery) for call in calls]
    for record in records:
        ledger.record(lease, record)
    ledger.close(lease, records, complete)


def claim_in_threads(open_ledger, calls, tasks, threads):
    """Claim the events of tasks in several threads at once, one after another. Return the keys that were held."""
    start = threading.Barrier(threads)

    def work(_):
        ledger, keys = open_ledger(), []
        for task in tasks:
            start.wait(timeout=30)
            try:
                keys.append(ledger.claim(create_event(task), calls, LEASE).event)
            except EventHeld:
                continue
        return keys

    with ThreadPoolExecutor(threads) as pool:
        return sorted(key for keys in pool.map(work, range(threads)) for key in keys)


def get_folder_name(event):
    return build_folder_name(event.task_id, event.type, event.status, event.key)


class MemoryStore:
    """A place for ledgers, new for each test.

    Attributes:
        url: None for the memory of one process.
        ahead: seconds by which its clock was set forward.
    """

    def __init__(self):
        self.ahead = 0.0
        self.url = None
        self._memory = MemoryLedger(clock=self.clock)

    def clock(self):
        return monotonic() + self.ahead

    def open(self):
        """Return a ledger of this place, as another instance of the function would open it."""
        return open_with_clock(self.url, self.clock) if self.url else self._memory

    def expire(self, seconds=LEASE + 5):
        """Set the clock forward."""
        self.ahead += seconds

    def read_bytes(self):
        """Return all bytes that are stored."""
        notifications = [
            self._memory.find(event.key).notification for event in self._memory.list_events()
        ]
        return json.dumps(notifications).encode()


class FolderStore(MemoryStore):
    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.url = f"file://{folder}"

    def expire(self, seconds=LEASE + 5):
        super().expire(seconds)
        for path in self.folder.glob("[!.]*/*"):
            modified = path.stat().st_mtime - seconds
            os.utime(path, (modified, modified))

    def read_bytes(self):
        return b"".join(path.read_bytes() for path in self.folder.rglob("*") if path.is_file())

    def damage(self, event, change):
        """Apply a function to the stored description of an event."""
        path = self.folder / get_folder_name(event) / "state"
        path.write_bytes(change(path.read_bytes()))


class BucketStore(MemoryStore):
    def __init__(self, emulator):
        super().__init__()
        self.emulator = emulator
        self.prefix = f"ledgers/{uuid4().hex}/"
        self.url = f"cos://{BUCKET}.{REGION}/{self.prefix}"
        emulator.ahead = 0.0

    def expire(self, seconds=LEASE + 5):
        super().expire(seconds)
        self.emulator.ahead += seconds

    def read_bytes(self):
        cos = Cos()
        return b"".join(cos.read([entry.object for entry in cos.list(self.url)]))

    def damage(self, event, change):
        url = f"{self.url}{get_folder_name(event)}/state"
        Cos().upload(change(Cos().read(url)), url)


class RedisStore(MemoryStore):
    def __init__(self, server):
        super().__init__()
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

    def read_bytes(self):
        client = self.server.client
        values = []
        for key in client.scan_iter(f"{{{self.prefix}}}:*"):
            kind = client.type(key)
            if kind == b"hash":
                values += [part for pair in client.hgetall(key).items() for part in pair]
            elif kind == b"string":
                values.append(client.get(key))
        return b"".join(values)

    def damage(self, event, change):
        key = f"{{{self.prefix}}}:event:{hash_key(event.key)}"
        self.server.client.hset(key, "told", change(self.server.client.hget(key, "told")))


def measure_delay_without_ledger(url, limit):
    """Return the seconds for which an application with an unreachable ledger delays its callback."""
    app = App(ledger=url, on_ledger_error="run")
    started = []

    @app.on(Transcode, name="callback")
    def callback(transcode: Transcode) -> None:
        started.append(monotonic())

    event = sample("WorkflowTask", Transcode="SUCCESS")
    began = monotonic()
    summary = app.main_handler(event, {"time_limit_in_ms": limit * 1000})
    assert [call["outcome"] for call in summary["callbacks"]] == ["done"]
    return started[0] - began


class WorkerProcess:
    """A worker in its own process."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def send(self, method, *arguments):
        self._process.stdin.write(json.dumps([method, arguments]) + "\n")
        self._process.stdin.flush()

    def receive(self):
        return json.loads(self._process.stdout.readline())

    def call(self, method, *arguments):
        self.send(method, *arguments)
        return self.receive()

    def kill(self):
        self._process.kill()
        self._process.wait(timeout=10)
        self._process.stdin.close()
        self._process.stdout.close()
