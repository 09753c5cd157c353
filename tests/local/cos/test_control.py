"""The control API over HTTP, and the request log."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from scf_mps.local.cos import CosEmulator, Fault, Key, RequestLog
from scf_mps.local.cos.request_log import LoggedRequest

from .wire import BUCKET, Wire


def control(cos: CosEmulator, method: str, path: str, fields: object = None, **headers: str) -> Any:
    body = None if fields is None else json.dumps(fields).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", **headers}
    request = urllib.request.Request(f"{cos.url}{path}", body, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def refused(
    cos: CosEmulator, method: str, path: str, fields: object = None, **headers: str
) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as caught:
        control(cos, method, path, fields, **headers)
    with caught.value as error:
        return error.code, json.load(error)["error"]


def test_faults_are_added_seen_and_taken_back(cos: CosEmulator, wire: Wire) -> None:
    added = control(cos, "POST", "/-/faults", {"kind": "slow_down", "operation": "HeadObject"})
    assert wire.head("a").status == 503
    control(cos, "POST", "/-/limits", {"per": "key", "writes": 50})
    seen = control(cos, "GET", "/-/faults")
    assert [(rule["number"], rule["hits"]) for rule in seen["faults"]] == [(added["number"], 1)]
    assert seen["limits"] == [{"per": "key", "reads": None, "writes": 50}]
    control(cos, "DELETE", f"/-/faults/{added['number']}")
    assert wire.head("a").status == 404
    cos.faults.add(Fault("slow_down"))
    control(cos, "DELETE", "/-/faults")
    assert control(cos, "GET", "/-/faults") == {"faults": [], "limits": []}


def test_keys_are_added_and_removed(cos: CosEmulator, wire: Wire) -> None:
    wire.put("a")
    control(cos, "POST", "/-/keys", {"secret_id": "AKIDnew", "secret_key": "s", "token": "t"})
    wire.key = Key("AKIDnew", "s", "t")
    assert wire.head("a").status == 200
    control(cos, "DELETE", "/-/keys/AKIDnew")
    assert wire.head("a").status == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_control_refuses_requests_of_foreign_pages(
    cos: CosEmulator, headers: dict[str, str], status: int
) -> None:
    key = {"secret_id": "AKIDnew", "secret_key": "s"}
    assert refused(cos, "POST", "/-/keys", key, **headers)[0] == status
    assert [key.secret_id for key in cos.keys] == [cos.key.secret_id]
    if status == 403:
        assert refused(cos, "GET", "/-/requests", **headers)[0] == status


def test_control_accepts_its_own_origin(cos: CosEmulator) -> None:
    control(cos, "POST", "/-/keys", {"secret_id": "AKIDnew", "secret_key": "s"}, Origin=cos.url)
    assert len(list(cos.keys)) == 2


def test_requests_are_counted_and_the_last_ones_kept(cos: CosEmulator, wire: Wire) -> None:
    wire.put("a")
    wire.get("nope")
    seen = control(cos, "GET", "/-/requests")
    assert seen["counts"] == {"PutObject": 1, "GetObject": 1}
    last = seen["recent"][-1]
    assert (last["operation"], last["bucket"], last["key"]) == ("GetObject", BUCKET, "nope")
    assert (last["status"], last["code"]) == (404, "NoSuchKey")
    assert last["seconds"] > 0
    control(cos, "DELETE", "/-/requests")
    assert len(cos.requests) == 0


@pytest.mark.parametrize(
    ("method", "path", "fields", "status"),
    [
        ("POST", "/-/faults", {"kind": "explode"}, 400),
        ("POST", "/-/faults", {"nope": 1}, 400),
        ("POST", "/-/faults", [], 400),
        ("POST", "/-/faults", {"kind": "error", "status": "500"}, 400),
        ("POST", "/-/faults", {"kind": "error", "status": 99_999}, 400),
        ("POST", "/-/limits", {"per": "moon"}, 400),
        ("POST", "/-/limits", {"per": "key", "reads": "1"}, 400),
        ("POST", "/-/keys", {"secret_id": 1, "secret_key": []}, 400),
        ("POST", "/-/keys", {"secret_id": "i", "secret_key": "k", "expires_at": "soon"}, 400),
        ("DELETE", "/-/faults/99", None, 404),
        ("DELETE", "/-/faults/x", None, 400),
        ("GET", "/-/nothing", None, 404),
        ("PUT", "/-/faults", None, 404),
        ("GET", "/faults", None, 404),
    ],
)
def test_wrong_control_requests_are_refused(
    cos: CosEmulator, method: str, path: str, fields: object, status: int
) -> None:
    assert refused(cos, method, path, fields)[0] == status


def test_control_refuses_deep_json(cos: CosEmulator) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{cos.url}/-/keys", b"[" * 100_000, headers)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=30)
    with caught.value as error:
        assert error.code == 400


def test_an_object_may_be_named_like_the_control_api(wire: Wire) -> None:
    wire.put("-/faults", b"abc")
    assert wire.get("-/faults").body == b"abc"


def test_the_log_is_bounded_and_its_counts_are_not() -> None:
    log = RequestLog(size=2)
    for number in range(3):
        log.add(LoggedRequest("GetObject", "GET", "b", str(number), 200, "", 0.0))
    assert [request.key for request in log] == ["1", "2"]
    assert (log.count("GetObject"), log.counts(), len(log)) == (3, {"GetObject": 3}, 3)
    log.clear()
    assert (list(log), len(log)) == ([], 0)
