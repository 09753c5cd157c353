"""The API client, whatever the service: retries, errors, deadlines, credentials and hosts."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

pytest.importorskip("aiohttp", reason="the emulator of the API needs it")
pytest.importorskip("tencentcloud.common", reason="ApiClient uses it")

from scf_mps import Context
from scf_mps.cos import Credentials, Retry
from scf_mps.local import api as cloud
from scf_mps.tencent.client import ApiClient, ApiError, SdkMissing
from tests.support.raw_server import Peer, Server

FAST_RETRY = Retry(attempts=4, base=0.001, cap=0.01)
VARIABLES = (
    "TENCENTCLOUD_SECRETID TENCENTCLOUD_SECRETKEY TENCENTCLOUD_SESSIONTOKEN TENCENTCLOUD_SECRET_ID "
    "TENCENTCLOUD_SECRET_KEY TENCENTCLOUD_REGION MPS_REGION MPS_API_ENDPOINT"
)


class Lamp(ApiClient):
    """A client of a service with one action that reads and one that changes something."""

    service = "lamp"
    version = "2030-01-01"


class LampService(cloud.Service):
    """The service: counts the changes."""

    name = "lamp"
    version = "2030-01-01"
    needs_region = False
    switched = 0

    @cloud.action("Switch")
    def switch(self, call: cloud.Call) -> Mapping[str, Any]:
        self.switched += 1
        return {"Done": True}

    @cloud.action("DescribeLamp")
    def describe(self, call: cloud.Call) -> Mapping[str, Any]:
        return {"On": bool(self.switched)}


class LongWaits(Retry):
    """Waits of a minute."""

    def next_wait(self, attempt, retry_after=0.0):
        return 60.0


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in VARIABLES.split():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def service():
    return LampService()


@pytest.fixture
def api(service):
    with cloud.CloudApi([service]) as running:
        yield running


@pytest.fixture
def keys(api):
    return Credentials(api.key.secret_id, api.key.secret_key)


@pytest.fixture
def make(api, keys):
    def make(credentials: Credentials | None = keys, **options: Any) -> Lamp:
        return Lamp(credentials, **{"endpoint": api.url, "retry": FAST_RETRY, **options})

    return make


@pytest.fixture
def lamp(make):
    return make()


# Retries


def format_fault(part):
    return " ".join(map(str, part.values())) if isinstance(part, dict) else str(part)


@pytest.mark.parametrize(
    ("action", "fault"),
    [
        ("DescribeLamp", {"code": "RequestLimitExceeded.UinLimitExceeded"}),
        ("DescribeLamp", {"code": "InternalError.AccessDBError"}),
        ("DescribeLamp", {"kind": "status", "status": 503}),
        ("DescribeLamp", {"kind": "hang_up"}),
        ("DescribeLamp", {"kind": "lose_response"}),
        ("Switch", {"code": "RequestLimitExceeded"}),
        ("Switch", {"code": "RequestLimitExceeded.UinLimitExceeded"}),
    ],
    ids=format_fault,
)
def test_transient_error_is_retried(lamp, service, api, action, fault):
    api.faults.add(action, times=3, **fault)
    response = lamp.call(action)
    assert response["RequestId"]
    assert (("Done", True) if action == "Switch" else ("On", False)) in response.items()
    assert service.switched == (1 if action == "Switch" else 0)
    assert len(api.requests) == 4


@pytest.mark.parametrize("action", ["Switch", "DescribeLamp"])
def test_retries_end_after_last_attempt(lamp, api, action):
    api.faults.add(action, times=9)
    with pytest.raises(ApiError) as raised:
        lamp.call(action)
    assert (raised.value.code, raised.value.retryable) == ("RequestLimitExceeded", True)
    assert len(api.requests) == 4


@pytest.mark.parametrize(
    ("action", "fault", "switched"),
    [
        ("Switch", {"code": "InternalError"}, 0),
        ("Switch", {"code": "ServiceUnavailable"}, 0),
        ("Switch", {"code": "LimitExceeded"}, 0),
        ("Switch", {"kind": "status", "status": 503}, 0),
        ("Switch", {"kind": "hang_up"}, 0),
        ("Switch", {"kind": "lose_response"}, 1),
        ("DescribeLamp", {"code": "InvalidParameterValue"}, 0),
    ],
    ids=format_fault,
)
def test_other_error_is_not_retried(lamp, service, api, action, fault, switched):
    """A change may have been applied, and a permanent error remains."""
    api.faults.add(action, times=9, **fault)
    with pytest.raises(ApiError) as raised:
        lamp.call(action)
    assert raised.value.code == fault.get("code", raised.value.code)
    assert service.switched == switched
    assert len(api.requests) == 1


def test_parameter_that_is_not_json_is_rejected(lamp, api):
    with pytest.raises(TypeError, match="datetime"):
        lamp.call("DescribeLamp", StartTime=datetime.now())
    assert len(api.requests) == 0


# Responses


def describe_lamp(server, token=""):
    Lamp(Credentials("AKID", "key", token), endpoint=server.url, retry=FAST_RETRY).call(
        "DescribeLamp"
    )


def format_response(body, content_type="application/json", length=0):
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nConnection: close\r\n"
    return f"{head}Content-Length: {length or len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (format_response(b"<html>", "text/html"), "InvalidResponse"),
        (format_response(b"[]"), "InvalidResponse"),
        (format_response(b"{}"), "InvalidResponse"),
        (format_response(b'{"Response": 3}'), "InvalidResponse"),
        (format_response(b'{"Response":null}'), "InvalidResponse"),
        (format_response(b'{"Response":{"Error":"x"}}'), "InvalidResponse"),
        (format_response(b'{"Response":' + b"[" * 100_000), "InvalidResponse"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]", "InvalidResponse"),
        (format_response(b"{", "text/html", length=100), "ClientNetworkError"),
        (b"", "ClientNetworkError"),
    ],
)
def test_malformed_response_is_retryable_api_error(response, code):
    def handle(peer: Peer) -> None:
        peer.read_request()
        peer.send(response)

    with Server(handle) as server, pytest.raises(ApiError) as raised:
        describe_lamp(server)
    assert (raised.value.code, raised.value.retryable) == (code, True)
    assert raised.value.request_id == ""


def test_error_is_recognized_with_any_content_type():
    body = b'{"Response": {"Error": {"Code": "Odd.Code", "Message": "m"}, "RequestId": "r"}}'

    def handle(peer: Peer) -> None:
        peer.read_request()
        peer.send(format_response(body, "application/json; charset=utf-8"))

    with Server(handle) as server, pytest.raises(ApiError) as raised:
        describe_lamp(server)
    assert str(raised.value) == "Odd.Code: m [request r]"


def test_page_of_proxy_is_truncated(make, api):
    api.faults.add("*", kind="status", status=502)
    with pytest.raises(ApiError) as raised:
        make(retry=Retry(attempts=1)).call("DescribeLamp")
    assert raised.value.code == "ServerNetworkError"
    assert str(raised.value) == "ServerNetworkError: <html>no answer</html>"


def test_redirect_sends_no_token_to_another_host():
    heads = []
    with Server(lambda peer: heads.append(peer.read_request())) as other:

        def handle(peer: Peer) -> None:
            peer.read_request()
            peer.send(
                b"HTTP/1.1 307 Moved\r\nlocation: http://localhost:%d/\r\ncontent-length: 0\r\n\r\n"
                % other.port
            )

        with Server(handle) as server, pytest.raises(ApiError):
            describe_lamp(server, "token")
    assert not heads


# Deadlines


def test_call_fails_at_once_without_time(make, api):
    now = [0.0]
    lamp = make(context=Context({"time_limit_in_ms": 10_000}, lambda: now[0]))
    now[0] = 9.8
    with pytest.raises(ApiError) as raised:
        lamp.call("DescribeLamp")
    assert (raised.value.code, raised.value.retryable) == ("DeadlineExceeded", False)
    assert len(api.requests) == 0


def test_retry_does_not_wait_past_deadline(make, api):
    api.faults.add("*", times=9)
    context = Context({"time_limit_in_ms": 3000}, lambda: 0.0)
    with pytest.raises(ApiError):
        make(context=context, retry=LongWaits()).call("DescribeLamp")
    assert len(api.requests) == 1


def test_attempt_ends_when_response_takes_too_long(make, api):
    api.faults.add("*", kind="delay", seconds=30)
    began = time.monotonic()
    lamp = make(context=Context({"time_limit_in_ms": 1000}), retry=Retry(attempts=1))
    with pytest.raises(ApiError) as raised:
        lamp.call("DescribeLamp")
    assert raised.value.code == "ClientNetworkError"
    assert time.monotonic() - began < 3


# Credentials and regions


def test_credentials_and_region_are_the_invocations(api, monkeypatch):
    api.keys.add(cloud.Key("AKIDrole", "role-secret", token="role-token"))
    environ = (
        "TENCENTCLOUD_SECRETID=AKIDrole;TENCENTCLOUD_SECRETKEY=role-secret;"
        "TENCENTCLOUD_SESSIONTOKEN=role-token"
    )
    context = Context({"environ": environ, "tencentcloud_region": "ap-shanghai"})
    monkeypatch.setenv("MPS_API_ENDPOINT", api.url + "/")

    Lamp(context=context).call("DescribeLamp")
    assert api.requests[-1].secret_id == "AKIDrole"
    assert api.requests[-1].region == "ap-shanghai"
    monkeypatch.setenv("MPS_REGION", "ap-beijing")
    Lamp(context=context).call("DescribeLamp")
    assert api.requests[-1].region == "ap-beijing"
    Lamp(context=context, region="ap-tokyo").call("DescribeLamp")
    assert api.requests[-1].region == "ap-tokyo"


def test_variables_of_the_sdk_are_used_outside_scf(api, monkeypatch):
    monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", api.key.secret_id)
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", api.key.secret_key)
    monkeypatch.setenv("TENCENTCLOUD_REGION", "ap-seoul")
    Lamp(endpoint=api.url).call("DescribeLamp")
    assert api.requests[-1].secret_id == api.key.secret_id
    assert api.requests[-1].region == "ap-seoul"


def test_missing_credentials_are_reported(api, monkeypatch):
    monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", "AKIDhalf")
    with pytest.raises(ApiError, match="role") as raised:
        Lamp(endpoint=api.url).call("DescribeLamp")
    assert raised.value.code == "NoCredentials"


def test_wrong_key_is_not_retried(make, api):
    with pytest.raises(ApiError) as raised:
        make(Credentials(api.key.secret_id, "wrong")).call("DescribeLamp")
    assert raised.value.code == "AuthFailure.SignatureFailure"
    assert len(api.requests) == 1


def test_no_secret_is_logged_at_debug(make, api, caplog):
    api.keys.add(cloud.Key("AKIDtemporary", "the-secret-key", token="the-session-token"))
    lamp = make(Credentials("AKIDtemporary", "the-secret-key", "the-session-token"))
    lamp.call("DescribeLamp")
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "tencentcloud_sdk_common"):
        lamp.call("DescribeLamp")
        with pytest.raises(ApiError):
            lamp.call("DescribeNothing")
    assert "POST" in caplog.text  # by urllib3
    for secret in ("the-secret-key", "the-session-token", "AKIDtemporary"):
        assert secret not in caplog.text
        assert secret not in repr(lamp)


def test_missing_sdk_is_reported(make, monkeypatch):
    monkeypatch.setitem(sys.modules, "tencentcloud.common.profile.http_profile", None)
    with pytest.raises(SdkMissing, match="tencentcloud-sdk-python-common") as raised:
        make().call("DescribeLamp")
    assert isinstance(raised.value, ImportError)


# Endpoints


@pytest.fixture
def first_line(monkeypatch):
    """A proxy that closes every connection. Return the first line of the first request."""
    heads = []
    with Server(lambda peer: heads.append(peer.read_head())) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, server.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield lambda: heads[0].decode()


@pytest.mark.parametrize(
    ("endpoint", "line"),
    [
        ("https://mps.intl.tencentcloudapi.com", "CONNECT lamp.intl.tencentcloudapi.com:443 "),
        ("https://mps.tencentcloudapi.com/", "CONNECT lamp.tencentcloudapi.com:443 "),
        ("https://mps.ap-x.tencentcloudapi.com", "CONNECT lamp.ap-x.tencentcloudapi.com:443 "),
        ("", "CONNECT lamp.tencentcloudapi.com:443 "),
        ("http://mps.emulator.test:8080", "POST http://mps.emulator.test:8080/"),
    ],
)
def test_service_is_called_next_to_host_of_mps(first_line, monkeypatch, endpoint, line):
    """An emulator is called at its own host, even if its name begins like that of MPS."""
    monkeypatch.setenv("MPS_API_ENDPOINT", endpoint)
    with pytest.raises(ApiError) as raised:
        Lamp(Credentials("AKID", "s"), retry=FAST_RETRY).call("Switch")
    assert raised.value.code == "ClientNetworkError"
    assert first_line().startswith(line)


@pytest.mark.parametrize(
    "endpoint",
    ["127.0.0.1:80", "ftp://a", "https://", "http://a/b", "https://user:hidden@a", "http://a b"],
)
def test_endpoint_of_another_form_is_rejected(endpoint):
    with pytest.raises(ValueError, match="MPS_API_ENDPOINT") as raised:
        Lamp(endpoint=endpoint)
    assert "hidden" not in str(raised.value)
