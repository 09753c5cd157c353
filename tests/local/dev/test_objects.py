"""Objects of the COS emulator over the console: ranges, conditions, headers, lists."""

from __future__ import annotations

import pytest

from scf_mps.local.cos import Fault
from scf_mps.local.dev import objects
from scf_mps.local.dev.objects import build_file, build_object_url
from scf_mps.local.mps.model import Location

from .forged_requests import BUCKET, OBJECTS
from .http_client import Page

CONTENT = bytes(range(256)) * 2048
"""Longer than one chunk of the emulator."""


@pytest.fixture(scope="module")
def film(shared_page: Page) -> str:
    """The path of an object of 512 KiB."""
    shared_page.post("/api/videos?name=film.mp4", CONTENT)
    return f"{OBJECTS}/videos/film.mp4"


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, len(CONTENT) - 1),
        ("bytes=100-299", 100, 299),
        ("bytes=524287-", len(CONTENT) - 1, len(CONTENT) - 1),
        ("bytes=-500", len(CONTENT) - 500, len(CONTENT) - 1),
        ("bytes=500000-9999999", 500_000, len(CONTENT) - 1),
    ],
)
def test_range_is_partial_content(
    shared_page: Page, film: str, text: str, first: int, last: int
) -> None:
    reply = shared_page.get(film, Range=text)
    assert (reply.status, reply.body) == (206, CONTENT[first : last + 1])
    assert reply.headers["Content-Range"] == f"bytes {first}-{last}/{len(CONTENT)}"
    assert reply.headers["Content-Length"] == str(last - first + 1)


def test_range_after_the_end_is_refused(shared_page: Page, film: str) -> None:
    reply = shared_page.get(film, Range=f"bytes={len(CONTENT)}-")
    assert (reply.status, reply.headers["Content-Range"]) == (416, f"bytes */{len(CONTENT)}")
    assert "InvalidRange" in reply.error


@pytest.mark.parametrize("text", ["bytes=5-1", "bytes=0-1,4-5", "chunks=0-1", "bytes=a-b"])
def test_other_range_gets_everything(shared_page: Page, film: str, text: str) -> None:
    reply = shared_page.get(film, Range=text)
    assert (reply.status, len(reply.body)) == (200, len(CONTENT))


def test_range_of_a_replaced_object_gets_everything(shared_page: Page, film: str) -> None:
    etag = shared_page.get(film, Range="bytes=0-0").headers["ETag"]
    same = shared_page.get(film, Range="bytes=0-9", If_Range=etag)
    other = shared_page.get(film, Range="bytes=0-9", If_Range='"0"')
    assert (same.status, other.status) == (206, 200)


def test_object_is_sent_once_to_a_cache(shared_page: Page, film: str) -> None:
    first = shared_page.get(film)
    assert first.headers["Cache-Control"] == "no-cache"
    again = shared_page.get(film, If_None_Match=first.headers["ETag"])
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert shared_page.get(film, If_Match='"0"').status == 412


def test_head_has_the_headers_of_get(shared_page: Page, film: str) -> None:
    reply = shared_page.request("HEAD", film)
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["Content-Length"] == str(len(CONTENT))
    assert reply.headers["Content-Type"] == "video/mp4"
    assert reply.headers["Accept-Ranges"] == "bytes"
    state = shared_page.request("HEAD", "/api/tasks")
    assert (state.status, state.body) == (200, b"")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"{OBJECTS}/none.mp4", "NoSuchKey"),
        (f"{OBJECTS}/none.mp4?meta", "NoSuchKey"),
        ("/cos/other-1250000000/ap-guangzhou/a.mp4", "NoSuchBucket"),
        (f"/cos/{BUCKET}/ap-beijing/a.mp4", "NoSuchBucket"),
    ],
)
def test_missing_object_is_not_found(shared_page: Page, path: str, code: str) -> None:
    reply = shared_page.get(path)
    assert reply.status == 404
    assert code in reply.error


def test_unknown_form_is_refused(shared_page: Page, film: str) -> None:
    assert shared_page.get(f"{film}?as=webm").status == 400


@pytest.mark.parametrize(
    "key",
    ["a b.mp4", "a//b.mp4", "/lead.mp4", "片.mp4", "a%2e%2e.mp4", "a+b&c=d?e#f.mp4", "x'\";.mp4"],
)
def test_url_of_an_object_finds_it(shared_page: Page, key: str) -> None:
    location = Location(BUCKET, "ap-guangzhou", f"keys/{key}")
    address = f"cos://{BUCKET}.ap-guangzhou/keys/{key}"
    shared_page.console.stack.client.upload(key.encode(), address)
    url = build_object_url(location.bucket, location.region, location.key)
    assert shared_page.get(url).body == key.encode()
    assert build_file(location, "main", 3) == {
        "url": url,
        "cos": address,
        "name": key.rpartition("/")[2],
        "role": "main",
        "size": 3,
    }


def test_console_meets_no_injected_fault(shared_page: Page, film: str) -> None:
    stack = shared_page.console.stack
    number = stack.cos.faults.add(Fault("error", "*", count=1, status=503, code="SlowDown"))
    before = len(list(stack.cos.requests))
    assert shared_page.get(film).status == 200
    assert shared_page.read(f"/api/objects?bucket={BUCKET}")["objects"] is not None
    assert stack.cos.faults.hits(number) == 0
    assert len(list(stack.cos.requests)) == before
    stack.cos.faults.clear()


def test_list_has_folders_and_objects(shared_page: Page) -> None:
    client = shared_page.console.stack.client
    client.upload(b"1", f"cos://{BUCKET}.ap-guangzhou/list/a.txt", content_type="text/x-a")
    client.upload(b"22", f"cos://{BUCKET}.ap-guangzhou/list/sub/b.mp4")
    listed = shared_page.read(f"/api/objects?bucket={BUCKET}&prefix=list/")
    (item,) = listed["objects"]
    assert (listed["prefixes"], listed["next"]) == (["list/sub/"], None)
    assert item["modified"] > 1e9
    assert {
        name: item[name] for name in ("url", "cos", "name", "size", "content_type", "etag")
    } == {
        "url": f"{OBJECTS}/list/a.txt",
        "cos": f"cos://{BUCKET}.ap-guangzhou/list/a.txt",
        "name": "a.txt",
        "size": 1,
        "content_type": "text/x-a",
        "etag": "c4ca4238a0b923820dcc509a6f75849b",
    }


def test_list_has_pages(shared_page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    client = shared_page.console.stack.client
    for name in ("a", "b/x", "c"):
        client.upload(b"1", f"cos://{BUCKET}.ap-guangzhou/pages/{name}")
    monkeypatch.setattr(objects, "MAX_LIST", 1)
    pages, after = [], ""
    while after is not None:
        page = shared_page.read(f"/api/objects?bucket={BUCKET}&prefix=pages/&after={after}")
        pages.append([*page["prefixes"], *(item["name"] for item in page["objects"])])
        after = page["next"]
    assert pages == [["a"], ["pages/b/"], ["c"]]


def test_list_of_an_unknown_bucket_names_the_known(shared_page: Page) -> None:
    reply = shared_page.get("/api/objects?bucket=none-1")
    assert reply.status == 404
    assert BUCKET in reply.error
