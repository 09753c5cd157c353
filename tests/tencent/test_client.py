"""The API client, whatever the service: retries, errors, deadlines, credentials and hosts."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
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

    def next_wait(self, attempt: int, retry_after: float = 0.0) -> float:
        return 60.0


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES.split():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def service() -> LampService:
    return LampService()


@pytest.fixture
def api(service: LampService) -> Iterator[cloud.CloudApi]:
    with cloud.CloudApi([service]) as running:
        yield running


@pytest.fixture
def keys(api: cloud.CloudApi) -> Credentials:
    return Credentials(api.key.secret_id, api.key.secret_key)


@pytest.fixture
def make(api: cloud.CloudApi, keys: Credentials) -> Callable[..., Lamp]:
    def make(credentials: Credentials | None = keys, **options: Any) -> Lamp:
        return Lamp(credentials, **{"endpoint": api.url, "retry": FAST_RETRY, **options})

    return make


@pytest.fixture
def lamp(make: Callable[..., Lamp]) -> Lamp:
    return make()


# Retries


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "error", "code": "RequestLimitExceeded.UinLimitExceeded"},
        {"kind": "error", "code": "InternalError.AccessDBError"},
        {"kind": "status", "status": 503},
        {"kind": "hang_up"},
        {"kind": "lose_response"},
    ],
    ids=lambda fault: f"{fault['kind']} {fault.get('code', '')}",
)
def test_read_is_retried_when_transient_error(
    lamp: Lamp, api: cloud.CloudApi, fault: dict[str, Any]
) -> None:
    api.faults.add("DescribeLamp", times=3, **fault)
    assert lamp.call("DescribeLamp")["On"] is False
    assert len(api.requests) == 4


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "RequestLimitExceeded.UinLimitExceeded"])
def test_change_is_retried_when_throttled(
    lamp: Lamp, service: LampService, api: cloud.CloudApi, code: str
) -> None:
    api.faults.add("Switch", times=3, code=code)
    response = lamp.call("Switch")
    assert response["Done"] is True
    assert response["RequestId"]
    assert service.switched == 1
    assert len(api.requests) == 4


@pytest.mark.parametrize("action", ["Switch", "DescribeLamp"])
def test_retries_end_after_last_attempt(lamp: Lamp, api: cloud.CloudApi, action: str) -> None:
    api.faults.add(action, times=9)
    with pytest.raises(ApiError) as raised:
        lamp.call(action)
    assert raised.value.code == "RequestLimitExceeded"
    assert raised.value.retryable
    assert len(api.requests) == 4


@pytest.mark.parametrize(
    ("fault", "switched"),
    [
        ({"code": "InternalError"}, 0),
        ({"code": "ServiceUnavailable"}, 0),
        ({"code": "LimitExceeded"}, 0),
        ({"kind": "status", "status": 503}, 0),
        ({"kind": "hang_up"}, 0),
        ({"kind": "lose_response"}, 1),
    ],
    ids=lambda part: str(part),
)
def test_change_is_sent_once_when_possibly_applied(
    lamp: Lamp,
    service: LampService,
    api: cloud.CloudApi,
    fault: dict[str, Any],
    switched: int,
) -> None:
    api.faults.add("Switch", times=2, **fault)
    with pytest.raises(ApiError):
        lamp.call("Switch")
    assert service.switched == switched
    assert len(api.requests) == 1


def test_read_is_not_retried_when_permanent_error(lamp: Lamp, api: cloud.CloudApi) -> None:
    api.faults.add("DescribeLamp", times=9, code="InvalidParameterValue")
    with pytest.raises(ApiError) as raised:
        lamp.call("DescribeLamp")
    assert (raised.value.code, raised.value.retryable) == ("InvalidParameterValue", False)
    assert len(api.requests) == 1


def test_parameter_that_is_not_json_is_rejected(lamp: Lamp, api: cloud.CloudApi) -> None:
    with pytest.raises(TypeError, match="datetime"):
        lamp.call("DescribeLamp", StartTime=datetime.now())
    assert len(api.requests) == 0


# Responses


def describe_lamp(server: Server, token: str = "") -> None:
    Lamp(Credentials("AKID", "key", token), endpoint=server.url, retry=FAST_RETRY).call(
        "DescribeLamp"
    )


def format_response(body: bytes, content_type: str = "application/json", length: int = 0) -> bytes:
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
def test_malformed_response_is_retryable_api_error(response: bytes, code: str) -> None:
    def handle(peer: Peer) -> None:
        peer.read_request()
        peer.send(response)

    with Server(handle) as server, pytest.raises(ApiError) as raised:
        describe_lamp(server)
    assert (raised.value.code, raised.value.retryable) == (code, True)
    assert raised.value.request_id == ""


def test_error_is_recognized_with_any_content_type() -> None:
    body = b'{"Response": {"Error": {"Code": "Odd.Code", "Message": "m"}, "RequestId": "r"}}'

    def handle(peer: Peer) -> None:
        peer.read_request()
        peer.send(format_response(body, "application/json; charset=utf-8"))

    with Server(handle) as server, pytest.raises(ApiError) as raised:
        describe_lamp(server)
    assert str(raised.value) == "Odd.Code: m [request r]"


def test_page_of_proxy_is_truncated(make: Callable[..., Lamp], api: cloud.CloudApi) -> None:
    api.faults.add("*", kind="status", status=502)
    with pytest.raises(ApiError) as raised:
        make(retry=Retry(attempts=1)).call("DescribeLamp")
    assert raised.value.code == "ServerNetworkError"
    assert str(raised.value) == "ServerNetworkError: <html>no answer</html>"


def test_redirect_sends_no_token_to_another_host() -> None:
    heads: list[bytes] = []
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


def test_call_fails_at_once_without_time(make: Callable[..., Lamp], api: cloud.CloudApi) -> None:
    now = [0.0]
    lamp = make(context=Context({"time_limit_in_ms": 10_000}, lambda: now[0]))
    now[0] = 9.8
    with pytest.raises(ApiError) as raised:
        lamp.call("DescribeLamp")
    assert (raised.value.code, raised.value.retryable) == ("DeadlineExceeded", False)
    assert len(api.requests) == 0


def test_retry_does_not_wait_past_deadline(make: Callable[..., Lamp], api: cloud.CloudApi) -> None:
    api.faults.add("*", times=9)
    context = Context({"time_limit_in_ms": 3000}, lambda: 0.0)
    with pytest.raises(ApiError):
        make(context=context, retry=LongWaits()).call("DescribeLamp")
    assert len(api.requests) == 1


def test_attempt_ends_when_response_takes_too_long(
    make: Callable[..., Lamp], api: cloud.CloudApi
) -> None:
    api.faults.add("*", kind="delay", seconds=30)
    began = time.monotonic()
    lamp = make(context=Context({"time_limit_in_ms": 1000}), retry=Retry(attempts=1))
    with pytest.raises(ApiError) as raised:
        lamp.call("DescribeLamp")
    assert raised.value.code == "ClientNetworkError"
    assert time.monotonic() - began < 3


# Credentials and regions


def test_credentials_and_region_are_the_invocations(
    api: cloud.CloudApi, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_variables_of_the_sdk_are_used_outside_scf(
    api: cloud.CloudApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", api.key.secret_id)
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", api.key.secret_key)
    monkeypatch.setenv("TENCENTCLOUD_REGION", "ap-seoul")
    Lamp(endpoint=api.url).call("DescribeLamp")
    assert api.requests[-1].secret_id == api.key.secret_id
    assert api.requests[-1].region == "ap-seoul"


def test_missing_credentials_are_reported(
    api: cloud.CloudApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", "AKIDhalf")
    with pytest.raises(ApiError, match="role") as raised:
        Lamp(endpoint=api.url).call("DescribeLamp")
    assert raised.value.code == "NoCredentials"


def test_wrong_key_is_not_retried(make: Callable[..., Lamp], api: cloud.CloudApi) -> None:
    with pytest.raises(ApiError) as raised:
        make(Credentials(api.key.secret_id, "wrong")).call("DescribeLamp")
    assert raised.value.code == "AuthFailure.SignatureFailure"
    assert len(api.requests) == 1


def test_no_secret_is_logged_at_debug(
    make: Callable[..., Lamp], api: cloud.CloudApi, caplog: pytest.LogCaptureFixture
) -> None:
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


def test_missing_sdk_is_reported(
    make: Callable[..., Lamp], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tencentcloud.common.profile.http_profile", None)
    with pytest.raises(SdkMissing, match="tencentcloud-sdk-python-common") as raised:
        make().call("DescribeLamp")
    assert isinstance(raised.value, ImportError)


# Endpoints


@pytest.fixture
def first_line(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """A proxy that closes every connection. Return the first line of the first request."""
    lines: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        lines.append(connection.recv(4096).split(b"\r\n")[0].decode())

        thread = threading.Thread(target=run)
        thread.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        yield lambda: lines[0]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("https://mps.intl.tencentcloudapi.com", "lamp.intl.tencentcloudapi.com"),
        ("https://mps.tencentcloudapi.com/", "lamp.tencentcloudapi.com"),
        ("https://mps.ap-guangzhou.tencentcloudapi.com", "lamp.ap-guangzhou.tencentcloudapi.com"),
        ("", "lamp.tencentcloudapi.com"),
    ],
)
def test_service_is_called_next_to_host_of_mps(
    first_line: Callable[[], str], monkeypatch: pytest.MonkeyPatch, endpoint: str, host: str
) -> None:
    monkeypatch.setenv("MPS_API_ENDPOINT", endpoint)
    with pytest.raises(ApiError) as raised:
        Lamp(Credentials("AKID", "s"), retry=FAST_RETRY).call("Switch")
    assert raised.value.code == "ClientNetworkError"
    assert first_line().startswith(f"CONNECT {host}:443 HTTP/1.")


def test_emulator_is_called_at_its_own_host(
    first_line: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if its name begins like that of MPS."""
    monkeypatch.setenv("HTTP_PROXY", os.environ["HTTPS_PROXY"])
    monkeypatch.setenv("MPS_API_ENDPOINT", "http://mps.emulator.test:8080")
    with pytest.raises(ApiError) as raised:
        Lamp(Credentials("AKID", "s"), retry=FAST_RETRY).call("Switch")
    assert raised.value.code == "ClientNetworkError"
    assert first_line().startswith("POST http://mps.emulator.test:8080/")


@pytest.mark.parametrize(
    "endpoint",
    ["127.0.0.1:80", "ftp://a", "https://", "http://a/b", "https://user:hidden@a", "http://a b"],
)
def test_endpoint_of_another_form_is_rejected(endpoint: str) -> None:
    with pytest.raises(ValueError, match="MPS_API_ENDPOINT") as raised:
        Lamp(endpoint=endpoint)
    assert "hidden" not in str(raised.value)
