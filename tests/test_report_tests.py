"""tools/report_tests.py: the coverage and the skips at the end of `make test`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

pytest.importorskip("coverage", reason="the report is of its data")

SETTINGS = "[tool.coverage.report]\nfail_under = 100\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of which only the ledger in Redis is not covered."""
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
    (tmp_path / "bin").mkdir()
    return tmp_path


def report(project: Path) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "report_tests.py", "skips"],
        cwd=project,
        env={**os.environ, "PATH": str(project / "bin")},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout.splitlines()


def test_report_leaves_out_code_of_missing_programs(project: Path) -> None:
    code, lines = report(project)
    assert code == 0
    assert any("redis-server" in line for line in lines)


def test_report_counts_all_code_when_programs_are_installed(project: Path) -> None:
    server = project / "bin" / "redis-server"
    server.touch(0o755)
    code, lines = report(project)
    assert code == 2
    assert lines[-1] == "no test was skipped"


def test_report_counts_skips_by_reason(project: Path) -> None:
    for name, reasons in (("1.json", ["no redis-server", "no node"]), ("2.json", ["no node"])):
        (project / "skips" / name).write_text(json.dumps(reasons))
    _, lines = report(project)
    assert lines[-2:] == ["!!! SKIPPED 2 tests: no node", "!!! SKIPPED 1 tests: no redis-server"]
