"""Forked children, which share neither connections nor locked locks with their parent."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest

pytest.importorskip("aiohttp", reason="the COS emulator needs it")

from scf_mps.common import locks
from scf_mps.cos import Cos, CosObject, Credentials, Pool
from scf_mps.local.cos import CosEmulator
from scf_mps.tencent.mps import Mps
from tests.support.raw_server import Peer, Server

# Python 3.12 warns of forks in a process with threads, which are tested here.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

BUCKET = "media-1250000000"
REGION = "ap-guangzhou"
FORK = get_context("fork")


def create_object(number):
    return CosObject(BUCKET, REGION, f"{number:03}")


def create_content(number):
    return f"object {number} ".encode() * 500


@pytest.fixture
def cos(tmp_path):
    pool = Pool()
    with CosEmulator(tmp_path / "cos") as running:
        running.create_bucket(BUCKET, REGION)
        keys = Credentials(running.key.secret_id, running.key.secret_key)
        made = Cos(keys, proxy=running.url, pool=pool, timeout=5)
        for number in range(60):
            made.upload(create_content(number), create_object(number))
        yield made
    pool.clear()


def run_in_child(work):
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


_shared = None


def read_in_worker(number):
    assert _shared is not None
    return _shared.read(create_object(number)) == create_content(number)


def test_forked_workers_read_independently(cos, monkeypatch):
    monkeypatch.setitem(globals(), "_shared", cos)
    cos.read([create_object(number) for number in range(40)])
    with ProcessPoolExecutor(4, mp_context=FORK) as workers, ThreadPoolExecutor(4) as threads:
        theirs = workers.map(read_in_worker, list(range(60)) * 4)
        ours = threads.map(read_in_worker, list(range(60)) * 2)
        assert all(theirs)
        assert all(ours)


def test_reader_continues_on_both_sides_of_fork(cos):
    whole = os.urandom(3_000_000)
    big = cos.upload(whole, CosObject(BUCKET, REGION, "big"))
    with cos.open(big) as file:
        begun = file.read(100_000)
        assert run_in_child(lambda: begun + file.read()) == whole
        assert begun + file.read() == whole


def test_child_does_not_wait_for_parents_locks(cos):
    client = cos._client
    with client.rates._lock, client.concurrency._change:
        assert run_in_child(lambda: cos.read(create_object(1))) == create_content(1)


def test_locks_are_free_after_a_fork():
    lock = locks.free_in_child(threading.Lock())
    lock.acquire()
    locks._free_all()
    assert lock.acquire(blocking=False)


def test_child_does_not_use_parents_connections(cos, monkeypatch):
    big = cos.upload(bytes(3_000_000), CosObject(BUCKET, REGION, "big"))
    with cos.open(big) as file:
        file.read(1)
        process = os.getpid()
        monkeypatch.setattr(os, "getpid", lambda: process + 1)
        assert cos.read(create_object(1)) == create_content(1)
        assert len(file.read()) == 2_999_999


def test_api_client_reconnects_in_a_child():
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
