"""Fixtures: a running API with MPS and SCF, an official client, and signed requests to change."""

from __future__ import annotations

from typing import Any

import pytest
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.http.request import RequestInternal

from scf_mps.local.api import CloudApi, Mps, Scf

from .support import REGION, TASK, credential, profile


@pytest.fixture
def mps():
    return Mps()


@pytest.fixture
def scf():
    return Scf()


@pytest.fixture
def api(mps, scf):
    with CloudApi([mps, scf]) as running:
        yield running


@pytest.fixture
def client(api):
    """The official client of any product, for MPS."""
    return CommonClient("mps", "2019-06-12", credential(api), REGION, profile(api))


@pytest.fixture
def built(api):
    """Builds a signed request with the official client without sending it."""

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
        client_profile = profile(api, method, sign)
        client_profile.httpProfile.endpoint = host or api.endpoint
        client = CommonClient(service, version, key or credential(api), region, client_profile)
        request = RequestInternal(client_profile.httpProfile.endpoint, method, "/", header={})
        client._build_req_inter(action, parameters or {"TaskId": TASK}, request)
        request.header.setdefault("Host", client_profile.httpProfile.endpoint)
        return request

    return build
