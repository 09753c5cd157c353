"""Observers of written objects."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from scf_mps.local.cos import CosEmulator, Fault, Key, StoredObject

from .support import complete, initiate, put_parts
from .wire import BUCKET, REGION, Wire


@pytest.fixture
def stored(cos: CosEmulator) -> list[StoredObject]:
    items: list[StoredObject] = []
    cos.observe(items.append)
    return items


def test_every_write_of_object_is_observed(
    cos: CosEmulator, wire: Wire, stored: list[StoredObject]
) -> None:
    seen = []
    wire.put("a", b"four")
    seen.append(stored[-1])
    wire.copy("a", "b")
    seen.append(stored[-1])
    wire.request("POST", "c", {"append": "", "position": "0"}, body=b"12345")
    seen.append(stored[-1])
    upload_id = initiate(wire)
    parts = put_parts(wire, upload_id, b"a" * 1024 * 1024, b"b")
    assert len(stored) == 3
    assert complete(wire, upload_id, parts).status == 200
    assert stored[:3] == seen
    who = cos.key.secret_id
    assert stored == [
        StoredObject(BUCKET, REGION, "a", 4, who, "PutObject"),
        StoredObject(BUCKET, REGION, "b", 4, who, "CopyObject"),
        StoredObject(BUCKET, REGION, "c", 5, who, "AppendObject"),
        StoredObject(BUCKET, REGION, "m", 1024 * 1024 + 1, who, "CompleteMultipartUpload"),
    ]


def test_other_requests_are_not_observed(wire: Wire, stored: list[StoredObject]) -> None:
    wire.put("a", b"four")
    stored.clear()
    wire.get("a")
    wire.request("PUT", "a", {"acl": ""}, {"x-cos-acl": "public-read"})
    assert wire.request("PUT", "a", headers={"x-cos-forbid-overwrite": "true"}).status == 409
    wire.request("PUT", "link", {"symlink": ""}, {"x-cos-symlink-target": "a"})
    wire.request("DELETE", "a")
    assert stored == []


def test_object_is_observed_when_response_is_lost(
    cos: CosEmulator, wire: Wire, stored: list[StoredObject]
) -> None:
    cos.faults.add(Fault("error_after", "PutObject", count=1, code="InternalError", status=500))
    assert wire.request("PUT", "a", body=b"four").status == 500
    assert [item.key for item in stored] == ["a"]


def test_refused_object_is_not_observed(
    cos: CosEmulator, wire: Wire, stored: list[StoredObject]
) -> None:
    cos.faults.add(Fault("error", "PutObject", count=1, code="AccessDenied", status=403))
    assert wire.request("PUT", "a", body=b"four").status == 403
    assert stored == []


def test_observer_knows_the_callers_key(
    cos: CosEmulator, sdk: Callable[..., Any], stored: list[StoredObject]
) -> None:
    cos.keys.add(Key("AKIDother", "other-secret"))
    sdk("AKIDother", "other-secret").put_object(Bucket=BUCKET, Body=b"x", Key="k")
    assert stored[0].secret_id == "AKIDother"


def test_observer_may_send_requests(cos: CosEmulator, wire: Wire) -> None:
    bodies: list[bytes] = []

    def read(item: StoredObject) -> None:
        if item.operation == "PutObject":
            bodies.append(Wire(cos).get(item.key).body)
            Wire(cos).request("POST", "log", {"append": "", "position": "0"}, body=b"1")

    cos.observe(read)
    assert wire.put("a", b"four").status == 200
    assert bodies == [b"four"]
    assert wire.get("log").body == b"1"


def test_error_of_observer_is_logged(
    cos: CosEmulator, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    later: list[StoredObject] = []

    def fail(item: StoredObject) -> None:
        raise OSError(item.key)

    cos.observe(fail)
    cos.observe(later.append)
    with caplog.at_level(logging.ERROR):
        assert wire.put("a", b"four").status == 200
    assert len(later) == 1
    assert "an observer failed" in caplog.text
