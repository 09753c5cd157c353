"""Bulk operations under every fault: nothing is lost, and repeating the call processes the rest.

Each fault hits a share of the requests, and every request gets two attempts, so that some objects fail. After every
call, all objects still exist somewhere with their bytes, and no file or copy has other bytes. The same call without the
fault processes what was left, and nothing else. CI uses 500 objects (SCF_MPS_EXAMPLES=many).
"""

import hashlib
import os

import pytest

from scf_mps.cos import (
    Corrupt,
    Cos,
    CosError,
    Credentials,
    Denied,
    Pool,
    Retry,
    SomeFailed,
    Throttled,
    Unavailable,
)
from scf_mps.local.cos import CosEmulator, Fault

from .support import MEDIA, PLAYER, REGION, at, place, upload_hls

pytestmark = pytest.mark.filterwarnings("error")

ALL = ("publish", "copy", "move", "download")
FAULTS = {
    "500": (Fault("error", probability=0.2), Unavailable, ALL),
    "500 after it was applied": (Fault("error_after", probability=0.2), Unavailable, ALL),
    "503 SlowDown": (Fault("slow_down", probability=0.2, retry_after=None), Throttled, ALL),
    "connection reset": (Fault("reset_before", probability=0.2), Unavailable, ALL),
    "reset after it was applied": (Fault("reset_after", probability=0.2), Unavailable, ALL),
    "an error in a 200": (Fault("error_in_200", probability=0.2), Unavailable, ALL[:3]),
    "half a body": (Fault("truncate", probability=0.3), Unavailable, ("publish", "download")),
    "a wrong bit": (Fault("corrupt", probability=0.3), Corrupt, ALL),
    "keys that are not deleted": (Fault("fail_keys", probability=0.3), Unavailable, ("move",)),
    "an expired token": (Fault("expired_token", probability=0.01), Denied, ALL),
    "slow responses": (Fault("latency", probability=0.02, seconds=0.02), CosError, ("publish",)),
}
"""Name to the fault, the error it causes, and the operations it can hit."""


CONCURRENCY = 8
OBJECTS = 500 if os.environ.get("SCF_MPS_EXAMPLES") == "many" else 120


class HlsSet:
    """An HLS set of `OBJECTS`, and clients of its emulator."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.credentials = Credentials(emulator.key.secret_id, emulator.key.secret_key)
        self.pool = Pool()
        self.cos = self.create_cos()
        self.master = upload_hls(self.cos, segments=OBJECTS - 4, prefix="source")
        self.etags = self.list_etags("source/", MEDIA)
        self.names = [item.key.removeprefix("source/") for item in self.cos.files(self.master)]

    def create_cos(self, attempts=6):
        # The emulator is a thread of this process. More workers would only wait for each other.
        return Cos(
            self.credentials,
            proxy=self.emulator.url,
            retry=Retry(attempts=attempts, base=0.0005, cap=0.002),
            pool=self.pool,
            concurrency=CONCURRENCY,
        )

    def list_etags(self, prefix, bucket=PLAYER):
        entries = self.cos.list(place(prefix, bucket))
        return {entry.object.key[len(prefix) :]: entry.etag for entry in entries}


@pytest.fixture(scope="module")
def hls_set(tmp_path_factory):
    with CosEmulator(tmp_path_factory.mktemp("faults")) as emulator:
        for bucket in (MEDIA, PLAYER):
            emulator.create_bucket(bucket, REGION)
        created = HlsSet(emulator)
        yield created
        created.pool.clear()


class FaultyCalls:
    """Calls under one fault, each repeated without it."""

    def __init__(self, name, hls_set, directory):
        self.fault, self.error_class, self.verbs = FAULTS[name]
        self.hls_set = hls_set
        self.requests = hls_set.emulator.requests
        self.directory = directory
        self.prefix = name.replace(" ", "-")

    def call(self, operation):
        """Call an operation under the fault."""
        self.hls_set.emulator.faults.add(self.fault)
        try:
            operation(self.hls_set.create_cos(attempts=2))
        except (SomeFailed, CosError) as error:
            errors = error.exceptions if isinstance(error, SomeFailed) else [error]
            assert all(isinstance(each, self.error_class) for each in errors), errors[:3]
        finally:
            self.hls_set.emulator.faults.clear()

    def find_missing(self, prefix):
        """Return the names without a right copy. A copy that failed its comparison may exist."""
        etags = self.hls_set.list_etags(prefix)
        return {name for name, etag in self.hls_set.etags.items() if etags.get(name) != etag}

    def copy_sources(self):
        """Copy the set to a prefix of this fault. Return the prefix and the objects."""
        prefix = f"{self.prefix}/source/"
        names = self.hls_set.names
        if self.hls_set.list_etags(prefix) != self.hls_set.etags:
            self.hls_set.cos.copy([at(f"source/{name}") for name in names], to=place(prefix))
        return prefix, [at(prefix + name, PLAYER) for name in names]

    def call_twice(self, operation, prefix):
        """Call an operation under the fault, and again without it. Return the names that failed at first."""
        self.call(operation)
        missing = self.find_missing(prefix)
        self.requests.clear()
        operation(self.hls_set.cos)
        assert self.requests.count("CopyObject") == len(missing)
        assert self.hls_set.list_etags(prefix) == self.hls_set.etags
        return missing

    def publish(self):
        prefix = f"{self.prefix}/source/"
        missing = self.call_twice(
            lambda cos: cos.publish(self.hls_set.master, place(prefix)), prefix
        )
        if any(not name.endswith(".m3u8") for name in missing):
            assert "master.m3u8" in missing

    def copy(self):
        prefix = f"{self.prefix}/copied/"
        _, items = self.copy_sources()
        self.call_twice(lambda cos: cos.copy(items, place(prefix)), prefix)

    def move(self):
        hls_set, prefix = self.hls_set, f"{self.prefix}/moved/"
        source_prefix, items = self.copy_sources()
        self.call(lambda cos: cos.move(items, place(prefix)))
        missing = self.find_missing(prefix)
        remaining = hls_set.list_etags(source_prefix)
        assert not missing or remaining == hls_set.etags
        self.requests.clear()
        hls_set.cos.move(items, place(prefix))
        assert self.requests.count("CopyObject") == len(missing)
        assert self.requests.count("DeleteMultipleObjects") == (1 if len(remaining) > 1 else 0)
        assert hls_set.list_etags(prefix) == hls_set.etags
        assert hls_set.list_etags(source_prefix) == {}

    def download(self):
        hls_set = self.hls_set
        items = [at(f"source/{name}") for name in hls_set.names]
        self.call(lambda cos: cos.download(items, self.directory))
        files = compute_file_md5s(self.directory)
        assert files.items() <= hls_set.etags.items()
        self.requests.clear()
        hls_set.cos.download(items, self.directory)
        assert self.requests.count("GetObject") == len(items) - len(files)
        assert compute_file_md5s(self.directory) == hls_set.etags


@pytest.mark.parametrize("name", FAULTS)
def test_repeated_call_processes_rest_after_fault(name, hls_set, tmp_path):
    assert len(hls_set.etags) == OBJECTS
    calls = FaultyCalls(name, hls_set, tmp_path / "out")
    for verb in calls.verbs:
        getattr(calls, verb)()


def compute_file_md5s(directory):
    if not directory.exists():
        return {}
    return {
        str(path.relative_to(directory)): hashlib.md5(path.read_bytes()).hexdigest()
        for path in directory.rglob("*")
        if path.is_file()
    }
