"""Fixtures of the forward action."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scf_mps.local.api import CloudApi, Mps, Scf, Tdmq

from .support import Recorder


@pytest.fixture
def function() -> Recorder:
    return Recorder()


@pytest.fixture
def tdmq() -> Tdmq:
    return Tdmq(topics=["media"], queues=["media"])


@pytest.fixture
def api(function: Recorder, tdmq: Tdmq, run_api: Callable[..., CloudApi]) -> CloudApi:
    return run_api(Scf([function]), tdmq, Mps())
