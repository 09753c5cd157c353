"""Requests that COS refuses without a change: one row for each rule."""

import base64
import hashlib

import pytest

from .support import grant, restore, tagging
from .wire import BUCKET, HOST, REGION

COPY = "x-cos-copy-source"
ENCRYPTION = "x-cos-server-side-encryption"
OTHER_MD5 = base64.b64encode(hashlib.md5(b"other").digest()).decode()


HEADERS_OF_PUT = [
    ({"Content-Length": str(5 * 1024**3 + 1)}, "400 EntityTooLarge"),
    ({"Content-MD5": "%%%"}, "400 InvalidDigest"),
    ({"Content-MD5": "bm90IDE2IGJ5dGVz"}, "400 InvalidDigest"),
    ({"Content-MD5": OTHER_MD5}, "400 BadDigest"),
    ({"x-cos-acl": "all"}, "400 InvalidArgument"),
    ({"x-cos-grant-read": "someone"}, "400 InvalidArgument"),
    ({"x-cos-meta-long": "x" * 2048}, "400 EntityTooLarge"),
    ({"x-cos-storage-class": "GLACIER"}, "400 InvalidStorageClass"),
    ({"x-cos-tagging": "=1"}, "400 InvalidTag"),
    ({"x-cos-tagging": "a=1&a=2"}, "400 InvalidTag"),
    ({ENCRYPTION: "ROT13"}, "400 InvalidArgument"),
    ({ENCRYPTION: "cos/kms"}, "501 NotImplemented"),
    ({COPY: f"{HOST}/a", "x-cos-metadata-directive": "REPLACE"}, "400 InvalidArgument"),
    ({COPY: f"{HOST}/a", "x-cos-tagging-directive": "REPLACE"}, "400 InvalidArgument"),
    ({COPY: f"/{BUCKET}/a"}, "400 InvalidArgument"),
    ({COPY: f"{BUCKET}/a"}, "400 InvalidArgument"),
    ({COPY: f"{HOST}/"}, "400 InvalidArgument"),
    ({COPY: HOST}, "400 InvalidArgument"),
    ({COPY: "service.cos.myqcloud.com/a"}, "400 InvalidArgument"),
    ({COPY: f"{HOST}/%ff"}, "400 InvalidArgument"),
    ({COPY: f"other-1250000000.cos.{REGION}.myqcloud.com/a"}, "404 NoSuchBucket"),
    ({COPY: f"{BUCKET}.cos.ap-beijing.myqcloud.com/a"}, "404 NoSuchBucket"),
    ({COPY: f"{HOST}/nope"}, "404 NoSuchKey"),
]


@pytest.mark.parametrize(("headers", "error"), HEADERS_OF_PUT)
def test_put_is_refused_and_stores_nothing(wire, headers, error):
    wire.put("a", b"abc")
    body = None if COPY in headers else b"abc"
    assert wire.request("PUT", "b", headers=headers, body=body).error == error
    assert wire.head("b").status == 404


DOCUMENTS = [
    ("a", "PUT", "tagging", tagging(**{f"t{n}": "" for n in range(11)}), "400 InvalidTag"),
    ("a", "PUT", "tagging", tagging(x="v" * 257), "400 InvalidTag"),
    ("a", "PUT", "tagging", tagging(**{"n" * 129: ""}), "400 InvalidTag"),
    ("a", "PUT", "tagging", tagging(**{"": "x"}), "400 InvalidTag"),
    ("a", "PUT", "tagging", tagging(x="1", y="2").replace(">y<", ">x<"), "400 InvalidTag"),
    ("a", "PUT", "tagging", "<TagSet/>", "400 MalformedXML"),
    ("a", "PUT", "acl", grant("<ID>x</ID>", "FLY"), "400 InvalidArgument"),
    ("a", "PUT", "acl", grant("", "READ"), "400 MalformedXML"),
    ("a", "POST", "restore", restore(), "403 InvalidObjectState"),
    ("archived", "POST", "restore", restore(0), "400 InvalidArgument"),
    ("archived", "POST", "restore", restore("x"), "400 InvalidArgument"),
    ("archived", "POST", "restore", restore(1, "Slow"), "400 InvalidArgument"),
    ("archived", "POST", "restore", "<RestoreRequest/>", "400 MalformedXML"),
    ("", "PUT", "cors", "<Tagging/>", "400 MalformedXML"),
    ("", "POST", "delete", "<Delete><Object><Key>a</Key></Object></Delete>", "400 InvalidDigest"),
]


@pytest.mark.parametrize(("key", "method", "name", "body", "error"), DOCUMENTS)
def test_document_is_refused_and_changes_nothing(wire, key, method, name, body, error):
    wire.put("a", b"abc")
    wire.put("archived", b"abc", x_cos_storage_class="ARCHIVE")
    assert wire.document(method, key, name, body).error == error
    assert "x-cos-tagging-count" not in wire.head("a").headers
    assert wire.get("a", {"acl": ""}).headers["x-cos-acl"] == "default"
    assert wire.get("archived").status == 403


QUERIES = [
    ("GET", "nope", {"acl": ""}, "404 NoSuchKey"),
    ("GET", "nope", {"tagging": ""}, "404 NoSuchKey"),
    ("GET", "nope", {"symlink": ""}, "404 NoSuchKey"),
    ("GET", "a", {"symlink": ""}, "404 NotSymlink"),
    ("GET", "a", {"ci-process": "snapshot"}, "501 NotImplemented"),
    ("PUT", "a", {"x-cos-callback": "x"}, "501 NotImplemented"),
    ("PUT", "a", {"object-lock": ""}, "501 NotImplemented"),
    ("GET", "", {"object-lock": ""}, "501 NotImplemented"),
    ("PUT", "", {"object-lock": ""}, "501 NotImplemented"),
    ("DELETE", "", {"object-lock": ""}, "501 NotImplemented"),
    ("PATCH", "a", {}, "405 MethodNotAllowed"),
    ("PUT", "ü" * 425 + "x", {}, "400 KeyTooLong"),
    ("POST", "log", {"append": ""}, "400 InvalidArgument"),
    ("POST", "log", {"append": "", "position": "x"}, "400 InvalidArgument"),
    ("POST", "a", {"append": "", "position": "3"}, "409 ObjectNotAppendable"),
    ("GET", "", {"max-keys": "x"}, "400 InvalidArgument"),
    ("GET", "", {"max-keys": "-1"}, "400 InvalidArgument"),
    ("GET", "", {"encoding-type": "b"}, "400 InvalidArgument"),
]


@pytest.mark.parametrize(("method", "key", "query", "error"), QUERIES)
def test_request_is_refused_and_changes_nothing(wire, method, key, query, error):
    wire.put("a", b"abc")
    assert wire.request(method, key, query, body=b"").error == error
    assert wire.get("a").body == b"abc"
    assert wire.request("GET", "").texts("Contents/Key") == ["a"]


@pytest.mark.parametrize(
    ("host", "error"),
    [
        ("example.com", "400 InvalidURI"),
        (f"noappid.cos.{REGION}.myqcloud.com", "400 InvalidBucketName"),
        (f"Bad_Name-1250000000.cos.{REGION}.myqcloud.com", "400 InvalidBucketName"),
        (f"{BUCKET}.ci.{REGION}.myqcloud.com", "501 NotImplemented"),
        (f"{BUCKET}.cos-website.{REGION}.myqcloud.com", "501 NotImplemented"),
        (f"other-1250000000.cos.{REGION}.myqcloud.com", "404 NoSuchBucket"),
        (f"{BUCKET}.cos.ap-beijing.myqcloud.com", "404 NoSuchBucket"),
    ],
)
def test_host_is_refused(wire, host, error):
    wire.put("a")
    wire.host = host
    assert wire.get("a").error == error


@pytest.mark.parametrize("target", ["", "link", "x" * 851])
def test_symlink_needs_another_key_as_target(wire, target):
    headers = {"x-cos-symlink-target": target}
    assert wire.request("PUT", "link", {"symlink": ""}, headers).status == 400
