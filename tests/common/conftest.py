"""Fixtures for log lines and credentials."""

import pytest

from scf_mps import logs
from tests.support.log_capture import Stream, restore_loggers

from .secret_samples import VARIABLES


@pytest.fixture
def stream(monkeypatch):
    """The stream of the log lines, without secrets in the environment."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with restore_loggers():
        stream = Stream()
        logs.configure(stream)
        yield stream


@pytest.fixture
def variables(monkeypatch):
    """Credentials in the environment."""
    for name in ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN"):
        monkeypatch.setenv(name, VARIABLES[name])
