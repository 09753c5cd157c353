"""Objects over HTTP: put, get, ranges, hosts and keys."""

import base64
import hashlib
import http.client
import os
import socket
import struct

import pytest
from fastcrc import crc64
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scf_mps.local import http_server
from scf_mps.local.cos import CosEmulator
from tests.support.wait import wait_until

from .support import blobs, build_request, connect, waiting_upload
from .wire import BUCKET, HOST, REGION, Wire, authorization, raw_exchange

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200).filter(
    lambda key: len(key.encode()) <= 850
)


def test_object_is_returned_as_put(wire):
    put = wire.put("a.txt", b"hello", Content_Type="text/plain", Cache_Control="max-age=9")
    assert put.headers["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    response = wire.get("a.txt")
    assert (response.status, response.body) == (200, b"hello")
    assert response.headers["Content-Type"] == "text/plain"
    assert response.headers["Cache-Control"] == "max-age=9"
    assert response.headers["ETag"] == put.headers["ETag"]
    assert response.headers["Server"] == "tencent-cos"
    assert response.headers["x-cos-request-id"]


def test_crc64_is_returned_by_put_get_head(wire):
    put = wire.put("a", b"123456789")
    for reply in (put, wire.get("a"), wire.head("a")):
        assert reply.headers["x-cos-hash-crc64ecma"] == "11051210869376104954"


def test_head_has_length_and_no_body(wire):
    wire.put("a", b"12345")
    head = wire.head("a")
    assert (head.status, head.headers["Content-Length"], head.body) == (200, "5", b"")


def test_empty_object_exists(wire):
    wire.put("empty")
    response = wire.get("empty")
    assert (response.status, response.body, response.headers["Content-Length"]) == (200, b"", "0")


def test_user_metadata_may_be_utf8(wire):
    wire.put("a", b"", x_cos_meta_title="höhe", X_Cos_Meta_Other="1")
    head = wire.head("a")
    assert head.headers["x-cos-meta-title"].encode("latin-1").decode() == "höhe"
    assert head.headers["x-cos-meta-other"] == "1"


def test_encoded_content_is_stored_unchanged(wire):
    wire.put("a.gz", b"not really gzip", Content_Encoding="gzip")
    response = wire.get("a.gz")
    assert (response.headers["Content-Encoding"], response.body) == ("gzip", b"not really gzip")


def test_chunked_upload_needs_no_length(wire):
    reply = wire.request("PUT", "a", body=iter([b"one", b"two"]))
    assert reply.status == 200
    assert wire.get("a").body == b"onetwo"


def test_upload_without_length_or_chunks_is_refused(cos):
    reply = raw_exchange(cos.port, build_request(cos, "PUT", "/a", "Connection: close"))
    assert b" 411 " in reply.splitlines()[0]
    assert b"MissingContentLength" in reply


def test_body_is_requested_only_when_accepted(cos):
    lines = ("Expect: 100-continue", "Content-Length: 3")
    with connect(cos) as connection:
        connection.sendall(build_request(cos, "PUT", "/a", *lines))
        assert connection.recv(4096).startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(b"abc")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK")
    assert Wire(cos).get("a").body == b"abc"
    with connect(cos) as connection:
        connection.sendall(build_request(cos, "PUT", "/a", *lines, signed_path="/other"))
        assert connection.recv(4096).startswith(b"HTTP/1.1 403")


def test_matching_content_md5_is_accepted(wire):
    digest = base64.b64encode(hashlib.md5(b"abc").digest()).decode()
    assert wire.put("a", b"abc", Content_MD5=digest).status == 200


def test_interrupted_upload_keeps_old_object(cos, wire):
    wire.put("a", b"old")
    request = build_request(cos, "PUT", "/a", "Content-Length: 100") + b"only half"
    raw_exchange(cos.port, request, hang_up=True)
    assert wire.get("a").body == b"old"


@pytest.mark.parametrize(
    ("text", "status", "body", "content_range"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-30", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        (f"bytes=8-{10**30}", 206, b"89", "bytes 8-9/10"),
        (f"bytes=-{10**30}", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("bytes=5-2", 200, b"0123456789", None),
        ("bytes=-", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
def test_range_returns_part(wire, text, status, body, content_range):
    wire.put("a", b"0123456789")
    response = wire.get("a", Range=text)
    assert (response.status, response.body) == (status, body)
    assert response.headers["Content-Range"] == content_range
    assert ("x-cos-hash-crc64ecma" in response.headers) is (status == 200)


@pytest.mark.parametrize("text", ["bytes=10-", "bytes=10-20", "bytes=-0", f"bytes={10**30}-"])
def test_range_after_end_is_refused(wire, text):
    wire.put("a", b"0123456789")
    response = wire.get("a", Range=text)
    assert response.error == "416 InvalidRange"
    assert response.headers["Content-Range"] == "bytes */10"


def test_large_object_streams_both_ways(wire):
    data = os.urandom(1_500_000)
    wire.put("large", data)
    assert wire.get("large").body == data
    assert wire.get("large", Range="bytes=100000-1200000").body == data[100000:1200001]


@pytest.mark.parametrize("reset", [False, True])
def test_download_logs_nothing_when_client_disconnects(cos, wire, caplog, reset):
    wire.put("large", bytes(8_000_000))
    with connect(cos) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(build_request(cos, "GET", "/large"))
        assert connection.recv(100)
    assert wire.head("large").status == 200
    wait_until(lambda: cos.requests.counts().get("GetObject") == 1)
    assert caplog.records == []


@pytest.mark.parametrize(
    "field", ["Content-Length: -1", "Content-Length: x", "Transfer-Encoding: gzip"]
)
def test_invalid_http_is_one_log_line(cos, caplog, field):
    with connect(cos) as connection:
        connection.sendall(f"PUT /a HTTP/1.1\r\nHost: h\r\n{field}\r\n\r\n".encode())
        assert b" 400 " in connection.recv(1000)

    (record,) = caplog.records
    assert (record.name, record.exc_info) == ("scf_mps.local.http_server", None)
    assert "\n" not in record.getMessage()


def test_http_log_keeps_other_tracebacks(caplog):
    http_server.logger.error("failed", exc_info=ValueError("x"))
    (record,) = caplog.records
    assert record.getMessage() == "failed"
    assert record.exc_info is not None


def test_connect_is_refused_with_advice(cos):
    request = f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
    with connect(cos) as connection:
        connection.sendall(request.encode())
        with connection.makefile("rb") as file:
            assert b" 400 " in file.readline()
            assert b"not https" in file.read()


def test_response_parameters_replace_headers(wire):
    wire.put("a", b"", Content_Type="text/plain")
    response = wire.get(
        "a", {"response-content-type": "image/png", "response-content-disposition": "attachment"}
    )
    assert response.headers["Content-Type"] == "image/png"
    assert response.headers["Content-Disposition"] == "attachment"


def test_missing_object_is_no_such_key(wire):
    response = wire.get("nope")
    assert response.error == "404 NoSuchKey"
    assert response.text("Resource") == f"{HOST}/nope"
    assert response.text("RequestId") == response.headers["x-cos-request-id"]
    assert response.text("TraceId") == response.headers["x-cos-trace-id"]
    head = wire.head("nope")
    assert (head.status, head.body) == (404, b"")
    assert head.headers["x-cos-request-id"]


def test_delete_succeeds_for_missing_object(wire):
    wire.put("a")
    assert wire.request("DELETE", "a").status == 204
    assert wire.get("a").status == 404
    assert wire.request("DELETE", "a").status == 204


def test_overwrite_and_delete_release_bytes(cos, wire):
    for _ in range(3):
        wire.put("a", os.urandom(10))
    wire.copy("a", "b")
    assert len(blobs(cos.directory)) == 1
    wire.request("DELETE", "a")
    assert len(blobs(cos.directory)) == 1
    wire.request("DELETE", "b")
    assert blobs(cos.directory) == []


def test_missing_bytes_are_internal_error(cos, wire):
    wire.put("a", b"abc")
    blobs(cos.directory)[0].unlink()
    assert wire.get("a").error == "500 InternalError"


def test_forbid_overwrite_protects_object(wire):
    wire.put("a", b"first", x_cos_forbid_overwrite="true")
    reply = wire.request("PUT", "a", headers={"x-cos-forbid-overwrite": "true"}, body=b"second")
    assert reply.error == "409 FileAlreadyExists"
    assert wire.get("a").body == b"first"
    wire.put("a", b"third", x_cos_forbid_overwrite="false")
    assert wire.get("a").body == b"third"


def test_storage_class_is_stored(wire):
    wire.put("a", b"", x_cos_storage_class="STANDARD_IA")
    assert wire.head("a").headers["x-cos-storage-class"] == "STANDARD_IA"
    wire.put("b")
    assert "x-cos-storage-class" not in wire.head("b").headers


@pytest.mark.parametrize("limit", ["1", "819199", "838860801", "abc", "-819200", "٣٣٣٣٣٣٣"])
def test_traffic_limit_is_refused_when_out_of_range(wire, limit):
    for method in ("PUT", "GET"):
        reply = wire.request(method, "a", headers={"x-cos-traffic-limit": limit}, body=b"")
        assert reply.error == "400 InvalidArgument"
        reply = wire.request(method, "a", {"x-cos-traffic-limit": limit}, body=b"")
        assert reply.error == "400 InvalidArgument"
    assert wire.get("a").status == 404


@pytest.mark.parametrize("limit", ["819200", "838860800"])
def test_traffic_limit_is_accepted_in_range(wire, limit):
    wire.put("a", b"x", x_cos_traffic_limit=limit)
    assert wire.get("a", {"x-cos-traffic-limit": limit}).body == b"x"


@pytest.mark.parametrize(
    "header",
    [
        "x-cos-server-side-encryption-customer-algorithm",
        "x-cos-server-side-encryption-customer-key",
        "x-cos-server-side-encryption-cos-kms-key-id",
        "x-cos-copy-source-server-side-encryption-customer-key-MD5",
        "x-cos-callback",
        "Pic-Operations",
    ],
)
def test_unsupported_header_is_refused(wire, header):
    for method in ("PUT", "GET", "HEAD"):
        assert wire.request(method, "a", headers={header: "AES256"}, body=b"").status == 501
    assert wire.get("a").status == 404


@given(
    name=st.sampled_from(
        [
            *("Host", "Authorization", "Range", "Content-MD5", "Content-Type", "If-None-Match"),
            *("If-Modified-Since", "x-cos-acl", "x-cos-copy-source", "x-cos-tagging"),
            *("x-cos-meta-a", "x-cos-storage-class", "x-cos-traffic-limit", "x-cos-grant-read"),
        ]
    ),
    value=st.binary(max_size=20).filter(lambda value: not set(value) & set(b"\r\n\0")),
    method=st.sampled_from(["PUT", "GET", "DELETE", "POST"]),
    query=st.sampled_from(["", "?acl", "?tagging", "?symlink", "?uploads", "?restore", "?%ff=%ff"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_header_breaks_the_server(cos, name, value, method, query):
    signature = authorization(cos.key, method, "/a", {}, {"host": HOST})
    headers = {
        "Host": HOST,
        "Authorization": signature,
        "Connection": "close",
        "Content-Length": "0",
    }
    headers.pop(name, None)
    lines = [f"{method} /a{query} HTTP/1.1", *map(": ".join, headers.items()), f"{name}: "]
    reply = raw_exchange(cos.port, "\r\n".join(lines).encode() + value + b"\r\n\r\n")
    assert b" 500 " not in reply.splitlines()[0]


@pytest.mark.parametrize("digits", ["9" * 5000, "٣", "²"])
def test_number_is_refused_when_not_plain_digits(wire, digits):
    wire.put("a", b"x")
    restore = f"<RestoreRequest><Days>{digits}</Days></RestoreRequest>"
    part = f"<Part><PartNumber>{digits}</PartNumber><ETag>x</ETag></Part>"
    upload = wire.request("POST", "b", {"uploads": ""}).text("UploadId")
    complete = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
    for reply in (
        wire.request("GET", "", {"max-keys": digits}),
        wire.request("POST", "log", {"append": "", "position": digits}, body=b""),
        wire.request("PUT", "b", {"partNumber": digits, "uploadId": upload}, body=b""),
        wire.request("POST", "b", {"uploadId": upload}, body=complete),
        wire.request("POST", "a", {"restore": ""}, body=restore.encode()),
    ):
        assert reply.status == 400, reply.body
    ranged = wire.get("a", Range=f"bytes={digits}-")
    assert ranged.status in (200, 416)


@pytest.mark.parametrize("host", [b"\xff\xfe", b"b-1.cos.\xff.myqcloud.com", "例子".encode()])
def test_host_is_refused_when_it_is_not_utf8(cos, host):
    request = b"GET /a HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"
    reply = raw_exchange(cos.port, request)
    assert b" 400 " in reply.splitlines()[0]
    assert b"<Error>" in reply


def test_encryption_is_echoed(wire):
    header = "x-cos-server-side-encryption"
    assert wire.put("a", b"", **{header.replace("-", "_"): "AES256"}).headers[header] == "AES256"
    assert wire.head("a").headers[header] == "AES256"
    assert header not in wire.put("a", b"", x_cos_meta_note=header).headers


def test_append_requires_position_at_end(wire):
    first = wire.request("POST", "log", {"append": "", "position": "0"}, body=b"one")
    assert first.headers["x-cos-next-append-position"] == "3"
    second = wire.request("POST", "log", {"append": "", "position": "3"}, body=b"two")
    assert second.headers["x-cos-next-append-position"] == "6"
    assert second.headers["x-cos-hash-crc64ecma"] == str(crc64.xz(b"onetwo"))
    head = wire.head("log")
    assert head.headers["x-cos-object-type"] == "appendable"
    assert head.headers["x-cos-next-append-position"] == "6"
    assert wire.get("log").body == b"onetwo"
    wrong = wire.request("POST", "log", {"append": "", "position": "3"}, body=b"two")
    assert wrong.error == "409 PositionNotEqualToLength"


def test_append_fails_when_position_is_taken(cos, wire):
    query = {"append": "", "position": "0"}
    with waiting_upload(cos, "POST", "log", query) as slow:
        assert wire.request("POST", "log", query, body=b"").status == 200
        slow.sendall(b"slow")
        assert slow.recv(4096).startswith(b"HTTP/1.1 409")
    assert wire.get("log").body == b""


@given(key=KEYS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_key_names_its_own_object(wire, key):
    wire.put(key, key.encode())
    assert wire.get(key).body == key.encode()
    listed = wire.request("GET", query={"prefix": key, "encoding-type": "url", "max-keys": "1"})
    assert listed.texts("Contents/Key")
    assert wire.request("DELETE", key).status == 204
    assert wire.get(key).status == 404


@pytest.mark.parametrize("proxy", [False, True])
@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("//a", "/a"),
        ("/./a/../b", "./a/../b"),
        ("/a//b", "a//b"),
        ("/a+b", "a+b"),
        ("/a%2Bb", "a+b"),
        ("/a%20b", "a b"),
        ("/a%2Fb", "a/b"),
        ("/%C3%BC", "ü"),
        ("/a%3Fb%23c", "a?b#c"),
        ("/a/", "a/"),
    ],
)
def test_path_is_never_normalised(wire, path, key, proxy):
    wire.proxy = proxy
    assert wire.request("PUT", key, body=b"x", path=path).status == 200
    assert wire.request("GET", query={"prefix": key}).texts("Contents/Key") == [key]


def test_key_may_have_850_bytes(wire):
    wire.put("ü" * 425)


@pytest.mark.parametrize("path", ["/%ff", "/a%E4b"])
def test_key_must_be_utf8(wire, path):
    assert wire.request("GET", path=path, signed=False).error == "400 InvalidURI"


def test_empty_query_parameters_are_ignored(wire):
    wire.put("a", b"abc")
    assert wire.request("GET", "a", path="/a?&=x&").body == b"abc"


def test_upload_fails_when_bucket_is_deleted_meanwhile(cos, wire):
    with waiting_upload(cos, "PUT", "a", {}) as slow:
        assert wire.request("DELETE").status == 204
        slow.sendall(b"slow")
        response = slow.recv(4096)
        while b"</Error>" not in response:  # headers and body may arrive separately
            response += slow.recv(4096)
        assert b"NoSuchBucket" in response


def test_malformed_chunked_body_stores_nothing(cos, wire):
    request = build_request(cos, "PUT", "/a", "Transfer-Encoding: chunked") + b"nonsense\r\n"
    assert b" 400 " in raw_exchange(cos.port, request).splitlines()[0]
    assert wire.head("a").status == 404


def test_connection_carries_many_requests(cos, wire):
    wire.put("a", b"abc")
    connection = http.client.HTTPConnection("127.0.0.1", cos.port)
    for method in ("GET", "HEAD", "GET"):
        auth = authorization(cos.key, method, "/a", {}, {"host": HOST})
        connection.request(method, "/a", headers={"Host": HOST, "Authorization": auth})
        response = connection.getresponse()
        assert response.status == 200
        response.read()
    connection.close()


def test_create_buckets_creates_bucket_on_first_write(tmp_path):
    with CosEmulator(tmp_path, create_buckets=True) as cos:
        wire = Wire(cos)
        assert wire.get("a").code == "NoSuchBucket"
        wire.put("a", b"abc")
        assert wire.get("a").body == b"abc"
        assert wire.request("HEAD").headers["x-cos-bucket-region"] == REGION


@pytest.mark.parametrize(
    "host",
    [
        f"{BUCKET}.cos.{REGION}.tencentcos.cn",
        f"{BUCKET}.cos-internal.{REGION}.tencentcos.cn",
        f"{BUCKET}.cos-internal.{REGION}.myqcloud.com",
        f"{BUCKET}.cos.accelerate.myqcloud.com",
        f"{HOST}:80",
        HOST.upper(),
    ],
)
@pytest.mark.parametrize("proxy", [False, True])
def test_bucket_is_reached_by_all_its_hosts(wire, host, proxy):
    wire.host, wire.proxy = host, proxy
    wire.put("a", b"abc")
    assert wire.get("a").body == b"abc"


def test_unknown_and_empty_parameters_are_ignored(wire):
    wire.put("a")
    assert wire.get("a", {"cache": ""}).status == 200
    assert wire.request("GET", "", {"prefix": "", "marker": ""}).texts("Contents/Key") == ["a"]


@pytest.mark.parametrize("target", ["*", "nothing", f"http://{HOST}"])
def test_odd_request_targets_get_response(cos, target):
    request = f"OPTIONS {target} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
    assert b" 40" in raw_exchange(cos.port, request.encode()).splitlines()[0]
