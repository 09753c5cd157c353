"""What may be set of a function: the limits SCF has, and messages that say what to write instead."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scf_mps.local.scf import LocalFunction, Settings
from scf_mps.local.scf.interpreters import find_interpreter

from .conftest import APPLICATION


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"handler": "index"}, "a handler FILE.FUNCTION"),
        ({"handler": "handlers/index.main_handler"}, "a handler FILE.FUNCTION"),
        ({"handler": "package.index.main_handler"}, "a handler FILE.FUNCTION"),
        ({"handler": "index.main_handler_"}, "a handler FILE.FUNCTION"),
        ({"handler": "i.main_handler"}, "a handler FILE.FUNCTION"),
        ({"handler": f"{'x' * 61}.main_handler"}, "a handler FILE.FUNCTION"),
        ({"name": "mps_"}, "a name of 2 to 60"),
        ({"timeout": 0}, "a timeout of 1 to 900 whole seconds, not 0"),
        ({"timeout": 1.5}, "a timeout of 1 to 900 whole seconds, not 1.5"),
        ({"timeout": 901}, "a timeout of 1 to 900 whole seconds, not 901"),
        ({"init_timeout": 2}, "an init_timeout of 3 to 300 s"),
        ({"memory": 100}, "64 MB of memory, or a multiple of 128, not 100"),
        ({"memory": 192}, "64 MB of memory, or a multiple of 128, not 192"),
        ({"concurrency": 0}, "a concurrency of 1 or more"),
        ({"retries": 3}, "0 to 2 retries, not 3"),
        ({"retry_interval": -1}, "a retry_interval of 0 s or more"),
        ({"ttl": 0}, "a ttl of up to 21600 s"),
        ({"ttl": 21601}, "a ttl of up to 21600 s"),
        ({"speed": 0}, "a speed above 0"),
        ({"duplicates": 1.1}, "duplicates as a share from 0 to 1"),
        ({"loader": "other"}, 'the loader "imp" or "path", not \'other\''),
        ({"environment": {"1ST": "x"}}, "a variable of letters, digits and _, a letter first"),
        ({"environment": {"_A": "x"}}, "a variable of letters, digits and _, a letter first"),
        ({"environment": {"MPS_PORT": 1}}, "text in the variable MPS_PORT, not int"),
        ({"environment": {"A": "x" * 4096}}, "at most 4096 bytes of variables in all, not 4097"),
        ({"python": "3.99"}, "a CPython 3.99 on the PATH as python3.99"),
        ({"python": "/nowhere/python"}, "the executable of a CPython 3.10 or later"),
        ({"python": "/bin/true"}, "the executable of a CPython 3.10 or later"),
    ],
)
def test_what_scf_would_refuse_is_refused(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"expected {message}")):
        LocalFunction(APPLICATION, **setting)


@pytest.mark.parametrize("prefix", ["SCF_", "QCLOUD_", "TENCENTCLOUD_"])
def test_variables_of_scf_cannot_be_set(prefix: str) -> None:
    with pytest.raises(ValueError, match=f"{prefix}X cannot be set: SCF_, QCLOUD_, TENCENTCLOUD_"):
        Settings(APPLICATION, environment={f"{prefix}X": "value"})


def test_no_value_of_a_variable_is_shown() -> None:
    for environment in ({"A-B": "secret"}, {"SCF_A": "secret"}, {"A": "secret" * 1000}):
        with pytest.raises(ValueError, match=r"variable|cannot be set") as refused:
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
def test_any_handler_by_the_rule_is_taken(file: str, function: str) -> None:
    assert Settings(APPLICATION, handler=f"{file}.{function}").handler == f"{file}.{function}"


def test_a_cpython_may_be_named_by_version_or_by_path() -> None:
    version = "{}.{}".format(*sys.version_info)
    by_version, by_path, by_default = (
        find_interpreter(version),
        find_interpreter(sys.executable),
        find_interpreter(),
    )
    assert by_version == by_path == by_default
    assert by_version.version == version
    assert Path(by_version.executable).exists()


def test_a_cpython_is_found_on_the_path_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, told in (("python3.77", "3.77"), ("python3.78", "3.7")):
        python = tmp_path / name
        python.write_text(f"#!/bin/sh\nprintf '{told}\\ncpython\\n/there/{name}\\n'\n")
        python.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_interpreter("3.77").executable == "/there/python3.77"
    with pytest.raises(ValueError, match=r"expected a CPython 3\.78"):
        find_interpreter("3.78")
