"""Fixtures: a project with a serverless.yml, and a cloud on the loopback interface."""

import pytest

pytest.importorskip("aiohttp", reason="the API emulator needs it")

from scf_mps.deploy.account import ENDPOINT_VARIABLE
from scf_mps.local.api import CloudApi, Cls, Mps, Scf
from tests.support.log_capture import restore_loggers

from .support import SECRET, Project


@pytest.fixture
def scf():
    return Scf(namespaces=("default", "live"))


@pytest.fixture
def cls():
    return Cls()


@pytest.fixture
def api(scf, cls, monkeypatch):
    """An emulated cloud, selected by an otherwise empty environment."""
    with CloudApi([scf, cls, Mps(functions=scf.account)]) as cloud:
        cloud.keys.add(type(cloud.key)("AKIDdeploy", SECRET))
        for name in ("MPS_COS_PROXY", "MPS_BUCKETS", "MPS_APP", "TENCENT_SECRET_ID"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv("TENCENTCLOUD_TOKEN", raising=False)
        monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", "AKIDdeploy")
        monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", SECRET)
        monkeypatch.setenv(ENDPOINT_VARIABLE, cloud.url)
        monkeypatch.setenv("COLUMNS", "300")
        with restore_loggers():
            yield cloud


@pytest.fixture
def project(tmp_path, monkeypatch, api):
    """A project in the working directory."""
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)
