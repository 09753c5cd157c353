"""Runs the tests on every CPython 3.10 to 3.13 of this machine but the one that runs this (`make pythons`).

Each has an environment of its own under `.venvs/`, made once for a `pyproject.toml`.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
# The emulator is for the desk, and the deployed form is tried with every CPython already: `make unit` runs both.
LEFT_OUT = ["--ignore=tests/cos_emulator", "--ignore=tests/test_deployed_form.py"]
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


def main() -> None:
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    failed, skipped = [], []
    for version in VERSIONS:
        if version == own:
            continue
        python = find(version)
        if python is None:
            skipped.append(version)
            continue
        print(f"--- CPython {version}", flush=True)
        command = [
            environment(version, python),
            "-m",
            "pytest",
            "-q",
            "-n2",
            "--dist=loadfile",
            *LEFT_OUT,
        ]
        if subprocess.run(command, cwd=ROOT).returncode:
            failed.append(version)
    for version in skipped:
        print(
            f"!!! SKIPPED: there is no CPython {version} on this machine, the tests did not run on it"
        )
    if failed:
        sys.exit(f"failed on CPython {', '.join(failed)}")


if __name__ == "__main__":
    main()
