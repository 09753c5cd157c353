"""Files of the page."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from scf_mps.local.dev.request_guard import Refusal
from scf_mps.local.dev.static_files import FOLDER, StaticFiles

from .http_client import Page

TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
def test_every_file_of_the_page_is_served(shared_page: Page, name: str) -> None:
    reply = shared_page.get(f"/static/{name}")
    assert (reply.status, reply.body) == (200, (FOLDER / name).read_bytes())
    assert reply.headers.get_content_type() == TYPES[Path(name).suffix]
    again = shared_page.get(f"/static/{name}", If_None_Match=reply.headers["ETag"])
    assert (again.status, again.body) == (304, b"")


def test_file_is_compressed_for_clients_that_accept_gzip(shared_page: Page) -> None:
    reply = shared_page.get("/static/app.js", Accept_Encoding="br, gzip")
    assert reply.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(reply.body) == (FOLDER / "app.js").read_bytes()
    assert reply.headers["ETag"] != shared_page.get("/static/app.js").headers["ETag"]


def test_page_is_the_index(shared_page: Page) -> None:
    reply = shared_page.get("/")
    assert reply.body == (FOLDER / "index.html").read_bytes()
    assert reply.headers["Cache-Control"] == "no-cache"
    assert shared_page.request("HEAD", "/").body == b""


def test_changed_file_needs_no_restart(tmp_path: Path) -> None:
    path = tmp_path / "a.js"
    path.write_text("1")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "folder.js").mkdir()
    files = StaticFiles(tmp_path)
    first = files.respond("a.js", {})
    path.write_text("2")
    second = files.respond("a.js", {"If-None-Match": first.headers["ETag"]})
    assert (first.body, second.status, second.body) == (b"1", 200, b"2")
    for name in ("notes.txt", "folder.js", "../conftest.py"):
        with pytest.raises(Refusal) as caught:
            files.respond(name, {})
        assert caught.value.status == 404
