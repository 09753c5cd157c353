"""Fixtures: a running emulator with a bucket, a minimal client, and the official SDK."""

from __future__ import annotations

from typing import Any

import pytest

from scf_mps.local.cos import CosEmulator

from .support import Clock, set_versioning
from .wire import BUCKET, REGION, Wire


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def cos(tmp_path):
    with CosEmulator(tmp_path / "cos") as emulator:
        emulator.create_bucket(BUCKET, REGION)
        yield emulator


@pytest.fixture
def wire(cos):
    return Wire(cos)


@pytest.fixture
def versioned(wire):
    """The client of a bucket with versioning enabled."""
    set_versioning(wire, "Enabled")
    return wire


@pytest.fixture
def sdk(cos):
    """A factory of official clients that use the emulator as their proxy."""
    qcloud_cos = pytest.importorskip("qcloud_cos", reason="cos-python-sdk-v5 is not installed")

    def make(secret_id: str = "", secret_key: str = "", retry: int = 0, **others: Any) -> Any:
        config = qcloud_cos.CosConfig(
            Region=REGION,
            SecretId=secret_id or cos.key.secret_id,
            SecretKey=secret_key or cos.key.secret_key,
            Scheme="http",
            Proxies={"http": cos.url},
            **others,
        )
        return qcloud_cos.CosS3Client(config, retry=retry)

    return make
