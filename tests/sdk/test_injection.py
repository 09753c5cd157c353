"""Official clients as parameters of callbacks."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Annotated, Any

import pytest
from qcloud_cos import CosS3Client
from tencentcloud.common.abstract_client import AbstractClient
from tencentcloud.mps.v20190612.mps_client import MpsClient

from scf_mps import App, CallbacksFailed, RegistrationError, Transcode, WorkflowTask
from scf_mps.local.samples import sample
from scf_mps.sdk import Sdk

from .conftest import BUCKET, REGION

EVENT = sample("WorkflowTask", Transcode="SUCCESS")


def test_callback_receives_clients_by_their_class(make_context):
    app, given = App(), []

    @app.on(Transcode)
    def check(
        transcode: Transcode,
        cos: CosS3Client,
        mps: MpsClient,
        far: Annotated[MpsClient, "ap-singapore"],
        maybe: MpsClient | None,
    ) -> None:
        given.extend([cos, mps, far, maybe])

    context = make_context()
    app.main_handler(EVENT, context.raw)
    app.main_handler(EVENT, context.raw)
    cos, mps, far, maybe = given[:4]
    assert isinstance(cos, CosS3Client)
    assert (mps.region, far.region) == (REGION, "ap-singapore")
    assert maybe is mps
    assert given[4] is not cos, "a client belongs to one invocation"


def test_cos_client_is_in_the_region_of_the_result(make_context, monkeypatch):
    monkeypatch.setenv("TENCENTCLOUD_REGION", "ap-beijing")
    app, regions = App(), []

    @app.on(Transcode)
    def check(transcode: Transcode, cos: CosS3Client, sdk: Sdk) -> None:
        file = transcode.files[0]
        regions.extend([file.region, cos.get_conf()._region, sdk.cos(file).get_conf()._region])
        regions.append(sdk.cos().get_conf()._region)

    @app.on_complete(WorkflowTask)
    def finish(event: Any, cos: CosS3Client) -> None:
        regions.append(cos.get_conf()._region)

    app.main_handler(EVENT, make_context().raw)
    assert len({*regions[:3]}) == 1
    assert regions[3:] == ["ap-beijing", regions[0]]


def test_async_callback_uses_a_client_in_a_thread(make_context):
    app, found = App(), []

    @app.on(Transcode)
    async def check(transcode: Transcode, sdk: Sdk) -> None:
        cos = sdk.cos(REGION)
        await asyncio.to_thread(cos.put_object, Bucket=BUCKET, Key="a.txt", Body=b"text")
        found.append(await asyncio.to_thread(cos.object_exists, BUCKET, "a.txt"))

    app.main_handler(EVENT, make_context().raw)
    assert found == [True]


def test_provider_receives_clients(make_context):
    class Library:
        def __init__(self, cos: CosS3Client) -> None:
            self.cos = cos

    app, given = App(), []
    app.provide(Library, Library, per="invocation")

    @app.on(Transcode)
    def check(transcode: Transcode, library: Library) -> None:
        given.append(library.cos)

    check.__annotations__["library"] = Library
    app.main_handler(EVENT, make_context().raw)
    assert isinstance(given[0], CosS3Client)


def test_instance_cannot_keep_a_client():
    def open_library(cos: CosS3Client) -> int:
        return 5

    app = App()
    app.provide(int, open_library)
    with pytest.raises(RegistrationError, match="per="):
        _ = app.main_handler


def test_own_subclass_of_the_client_needs_a_provider():
    class Own(CosS3Client):
        pass

    app = App()

    def check(transcode: Transcode, cos: Own) -> None: ...

    check.__annotations__["cos"] = Own
    app.on(Transcode)(check)
    with pytest.raises(RegistrationError, match="Own"):
        _ = app.main_handler


def test_own_service_client_is_made(make_context):
    class LampClient(AbstractClient):
        _endpoint = "lamp.tencentcloudapi.com"
        _service = "lamp"

    assert Sdk(make_context()).client(LampClient).region == REGION


def test_missing_credentials_fail_the_callback(monkeypatch):
    for name in ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRET_ID", "TENCENT_SECRET_ID"):
        monkeypatch.delenv(name, raising=False)
    app = App()

    @app.on(Transcode)
    def check(transcode: Transcode, mps: MpsClient) -> None: ...

    with pytest.raises(CallbacksFailed) as raised:
        app.main_handler(EVENT, {})
    (failure,) = raised.value.failures
    assert getattr(failure.__cause__, "code", "") == "NoCredentials"


def test_sdk_at_module_level_loads_no_package():
    code = (
        "import sys, scf_mps.sdk; "
        "sys.exit(any(name in sys.modules for name in ('qcloud_cos', 'tencentcloud', 'requests')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "qcloud_cos", None)
    monkeypatch.delitem(sys.modules, "scf_mps.sdk.cos_client", raising=False)
    with pytest.raises(Exception, match=r"scf-mps\[cos\]"):
        Sdk().cos(REGION)
