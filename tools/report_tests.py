"""The coverage of `make unit`, and every skipped test with how to enable it.

Code that only tests of a program can reach is left out of the coverage where the program is missing, and the report
says so. tests/conftest.py writes the reasons of the skips.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ONLY_WITH = {
    "redis-server": ("*/scf_mps/ledger/redis.py",),
    "python3.10": (
        "*/deploy/code.py",
        "*/deploy/doctor/probe.py",
        "*/deploy/packing/__init__.py",
        "*/deploy/packing/bytecode.py",
        "*/deploy/packing/command.py",
        "*/deploy/packing/imports.py",
        "*/deploy/packing/report.py",
    ),
}
"""Files that only tests with a program cover."""


def is_installed(program: str) -> bool:
    """Return True for a program of the PATH, or a CPython of pyenv."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    version = program.removeprefix("python")
    if version == "{}.{}".format(*sys.version_info):
        return True
    return shutil.which(program) is not None or any(root.glob(f"versions/{version}.*/bin/python"))


def main(folder: Path) -> int:
    missing = [program for program in ONLY_WITH if not is_installed(program)]
    omitted = [path for program in missing for path in ONLY_WITH[program]]
    command = [sys.executable, "-m", "coverage", "report"]
    code = subprocess.run(
        [*command, *([f"--omit={','.join(omitted)}"] if omitted else [])]
    ).returncode
    for program in missing:
        print(
            f"!!! coverage leaves out {', '.join(ONLY_WITH[program])}: no {program} on this machine"
        )
    reasons = Counter(
        reason
        for path in sorted(folder.glob("*.json"))
        for reason in json.loads(path.read_text("utf-8"))
    )
    for reason, count in sorted(reasons.items()):
        print(f"!!! SKIPPED {count} tests: {reason}")
    if not reasons:
        print("no test was skipped")
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
