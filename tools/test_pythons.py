"""Runs the tests on every CPython 3.10 to 3.13 of this machine but the one that runs this (`make pythons`).

Each has an environment of its own under `.venvs/`, made once for a `pyproject.toml`.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parent.parent
# What `make unit` runs is not repeated where another Python could hardly make a difference: emulators, builds and
# deployments are for the desk and try every CPython themselves where that matters, faults and storms are a matter of
# minutes.
LEFT_OUT = [
    "--ignore=tests/chaos",
    "--ignore=tests/cloud_api",
    "--ignore=tests/cos/test_fault_tolerance.py",
    "--ignore=tests/cos_emulator",
    "--ignore=tests/deploy",
    "--ignore=tests/deploying",
    "--ignore=tests/scf_emulator",
    "--ignore=tests/serverless",
    "--ignore=tests/build/test_deployed_form.py",
    "--ignore=tests/cli/test_local.py",
    "--ignore=tests/cli/test_new.py",
]
sys.path.insert(0, str(ROOT / "tests"))

from pythons import VERSIONS, find  # noqa: E402 - the tests' own finder


def environment(version: str, python: Path) -> Path:
    """The Python of an environment with what the tests need."""
    folder = ROOT / ".venvs" / version
    mark = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    done = folder / "done"
    if not done.exists() or done.read_text() != mark:
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
        done.write_text(mark)
    return folder / "bin" / "python"


def tested(version: str, python: Path) -> bool:
    """Run the tests on one CPython and print what they print, in one piece; whether they pass."""
    command = [environment(version, python), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *LEFT_OUT],
        cwd=ROOT,
        env={**os.environ, "SCF_MPS_EXAMPLES": "few"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    print(f"--- CPython {version}\n{done.stdout}", flush=True)
    return done.returncode == 0


def main() -> None:
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = {version: find(version) for version in VERSIONS if version != own}
    there = {version: python for version, python in found.items() if python is not None}
    with ThreadPoolExecutor(2) as pool:  # as many as there are cores on a small machine
        passed = dict(zip(there, pool.map(tested, there, there.values()), strict=True))
    for version in sorted(found.keys() - there.keys()):
        print(
            f"!!! SKIPPED: there is no CPython {version} on this machine, the tests did not run on it"
        )
    failed = [version for version in there if not passed[version]]
    if failed:
        sys.exit(f"failed on CPython {', '.join(failed)}")


if __name__ == "__main__":
    main()
