"""Type checkers accept what works, keep the types of decorated functions, and refuse what does not work."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sample_data import ROOT

EXAMPLE = Path(__file__).parent / "typed_example.py"


def marked() -> set[int]:
    """The lines of the example that must be refused."""
    lines = EXAMPLE.read_text("utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if re.search(r"  # error: ", line)}


def refused_by_mypy() -> set[int]:
    if shutil.which("mypy", path=Path(sys.executable).parent) is None:
        pytest.skip("SKIPPED CHECK: mypy is not installed here (pip install 'scf-mps[dev]')")
    command = [sys.executable, "-m", "mypy", "--no-pretty", "--no-error-summary", EXAMPLE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert not done.stderr, done.stderr
    errors = re.findall(r"^(.+?):(\d+): error: (.+)$", done.stdout, re.MULTILINE)
    assert {Path(path).name for path, _, _ in errors} == {EXAMPLE.name}
    return {int(line) for _, line, text in errors if "[untyped-decorator]" not in text}


def refused_by_pyright() -> set[int]:
    pyright = shutil.which("pyright", path=Path(sys.executable).parent)
    if pyright is None:
        pytest.skip("SKIPPED CHECK: pyright is not installed here (pip install 'scf-mps[dev]')")
    command = [pyright, "--outputjson", "--pythonpath", sys.executable, str(EXAMPLE)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    found = json.loads(done.stdout)["generalDiagnostics"]
    return {one["range"]["start"]["line"] + 1 for one in found if one["severity"] == "error"}


@pytest.mark.parametrize("refused", [refused_by_mypy, refused_by_pyright])
def test_exactly_the_marked_lines_of_a_users_handlers_are_refused(refused):
    assert refused() == marked()


def test_the_example_runs_as_it_is():
    code = "import typed_example as e; assert e.publish.__name__ == 'publish'; print(len(e.app.routes))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=EXAMPLE.parent, capture_output=True, text=True
    )
    assert (done.stdout.strip(), done.stderr) == ("7", "")
