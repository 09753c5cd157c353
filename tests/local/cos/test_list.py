"""Lists of keys: order, pages, prefixes and delimiters, in both forms of the request."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import quote, unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scf_mps.local.cos.pages import find_common_prefix, next_prefix

from .wire import BUCKET, Wire

NAMES = st.text(st.sampled_from("ab/+ é中\U0010ffff"), min_size=1, max_size=6)


def fill(wire: Wire, *keys: str) -> None:
    for key in keys:
        wire.put(key)


def walk(wire: Wire, **query: str) -> tuple[list[str], list[str]]:
    """Keys and common prefixes over all pages of a v1 list."""
    keys: list[str] = []
    prefixes: list[str] = []
    marker = ""
    while True:
        names = {name.replace("_", "-"): value for name, value in query.items()}
        page = wire.request("GET", query={**names, "marker": marker, "encoding-type": "url"})
        keys += map(unquote, page.texts("Contents/Key"))
        prefixes += map(unquote, page.texts("CommonPrefixes/Prefix"))
        if page.text("IsTruncated") == "false":
            return keys, prefixes
        marker = unquote(page.text("NextMarker"))


def test_a_list_tells_what_there_is_to_know(wire: Wire) -> None:
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


def test_keys_come_in_the_order_of_their_utf8_bytes(wire: Wire) -> None:
    keys = ["a", "B", "ä", "\ue000", "\U0001f600", "a/b", "a.b"]
    fill(wire, *keys)
    assert wire.request("GET").texts("Contents/Key") == sorted(keys, key=str.encode)


def test_pages_follow_one_another_without_gap_or_repetition(wire: Wire) -> None:
    keys = [f"{number:02d}" for number in range(10)]
    fill(wire, *keys)
    assert walk(wire, max_keys="3") == (keys, [])
    assert wire.request("GET", query={"max-keys": "0"}).text("IsTruncated") == "false"


def test_a_delimiter_folds_what_lies_below(wire: Wire) -> None:
    fill(wire, "a", "b/1", "b/2", "b/c/3", "d")
    assert walk(wire, delimiter="/") == (["a", "d"], ["b/"])
    assert walk(wire, delimiter="/", prefix="b/") == (["b/1", "b/2"], ["b/c/"])
    assert walk(wire, delimiter="/", max_keys="1") == (["a", "d"], ["b/"])
    marked = wire.request("GET", query={"delimiter": "/", "marker": "b/1"})
    assert marked.texts("CommonPrefixes/Prefix") == []


def test_large_folders_are_jumped_over(wire: Wire) -> None:
    fill(wire, *(f"big/{number}" for number in range(300)), "zed")
    assert walk(wire, delimiter="/") == (["zed"], ["big/"])
    assert len(walk(wire)[0]) == 301


def test_a_common_prefix_without_successor_is_walked_through(wire: Wire) -> None:
    last = "\U0010ffff"
    fill(wire, last, last + "a", last + "b")
    assert walk(wire, delimiter=last) == ([], [last])


def test_lists_can_be_percent_coded(wire: Wire) -> None:
    fill(wire, "a b/ü+")
    page = wire.request("GET", query={"encoding-type": "url", "prefix": "a b"})
    assert page.text("Contents/Key") == quote("a b/ü+")
    assert (page.text("Prefix"), page.text("EncodingType")) == ("a%20b", "url")


def test_a_carriage_return_in_a_key_survives_xml(wire: Wire) -> None:
    fill(wire, "a\rb")
    assert wire.request("GET").texts("Contents/Key") == ["a\rb"]


@pytest.mark.parametrize("query", [{"max-keys": "x"}, {"max-keys": "-1"}, {"encoding-type": "b"}])
def test_a_wrong_parameter_is_refused(wire: Wire, query: dict[str, str]) -> None:
    reply = wire.request("GET", query=query)
    assert (reply.status, reply.code) == (400, "InvalidArgument")


def test_the_second_form_pages_with_tokens(wire: Wire) -> None:
    fill(wire, "a", "b", "c/1", "d")
    query = {"list-type": "2", "max-keys": "2", "start-after": "a", "delimiter": "/"}
    page = wire.request("GET", query=query)
    assert page.texts("Contents/Key") == ["b"]
    assert page.texts("CommonPrefixes/Prefix") == ["c/"]
    assert (page.text("KeyCount"), page.text("StartAfter")) == ("2", "a")
    assert page.xml().find("Contents/Owner") is None
    query |= {"continuation-token": page.text("NextContinuationToken"), "fetch-owner": "true"}
    rest = wire.request("GET", query=query)
    assert rest.texts("Contents/Key") == ["d"]
    assert rest.text("Contents/Owner/ID")
    assert rest.xml().find("NextContinuationToken") is None


@given(keys=st.sets(NAMES, max_size=12), prefix=st.sampled_from(["", "a", "a/", "é"]))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_keys_are_listed_as_plain_string_operations_say(
    wire: Wire, keys: set[str], prefix: str
) -> None:
    fill(wire, *keys)
    below = sorted((key for key in keys if key.startswith(prefix)), key=str.encode)
    folded = [find_common_prefix(key, prefix, "/") for key in below]
    plain = [key for key, common in zip(below, folded, strict=True) if not common]
    prefixes = sorted({common for common in folded if common}, key=str.encode)
    assert walk(wire, prefix=prefix, max_keys="2") == (below, [])
    assert walk(wire, prefix=prefix, delimiter="/", max_keys="2") == (plain, prefixes)
    delete_all(wire, keys)


def delete_all(wire: Wire, keys: set[str]) -> None:
    for key in keys:
        wire.request("DELETE", key)


@given(text=st.text(st.characters(exclude_categories=["Cs"])), tail=st.text(max_size=3))
def test_the_successor_is_behind_everything_that_begins_alike(text: str, tail: str) -> None:
    following = next_prefix(text)
    if following is None:
        assert not text.strip("\U0010ffff")
    else:
        beginning = (text + tail).encode("utf-8", "surrogatepass")
        assert following.encode() > beginning


def test_the_successor_leaps_over_surrogates() -> None:
    assert next_prefix("a\ud7ff") == "a\ue000"


def delete_request(wire: Wire, body: str, **headers: str) -> tuple[int, str, list[str]]:
    raw = body.encode()
    digest = base64.b64encode(hashlib.md5(raw).digest()).decode()
    names = {"Content-MD5": digest, **headers}
    reply = wire.request("POST", query={"delete": ""}, headers=names, body=raw)
    return reply.status, reply.code, reply.texts("Deleted/Key")


def objects(*keys: str) -> str:
    return "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)


def test_many_objects_are_deleted_at_once(wire: Wire) -> None:
    fill(wire, "a", "b", "c")
    deleted = delete_request(wire, f"<Delete>{objects('a', 'b', 'none')}</Delete>")
    assert deleted == (200, "", ["a", "b", "none"])
    assert wire.request("GET").texts("Contents/Key") == ["c"]


def test_a_quiet_batch_delete_names_no_successes(wire: Wire) -> None:
    fill(wire, "a")
    quiet = f"<Delete><Quiet>true</Quiet>{objects('a')}</Delete>"
    assert delete_request(wire, quiet) == (200, "", [])
    assert wire.head("a").status == 404


def test_a_batch_delete_takes_a_leading_slash_for_a_part_of_the_key(wire: Wire) -> None:
    fill(wire, "a")
    assert delete_request(wire, f"<Delete>{objects('/a')}</Delete>") == (200, "", ["/a"])
    assert wire.head("a").status == 200


def test_a_key_that_cannot_be_fails_alone(wire: Wire) -> None:
    fill(wire, "a")
    raw = f"<Delete>{objects('x' * 851, 'a')}</Delete>".encode()
    digest = base64.b64encode(hashlib.md5(raw).digest()).decode()
    headers = {"Content-MD5": digest}
    reply = wire.request("POST", query={"delete": ""}, headers=headers, body=raw)
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
def test_a_wrong_batch_delete_deletes_nothing(
    wire: Wire, body: str, headers: dict[str, str], code: str
) -> None:
    fill(wire, "a")
    assert delete_request(wire, body, **headers)[:2] == (400, code)
    assert wire.head("a").status == 200


def test_a_batch_delete_needs_its_md5(wire: Wire) -> None:
    reply = wire.document("POST", "", "delete", f"<Delete>{objects('a')}</Delete>")
    assert (reply.status, reply.code) == (400, "InvalidDigest")


def test_a_document_has_an_end(wire: Wire) -> None:
    reply = wire.request(
        "POST", query={"delete": ""}, headers={"Content-MD5": "x"}, body=bytes(9_000_000)
    )
    assert (reply.status, reply.code) == (400, "EntityTooLarge")
