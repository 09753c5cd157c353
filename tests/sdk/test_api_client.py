"""Official clients of the API in an invocation: MpsClient and ScfClient against the emulator."""

from __future__ import annotations

import json
import logging
import time

import pytest
from tencentcloud.common.exception import TencentCloudSDKException
from tencentcloud.mps.v20190612 import models
from tencentcloud.mps.v20190612.mps_client import MpsClient
from tencentcloud.scf.v20180416 import models as scf_models
from tencentcloud.scf.v20180416.scf_client import ScfClient

from scf_mps import Context
from scf_mps.local.api import CloudApi, Key, Mps, Scf
from scf_mps.local.scf import LocalFunction
from scf_mps.sdk import Sdk
from tests.support.raw_server import Peer, Server

from .conftest import KEY, REGION


@pytest.fixture
def api(monkeypatch):
    with CloudApi([Mps()], keys=(Key(KEY.secret_id, KEY.secret_key, KEY.token),)) as running:
        monkeypatch.setenv("MPS_API_ENDPOINT", running.url)
        yield running


def process_media(client):
    request = models.ProcessMediaRequest()
    place = {"Bucket": "media-1250000000", "Region": REGION, "Object": "/a.mp4"}
    request.from_json_string(
        json.dumps(
            {
                "InputInfo": {"Type": "COS", "CosInputInfo": place},
                "MediaProcessTask": {"TranscodeTaskSet": [{"Definition": 100010}]},
            }
        )
    )
    return client.ProcessMedia(request).TaskId


def test_client_submits_a_task_with_a_session_token(api, make_context):
    client = Sdk(make_context()).client(MpsClient)
    assert process_media(client)
    assert client.region == REGION


def test_client_invokes_a_function(make_context, monkeypatch, tmp_path):
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "index.py").write_text(
        "def main_handler(event, context):\n    return event['a'] + 1\n"
    )
    request = scf_models.InvokeRequest()
    request.from_json_string(json.dumps({"FunctionName": "adder", "ClientContext": '{"a": 1}'}))
    scf = Scf()
    keys = (Key(KEY.secret_id, KEY.secret_key, KEY.token),)
    with LocalFunction(folder, name="adder") as function, CloudApi([scf], keys=keys) as running:
        scf.add(function)
        monkeypatch.setenv("MPS_API_ENDPOINT", running.url)
        result = Sdk(make_context()).client(ScfClient).Invoke(request).Result
    assert (result.InvokeResult, result.RetMsg) == (0, "2")


def test_client_is_made_once_for_each_region(api, make_context):
    sdk = Sdk(make_context())
    assert sdk.client(MpsClient) is sdk.client(MpsClient)
    assert sdk.client(MpsClient, region="ap-singapore").region == "ap-singapore"


def test_expired_token_is_the_services_error(api, make_context):
    client = Sdk(make_context(TENCENTCLOUD_SESSIONTOKEN="old")).client(MpsClient)
    with pytest.raises(TencentCloudSDKException) as raised:
        process_media(client)
    assert raised.value.code.startswith("AuthFailure")


def test_silent_service_ends_at_the_deadline(make_context, monkeypatch):
    def be_silent(peer: Peer) -> None:
        peer.wait()

    with Server(be_silent) as server:
        monkeypatch.setenv("MPS_API_ENDPOINT", server.url)
        client = Sdk(make_context(2)).client(MpsClient)
        start = time.monotonic()
        with pytest.raises(TencentCloudSDKException):
            process_media(client)
        assert time.monotonic() - start < 2


def test_proxies_of_the_environment_are_ignored(api, make_context, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert process_media(Sdk(make_context()).client(MpsClient))


def test_debug_logs_hold_no_credentials(api, make_context, caplog):
    caplog.set_level(logging.DEBUG)
    process_media(Sdk(make_context()).client(MpsClient))
    assert KEY.token not in caplog.text


def test_client_fails_after_its_invocation(api, make_context):
    now = [0.0]
    context = Context(make_context().raw, clock=lambda: now[0])
    client = Sdk(context).client(MpsClient)
    now[0] = 31.0
    with pytest.raises(TencentCloudSDKException):
        process_media(client)
