"""Fixtures of the forward action."""

import pytest

from scf_mps.local.api import Mps, Scf, Tdmq

from .support import Recorder


@pytest.fixture
def function():
    return Recorder()


@pytest.fixture
def tdmq():
    return Tdmq(topics=["media"], queues=["media"])


@pytest.fixture
def api(function, tdmq, run_api):
    return run_api(Scf([function]), tdmq, Mps())
