"""Static types of registrations: mypy and pyright report exactly the errors of an example."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sample_data import ROOT

EXAMPLE = Path(__file__).parent / "typed_example.py"


def find_marked_lines():
    """Return the lines of the example that are marked as errors."""
    lines = EXAMPLE.read_text("utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if re.search(r"  # error: ", line)}


def run_mypy():
    """Return the lines with errors of mypy."""
    if shutil.which("mypy", path=Path(sys.executable).parent) is None:
        pytest.skip("SKIPPED CHECK: mypy is not installed here (pip install 'scf-mps[dev]')")
    command = [sys.executable, "-m", "mypy", "--no-pretty", "--no-error-summary", EXAMPLE]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert not process.stderr, process.stderr
    errors = re.findall(r"^(.+?):(\d+): error: (.+)$", process.stdout, re.MULTILINE)
    assert {Path(path).name for path, _, _ in errors} == {EXAMPLE.name}
    return {int(line) for _, line, text in errors if "[untyped-decorator]" not in text}


def run_pyright():
    """Return the lines with errors of pyright."""
    pyright = shutil.which("pyright", path=Path(sys.executable).parent)
    if pyright is None:
        pytest.skip("SKIPPED CHECK: pyright is not installed here (pip install 'scf-mps[dev]')")
    command = [pyright, "--outputjson", "--pythonpath", sys.executable, str(EXAMPLE)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    diagnostics = json.loads(process.stdout)["generalDiagnostics"]
    return {
        item["range"]["start"]["line"] + 1 for item in diagnostics if item["severity"] == "error"
    }


@pytest.mark.parametrize("find_errors", [run_mypy, run_pyright])
def test_type_checkers_report_the_marked_lines(find_errors):
    assert find_errors() == find_marked_lines()


def test_example_runs():
    code = "import typed_example as e; assert e.publish.__name__ == 'publish'; print(len(e.app.routes))"
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=EXAMPLE.parent, capture_output=True, text=True
    )
    assert (process.stdout.strip(), process.stderr) == ("8", "")
