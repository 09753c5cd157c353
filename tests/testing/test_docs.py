"""The ten tests of docs/testing.md, run from the page."""

import os
import re
import subprocess
import sys

import pytest

from tests.support.sample_data import ROOT

PAGE = (ROOT / "docs" / "testing.md").read_text("utf-8")
APPLICATION, TESTS = re.findall("```python\n(.*?)```", PAGE, re.DOTALL)[:2]
MAX_LINES = 70


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.py").write_text(APPLICATION)
    (folder / "test_shop.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\nmps_app = shop:app\npythonpath = .\n")
    return folder


def run_pytest(folder, *options):
    command = [sys.executable, "-m", "pytest", "-p", "scf_mps.testing.plugin", *options]
    environment = {**os.environ, "MPS_BUCKETS": "other-1250000000", "PYTEST_ADDOPTS": ""}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def test_page_has_ten_short_tests():
    assert TESTS.count("\ndef test_") == 10
    assert len(TESTS.splitlines()) <= MAX_LINES


@pytest.mark.parametrize("options", [["-q"], ["-q", "-n", "2"]])
def test_ten_tests_pass(project, options):
    if "-n" in options:
        pytest.importorskip("xdist", reason="it runs tests in several processes")
    done = run_pytest(project, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 passed" in done.stdout


def test_failed_test_shows_its_deliveries(project):
    broken = TESTS.replace('["done", "done", "failed", "done"]', '["done"]')
    (project / "broken.py").write_text(broken)
    done = run_pytest(project, "-q", "broken.py", "-k", "only_the_failed")
    assert done.returncode == 1
    assert "MPS deliveries" in done.stdout
    assert re.search(r"shop\.publish +Transcode .* +failed +\w+: ", done.stdout)
