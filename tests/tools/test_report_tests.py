"""tools/report_tests.py: coverage and skipped tests."""

import json
import subprocess
import sys

import pytest

from tests.support.sample_data import ROOT

pytest.importorskip("coverage", reason="the report needs it")

SETTINGS = "[tool.coverage.report]\nfail_under = 100\n"


@pytest.fixture
def project(tmp_path):
    """Create a project in which only the Redis ledger is not covered."""
    source = tmp_path / "scf_mps" / "ledger" / "redis.py"
    source.parent.mkdir(parents=True)
    source.write_text("import sys\nif not sys.argv:\n    raise SystemExit\n")
    for folder in (source.parent, source.parent.parent):
        (folder / "__init__.py").touch()
    (tmp_path / "covered.py").write_text("import scf_mps.ledger.redis\n")
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    command = [sys.executable, "-m", "coverage", "run", "--source=.", "covered.py"]
    subprocess.run(command, cwd=tmp_path, check=True)
    (tmp_path / "skips").mkdir()
    return tmp_path


def report(project, **skips):
    for name, reasons in skips.items():
        (project / "skips" / f"{name}.json").write_text(json.dumps(reasons))
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "report_tests.py", "skips"],
        cwd=project,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout.splitlines()


def test_report_omits_code_of_skipped_tests(project):
    code, lines = report(project, first=["no redis-server on this machine: install it"])
    assert code == 0
    assert any("redis.py" in line for line in lines)


def test_report_covers_all_code_without_skips(project):
    code, lines = report(project)
    assert code == 2
    assert "SKIPPED" not in "".join(lines)


def test_report_counts_skips_by_reason(project):
    _, lines = report(project, first=["no redis-server", "no node"], second=["no node"])
    assert lines[-2:] == ["!!! SKIPPED 2 tests: no node", "!!! SKIPPED 1 tests: no redis-server"]
