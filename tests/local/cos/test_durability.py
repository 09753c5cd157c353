"""Killed processes, several processes on one directory, large bodies, start and stop."""

from __future__ import annotations

import http.client
import itertools
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import scf_mps.local.cos
from scf_mps.local.background import print_line
from scf_mps.local.cos import DEFAULT_KEY, CosEmulator, serve
from scf_mps.local.cos.__main__ import main, parse_bucket, parse_key

from .support import blobs
from .wire import BUCKET, HOST, REGION, Wire, authorization

SOURCE = str(Path(scf_mps.local.cos.__file__).parents[3])


@contextmanager
def process(directory):
    """The emulator as a child process, and its port. It is killed at the end."""
    command = [sys.executable, "-m", "scf_mps.local.cos", "--dir", str(directory)]
    child = subprocess.Popen(
        [*command, "--bucket", f"{BUCKET}.{REGION}"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": SOURCE},
    )
    try:
        assert child.stdout is not None
        match = re.search(r":(\d+)$", child.stdout.readline().strip())
        assert match is not None
        yield child, int(match[1])
    finally:
        child.kill()
        child.wait()
        child.stdout.close() if child.stdout else None


def send(port, method, key, body=None, **headers):
    auth = authorization(DEFAULT_KEY, method, f"/{key}", {}, {"host": HOST})
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        all_headers = {"Host": HOST, "Authorization": auth, **names}
        connection.request(method, f"/{key}", body, all_headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_killed_process_keeps_acknowledged_writes(tmp_path):
    acknowledged = []
    with process(tmp_path) as (child, port):

        def write(worker: int) -> None:
            with suppress(OSError, http.client.HTTPException):
                for number in itertools.count():
                    key, body = f"{worker}/{number}", bytes([number % 256]) * 50_000
                    status, _ = send(port, "PUT", key, body)
                    assert status == 200
                    acknowledged.append((key, body))
                    if len(acknowledged) == 150:
                        child.send_signal(signal.SIGKILL)

        workers = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert child.wait() == -signal.SIGKILL
    with CosEmulator(tmp_path) as cos:
        wire = Wire(cos)
        for key, body in acknowledged:
            assert wire.get(key).body == body
        shown = wire.request("GET").texts("Contents/Size")
        assert set(shown) == {"50000"}
        assert len(acknowledged) <= len(shown) <= len(acknowledged) + 4


def test_start_removes_unnamed_blobs_of_killed_process(tmp_path):
    with process(tmp_path) as (child, port):
        assert send(port, "PUT", "a", b"abc")[0] == 200

        def endless() -> Iterator[bytes]:
            yield bytes(100_000)
            while len(blobs(tmp_path)) < 2:
                yield b""
            child.kill()
            child.wait()
            while True:
                yield bytes(100_000)

        with pytest.raises(OSError):  # noqa: PT011 (reset or broken pipe, as it happens)
            send(port, "PUT", "b", endless(), Content_Length="10000000000"[:10])
    assert len(blobs(tmp_path)) == 2
    with CosEmulator(tmp_path) as cos:
        assert len(blobs(tmp_path)) == 1
        assert Wire(cos).get("a").body == b"abc"


def test_forbid_overwrite_has_one_winner_across_processes(tmp_path):
    with process(tmp_path) as (_, other), CosEmulator(tmp_path) as cos:
        statuses = {}

        def race(port: int) -> None:
            for number in range(40):
                status, _ = send(
                    port, "PUT", f"k{number}", str(port).encode(), x_cos_forbid_overwrite="true"
                )
                statuses.setdefault(f"k{number}", []).append(status)

        racers = [threading.Thread(target=race, args=(p,)) for p in (other, cos.port) * 2]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        assert all(sorted(each) == [200, 409, 409, 409] for each in statuses.values())
        assert len(statuses) == 40


def test_processes_share_objects_of_one_directory(tmp_path):
    with process(tmp_path) as (_, other), CosEmulator(tmp_path) as cos:
        assert send(other, "PUT", "a", b"abc")[0] == 200
        wire = Wire(cos)
        assert wire.get("a").body == b"abc"
        assert wire.request("DELETE", "a").status == 204
        assert send(other, "GET", "a")[0] == 404


def test_restart_keeps_all_objects(tmp_path):
    with CosEmulator(tmp_path) as cos:
        cos.create_bucket(BUCKET, REGION)
        Wire(cos).put("a", b"abc", Content_Type="text/plain", x_cos_tagging="a=b")
    with CosEmulator(tmp_path) as cos:
        response = Wire(cos).get("a")
        assert (response.body, response.headers["Content-Type"]) == (b"abc", "text/plain")
        assert response.headers["x-cos-tagging-count"] == "1"


def peak_memory(pid):
    """Return the peak resident memory of a process in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert match is not None
    return int(match[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_large_bodies_need_little_memory(tmp_path):
    block, blocks = os.urandom(1_000_000), 120
    with process(tmp_path) as (child, port):
        assert send(port, "PUT", "warm", block)[0] == 200
        before = peak_memory(child.pid)
        body = itertools.repeat(block, blocks)
        assert send(port, "PUT", "big", body, Content_Length=str(len(block) * blocks))[0] == 200
        assert send(port, "GET", "big")[1] == block * blocks
        assert peak_memory(child.pid) - before < 16_000_000


def test_start_fails_and_closes_when_port_is_taken(tmp_path, cos):
    with pytest.raises(OSError, match="address already in use"):
        CosEmulator(tmp_path / "second", port=cos.port).__enter__()
    with CosEmulator(tmp_path / "second") as second:
        assert second.port != cos.port


def test_stop_does_not_wait_for_running_upload(tmp_path):
    with CosEmulator(tmp_path) as cos:
        cos.create_bucket(BUCKET, REGION)
        auth = authorization(cos.key, "PUT", "/a", {}, {"host": HOST})
        connection = http.client.HTTPConnection("127.0.0.1", cos.port)
        connection.putrequest("PUT", "/a", skip_host=True)
        for name, value in (("Host", HOST), ("Authorization", auth), ("Content-Length", "100")):
            connection.putheader(name, value)
        connection.endheaders(b"half")
        assert Wire(cos).head("a").status == 404
    connection.close()
    assert blobs(tmp_path) == []


def test_serve_ends_with_signal(tmp_path):
    lines = []

    def announce(line: str) -> None:
        lines.append(line)
        os.kill(os.getpid(), signal.SIGTERM)

    serve(CosEmulator(tmp_path), buckets=[(BUCKET, REGION)] * 2, announce=announce)
    assert re.search(r"http://127\.0\.0\.1:\d+$", lines[0])
    main(["--dir", str(tmp_path), "--key", "ID:SECRET:TOKEN"], announce=announce)
    main(["--dir", str(tmp_path), "--create-buckets"], announce=announce)
    assert len(lines) == 3


def test_print_line_prints_immediately(capsys):
    print_line("ready at URL")
    assert capsys.readouterr().out == "ready at URL\n"


def test_command_line_checks_keys_and_buckets(tmp_path, capsys):
    assert parse_key("ID:SECRET").token is None
    assert parse_key("ID:SECRET:TO:KEN").token == "TO:KEN"
    assert parse_bucket("a-1") == ("a-1", "ap-guangzhou")
    assert parse_bucket("a-1.ap-beijing") == ("a-1", "ap-beijing")
    for arguments in (["--key", "nothing"], ["--bucket", "noappid"]):
        with pytest.raises(SystemExit):
            main(["--dir", str(tmp_path), *arguments])
        assert "error" in capsys.readouterr().err
