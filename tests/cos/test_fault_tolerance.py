"""Under every fault, what is done to many objects is done or said not to be, and nothing is lost on the way.

Each fault strikes one request in so many, and every request gets only two tries, so that some objects fail for good.
After every call, whether it ended well or not: every object is still somewhere, with the bytes it had; no file and no
copy holds other bytes; and the same call without the fault does what was left, and that alone. CI takes 500 objects
(SCF_MPS_EXAMPLES=many).
"""

from __future__ import annotations

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

from .conftest import DESK, PLAYER, REGION, at, place, put_hls

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
    "slow answers": (Fault("latency", probability=0.02, seconds=0.02), CosError, ("publish",)),
}
"""Name to the fault, the error it ends in, and what it can strike."""


WORKERS = 8
OBJECTS = 500 if os.environ.get("SCF_MPS_EXAMPLES") == "many" else 120


class Show:
    """An HLS set of `OBJECTS` that is passed on from prefix to prefix."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.keys = Credentials(emulator.key.secret_id, emulator.key.secret_key)
        self.pool = Pool()
        self.sure = self.client()
        self.master = put_hls(self.sure, segments=OBJECTS - 4, prefix="source")
        self.truth = self.listed("source/", DESK)
        self.order = [item.key.removeprefix("source/") for item in self.sure.files(self.master)]

    def client(self, attempts=6):
        retry = Retry(attempts=attempts, base=0.0005, cap=0.002)
        # The emulator is a thread of this process: more workers would only wait for one another.
        return Cos(
            self.keys, proxy=self.emulator.url, retry=retry, pool=self.pool, concurrency=WORKERS
        )

    def listed(self, prefix, bucket=PLAYER):
        where = place(prefix, bucket)
        return {one.object.key[len(prefix) :]: one.etag for one in self.sure.list(where)}

    def objects(self, prefix):
        return [at(prefix + name, PLAYER) for name in self.order]


@pytest.fixture(scope="module")
def show(tmp_path_factory):
    with CosEmulator(tmp_path_factory.mktemp("faults")) as emulator:
        for bucket in (DESK, PLAYER):
            emulator.create_bucket(bucket, REGION)
        made = Show(emulator)
        yield made
        made.pool.clear()


def errors_in(error):
    return list(error.exceptions) if isinstance(error, SomeFailed) else [error]


def under(show, fault, kind, call):
    """Make the call under the fault; returns how many objects failed, each with an error of that kind."""
    show.emulator.faults.add(fault)
    try:
        call(show.client(attempts=2))
    except (SomeFailed, CosError) as error:
        failures = errors_in(error)
        assert all(isinstance(failure, kind) for failure in failures), failures[:3]
        return len(failures)
    finally:
        show.emulator.faults.clear()
    return 0


class Stage:
    """One fault, and what is done under it."""

    def __init__(self, name, show, directory):
        self.fault, self.kind, self.verbs = FAULTS[name]
        self.show = show
        self.requests = show.emulator.requests
        self.directory = directory
        self.prefix = name.replace(" ", "-")

    def missing(self, prefix):
        """What is not there as it should be. A copy that failed its comparison may be there; it is no copy."""
        there = self.show.listed(prefix)
        return {key for key, etag in self.show.truth.items() if there.get(key) != etag}

    def source(self):
        """The set, at a place of this fault's own."""
        prefix = f"{self.prefix}/here/"
        if self.show.listed(prefix) != self.show.truth:
            items = [at(f"source/{name}") for name in self.show.order]
            self.show.sure.copy(items, to=place(prefix))
        return prefix, self.show.objects(prefix)

    def publish(self):
        show, prefix = self.show, f"{self.prefix}/here/"
        failed = under(
            show, self.fault, self.kind, lambda cos: cos.publish(show.master, place(prefix))
        )
        left = self.missing(prefix)
        if any(not key.endswith(".m3u8") for key in left):
            assert "master.m3u8" in left, "the manifest was published before its segments"
        self.requests.clear()
        show.sure.publish(show.master, place(prefix))
        assert self.requests.count("CopyObject") == len(left)
        assert show.listed(prefix) == show.truth
        return failed

    def copy(self):
        show, prefix = self.show, f"{self.prefix}/copied/"
        _, items = self.source()
        failed = under(show, self.fault, self.kind, lambda cos: cos.copy(items, place(prefix)))
        left = self.missing(prefix)
        self.requests.clear()
        show.sure.copy(items, place(prefix))
        assert self.requests.count("CopyObject") == len(left)
        assert show.listed(prefix) == show.truth
        return failed

    def move(self):
        """Nothing goes before all is there."""
        show, prefix = self.show, f"{self.prefix}/moved/"
        here, items = self.source()
        failed = under(show, self.fault, self.kind, lambda cos: cos.move(items, place(prefix)))
        left = self.missing(prefix)
        remaining = show.listed(here)
        assert not left or remaining == show.truth, "deleted before everything was copied"
        self.requests.clear()
        show.sure.move(items, place(prefix))
        assert self.requests.count("CopyObject") == len(left)
        assert self.requests.count("DeleteMultipleObjects") == (1 if len(remaining) > 1 else 0)
        assert show.listed(prefix) == show.truth
        assert show.listed(here) == {}
        return failed

    def download(self):
        show, items = self.show, [at(f"source/{name}") for name in self.show.order]
        failed = under(show, self.fault, self.kind, lambda cos: cos.download(items, self.directory))
        files = on_disk(self.directory)
        assert files.items() <= show.truth.items(), "a file with other bytes, or an unfinished one"
        self.requests.clear()
        show.sure.download(items, self.directory)
        assert self.requests.count("GetObject") == len(items) - len(files)
        assert on_disk(self.directory) == show.truth
        return failed


@pytest.mark.parametrize("name", FAULTS)
def test_nothing_is_lost_and_a_second_call_does_the_rest_only(name, show, tmp_path, fault_counts):
    assert len(show.truth) == OBJECTS
    stage = Stage(name, show, tmp_path / "out")
    failed = {verb: getattr(stage, verb)() for verb in stage.verbs}
    fault_counts(name, len(show.truth), failed)


def on_disk(directory):
    if not directory.exists():
        return {}
    return {
        str(path.relative_to(directory)): hashlib.md5(path.read_bytes()).hexdigest()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_a_source_that_is_replaced_while_it_is_moved_stays(emulator, cos, make_cos, tap):
    """The new version was never copied: it may not be deleted."""
    items = [cos.upload(b"old", at(f"m/{number}")) for number in range(3)]

    def replace(head):
        if head.startswith("HEAD") and sum(one.startswith("PUT") for one in tap.heads) == 3:
            tap.before = lambda head: None
            cos.upload(b"new", items[0])

    tap.before = replace
    with pytest.raises(SomeFailed, match="nothing is deleted"):
        # One worker: of two, the other could look at its source before the new version is there.
        make_cos(proxy=tap.url, concurrency=1).move(items, to=place("m/"))
    assert cos.read(items) == [b"new", b"old", b"old"]


def test_slow_down_halves_the_workers_and_all_is_done(emulator, cos):
    items = [at(f"s/{number}") for number in range(200)]
    emulator.faults.add(Fault("slow_down", count=5, retry_after=None))
    assert cos.exists(items) == [False] * 200
    assert cos._client.concurrency.halvings >= 1
