"""Applications under test: loaded for their variables, and restored."""

import sys

import pytest

from scf_mps.testing import event as e
from scf_mps.testing.application import ApplicationNotFound, Applications

CODE = """
import os
from scf_mps import App, Event

class Database:
    pass

class Broken(Exception):
    pass

app = App()
app.provide(Database, Database)
mode = os.environ.get("MPS_MODE", "")
nothing = None

@app.on(Event, name="work")
def work(event: Event, database: Database) -> None:
    from . import helper
    raise Broken(mode, type(database).__name__, helper.__name__)
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    name = f"application_{abs(hash(str(tmp_path))):x}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text(CODE)
    (folder / "helper.py").write_text("")
    (folder / "needing.py").write_text("import not_installed_anywhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[module]


@pytest.fixture
def applications():
    applications = Applications()
    yield applications
    applications.restore()


def test_application_is_loaded_once_for_its_variables(package, applications):
    name = f"{package}:app"
    plain = applications.load(name, {})
    module = sys.modules[package]
    assert applications.load(name, {}) is plain
    first = applications.load(name, {"MPS_MODE": "a"})
    assert first is not plain
    assert sys.modules[package].mode == "a"
    assert applications.load(name, {"MPS_MODE": "b"}) is not first
    assert applications.load(name, {"MPS_MODE": "a"}) is first
    applications.restore()
    assert sys.modules[package] is module
    assert module.mode == ""


def test_class_of_the_test_stands_for_the_one_loaded_again(package, mps):
    __import__(package)
    module = sys.modules[package]

    class Fake(module.Database):
        pass

    mps._application, mps._variables = f"{package}:app", {"MPS_MODE": "a"}
    mps.override(module.Database, Fake())
    delivery = mps.deliver(e.workflow())
    assert delivery.causes[0].args == ("a", "Fake", f"{package}.helper")
    assert delivery.raised(module.Broken)
    assert not isinstance(delivery.causes[0], module.Broken)


@pytest.mark.parametrize(
    ("name", "word"),
    [("not_there:app", "no module"), ("{}:nothing", "not an App"), ("{}.missing:app", "no module")],
)
def test_missing_application_is_explained(package, applications, name, word):
    with pytest.raises(ApplicationNotFound, match=word):
        applications.load(name.format(package), {})


def test_error_of_the_application_is_not_hidden(package, applications):
    with pytest.raises(ModuleNotFoundError, match="not_installed_anywhere"):
        applications.load(f"{package}.needing:app", {"MPS_MODE": "a"})
