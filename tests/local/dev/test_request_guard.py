"""Guard of the console: forged requests, security headers, and objects with scripts."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from scf_mps.local.dev.request_guard import PAGE_POLICY
from scf_mps.local.dev.server import Console
from tests.local.cos.wire import raw_exchange

from .forged_requests import FORGED, OBJECTS, Forged, build_request
from .http_client import Page

NAME = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def clip(shared_page: Page) -> str:
    """An object for requests of the table."""
    shared_page.post("/api/videos?name=clip.mp4", b"0123456789")
    return f"{OBJECTS}/videos/clip.mp4"


@pytest.mark.parametrize("forged", FORGED, ids=[forged.name.replace(" ", "-") for forged in FORGED])
def test_forged_request_gets(shared_console: Console, clip: str, forged: Forged) -> None:
    host = f"127.0.0.1:{shared_console.port}"
    head, _, body = raw_exchange(shared_console.port, build_request(forged, host)).partition(
        b"\r\n\r\n"
    )
    expected = forged.status if isinstance(forged.status, tuple) else (forged.status,)
    assert int(head[9:12]) in expected, body[:200]
    lines = head.decode().split("\r\n")
    assert f"Content-Security-Policy: {PAGE_POLICY}" in lines
    assert "X-Content-Type-Options: nosniff" in lines
    assert "Cross-Origin-Resource-Policy: same-origin" in lines
    assert not any(line.startswith(("Access-Control-", "Set-Cookie")) for line in lines)


@pytest.mark.parametrize(
    "suffix",
    [
        "",
        ".html",
        ".htm",
        ".svg",
        ".xml",
        ".js",
        ".css",
        ".json",
        ".txt",
        ".pdf",
        ".mp4.html",
        ".swf",
    ],
)
def test_object_without_media_is_a_sandboxed_download(shared_page: Page, suffix: str) -> None:
    shared_page.post(f"/api/videos?name={quote(NAME + suffix)}", b"<script>alert(1)</script>")
    reply = shared_page.get(f"{OBJECTS}/videos/{quote(NAME + suffix)}")
    assert (reply.status, reply.body) == (200, b"<script>alert(1)</script>")
    assert reply.headers["Content-Type"] == "application/octet-stream"
    assert (
        reply.headers["Content-Disposition"]
        == f"attachment; filename*=UTF-8''{quote(NAME + suffix, safe='')}"
    )
    assert reply.headers["Content-Security-Policy"] == "sandbox"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_stored_content_type_is_never_sent(shared_page: Page) -> None:
    stack = shared_page.console.stack
    address = f"cos://{stack.input.bucket}.{stack.input.region}/types/a.jpg"
    stack.client.upload(b"<script>", address, content_type="text/html")
    reply = shared_page.get(f"{OBJECTS}/types/a.jpg")
    assert reply.headers["Content-Type"] == "image/jpeg"
    assert shared_page.read(f"{OBJECTS}/types/a.jpg?meta")["Content-Type"] == "text/html"


def test_name_of_an_object_stays_in_its_json(shared_page: Page) -> None:
    shared_page.post(f"/api/videos?name={quote(NAME)}.mp4", b"video")
    listed = shared_page.get(
        f"/api/objects?bucket={shared_page.console.stack.input.bucket}&prefix=videos/"
    )
    assert listed.headers["Content-Type"] == "application/json"
    names = [item["name"] for item in listed.json["objects"]]
    assert f"{NAME}.mp4" in names


def test_responses_are_not_stored(shared_page: Page) -> None:
    assert shared_page.get("/api/tasks").headers["Cache-Control"] == "no-store"
    assert shared_page.get("/none").headers["Cache-Control"] == "no-store"
