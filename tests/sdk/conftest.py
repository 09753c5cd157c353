"""Fixtures: a COS emulator with a temporary key, as the role of a function gets one."""

from __future__ import annotations

import pytest

pytest.importorskip("aiohttp", reason="the emulators need it")
pytest.importorskip("qcloud_cos", reason="cos-python-sdk-v5 is not installed")

from scf_mps import Context
from scf_mps.local.cos import CosEmulator, Key
from scf_mps.sdk import Sdk

REGION = "ap-guangzhou"
BUCKET = "media-1250000000"
KEY = Key("AKIDtemporary", "temporary-secret", "session-token")


@pytest.fixture
def emulator(tmp_path):
    with CosEmulator(tmp_path / "cos", keys=(KEY,)) as running:
        running.create_bucket(BUCKET, REGION)
        yield running


@pytest.fixture
def make_context(emulator, monkeypatch):
    """Make the context of an invocation whose role has the emulator's key."""
    monkeypatch.setenv("MPS_COS_PROXY", emulator.url)
    monkeypatch.setenv("TENCENTCLOUD_REGION", REGION)

    def make(seconds: float = 30, **environ: str) -> Context:
        role = {
            "TENCENTCLOUD_SECRETID": KEY.secret_id,
            "TENCENTCLOUD_SECRETKEY": KEY.secret_key,
            "TENCENTCLOUD_SESSIONTOKEN": KEY.token,
            **environ,
        }
        text = ";".join(f"{name}={value}" for name, value in role.items())
        return Context({"time_limit_in_ms": int(seconds * 1000), "environ": text})

    return make


@pytest.fixture
def cos(make_context):
    """The official client of an invocation."""
    return Sdk(make_context()).cos()
