"""Helpers for tests of the API emulator: official clients, notifications, unmodified sending."""

from __future__ import annotations

import http.client
import json
from typing import NamedTuple

import pytest

pytest.importorskip("aiohttp", reason="the API needs it")
pytest.importorskip("tencentcloud.common", reason="the official client is needed")

from tencentcloud.common.credential import Credential
from tencentcloud.common.exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

REGION = "ap-guangzhou"
TASK = "1250000000-WorkflowTask-1t0"


def notification(task_id=TASK, status="FINISH", **more):
    """Return a minimal notification."""
    payload = {"TaskId": task_id, "Status": status, "ErrCode": 0, "MediaProcessResultSet": []}
    return {"EventType": "WorkflowTask", "WorkflowTaskEvent": payload, **more}


def profile(api, method="POST", sign="TC3-HMAC-SHA256"):
    http_profile = HttpProfile(protocol="http", endpoint=api.endpoint, reqMethod=method)
    http_profile.reqTimeout = 10
    return ClientProfile(httpProfile=http_profile, signMethod=sign)


def credential(api, token=None):
    return Credential(api.key.secret_id, api.key.secret_key, token)


def get_error_code(call, *arguments, **named):
    """Make a call that must fail and return the code of its error."""
    with pytest.raises(TencentCloudSDKException) as caught:
        call(*arguments, **named)
    assert caught.value.requestId
    return str(caught.value.code)


def assert_error(code, call, *arguments, **named):
    """Make a call that must fail with this code."""
    assert get_error_code(call, *arguments, **named) == code


class Reply(NamedTuple):
    status: int
    content_type: str
    body: bytes

    @property
    def response(self):
        return json.loads(self.body)["Response"]

    @property
    def code(self):
        return str(self.response.get("Error", {}).get("Code", ""))


def send(api, request):
    """Send a request of an official client, possibly changed by a test, byte by byte."""
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
