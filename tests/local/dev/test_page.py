"""The console's page: its texts, its rules, and its behaviour in a browser."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from scf_mps.local import dev

STATIC = Path(dev.__file__).with_name("static")
SCRIPTS = sorted(STATIC.glob("*.js"))
MAX_COMPRESSED_BYTES = 100_000

ENTRY = re.compile(r'^  (?:"([^"]+)"|(\w+)): (\[".*"\]),$', re.MULTILINE)


def read_texts() -> dict[str, list[str]]:
    """Return the table of texts: English and Chinese by key."""
    source = (STATIC / "texts.js").read_text("utf-8")
    table = source[source.index("TEXTS = {") : source.index("\n};")]
    texts = {quoted or bare: json.loads(pair) for quoted, bare, pair in ENTRY.findall(table)}
    assert len(texts) == len(table.splitlines()) - 1, "an entry of the table is not read"
    return texts


def test_texts_exist_in_both_languages() -> None:
    for key, pair in read_texts().items():
        english, chinese = pair
        assert english, key
        assert chinese, key
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", chinese)), key


def test_used_texts_exist() -> None:
    keys = set(read_texts())
    used = set(re.findall(r'data-(?:text|label)="([^"]+)"', (STATIC / "index.html").read_text()))
    prefixes = set()
    for path in SCRIPTS:
        source = path.read_text("utf-8")
        used |= set(re.findall(r'\bt\(\s*"([^"]+)"', source))
        used |= {
            each
            for choice in re.findall(r"\bt\([^\"`)]*\?([^)]*?)[,)]", source)
            for each in re.findall(r'"([a-z]+\.\w+)"', choice)
        }
        prefixes |= set(re.findall(r"\bt\(\s*`([a-z]+\.)\$\{", source))
    assert used - keys == set()
    assert [prefix for prefix in prefixes if not any(key.startswith(prefix) for key in keys)] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_build_no_markup_from_text(path: Path) -> None:
    source = path.read_text("utf-8")
    found = re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function",
        source,
    )
    assert found == []


def test_page_needs_no_inline_code_and_no_other_host() -> None:
    page = (STATIC / "index.html").read_text("utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", page) == []
    for path in [*SCRIPTS, STATIC / "index.html", STATIC / "style.css"]:
        addresses = re.findall(
            r"(?:src|href|from|import|url\()\s*[=(]?\s*[\"'](\w+:)?//", path.read_text()
        )
        assert addresses == [], path.name


def test_page_loads_every_module_at_once() -> None:
    page = (STATIC / "index.html").read_text("utf-8")
    preloaded = re.findall(r'rel="modulepreload" href="/static/([^"]+)"', page)
    assert sorted([*preloaded, "app.js", "theme.js"]) == [path.name for path in SCRIPTS]


def test_page_is_small() -> None:
    size = sum(len(gzip.compress(path.read_bytes(), 9)) for path in STATIC.iterdir())
    assert size <= MAX_COMPRESSED_BYTES
