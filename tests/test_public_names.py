"""Public names: `import *`, `help()`, `--version` and `python -m scf_mps`."""

from __future__ import annotations

import importlib
import inspect
import pydoc
import subprocess
import sys
from unittest.mock import create_autospec

import pytest
from typer.testing import CliRunner

import scf_mps
from scf_mps.cli import cli
from scf_mps.cos import Cos

PACKAGES = ["scf_mps", "scf_mps.actions", "scf_mps.cos", "scf_mps.ledger"]


@pytest.mark.parametrize("name", PACKAGES)
def test_star_import_gives_every_public_name(name):
    module = importlib.import_module(name)
    names = {}
    exec(f"from {name} import *", names)
    assert set(module.__all__) == names.keys() - {"__builtins__"}
    assert {name for name in module.__all__ if name.startswith("_")} == set()
    assert all(names[name] is getattr(module, name) for name in module.__all__)


def test_public_names_include_the_main_classes():
    assert {"App", "Cos", "Transcode", "WorkflowTask", "Drop"} <= set(scf_mps.__all__)
    assert "Cos" in importlib.import_module("scf_mps.cos").__all__


def test_help_of_cos_contains_methods_and_arguments():
    shown = pydoc.render_doc(Cos, renderer=pydoc.plaintext)
    for word in ("download(", "copy(", "publish(", "verify(", "credentials", "MPS_COS_PROXY"):
        assert word in shown
    assert list(inspect.signature(Cos).parameters)[:2] == ["credentials", "context"]


def test_methods_of_cos_are_attributes_of_the_class():
    code = (
        "import sys, scf_mps; Cos = scf_mps.Cos; assert 'scf_mps.cos.cos' not in sys.modules;"
        "assert Cos.download.__doc__; assert not hasattr(Cos, 'nonsense'); assert not hasattr(type(Cos()), 'nonsense')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_cos_supports_autospec_mocks():
    cos = create_autospec(Cos, instance=True)
    cos.copy(["cos://a-1.ap-guangzhou/x"], to="cos://b-1.ap-guangzhou/")
    with pytest.raises(AttributeError):
        cos.nonsense()


def test_subclass_of_cos_has_its_own_signature():
    class Mine(Cos):
        def __init__(self, name: str) -> None:
            super().__init__(proxy=name)

    assert list(inspect.signature(Mine).parameters) == ["name"]


def test_version_option_prints_the_version():
    result = CliRunner().invoke(cli, ["--version"])
    assert result.exit_code == 0
    assert scf_mps.__version__ in result.stdout


@pytest.mark.parametrize("command", ["scf_mps", "scf_mps.cli"])
def test_package_runs_as_the_command(command):
    done = subprocess.run(
        [sys.executable, "-m", command, "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"scf-mps {scf_mps.__version__},")
