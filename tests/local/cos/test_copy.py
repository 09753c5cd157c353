"""Copies inside COS: kept and reset properties, and errors."""

import sqlite3
from contextlib import closing

import pytest

from .support import set_versioning
from .wire import HOST

ARCHIVED = {"x_cos_storage_class": "ARCHIVE"}


def test_copy_keeps_crc64_and_etag(wire):
    put = wire.put("a", b"abc")
    copied = wire.copy("a", "b")
    assert copied.text("ETag") == put.headers["ETag"]
    assert copied.text("CRC64") == put.headers["x-cos-hash-crc64ecma"]
    assert copied.headers["x-cos-hash-crc64ecma"] == put.headers["x-cos-hash-crc64ecma"]
    assert copied.text("LastModified").endswith(".000Z")
    assert wire.get("b").body == b"abc"


def test_copy_keeps_metadata_and_tags_only(wire):
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


def test_copy_uses_requested_class_and_acl(wire):
    wire.put("a")
    wire.copy("a", "b", x_cos_storage_class="STANDARD_IA", x_cos_acl="public-read")
    assert wire.head("b").headers["x-cos-storage-class"] == "STANDARD_IA"
    assert wire.get("b", {"acl": ""}).headers["x-cos-acl"] == "public-read"


def test_copy_with_replaced_directive_keeps_no_metadata(wire):
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


def test_copy_onto_itself_needs_change(wire):
    wire.put("a", b"abc")
    assert wire.copy("a", "a").error == "400 InvalidRequest"
    assert wire.copy("a", "a", x_cos_storage_class="STANDARD_IA").status == 200
    assert wire.get("a").body == b"abc"


def test_copy_refuses_source_that_is_not_utf8(cos, wire):
    source = f"{HOST}/\udcff".encode("utf-8", "surrogateescape").decode("latin-1")
    reply = wire.request("PUT", "b", headers={"x-cos-copy-source": source})
    assert reply.status in (400, 404)


@pytest.mark.parametrize("key", ["a b", "a+b", "ü/ö", "/lead", "q?v=1"])
def test_copy_decodes_source_key(wire, key):
    wire.put(key, b"abc")
    assert wire.copy(key, "b").status == 200
    assert wire.get("b").body == b"abc"


def test_copy_accepts_scheme_in_source(wire):
    wire.put("a", b"abc")
    for scheme in ("http", "https"):
        headers = {"x-cos-copy-source": f"{scheme}://{HOST}/a"}
        assert wire.request("PUT", "b", headers=headers).status == 200


def test_copy_crosses_buckets_and_regions(cos, wire):
    cos.create_bucket("far-1250000000", "ap-beijing")
    wire.put("a", b"abc")
    wire.host = "far-1250000000.cos.ap-beijing.myqcloud.com"
    assert wire.copy("a", "b").status == 200
    assert wire.get("b").body == b"abc"


def test_copy_can_forbid_overwrite(wire):
    wire.put("a", b"abc")
    wire.put("b", b"old")
    assert wire.copy("a", "b", x_cos_forbid_overwrite="true").error == "409 FileAlreadyExists"
    assert wire.get("b").body == b"old"


def test_copy_uses_named_version(versioned):
    first = versioned.put("a", b"first").headers["x-cos-version-id"]
    versioned.put("a", b"second")
    headers = {"x-cos-copy-source": f"{HOST}/a?versionId={first}"}
    copied = versioned.request("PUT", "a", headers=headers)
    assert copied.status == 200
    assert copied.text("VersionId") == copied.headers["x-cos-version-id"]
    assert versioned.get("a").body == b"first"


def test_copy_refuses_archived_source_until_restored(wire):
    wire.put("a", b"abc", **ARCHIVED)
    assert wire.copy("a", "b").error == "403 InvalidObjectState"
    body = "<RestoreRequest><Days>1</Days></RestoreRequest>"
    assert wire.document("POST", "a", "restore", body).status == 202
    assert wire.copy("a", "b").status == 200


def test_copy_survives_deletion_of_source(wire):
    wire.put("a", b"abc")
    wire.copy("a", "b")
    wire.put("a", b"other")
    wire.request("DELETE", "a")
    assert wire.get("b").body == b"abc"


def test_copy_into_suspended_bucket_keeps_older_versions(versioned):
    first = versioned.put("a", b"first").headers["x-cos-version-id"]
    set_versioning(versioned, "Suspended")
    versioned.put("b", b"second")
    assert versioned.copy("b", "a").text("VersionId") == "null"
    assert versioned.get("a", {"versionId": first}).body == b"first"


def test_copy_refuses_source_over_five_gigabytes(cos, wire):
    wire.put("a", b"abc")
    # Change the stored size instead of uploading that much.
    with closing(sqlite3.connect(cos.directory / "metadata.sqlite")) as database, database:
        database.execute("UPDATE version SET size=?", (5 * 1024**3 + 1,))
    assert wire.copy("a", "b").error == "400 InvalidRequest"
