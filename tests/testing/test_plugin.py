"""The pytest plugin: markers, isolation, the check of unused preparations and the report."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from scf_mps.testing import plugin

HEAD = """
import os, socket, pytest
from scf_mps import App, Transcode
from scf_mps.testing import event as e
assert not os.environ.get("MPS_PUBLISH")
app = App()
"""


def run(folder, text, *options, ini="mps_app = test_it:app"):
    (folder / "test_it.py").write_text(HEAD + text)
    (folder / "pytest.ini").write_text(f"[pytest]\n{ini}\naddopts = -q\npythonpath = .\n")
    environment = {**os.environ, "MPS_PUBLISH": "x" if ini else "", "TENCENTCLOUD_SECRETID": "y"}
    command = [sys.executable, "-m", "pytest", "-p", "scf_mps.testing.plugin", *options]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )


def test_unused_fault_fails_the_test(tmp_path):
    done = run(
        tmp_path,
        "def test_a(mps):\n    mps.fail('x', KeyError)\n"
        "@pytest.mark.mps(unused=True)\ndef test_b(mps):\n    mps.fail('x', KeyError)\n",
    )
    assert "no callback hit fail('x')" in done.stdout
    assert "1 failed, 1 passed" in done.stdout


def test_all_tests_of_the_project_are_isolated(tmp_path):
    done = run(
        tmp_path,
        "def test_a():\n    assert 'TENCENTCLOUD_SECRETID' not in os.environ\n"
        "    with pytest.raises(OSError, match='may not connect'):\n"
        "        socket.create_connection(('192.0.2.1', 9), 1)\n",
    )
    assert "1 passed" in done.stdout, done.stdout


def test_other_projects_are_left_alone(tmp_path):
    text = "def test_a():\n    assert os.environ['TENCENTCLOUD_SECRETID'] == 'y'\n"
    text += "def test_b(mps):\n    assert 'TENCENTCLOUD_SECRETID' not in os.environ\n"
    done = run(tmp_path, text, ini="")
    assert "2 passed" in done.stdout, done.stdout


def test_fixture_of_the_project_may_have_the_name(tmp_path):
    text = "@pytest.fixture\ndef mps():\n    return 1\ndef test_a(mps):\n    assert mps == 2\n"
    assert "assert 1 == 2" in run(tmp_path, text, ini="").stdout


@pytest.mark.parametrize(
    ("marker", "word"),
    [("mps(1)", "NAME=value only"), ("mps(tme=1)", "time_limit"), ("mps(MPS_X=1)", "capitals")],
)
def test_invalid_marker_is_explained(request, marker, word):
    item = SimpleNamespace(
        nodeid="test", iter_markers=lambda name: [eval(f"pytest.mark.{marker}").mark]
    )
    with pytest.raises(pytest.UsageError, match=word):
        plugin.read_markers(item)


def test_nearest_marker_wins():
    marks = [pytest.mark.mps(MPS_A="near").mark, pytest.mark.mps(MPS_A="far", unused=True).mark]
    item = SimpleNamespace(nodeid="test", iter_markers=lambda name: marks)
    assert plugin.read_markers(item) == {"MPS_A": "near", "unused": True}


@pytest.mark.mps(app="tests.testing.test_plugin:other")
def test_marker_names_another_application(mps):
    assert mps.app is other


def test_report_of_a_failure_has_the_deliveries(mps, request):
    from scf_mps.testing import event as e

    mps.app = other
    mps.deliver(e.workflow())
    report = SimpleNamespace(when="call", failed=True, sections=[])
    plugin.add_deliveries(report, request.node)
    plugin.add_deliveries(SimpleNamespace(when="call", failed=False), request.node)
    ((title, text),) = report.sections
    assert title == "MPS deliveries"
    assert "no callback ran" in text


def make_other():
    from scf_mps import App

    return App()


other = make_other()


def test_session_of_a_project_is_closed(pytestconfig):
    """The hooks of a session, as pytest calls them."""
    config = SimpleNamespace(
        stash=pytest.Stash(),
        rootpath=None,
        addinivalue_line=lambda name, line: None,
    )
    config.getini = lambda name: ""
    plugin.pytest_load_initial_conftests(config)
    plugin.pytest_unconfigure(config)
    config.getini = lambda name: "shop:app"
    os.environ["MPS_TEST_OF_PLUGIN"] = "1"
    plugin.pytest_load_initial_conftests(config)
    try:
        assert "MPS_TEST_OF_PLUGIN" not in os.environ
        assert plugin.get_session(config).application == "shop:app"
        assert plugin.get_session(config).message_servers.chat.url
    finally:
        plugin.pytest_unconfigure(config)
    assert os.environ.pop("MPS_TEST_OF_PLUGIN") == "1"


def test_plugin_is_an_entry_point():
    from importlib.metadata import entry_points

    names = [entry.value for entry in entry_points(group="pytest11")]
    if "scf_mps.testing.plugin" not in names:
        pytest.skip("this checkout was installed before the plugin existed: run pip install -e .")
    assert names.count("scf_mps.testing.plugin") == 1
