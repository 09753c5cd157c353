"""Copies inside COS: what follows the bytes, what falls back, what is refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from scf_mps.local.cos import CosEmulator

from .conftest import set_versioning
from .wire import HOST, REGION, Wire

ARCHIVED = {"x_cos_storage_class": "ARCHIVE"}


def test_a_copy_keeps_the_crc64_and_etag_of_its_source(wire: Wire) -> None:
    put = wire.put("a", b"abc")
    copied = wire.copy("a", "b")
    assert copied.text("ETag") == put.headers["ETag"]
    assert copied.text("CRC64") == put.headers["x-cos-hash-crc64ecma"]
    assert copied.headers["x-cos-hash-crc64ecma"] == put.headers["x-cos-hash-crc64ecma"]
    assert copied.text("LastModified").endswith(".000Z")
    assert wire.get("b").body == b"abc"


def test_a_copy_keeps_metadata_and_tags_but_not_class_acl_and_encryption(wire: Wire) -> None:
    wire.put(
        "a",
        b"",
        Content_Type="text/plain",
        x_cos_meta_a="1",
        x_cos_storage_class="STANDARD_IA",
        x_cos_acl="public-read",
        x_cos_tagging="k=v",
        x_cos_server_side_encryption="AES256",
    )
    assert wire.copy("a", "b").status == 200
    head = wire.head("b").headers
    assert (head["Content-Type"], head["x-cos-meta-a"]) == ("text/plain", "1")
    assert head["x-cos-tagging-count"] == "1"
    assert "x-cos-storage-class" not in head
    assert "x-cos-server-side-encryption" not in head
    assert wire.get("b", {"acl": ""}).headers["x-cos-acl"] == "default"


def test_a_copy_takes_the_class_and_acl_it_asks_for(wire: Wire) -> None:
    wire.put("a")
    wire.copy("a", "b", x_cos_storage_class="STANDARD_IA", x_cos_acl="public-read")
    assert wire.head("b").headers["x-cos-storage-class"] == "STANDARD_IA"
    assert wire.get("b", {"acl": ""}).headers["x-cos-acl"] == "public-read"


def test_replaced_metadata_keeps_nothing(wire: Wire) -> None:
    wire.put("a", b"", Cache_Control="max-age=1", x_cos_meta_a="1", x_cos_tagging="k=v")
    wire.copy(
        "a",
        "a",
        x_cos_metadata_directive="Replaced",
        x_cos_tagging_directive="Replaced",
        x_cos_meta_b="2",
    )
    head = wire.head("a").headers
    assert head["x-cos-meta-b"] == "2"
    assert head["Content-Type"] == "application/octet-stream"
    assert not {"x-cos-meta-a", "Cache-Control", "x-cos-tagging-count"} & set(head.keys())


def test_copying_onto_itself_needs_replaced_or_a_class(wire: Wire) -> None:
    wire.put("a", b"abc")
    reply = wire.copy("a", "a")
    assert (reply.status, reply.code) == (400, "InvalidRequest")
    assert wire.copy("a", "a", x_cos_storage_class="STANDARD_IA").status == 200
    assert wire.get("a").body == b"abc"


@pytest.mark.parametrize("directive", ["x-cos-metadata-directive", "x-cos-tagging-directive"])
def test_a_directive_is_copy_or_replaced(wire: Wire, directive: str) -> None:
    wire.put("a")
    reply = wire.copy("a", "b", **{directive: "REPLACE"})
    assert (reply.status, reply.code) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("/desk-1250000000/a", "InvalidArgument"),
        ("desk-1250000000/a", "InvalidArgument"),
        (f"{HOST}/", "InvalidArgument"),
        (HOST, "InvalidArgument"),
        ("service.cos.myqcloud.com/a", "InvalidArgument"),
        (f"{HOST}/%ff", "InvalidArgument"),
        (f"other-1250000000.cos.{REGION}.myqcloud.com/a", "NoSuchBucket"),
        ("desk-1250000000.cos.ap-beijing.myqcloud.com/a", "NoSuchBucket"),
        (f"{HOST}/nope", "NoSuchKey"),
    ],
)
def test_a_source_must_be_named_in_coss_way_and_exist(wire: Wire, source: str, code: str) -> None:
    wire.put("a")
    reply = wire.request("PUT", "b", headers={"x-cos-copy-source": source})
    assert reply.code == code
    assert wire.head("b").status == 404


def test_bytes_that_are_no_utf8_name_no_source(cos: CosEmulator, wire: Wire) -> None:
    source = f"{HOST}/\udcff".encode("utf-8", "surrogateescape").decode("latin-1")
    reply = wire.request("PUT", "b", headers={"x-cos-copy-source": source})
    assert reply.status in (400, 404)


@pytest.mark.parametrize("key", ["a b", "a+b", "ü/ö", "/lead", "q?v=1"])
def test_a_source_key_is_percent_coded(wire: Wire, key: str) -> None:
    wire.put(key, b"abc")
    assert wire.copy(key, "b").status == 200
    assert wire.get("b").body == b"abc"


def test_a_scheme_before_the_source_is_tolerated(wire: Wire) -> None:
    wire.put("a", b"abc")
    for scheme in ("http", "https"):
        headers = {"x-cos-copy-source": f"{scheme}://{HOST}/a"}
        assert wire.request("PUT", "b", headers=headers).status == 200


def test_a_copy_crosses_buckets_and_regions(cos: CosEmulator, wire: Wire) -> None:
    cos.create_bucket("far-1250000000", "ap-beijing")
    wire.put("a", b"abc")
    wire.host = "far-1250000000.cos.ap-beijing.myqcloud.com"
    assert wire.copy("a", "b").status == 200
    assert wire.get("b").body == b"abc"


def test_a_copy_can_forbid_overwriting(wire: Wire) -> None:
    wire.put("a", b"abc")
    wire.put("b", b"old")
    reply = wire.copy("a", "b", x_cos_forbid_overwrite="true")
    assert (reply.status, reply.code) == (409, "FileAlreadyExists")
    assert wire.get("b").body == b"old"


def test_a_named_version_is_copied(versioned: Wire) -> None:
    first = versioned.put("a", b"first").headers["x-cos-version-id"]
    versioned.put("a", b"second")
    headers = {"x-cos-copy-source": f"{HOST}/a?versionId={first}"}
    copied = versioned.request("PUT", "a", headers=headers)
    assert copied.status == 200
    assert copied.text("VersionId") == copied.headers["x-cos-version-id"]
    assert versioned.get("a").body == b"first"


def test_an_archived_source_must_be_restored(wire: Wire) -> None:
    wire.put("a", b"abc", **ARCHIVED)
    reply = wire.copy("a", "b")
    assert (reply.status, reply.code) == (403, "InvalidObjectState")
    body = "<RestoreRequest><Days>1</Days></RestoreRequest>"
    assert wire.document("POST", "a", "restore", body).status == 202
    assert wire.copy("a", "b").status == 200


def test_a_copy_survives_the_end_of_its_source(wire: Wire) -> None:
    wire.put("a", b"abc")
    wire.copy("a", "b")
    wire.put("a", b"other")
    wire.request("DELETE", "a")
    assert wire.get("b").body == b"abc"


def test_copying_over_a_suspended_bucket_keeps_older_versions(versioned: Wire) -> None:
    first = versioned.put("a", b"first").headers["x-cos-version-id"]
    set_versioning(versioned, "Suspended")
    versioned.put("b", b"second")
    assert versioned.copy("b", "a").text("VersionId") == "null"
    assert versioned.get("a", {"versionId": first}).body == b"first"


def test_a_source_of_more_than_five_gigabytes_is_refused(cos: CosEmulator, wire: Wire) -> None:
    wire.put("a", b"abc")
    # Nobody wants to upload that much, so the object is made to say it.
    with closing(sqlite3.connect(cos.directory / "metadata.sqlite")) as database, database:
        database.execute("UPDATE version SET size=?", (5 * 1024**3 + 1,))
    reply = wire.copy("a", "b")
    assert (reply.status, reply.code) == (400, "InvalidRequest")
