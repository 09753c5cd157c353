"""A forked child shares no connection with its parent, and waits for no lock of a thread that it does not have."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiohttp", reason="the COS emulator needs it")

from scf_mps.common import locks
from scf_mps.cos import Cos, CosObject, Credentials, Pool
from scf_mps.local.cos import CosEmulator
from scf_mps.tencent.mps import Mps
from tests.support.raw_server import Peer, Server

# From Python 3.12 on, a fork of a process with threads is a warning: what it warns of is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

BUCKET = "desk-1250000000"
REGION = "ap-guangzhou"
FORK = get_context("fork")


def item(number: int) -> CosObject:
    return CosObject(BUCKET, REGION, f"{number:03}")


def content(number: int) -> bytes:
    return f"object {number} ".encode() * 500


@pytest.fixture
def cos(tmp_path: Path) -> Iterator[Cos]:
    pool = Pool()
    with CosEmulator(tmp_path / "cos") as running:
        running.create_bucket(BUCKET, REGION)
        keys = Credentials(running.key.secret_id, running.key.secret_key)
        made = Cos(keys, proxy=running.url, pool=pool, timeout=5)
        for number in range(60):
            made.upload(content(number), item(number))
        yield made
    pool.clear()


def run_in_child(work: Callable[[], Any]) -> Any:
    """Return the result of `work` in a fork of this process."""
    receiver, sender = FORK.Pipe(duplex=False)
    child = FORK.Process(target=lambda: sender.send(work()))
    child.start()
    sender.close()
    try:
        assert receiver.poll(20), "the child hangs"
        return receiver.recv()
    finally:
        child.kill()
        child.join(10)
        child.close()
        receiver.close()


_shared: Cos | None = None


def read_in_worker(number: int) -> bool:
    assert _shared is not None
    return _shared.read(item(number)) == content(number)


def test_reads_in_forked_workers_are_their_own(cos: Cos, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "_shared", cos)
    cos.read([item(number) for number in range(40)])
    with (
        ProcessPoolExecutor(4, mp_context=FORK) as workers,
        ThreadPoolExecutor(4) as threads,
    ):
        theirs = workers.map(read_in_worker, list(range(60)) * 4)
        ours = threads.map(read_in_worker, list(range(60)) * 2)
        assert all(theirs)
        assert all(ours)


def test_reader_that_crosses_a_fork_reads_on_in_both(cos: Cos) -> None:
    whole = os.urandom(3_000_000)
    big = cos.upload(whole, CosObject(BUCKET, REGION, "big"))
    with cos.open(big) as file:
        begun = file.read(100_000)
        assert run_in_child(lambda: begun + file.read()) == whole
        assert begun + file.read() == whole


def test_child_waits_for_no_lock_of_its_parent(cos: Cos) -> None:
    """The thread that holds a lock while another one forks is not in the child."""
    client = cos._client
    with client.rates._lock, client.concurrency._change:
        assert run_in_child(lambda: cos.read(item(1))) == content(1)


def test_locks_are_free_again_after_a_fork() -> None:
    lock = locks.free_in_child(threading.Lock())
    lock.acquire()
    locks._free_all()
    assert lock.acquire(blocking=False)


def test_connection_of_another_process_is_left_alone(
    cos: Cos, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As seen by a child: neither a kept connection nor one that is in use is touched."""
    big = cos.upload(bytes(3_000_000), CosObject(BUCKET, REGION, "big"))
    with cos.open(big) as file:
        file.read(1)
        process = os.getpid()
        monkeypatch.setattr(os, "getpid", lambda: process + 1)
        assert cos.read(item(1)) == content(1)
        assert len(file.read()) == 2_999_999


def test_api_connects_anew_in_a_child() -> None:
    body = b'{"Response": {"RequestId": "r"}}'

    def answer(peer: Peer) -> None:
        while peer.read_request():
            peer.send(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                b"content-length: %d\r\n\r\n%s" % (len(body), body)
            )

    with Server(answer) as server:
        keys = Credentials("AKIDfork", "fork")
        mps = Mps(keys, region=REGION, endpoint=server.url)
        assert mps.call("ListX") == mps.call("ListX") == {"RequestId": "r"}
        assert server.connections == 1
        assert run_in_child(lambda: mps.call("ListX")) == {"RequestId": "r"}
        assert server.connections == 2
        assert mps.call("ListX") == {"RequestId": "r"}
        assert server.connections == 2
        assert mps._client is not None
