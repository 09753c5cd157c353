"""Faults: each kind has its effect on the matching requests."""

from __future__ import annotations

import http.client
import time

import pytest
from fastcrc import crc64

from scf_mps.local.cos import CosEmulator, Fault, Limit
from scf_mps.local.cos.limits import Limits

from .support import (
    batch_delete,
    build_request,
    complete,
    connect,
    initiate,
    objects,
    put_parts,
    upload,
)
from .wire import BUCKET, HOST, REGION, Wire


def delete(wire, *keys):
    return batch_delete(wire, f"<Delete>{objects(*keys)}</Delete>")


def test_slow_down_has_retry_after_and_count(cos, wire):
    rule = cos.faults.add(Fault("slow_down", operation="PutObject", count=2, retry_after=7))
    for _ in range(2):
        reply = wire.request("PUT", "a", body=b"x")
        assert reply.error == "503 SlowDown"
        assert reply.headers["Retry-After"] == "7"
    assert wire.put("a", b"x").status == 200
    assert cos.faults.hits(rule) == 2
    cos.faults.add(Fault("slow_down", retry_after=None))
    assert "Retry-After" not in wire.head("a").headers


def test_error_has_given_status_and_code(cos, wire):
    cos.faults.add(Fault("error", operation="GetObject", status=403, code="AccessDenied"))
    wire.put("a")
    assert wire.get("a").error == "403 AccessDenied"
    assert wire.head("a").status == 200


def test_expired_token_fault_fails_request(cos, wire):
    cos.faults.add(Fault("expired_token", count=1))
    assert wire.get("a").error == "403 ExpiredToken"


def test_error_after_applies_operation(cos, wire):
    cos.faults.add(Fault("error_after", operation="PutObject", count=1))
    assert wire.request("PUT", "a", body=b"abc").error == "500 InternalError"
    assert wire.get("a").body == b"abc"


@pytest.mark.parametrize(("kind", "applied"), [("reset_before", False), ("reset_after", True)])
def test_reset_comes_before_or_after_operation(cos, wire, kind, applied):
    cos.faults.add(Fault(kind, operation="PutObject", count=1))
    with pytest.raises(ConnectionResetError):
        wire.request("PUT", "a", body=b"abc")
    assert (wire.head("a").status == 200) is applied
    last = next(iter(cos.requests))
    assert (last.operation, last.status) == ("PutObject", 0)


def test_reset_download_leaks_no_file(cos, wire):
    wire.put("large", bytes(600_000))
    cos.faults.add(Fault("reset_after", operation="GetObject", count=1))
    with pytest.raises(ConnectionResetError):
        wire.get("large")
    assert wire.get("large").status == 200


@pytest.mark.parametrize("size", [1000, 1_000_000])
def test_truncated_body_ends_half_way(cos, wire, size):
    wire.put("a", bytes(size))
    cos.faults.add(Fault("truncate", count=1))
    with pytest.raises(http.client.IncompleteRead) as caught:
        wire.get("a")
    assert len(caught.value.partial) == size // 2
    assert wire.get("a").body == bytes(size)


@pytest.mark.parametrize("size", [1000, 1_000_000])
def test_corrupted_download_keeps_announced_crc64(cos, wire, size):
    put = wire.put("a", bytes(size))
    cos.faults.add(Fault("corrupt", operation="GetObject", count=1))
    response = wire.get("a")
    assert response.headers["x-cos-hash-crc64ecma"] == put.headers["x-cos-hash-crc64ecma"]
    assert str(crc64.xz(response.body)) != response.headers["x-cos-hash-crc64ecma"]
    assert len(response.body) == size
    assert wire.get("a").body == bytes(size)


def test_corrupted_upload_returns_crc64_of_received_bytes(cos, wire):
    cos.faults.add(Fault("corrupt", operation="PutObject", count=1))
    reply = wire.request("PUT", "a", body=iter([b"abc", b"def"]))
    assert reply.headers["x-cos-hash-crc64ecma"] == str(crc64.xz(wire.get("a").body))
    assert wire.get("a").body != b"abcdef"


def test_empty_body_cannot_be_corrupted(cos, wire):
    cos.faults.add(Fault("corrupt"))
    wire.put("a")
    assert wire.get("a").body == b""
    assert wire.copy("a", "b").status == 200
    assert wire.get("b").body == b""


@pytest.mark.parametrize("size", [1000, 600_000])
def test_corrupted_copy_differs_from_source(cos, wire, size):
    put = wire.put("a", bytes(size))
    cos.faults.add(Fault("corrupt", operation="CopyObject", count=1))
    copied = wire.copy("a", "b")
    assert copied.text("CRC64") != put.headers["x-cos-hash-crc64ecma"]
    assert copied.text("CRC64") == str(crc64.xz(wire.get("b").body))
    assert wire.get("a").body == bytes(size)


def test_error_in_200_applies_nothing(cos, wire):
    wire.put("a", b"abc")
    upload_id = initiate(wire)
    parts = put_parts(wire, upload_id, b"x")
    cos.faults.add(Fault("error_in_200", code="InternalError"))
    query = {"partNumber": "2", "uploadId": upload_id}
    part_copy = wire.request("PUT", "m", query, {"x-cos-copy-source": f"{HOST}/a"})
    replies = wire.copy("a", "b"), complete(wire, upload_id, parts), delete(wire, "a")
    for reply in (*replies, part_copy):
        assert (reply.status, reply.xml().tag, reply.code) == (200, "Error", "InternalError")
    assert wire.get("a").body == b"abc"
    assert wire.head("b").status == 404
    assert wire.head("m").status == 404
    assert wire.get("m", {"uploadId": upload_id}).texts("Part/PartNumber") == ["1"]


def test_fail_keys_fails_keys_of_batch(cos, wire):
    for key in ("a", "b/1", "b/2"):
        wire.put(key)
    rule = cos.faults.add(Fault("fail_keys", key="b/*", code="AccessDenied", count=1))
    reply = delete(wire, "a", "b/1", "b/2")
    assert reply.texts("Deleted/Key") == ["a", "b/2"]
    assert reply.texts("Error/Key") == ["b/1"]
    assert reply.texts("Error/Code") == ["AccessDenied"]
    assert wire.head("b/1").status == 200
    assert cos.faults.hits(rule) == 1


def test_latency_adds_up_and_combines_with_fault(cos, wire):
    for _ in range(2):
        cos.faults.add(Fault("latency", seconds=0.05, count=1))
    cos.faults.add(Fault("slow_down", count=1))
    started = time.perf_counter()
    assert wire.head("a").status == 503
    assert time.perf_counter() - started >= 0.1
    assert wire.head("a").status == 404
    assert next(iter(cos.requests)).seconds >= 0.1


def test_rule_matches_operation_bucket_and_key(cos, wire):
    cos.faults.add(
        Fault("error", operation="Put*", bucket="demo-*", key="video/*.mp4", status=418, code="X")
    )
    assert wire.request("PUT", "video/deep/a.mp4").status == 418
    assert wire.request("PUT", "video/a.ts").status == 200
    assert wire.request("PUT", "a.mp4").status == 200
    assert wire.head("video/a.mp4").status == 404


def test_probability_depends_on_seed(cos, wire):
    def statuses(seed: int) -> list[int]:
        number = cos.faults.add(Fault("slow_down", probability=0.5, seed=seed))
        result = [wire.head("a").status for _ in range(20)]
        cos.faults.remove(number)
        return result

    first = statuses(1)
    assert statuses(1) == first
    assert statuses(2) != first
    assert set(first) == {404, 503}


def test_first_matching_rule_wins(cos, wire):
    cos.faults.add(Fault("error", status=500, count=1))
    second = cos.faults.add(Fault("slow_down", count=1))
    assert [wire.head("a").status for _ in range(3)] == [500, 503, 404]
    assert cos.faults.hits(second) == 1
    cos.faults.clear()
    with pytest.raises(KeyError):
        cos.faults.hits(second)


def test_fault_refuses_invalid_fields():
    with pytest.raises(ValueError, match="explode"):
        Fault("explode")
    with pytest.raises(ValueError, match="probability"):
        Fault("latency", probability=2)


def test_corrupted_part_has_other_md5(cos, wire):
    upload_id = initiate(wire)
    clean = upload(wire, upload_id, 1, b"abc").headers["ETag"]
    cos.faults.add(Fault("corrupt", operation="UploadPart"))
    assert upload(wire, upload_id, 1, b"abc").headers["ETag"] != clean


def limited(tmp_path, clock, *limits):
    cos = CosEmulator(tmp_path, clock=clock)
    for limit in limits:
        cos.faults.limit(limit)
    return cos


def test_key_limit_bounds_requests_per_second(tmp_path, clock):
    with limited(tmp_path, clock, Limit("key", reads=3, writes=2)) as cos:
        cos.create_bucket(BUCKET, REGION)
        wire = Wire(cos, now=clock.now)
        assert [wire.request("PUT", "a").status for _ in range(3)] == [200, 200, 503]
        assert wire.request("PUT", "b").status == 200
        assert [wire.head("a").status for _ in range(4)] == [200, 200, 200, 503]
        reply = wire.request("PUT", "a")
        assert (reply.code, reply.headers["Retry-After"]) == ("SlowDown", "1")
        clock.now += 0.5
        assert [wire.request("PUT", "a").status for _ in range(2)] == [200, 503]


def test_bucket_limit_covers_all_keys(tmp_path, clock):
    with limited(tmp_path, clock, Limit("bucket", writes=2), Limit("key", writes=9)) as cos:
        cos.create_bucket(BUCKET, REGION)
        wire = Wire(cos, now=clock.now)
        assert [wire.request("PUT", key).status for key in "abc"] == [200, 200, 503]
        assert wire.head("a").status == 200


def test_batch_delete_counts_each_key_as_write(tmp_path, clock):
    with limited(tmp_path, clock, Limit("bucket", writes=3)) as cos:
        cos.create_bucket(BUCKET, REGION)
        wire = Wire(cos, now=clock.now)
        reply = delete(wire, "a", "b", "c", "d")
        assert reply.texts("Deleted/Key") == ["a", "b"]
        assert reply.texts("Error/Code") == ["SlowDown", "SlowDown"]


def test_limits_forget_longest_unused_key_first():
    counted = Limits(max_entries=2)
    counted.add(Limit("key", writes=1))
    assert [counted.admit("b", key, writes=True, now=0) for key in "xyz"] == [True] * 3
    assert not counted.admit("b", "y", writes=True, now=0)
    assert counted.admit("b", "x", writes=True, now=0)


def test_limit_refuses_unknown_scope():
    with pytest.raises(ValueError, match="account"):
        Limit("account")


def test_disconnected_client_does_not_break_server(cos, wire):
    cos.faults.add(Fault("latency", operation="GetObject", seconds=0.05))
    wire.put("a", b"abc")
    with connect(cos) as connection:
        connection.sendall(build_request(cos, "GET", "/a"))
    assert wire.get("a").body == b"abc"
