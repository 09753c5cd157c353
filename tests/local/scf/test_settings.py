"""Settings of a function: SCF's limits and the search for a CPython."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scf_mps.local.scf import LocalFunction, SettingError, Settings
from scf_mps.local.scf.interpreters import find_interpreter

from .support import APPLICATION


@pytest.mark.parametrize(
    "setting",
    [
        {"handler": "index"},
        {"handler": "handlers/index.main_handler"},
        {"handler": "package.index.main_handler"},
        {"handler": "index.main_handler_"},
        {"handler": "i.main_handler"},
        {"handler": f"{'x' * 61}.main_handler"},
        {"name": "mps_"},
        {"timeout": 0},
        {"timeout": 1.5},
        {"timeout": 901},
        {"init_timeout": 2},
        {"memory": 100},
        {"memory": 192},
        {"concurrency": 0},
        {"retries": 3},
        {"retry_interval": -1},
        {"ttl": 0},
        {"ttl": 21601},
        {"speed": 0},
        {"duplicates": 1.1},
        {"loader": "other"},
        {"environment": {"1ST": "x"}},
        {"environment": {"_A": "x"}},
        {"environment": {"MPS_PORT": 1}},
        {"environment": {"A": "x" * 4096}},
    ],
)
def test_setting_that_scf_refuses_is_refused(setting: dict[str, Any]) -> None:
    ((name, value),) = setting.items()
    with pytest.raises(SettingError, match=name if name != "environment" else "variable") as caught:
        LocalFunction(APPLICATION, **setting)
    assert caught.value.name == name
    assert name == "environment" or repr(value) in str(caught.value)


@pytest.mark.parametrize("python", ["3.99", "/nowhere/python", "/bin/true"])
def test_missing_interpreter_is_refused(python: str) -> None:
    with pytest.raises(ValueError, match=python):
        LocalFunction(APPLICATION, python=python)


@pytest.mark.parametrize("prefix", ["SCF_", "QCLOUD_", "TENCENTCLOUD_"])
def test_reserved_variables_are_refused(prefix: str) -> None:
    with pytest.raises(SettingError, match="reserves"):
        Settings(APPLICATION, environment={f"{prefix}X": "value"})


def test_errors_never_show_values_of_variables() -> None:
    for environment in ({"A-B": "secret"}, {"SCF_A": "secret"}, {"A": "secret" * 1000}):
        with pytest.raises(SettingError, match="variable") as refused:
            Settings(APPLICATION, environment=environment)
        assert "secret" not in str(refused.value)
    function = LocalFunction(
        APPLICATION, environment={"A": "secret"}, credentials=("secret", "secret", "secret")
    )
    assert "secret" not in repr(function)
    version = "{}.{}".format(*sys.version_info)
    assert repr(function) == f"<LocalFunction default/mps-events on CPython {version}>"


parts = st.from_regex("[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z]", fullmatch=True)


@settings(max_examples=30)
@given(parts, parts)
def test_any_valid_handler_is_accepted(file: str, function: str) -> None:
    assert Settings(APPLICATION, handler=f"{file}.{function}").handler == f"{file}.{function}"


def test_interpreter_is_found_by_version_or_path() -> None:
    version = "{}.{}".format(*sys.version_info)
    by_version, by_path, by_default = (
        find_interpreter(version),
        find_interpreter(sys.executable),
        find_interpreter(),
    )
    assert by_version == by_path == by_default
    assert by_version.version == version
    assert Path(by_version.executable).exists()


def test_interpreter_is_found_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, version in (("python3.77", "3.77"), ("python3.78", "3.7")):
        python = tmp_path / name
        python.write_text(f"#!/bin/sh\nprintf '{version}\\ncpython\\n/there/{name}\\n'\n")
        python.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_interpreter("3.77").executable == "/there/python3.77"
    with pytest.raises(ValueError, match="python3"):
        find_interpreter("3.78")
