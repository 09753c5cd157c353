"""Reading objects into memory and as files."""

import io
import os
import subprocess
import sys

import pytest

from scf_mps.context import Context
from scf_mps.cos import Conflict, Corrupt, NotFound, Unavailable
from scf_mps.local.cos import Fault

from .support import MEDIA, at, build_response


def test_read_returns_bytes_text_and_json(cos):
    cos.upload('{"a": "ü"}'.encode(), at("a.json"))
    item = at("a.json")
    assert cos.read(item) == '{"a": "ü"}'.encode()
    assert cos.read_text(item) == '{"a": "ü"}'
    assert cos.read_text([item], encoding="latin-1") != ['{"a": "ü"}']
    assert cos.read_json(item) == {"a": "ü"}
    assert cos.read_json([item]) == [{"a": "ü"}]
    cos.upload(b"", at("empty"))
    assert cos.read(at("empty")) == b""
    with pytest.raises(NotFound):
        cos.read(at("no"))


def test_damaged_body_is_requested_again(emulator, cos, tmp_path):
    data = os.urandom(5000)
    item = cos.upload(data, at("a"))
    emulator.faults.add(Fault("corrupt", operation="GetObject", count=2))
    assert cos.read(item) == data
    emulator.faults.add(Fault("corrupt", operation="GetObject", count=2))
    progress = []
    cos.download(item, tmp_path / "a", progress=progress.append)
    assert (tmp_path / "a").read_bytes() == data
    assert progress[-1] == ("download", 1, 1, len(data))


def test_damaged_body_is_never_returned(emulator, cos, tmp_path):
    item = cos.upload(os.urandom(5000), at("a"))
    emulator.faults.add(Fault("corrupt", operation="GetObject"))
    with pytest.raises(Corrupt):
        cos.read(item)
    with cos.open(item) as file, pytest.raises(Corrupt):
        file.read()
    with pytest.raises(Corrupt):
        cos.download(item, tmp_path / "a")
    assert os.listdir(tmp_path) == ["cos"]


def test_open_file_seeks_and_reads(cos):
    data = os.urandom(700_000)
    cos.upload(data, at("a"))
    with cos.open(at("a")) as file:
        assert file.readable()
        assert file.seekable()
        assert file.read(10) == data[:10]
        assert file.seek(-5, io.SEEK_END) == len(data) - 5
        assert file.read() == data[-5:]
        assert file.seek(3) == 3
        assert file.seek(4, io.SEEK_CUR) == 7
        assert file.read(3) == data[7:10]
        with pytest.raises(ValueError, match="negative"):
            file.raw.seek(-1)
        file.raw.seek(file.raw.tell())
    file.raw.close()
    many = cos.open([at("a")])
    assert many[0].read() == data
    many[0].close()


def test_empty_object_is_read_and_verified(cos):
    item = cos.upload(b"", at("empty"))
    with cos.open(item) as file:
        assert file.read() == b""
    assert cos.verify(item, content=True)[0].size == 0


CUT = build_response(200, b"01234", content_length=10, etag='"e-1"') + b"<end>"


def test_read_refuses_other_range(server, scripted_cos):
    server.responses = [CUT, build_response(200, b"0123456789", etag='"e-1"')]
    with pytest.raises(Unavailable, match="bytes"):
        scripted_cos.read(at("a"))
    assert "range: bytes=5-" in server.heads[1]
    assert 'if-match: "e-1"' in server.heads[1]


def test_read_fails_after_repeated_truncation(server, scripted_cos):
    rest = build_response(206, b"", content_length=5, content_range="bytes 5-9/10")
    server.responses = [CUT, rest + server.END]
    with pytest.raises(Unavailable, match="broke"):
        scripted_cos.read(at("a"))


def test_read_resumes_partial_response_without_length(server, scripted_cos):
    headers = {"content_length": None, "content_range": "bytes 0-9/10", "etag": '"e-1"'}
    rest = build_response(206, b"56789", content_range="bytes 5-9/10")
    server.responses = [build_response(206, b"01234", **headers) + server.END, rest]
    assert scripted_cos.read(at("a")) == b"0123456789"


def test_read_ends_at_deadline(server, make_cos):
    now = [0.0]

    def slow(head):
        now[0] += 5
        return CUT

    server.responses = [slow]
    context = Context({"time_limit_in_ms": 4000}, clock=lambda: now[0])
    with pytest.raises(Unavailable) as raised:
        make_cos(proxy=server.url, context=context).read(at("a"))
    assert raised.value.code == "DeadlineExceeded"


def test_open_file_fails_after_deadline(make_cos):
    now = [0.0]
    cos = make_cos(context=Context({"time_limit_in_ms": 4000}, clock=lambda: now[0]))
    with cos.open(cos.upload(b"o" * (3 << 20), at("a.bin"))) as file:
        file.read(10)
        now[0] = 5.0
        with pytest.raises(Unavailable) as raised:
            file.read()
    assert raised.value.code == "DeadlineExceeded"


def test_open_file_refuses_replaced_object(cos):
    item = cos.upload(b"o" * (3 << 20), at("a.bin"))
    with cos.open(item) as file:
        file.read(10)
        cos.upload(b"n" * (3 << 20), item)
        file.seek(2 << 20)
        with pytest.raises(Conflict):
            file.read()


MEMORY = """
import sys
from pathlib import Path
from scf_mps.cos import Cos, Credentials

url, secret_id, secret_key, bucket, path = sys.argv[1:]

def read_peak():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024

cos = Cos(Credentials(secret_id, secret_key), proxy=url)
cos.upload(b"x", f"cos://{bucket}.ap-guangzhou/small")
before = read_peak()
item = cos.upload(path, f"cos://{bucket}.ap-guangzhou/big")
cos.download(item, path + ".back")
print(read_peak() - before)
"""


def test_memory_does_not_grow_with_parts(emulator, tmp_path):
    path = tmp_path / "big"
    with path.open("wb") as file:
        for _ in range(6):
            file.write(os.urandom(10 << 20))
    arguments = [emulator.url, emulator.key.secret_id, emulator.key.secret_key, MEDIA, path]
    command = [sys.executable, "-c", MEMORY, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 20
