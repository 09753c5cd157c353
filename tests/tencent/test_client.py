"""`ApiClient` itself, whatever the service: what is sent again, and where it is sent."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest

pytest.importorskip("aiohttp", reason="the emulator of the API needs it")
pytest.importorskip("tencentcloud.common", reason="Api asks by it")

from scf_mps.cos import Credentials, Retry
from scf_mps.local import api as cloud
from scf_mps.tencent.client import ApiClient, ApiError
from tests.support.raw_server import Peer, Server

QUICK = Retry(attempts=4, base=0.001, cap=0.01)


class Light(ApiClient):
    """A service that can be changed and asked."""

    service = "light"
    version = "2030-01-01"


class Lamp(cloud.Service):
    """Counts what it was told to do."""

    name = "light"
    version = "2030-01-01"
    needs_region = False
    switched = 0

    @cloud.action("Switch")
    def switch(self, call: cloud.Call) -> Mapping[str, Any]:
        self.switched += 1
        return {}


@pytest.fixture
def lamp() -> Lamp:
    return Lamp()


@pytest.fixture
def api(lamp: Lamp) -> Iterator[cloud.CloudApi]:
    with cloud.CloudApi([lamp]) as running:
        yield running


@pytest.fixture
def light(api: cloud.CloudApi) -> Light:
    keys = Credentials(api.key.secret_id, api.key.secret_key)
    return Light(keys, endpoint=api.url, retry=QUICK)


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "RequestLimitExceeded.UinLimitExceeded"])
def test_a_change_that_was_refused_for_its_rate_is_sent_again(
    light: Light, lamp: Lamp, api: cloud.CloudApi, code: str
) -> None:
    api.faults.add("Switch", times=3, code=code)
    light.call("Switch")
    assert lamp.switched == 1
    assert len(api.requests) == 4


def test_it_is_not_sent_for_ever(light: Light, lamp: Lamp, api: cloud.CloudApi) -> None:
    api.faults.add("Switch", times=9)
    with pytest.raises(ApiError, match="RequestLimitExceeded"):
        light.call("Switch")
    assert lamp.switched == 0
    assert len(api.requests) == 4


@pytest.mark.parametrize(
    ("fault", "done"),
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
def test_a_change_that_may_have_been_made_is_sent_once(
    light: Light, lamp: Lamp, api: cloud.CloudApi, fault: dict[str, Any], done: int
) -> None:
    api.faults.add("Switch", times=2, **fault)
    with pytest.raises(ApiError):
        light.call("Switch")
    assert lamp.switched == done
    assert len(api.requests) == 1


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """A proxy that lets nobody through; gives the first line of who asks first."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        asked.append(connection.recv(4096).split(b"\r\n")[0].decode())

        thread = threading.Thread(target=run)
        thread.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        yield lambda: asked[0]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("https://mps.intl.tencentcloudapi.com", "light.intl.tencentcloudapi.com"),
        ("https://mps.tencentcloudapi.com/", "light.tencentcloudapi.com"),
        ("https://mps.ap-guangzhou.tencentcloudapi.com", "light.ap-guangzhou.tencentcloudapi.com"),
        ("", "light.tencentcloudapi.com"),
    ],
)
def test_a_service_is_asked_beside_the_host_of_mps(
    connects: Callable[[], str], monkeypatch: pytest.MonkeyPatch, endpoint: str, host: str
) -> None:
    monkeypatch.setenv("MPS_API_ENDPOINT", endpoint)
    with pytest.raises(ApiError, match="ClientNetworkError"):
        Light(Credentials("AKIDdesk", "s"), retry=QUICK).call("Switch")
    assert connects().startswith(f"CONNECT {host}:443 HTTP/1.")


def test_an_emulator_is_asked_where_it_is(
    api: cloud.CloudApi, lamp: Lamp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPS_API_ENDPOINT", api.url)
    Light(Credentials(api.key.secret_id, api.key.secret_key)).call("Switch")
    assert lamp.switched == 1


def test_an_emulator_whose_name_begins_like_mps_is_one_all_the_same(
    monkeypatch: pytest.MonkeyPatch, connects: Callable[[], str]
) -> None:
    monkeypatch.setenv("HTTP_PROXY", os.environ["HTTPS_PROXY"])
    monkeypatch.setenv("MPS_API_ENDPOINT", "http://mps.emulator.test:8080")
    with pytest.raises(ApiError, match="ClientNetworkError"):
        Light(Credentials("AKIDdesk", "s"), retry=QUICK).call("Switch")
    assert connects().startswith("POST http://mps.emulator.test:8080/")


def call_light(handle: Callable[[Peer], object], keys: Credentials) -> None:
    with Server(handle) as server:
        Light(keys, endpoint=server.url, retry=QUICK).call("DescribeLight")


@pytest.mark.parametrize(
    "body",
    [b"[]", b'{"Response":null}', b'{"Response":{"Error":"x"}}', b'{"Response":' + b"[" * 100_000],
)
def test_malformed_answer_is_an_error_of_the_api(body: bytes) -> None:
    def handle(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    with pytest.raises(ApiError) as refused:
        call_light(handle, Credentials("AKID", "key"))
    assert refused.value.code == "InvalidAnswer"


def test_redirect_takes_no_token_to_another_host() -> None:
    heads: list[bytes] = []
    with Server(lambda peer: heads.append(peer.read_request())) as other:

        def handle(peer: Peer) -> None:
            peer.read_request()
            peer.send(
                b"HTTP/1.1 307 Moved\r\nlocation: http://localhost:%d/\r\ncontent-length: 0\r\n\r\n"
                % other.port
            )

        with pytest.raises(ApiError):
            call_light(handle, Credentials("AKID", "key", "token"))
    assert not heads
