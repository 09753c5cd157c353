"""The HTTP control API and the request log."""

import json
import urllib.error
import urllib.request

import pytest

from scf_mps.local.cos import Fault, Key, RequestLog
from scf_mps.local.cos.logged_request import LoggedRequest

from .wire import BUCKET


def call_control(cos, method, path, fields=None, **headers):
    body = None if fields is None else json.dumps(fields).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", **headers}
    request = urllib.request.Request(f"{cos.url}{path}", body, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def call_invalid(cos, method, path, fields=None, **headers):
    with pytest.raises(urllib.error.HTTPError) as caught:
        call_control(cos, method, path, fields, **headers)
    with caught.value as error:
        return error.code, json.load(error)["error"]


def test_control_adds_lists_and_removes_faults(cos, wire):
    added = call_control(cos, "POST", "/-/faults", {"kind": "slow_down", "operation": "HeadObject"})
    assert wire.head("a").status == 503
    call_control(cos, "POST", "/-/limits", {"per": "key", "writes": 50})
    response = call_control(cos, "GET", "/-/faults")
    assert [(rule["number"], rule["hits"]) for rule in response["faults"]] == [(added["number"], 1)]
    assert response["limits"] == [{"per": "key", "reads": None, "writes": 50}]
    call_control(cos, "DELETE", f"/-/faults/{added['number']}")
    assert wire.head("a").status == 404
    cos.faults.add(Fault("slow_down"))
    call_control(cos, "DELETE", "/-/faults")
    assert call_control(cos, "GET", "/-/faults") == {"faults": [], "limits": []}


def test_control_adds_and_removes_keys(cos, wire):
    wire.put("a")
    call_control(cos, "POST", "/-/keys", {"secret_id": "AKIDnew", "secret_key": "s", "token": "t"})
    wire.key = Key("AKIDnew", "s", "t")
    assert wire.head("a").status == 200
    call_control(cos, "DELETE", "/-/keys/AKIDnew")
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
def test_control_refuses_requests_of_other_sites(cos, headers, status):
    key = {"secret_id": "AKIDnew", "secret_key": "s"}
    assert call_invalid(cos, "POST", "/-/keys", key, **headers)[0] == status
    assert [key.secret_id for key in cos.keys] == [cos.key.secret_id]
    if status == 403:
        assert call_invalid(cos, "GET", "/-/requests", **headers)[0] == status


def test_control_accepts_own_origin(cos):
    call_control(
        cos, "POST", "/-/keys", {"secret_id": "AKIDnew", "secret_key": "s"}, Origin=cos.url
    )
    assert len(list(cos.keys)) == 2


def test_control_returns_request_log(cos, wire):
    wire.put("a")
    wire.get("nope")
    response = call_control(cos, "GET", "/-/requests")
    assert response["counts"] == {"PutObject": 1, "GetObject": 1}
    last = response["recent"][-1]
    assert (last["operation"], last["bucket"], last["key"]) == ("GetObject", BUCKET, "nope")
    assert (last["status"], last["code"]) == (404, "NoSuchKey")
    assert last["seconds"] > 0
    call_control(cos, "DELETE", "/-/requests")
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
def test_control_refuses_invalid_requests(cos, method, path, fields, status):
    assert call_invalid(cos, method, path, fields)[0] == status


def test_control_refuses_deep_json(cos):
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{cos.url}/-/keys", b"[" * 100_000, headers)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=30)
    with caught.value as error:
        assert error.code == 400


def test_object_key_may_look_like_control_path(wire):
    wire.put("-/faults", b"abc")
    assert wire.get("-/faults").body == b"abc"


def test_request_log_is_bounded_but_counts_all():
    log = RequestLog(size=2)
    for number in range(3):
        log.add(LoggedRequest("GetObject", "GET", "b", str(number), 200, "", 0.0))
    assert [request.key for request in log] == ["1", "2"]
    assert (log.count("GetObject"), log.counts(), len(log)) == (3, {"GetObject": 3}, 3)
    log.clear()
    assert (list(log), len(log)) == ([], 0)
