"""Run the tests with every other CPython 3.10 to 3.13 of this machine (`make pythons`).

Each has an environment in `.venvs/`, which is created again when `pyproject.toml` changes.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parent.parent
# Tests that are slow or hardly depend on the Python version. Those of emulators, builds and deployments use every
# CPython themselves where it matters.
EXCLUDED_TESTS = [
    "--ignore=tests/build",
    "--ignore=tests/chaos",
    "--ignore=tests/cli/test_dev.py",
    "--ignore=tests/cli/test_local.py",
    "--ignore=tests/cli/test_new.py",
    "--ignore=tests/cos/test_fault_tolerance.py",
    "--ignore=tests/deploy",
    "--ignore=tests/doctor",
    "--ignore=tests/local/api",
    "--ignore=tests/local/cos",
    "--ignore=tests/local/dev",
    "--ignore=tests/local/mps",
    "--ignore=tests/local/scf",
    "--ignore=tests/serverless",
]
sys.path.insert(0, str(ROOT))

from tests.support.interpreters import VERSIONS, find  # noqa: E402


def create_environment(version: str, python: Path) -> Path:
    """Create an environment with the dependencies of the tests. Return its Python."""
    folder = ROOT / ".venvs" / version
    digest = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    stamp = folder / "done"
    if not stamp.exists() or stamp.read_text() != digest:
        subprocess.run([python, "-m", "venv", folder], check=True)
        pip = [
            folder / "bin" / "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        subprocess.run([*pip, "-e", f"{ROOT}[test]"], check=True)
        stamp.write_text(digest)
    return folder / "bin" / "python"


def run_tests(version: str, python: Path) -> bool:
    """Run the tests with a CPython and print their output. Return True if they pass."""
    command = [create_environment(version, python), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    process = subprocess.run(
        [*command, *EXCLUDED_TESTS],
        cwd=ROOT,
        env={**os.environ, "SCF_MPS_EXAMPLES": "few"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    print(f"--- CPython {version}\n{process.stdout}", flush=True)
    return process.returncode == 0


def main() -> None:
    """Run the tests with each CPython, two at a time."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    pythons = {version: find(version) for version in VERSIONS if version != own}
    installed = {version: python for version, python in pythons.items() if python is not None}
    with ThreadPoolExecutor(2) as pool:  # the cores of a small machine
        passed = dict(
            zip(installed, pool.map(run_tests, installed, installed.values()), strict=True)
        )
    for version in sorted(pythons.keys() - installed.keys()):
        print(f"!!! SKIPPED: CPython {version} is not installed")
    failed = [version for version in installed if not passed[version]]
    if failed:
        sys.exit(f"failed with CPython {', '.join(failed)}")


if __name__ == "__main__":
    main()
