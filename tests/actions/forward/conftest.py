"""Fixtures of the forward action."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scf_mps.local.api import CloudApi, Mps, Scf, Tdmq
from scf_mps.local.cos import CosEmulator

from .support import Recorder


@pytest.fixture
def function() -> Recorder:
    return Recorder()


@pytest.fixture
def tdmq() -> Tdmq:
    return Tdmq(topics=["media"], queues=["media"])


@pytest.fixture
def api(
    function: Recorder, tdmq: Tdmq, emulator: CosEmulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CloudApi]:
    """An API emulator, with its keys in the environment."""
    monkeypatch.delenv("MPS_REGION", raising=False)
    with CloudApi([Scf([function]), tdmq, Mps()], keys=emulator.keys) as running:
        monkeypatch.setenv("MPS_API_ENDPOINT", running.url)
        monkeypatch.setenv("TENCENTCLOUD_SECRETID", running.key.secret_id)
        monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", running.key.secret_key)
        yield running
