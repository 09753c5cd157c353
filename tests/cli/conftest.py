"""Fixtures of the cli tests."""

import sys

import pytest

from tests.support.log_capture import restore_loggers

from .support import APPLICATION


@pytest.fixture
def shop(monkeypatch, tmp_path):
    """Write `APPLICATION` to shop.py in an empty working directory. Restore the process afterwards."""
    (tmp_path / "shop.py").write_text(APPLICATION)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setenv("COLUMNS", "300")
    for variable in ("MPS_APP", "MPS_LOG_FORMAT", "MPS_LOG_LEVEL", "MPS_NOTIFY_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delitem(sys.modules, "shop", raising=False)  # from tests of the deployment
    loaded = set(sys.modules)
    with restore_loggers():
        yield
    for name in set(sys.modules) - loaded:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
