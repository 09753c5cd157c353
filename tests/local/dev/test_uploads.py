"""Videos of the page: names, sizes, memory, aborted uploads and refusals of COS."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from scf_mps.local.cos import Fault
from scf_mps.local.dev import uploads
from scf_mps.local.dev.uploads import MAX_VIDEO_BYTES, build_key, check_size
from tests.support.wait import wait_until

from .forged_requests import BUCKET, OBJECTS
from .http_client import PAGE_HEADERS, Page

LONG = "片" * 400


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("a.mp4", "videos/a.mp4"),
        ("a b (1).mp4", "videos/a b (1).mp4"),
        ("片子.mp4", "videos/片子.mp4"),
        ("C:\\Users\\me\\a.mov", "videos/a.mov"),
        ("../../etc/passwd", "videos/passwd"),
        ("/etc/", "videos/video.mp4"),
        ("..", "videos/video.mp4"),
        (".mp4", "videos/mp4"),
        ("", "videos/video.mp4"),
        ("a\0b\r\nc\u202e4pm.exe", "videos/abc4pm.exe"),
        ("cafe\u0301.mp4", "videos/caf\u00e9.mp4"),
        ("<img src=x onerror=alert(1)>.mp4", "videos/<img src=x onerror=alert(1)>.mp4"),
    ],
)
def test_key_is_the_plain_name(name: str, key: str) -> None:
    assert build_key("videos/", name) == key


@pytest.mark.parametrize("name", [f"{LONG}.mp4", f"a.{LONG}", LONG])
def test_key_has_at_most_850_bytes(name: str) -> None:
    key = build_key("videos/", name)
    assert 840 < len(key.encode()) <= 850
    assert key.startswith("videos/")
    assert key.endswith(".mp4") or not name.endswith(".mp4")


@pytest.mark.parametrize("suffix", ["", "&workflow="])
def test_upload_becomes_an_object(shared_page: Page, suffix: str) -> None:
    name = quote("a b/<片>.mp4")
    answer = shared_page.post(f"/api/videos?name={name}{suffix}", b"video")
    assert answer["object"] == f"cos://{BUCKET}.ap-guangzhou/videos/<片>.mp4"
    reply = shared_page.get(f"{OBJECTS}/videos/{quote('<片>.mp4')}?meta")
    assert reply.json["Content-Type"] == "video/mp4"


def test_upload_in_chunks_is_complete(shared_page: Page) -> None:
    digest = hashlib.md5()

    def chunks() -> Iterator[bytes]:
        for number in range(64):
            chunk = bytes([number]) * 65536
            digest.update(chunk)
            yield chunk

    shared_page.post("/api/videos?name=chunks.bin", chunks())
    meta = shared_page.read(f"{OBJECTS}/videos/chunks.bin?meta")
    assert meta["ETag"] == f'"{digest.hexdigest()}"'
    assert meta["Content-Type"] == "application/octet-stream"


def test_empty_upload_in_chunks_is_refused(shared_page: Page) -> None:
    reply = shared_page.request("POST", "/api/videos?name=empty.mp4", iter(()))
    assert reply.status == 400
    assert shared_page.get(f"{OBJECTS}/videos/empty.mp4").status == 404


def test_upload_over_2_gib_is_refused(shared_page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(uploads.Refusal, match="2 GiB") as caught:
        check_size(MAX_VIDEO_BYTES + 1)
    assert caught.value.status == 413
    check_size(MAX_VIDEO_BYTES)
    # Without a length the bytes are counted.
    monkeypatch.setattr(uploads, "MAX_VIDEO_BYTES", 100_000)
    reply = shared_page.request("POST", "/api/videos?name=large.mp4", iter([b"x" * 60_000] * 2))
    assert reply.status == 413
    assert shared_page.get(f"{OBJECTS}/videos/large.mp4").status == 404


@pytest.mark.parametrize("framing", ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
def test_aborted_upload_leaves_no_object(page: Page, framing: str) -> None:
    console = page.console
    lines = [f"{name}: {value}" for name, value in PAGE_HEADERS.items()]
    head = ["POST /api/videos?name=a.mp4 HTTP/1.1", "Host: localhost", *lines, framing]
    head += [
        "Content-Type: application/octet-stream",
        "",
        "2710\r\n" if "chunked" in framing else "",
    ]
    requests = console.stack.cos.requests
    with socket.create_connection(("127.0.0.1", console.port)) as connection:
        connection.sendall("\r\n".join(head).encode() + b"x" * 10_000)
        blobs = console.stack.cos.directory / "blobs"
        wait_until(lambda: list(blobs.glob("*/*")))
    wait_until(lambda: not list(blobs.glob("*/*")))
    wait_until(lambda: [request for request in requests if request.operation == "PutObject"])
    assert page.get(f"{OBJECTS}/videos/a.mp4").status == 404


def test_refusal_of_cos_is_shown(shared_page: Page) -> None:
    faults = shared_page.console.stack.cos.faults
    faults.add(Fault("error", "PutObject", count=1, status=403, code="AccessDenied"))
    reply = shared_page.request("POST", "/api/videos?name=refused.mp4", b"video")
    assert reply.status == 502
    assert "403 AccessDenied" in reply.error
    faults.add(Fault("reset_before", "PutObject", count=1))
    reply = shared_page.request("POST", "/api/videos?name=refused.mp4", b"video")
    # Older versions of the HTTP client repeat the request, without the bytes.
    assert reply.status == 502
    faults.add(Fault("corrupt", "PutObject", count=1))
    reply = shared_page.request("POST", "/api/videos?name=refused.mp4", b"video")
    assert reply.status == 502
    assert "other bytes" in reply.error
    shared_page.post("/api/videos?name=refused.mp4", b"video")


def test_sample_clip_becomes_an_object(shared_page: Page) -> None:
    (shared_page.console.stack.folder / "sample.mp4").write_bytes(b"made earlier")
    answer = shared_page.post("/api/sample-clip")
    assert answer["object"] == f"cos://{BUCKET}.ap-guangzhou/videos/sample.mp4"
    assert shared_page.get(f"{OBJECTS}/videos/sample.mp4").body == b"made earlier"
