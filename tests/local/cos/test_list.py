"""Lists of keys: order, pages, prefixes and delimiters, in both forms of the request."""

import base64
import hashlib
from urllib.parse import quote, unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scf_mps.local.cos.pages import find_common_prefix, next_prefix

from .support import batch_delete, objects
from .wire import BUCKET

NAMES = st.text(st.sampled_from("ab/+ é中\U0010ffff"), min_size=1, max_size=6)


def fill(wire, *keys):
    for key in keys:
        wire.put(key)


def list_all(wire, **query):
    """Return the keys and common prefixes of all pages of a v1 list."""
    keys = []
    prefixes = []
    marker = ""
    while True:
        names = {name.replace("_", "-"): value for name, value in query.items()}
        page = wire.request("GET", query={**names, "marker": marker, "encoding-type": "url"})
        keys += map(unquote, page.texts("Contents/Key"))
        prefixes += map(unquote, page.texts("CommonPrefixes/Prefix"))
        if page.text("IsTruncated") == "false":
            return keys, prefixes
        marker = unquote(page.text("NextMarker"))


def test_list_has_all_fields(wire):
    wire.put("a", b"abc", x_cos_storage_class="STANDARD_IA")
    page = wire.request("GET")
    assert page.text("Name") == BUCKET
    assert page.text("MaxKeys") == "1000"
    assert page.text("Contents/Key") == "a"
    assert page.text("Contents/Size") == "3"
    assert page.text("Contents/ETag") == f'"{hashlib.md5(b"abc").hexdigest()}"'
    assert page.text("Contents/StorageClass") == "STANDARD_IA"
    assert page.text("Contents/LastModified").endswith("Z")
    assert page.text("Contents/Owner/ID")


def test_list_orders_keys_by_utf8_bytes(wire):
    keys = ["a", "B", "ä", "\ue000", "\U0001f600", "a/b", "a.b"]
    fill(wire, *keys)
    assert wire.request("GET").texts("Contents/Key") == sorted(keys, key=str.encode)


def test_list_pages_have_no_gap_or_repetition(wire):
    keys = [f"{number:02d}" for number in range(10)]
    fill(wire, *keys)
    assert list_all(wire, max_keys="3") == (keys, [])
    assert wire.request("GET", query={"max-keys": "0"}).text("IsTruncated") == "false"


def test_list_folds_keys_below_delimiter(wire):
    fill(wire, "a", "b/1", "b/2", "b/c/3", "d")
    assert list_all(wire, delimiter="/") == (["a", "d"], ["b/"])
    assert list_all(wire, delimiter="/", prefix="b/") == (["b/1", "b/2"], ["b/c/"])
    assert list_all(wire, delimiter="/", max_keys="1") == (["a", "d"], ["b/"])
    marked = wire.request("GET", query={"delimiter": "/", "marker": "b/1"})
    assert marked.texts("CommonPrefixes/Prefix") == []


def test_list_skips_large_folders(wire):
    fill(wire, *(f"big/{number}" for number in range(300)), "zed")
    assert list_all(wire, delimiter="/") == (["zed"], ["big/"])
    assert len(list_all(wire)[0]) == 301


def test_list_walks_prefix_without_successor(wire):
    last = "\U0010ffff"
    fill(wire, last, last + "a", last + "b")
    assert list_all(wire, delimiter=last) == ([], [last])


def test_list_encodes_keys_for_url(wire):
    fill(wire, "a b/ü+")
    page = wire.request("GET", query={"encoding-type": "url", "prefix": "a b"})
    assert page.text("Contents/Key") == quote("a b/ü+")
    assert (page.text("Prefix"), page.text("EncodingType")) == ("a%20b", "url")


def test_list_keeps_carriage_return_in_key(wire):
    fill(wire, "a\rb")
    assert wire.request("GET").texts("Contents/Key") == ["a\rb"]


def test_list_v2_pages_with_tokens(wire):
    fill(wire, "a", "b", "c/1", "d")
    query = {"list-type": "2", "max-keys": "2", "start-after": "a", "delimiter": "/"}
    page = wire.request("GET", query=query)
    assert page.texts("Contents/Key") == ["b"]
    assert page.texts("CommonPrefixes/Prefix") == ["c/"]
    assert (page.text("KeyCount"), page.text("StartAfter")) == ("2", "a")
    assert page.xml().find("Contents/Owner") is None
    query |= {"continuation-token": page.text("NextContinuationToken"), "fetch-owner": "true"}
    second_page = wire.request("GET", query=query)
    assert second_page.texts("Contents/Key") == ["d"]
    assert second_page.text("Contents/Owner/ID")
    assert second_page.xml().find("NextContinuationToken") is None


@given(keys=st.sets(NAMES, max_size=12), prefix=st.sampled_from(["", "a", "a/", "é"]))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_list_equals_string_operations_for_any_keys(wire, keys, prefix):
    fill(wire, *keys)
    below = sorted((key for key in keys if key.startswith(prefix)), key=str.encode)
    folded = [find_common_prefix(key, prefix, "/") for key in below]
    plain = [key for key, common in zip(below, folded, strict=True) if not common]
    prefixes = sorted({common for common in folded if common}, key=str.encode)
    assert list_all(wire, prefix=prefix, max_keys="2") == (below, [])
    assert list_all(wire, prefix=prefix, delimiter="/", max_keys="2") == (plain, prefixes)
    for key in keys:
        wire.request("DELETE", key)


@given(text=st.text(st.characters(exclude_categories=["Cs"])), tail=st.text(max_size=3))
def test_next_prefix_sorts_after_all_with_prefix(text, tail):
    following = next_prefix(text)
    if following is None:
        assert not text.strip("\U0010ffff")
    else:
        beginning = (text + tail).encode("utf-8", "surrogatepass")
        assert following.encode() > beginning


def test_next_prefix_skips_surrogates():
    assert next_prefix("a\ud7ff") == "a\ue000"


def _delete(wire, body, **headers):
    reply = batch_delete(wire, body, **headers)
    return reply.status, reply.code, reply.texts("Deleted/Key")


def test_batch_delete_deletes_many_objects(wire):
    fill(wire, "a", "b", "c")
    deleted = _delete(wire, f"<Delete>{objects('a', 'b', 'none')}</Delete>")
    assert deleted == (200, "", ["a", "b", "none"])
    assert wire.request("GET").texts("Contents/Key") == ["c"]


def test_quiet_batch_delete_lists_no_successes(wire):
    fill(wire, "a")
    quiet = f"<Delete><Quiet>true</Quiet>{objects('a')}</Delete>"
    assert _delete(wire, quiet) == (200, "", [])
    assert wire.head("a").status == 404


def test_batch_delete_keeps_leading_slash_of_key(wire):
    fill(wire, "a")
    assert _delete(wire, f"<Delete>{objects('/a')}</Delete>") == (200, "", ["/a"])
    assert wire.head("a").status == 200


def test_batch_delete_reports_invalid_key_alone(wire):
    fill(wire, "a")
    reply = batch_delete(wire, f"<Delete>{objects('x' * 851, 'a')}</Delete>")
    assert reply.texts("Error/Code") == ["KeyTooLong"]
    assert reply.texts("Deleted/Key") == ["a"]


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (f"<Delete>{objects(*map(str, range(1001)))}</Delete>", {}, "MalformedXML"),
        ("<Delete></Delete>", {}, "MalformedXML"),
        ("<Delete><Object/></Delete>", {}, "MalformedXML"),
        ("<Delete>", {}, "MalformedXML"),
        (f"<Delete>{objects('a')}</Delete>", {"Content-MD5": "AAAA"}, "InvalidDigest"),
        (
            f"<Delete>{objects('a')}</Delete>",
            {"Content-MD5": base64.b64encode(bytes(16)).decode()},
            "BadDigest",
        ),
    ],
)
def test_invalid_batch_delete_deletes_nothing(wire, body, headers, code):
    fill(wire, "a")
    assert _delete(wire, body, **headers)[:2] == (400, code)
    assert wire.head("a").status == 200


def test_document_has_maximum_size(wire):
    reply = wire.request(
        "POST", query={"delete": ""}, headers={"Content-MD5": "x"}, body=bytes(9_000_000)
    )
    assert reply.error == "400 EntityTooLarge"
