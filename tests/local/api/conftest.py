"""A running API with both services, official clients of it, and a wire for what official clients would not send."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

pytest.importorskip("aiohttp", reason="the API needs it")
pytest.importorskip("tencentcloud.common", reason="the SDK is who must believe it")

from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.http.request import RequestInternal
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from scf_mps.local.api import CloudApi, Mps, Scf

REGION = "ap-guangzhou"
TASK = "1250000000-WorkflowTask-1t0"


def notification(task_id: str = TASK, status: str = "FINISH", **more: Any) -> dict[str, Any]:
    """The least that is a notification."""
    payload = {"TaskId": task_id, "Status": status, "ErrCode": 0, "MediaProcessResultSet": []}
    return {"EventType": "WorkflowTask", "WorkflowTaskEvent": payload, **more}


@pytest.fixture
def mps() -> Mps:
    return Mps()


@pytest.fixture
def scf() -> Scf:
    return Scf()


@pytest.fixture
def api(mps: Mps, scf: Scf) -> Iterator[CloudApi]:
    with CloudApi([mps, scf]) as running:
        yield running


def profile(api: CloudApi, method: str = "POST", sign: str = "TC3-HMAC-SHA256") -> ClientProfile:
    http_profile = HttpProfile(protocol="http", endpoint=api.endpoint, reqMethod=method)
    http_profile.reqTimeout = 10
    return ClientProfile(httpProfile=http_profile, signMethod=sign)


def credential(api: CloudApi, token: str | None = None) -> Credential:
    return Credential(api.key.secret_id, api.key.secret_key, token)


@pytest.fixture
def client(api: CloudApi) -> CommonClient:
    """The official client of any product, for MPS."""
    return CommonClient("mps", "2019-06-12", credential(api), REGION, profile(api))


class Reply(NamedTuple):
    status: int
    content_type: str
    body: bytes

    @property
    def response(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.body)["Response"]
        return answer

    @property
    def code(self) -> str:
        return str(self.response.get("Error", {}).get("Code", ""))


def send(api: CloudApi, request: RequestInternal) -> Reply:
    """Send what an official client has built (and a test has changed), byte by byte as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=10)
    try:
        target, body = request.uri, request.data
        if request.method == "GET":
            target, body = f"{target}?{request.data}", None
        connection.request(request.method, target, body, request.header)
        reply = connection.getresponse()
        return Reply(reply.status, reply.headers["Content-Type"], reply.read())
    finally:
        connection.close()


Built = Callable[..., RequestInternal]


@pytest.fixture
def built(api: CloudApi) -> Built:
    """Builds a signed request as the official client does, without sending it."""

    def build(
        action: str = "DescribeTaskDetail",
        parameters: dict[str, Any] | None = None,
        *,
        sign: str = "TC3-HMAC-SHA256",
        method: str = "POST",
        service: str = "mps",
        version: str = "2019-06-12",
        region: str = REGION,
        key: Credential | None = None,
        host: str | None = None,
    ) -> RequestInternal:
        chosen = profile(api, method, sign)
        chosen.httpProfile.endpoint = host or api.endpoint
        one = CommonClient(service, version, key or credential(api), region, chosen)
        request = RequestInternal(chosen.httpProfile.endpoint, method, "/", header={})
        one._build_req_inter(action, parameters or {"TaskId": TASK}, request)
        request.header.setdefault("Host", chosen.httpProfile.endpoint)
        return request

    return build
