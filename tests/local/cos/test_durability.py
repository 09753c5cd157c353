"""Killed processes, several processes on one directory, big bodies, starting and stopping."""

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

from .test_objects import blobs
from .wire import BUCKET, HOST, REGION, Wire, authorization

SOURCE = str(Path(scf_mps.local.cos.__file__).parents[3])


@contextmanager
def process(directory: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The emulator as a child process, and its port; killed at the end."""
    command = [sys.executable, "-m", "scf_mps.local.cos", "--dir", str(directory)]
    child = subprocess.Popen(
        [*command, "--bucket", f"{BUCKET}.{REGION}"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": SOURCE},
    )
    try:
        assert child.stdout is not None
        found = re.search(r":(\d+)$", child.stdout.readline().strip())
        assert found is not None
        yield child, int(found[1])
    finally:
        child.kill()
        child.wait()
        child.stdout.close() if child.stdout else None


def send(
    port: int, method: str, key: str, body: object = None, **headers: str
) -> tuple[int, bytes]:
    auth = authorization(DEFAULT_KEY, method, f"/{key}", {}, {"host": HOST})
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        sent = {"Host": HOST, "Authorization": auth, **names}
        connection.request(method, f"/{key}", body, sent)  # type: ignore[arg-type]
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_a_killed_process_loses_no_acknowledged_write_and_shows_no_half(tmp_path: Path) -> None:
    acknowledged: list[tuple[str, bytes]] = []
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


def test_what_a_killed_process_left_unnamed_is_swept_by_the_next(tmp_path: Path) -> None:
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


def test_forbid_overwrite_has_one_winner_across_processes(tmp_path: Path) -> None:
    with process(tmp_path) as (_, other), CosEmulator(tmp_path) as cos:
        results: dict[str, list[int]] = {}

        def race(port: int) -> None:
            for number in range(40):
                status, _ = send(
                    port, "PUT", f"k{number}", str(port).encode(), x_cos_forbid_overwrite="true"
                )
                results.setdefault(f"k{number}", []).append(status)

        racers = [threading.Thread(target=race, args=(p,)) for p in (other, cos.port) * 2]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        assert all(sorted(each) == [200, 409, 409, 409] for each in results.values())
        assert len(results) == 40


def test_processes_on_one_directory_see_each_others_objects(tmp_path: Path) -> None:
    with process(tmp_path) as (_, other), CosEmulator(tmp_path) as cos:
        assert send(other, "PUT", "a", b"abc")[0] == 200
        wire = Wire(cos)
        assert wire.get("a").body == b"abc"
        assert wire.request("DELETE", "a").status == 204
        assert send(other, "GET", "a")[0] == 404


def test_everything_is_there_again_after_a_restart(tmp_path: Path) -> None:
    with CosEmulator(tmp_path) as cos:
        cos.create_bucket(BUCKET, REGION)
        Wire(cos).put("a", b"abc", Content_Type="text/plain", x_cos_tagging="a=b")
    with CosEmulator(tmp_path) as cos:
        got = Wire(cos).get("a")
        assert (got.body, got.headers["Content-Type"]) == (b"abc", "text/plain")
        assert got.headers["x-cos-tagging-count"] == "1"


def peak_memory(pid: int) -> int:
    """Peak resident memory of a process in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_big_bodies_pass_through_little_memory(tmp_path: Path) -> None:
    block, blocks = os.urandom(1_000_000), 120
    with process(tmp_path) as (child, port):
        assert send(port, "PUT", "warm", block)[0] == 200
        before = peak_memory(child.pid)
        body = itertools.repeat(block, blocks)
        assert send(port, "PUT", "big", body, Content_Length=str(len(block) * blocks))[0] == 200
        assert send(port, "GET", "big")[1] == block * blocks
        assert peak_memory(child.pid) - before < 16_000_000


def test_a_taken_port_is_an_error_and_leaves_nothing_open(tmp_path: Path, cos: CosEmulator) -> None:
    with pytest.raises(OSError, match="address already in use"):
        CosEmulator(tmp_path / "second", port=cos.port).__enter__()
    with CosEmulator(tmp_path / "second") as second:
        assert second.port != cos.port


def test_a_running_upload_does_not_hold_up_the_end(tmp_path: Path) -> None:
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


def test_serving_in_the_foreground_ends_with_a_signal(tmp_path: Path) -> None:
    lines: list[str] = []

    def announce(line: str) -> None:
        lines.append(line)
        os.kill(os.getpid(), signal.SIGTERM)

    serve(CosEmulator(tmp_path), buckets=[(BUCKET, REGION)] * 2, announce=announce)
    assert re.search(r"http://127\.0\.0\.1:\d+$", lines[0])
    main(["--dir", str(tmp_path), "--key", "ID:SECRET:TOKEN"], announce=announce)
    main(["--dir", str(tmp_path), "--create-buckets"], announce=announce)
    assert len(lines) == 3


def test_a_ready_line_is_printed_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    print_line("ready at URL")
    assert capsys.readouterr().out == "ready at URL\n"


def test_keys_and_buckets_on_the_command_line_are_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert parse_key("ID:SECRET").token is None
    assert parse_key("ID:SECRET:TO:KEN").token == "TO:KEN"
    assert parse_bucket("a-1") == ("a-1", "ap-guangzhou")
    assert parse_bucket("a-1.ap-beijing") == ("a-1", "ap-beijing")
    for wrong in (["--key", "nothing"], ["--bucket", "noappid"]):
        with pytest.raises(SystemExit):
            main(["--dir", str(tmp_path), *wrong])
        assert "error" in capsys.readouterr().err
