"""The coverage of `make unit`, and every skipped test with how to enable it.

Code that only skipped tests reach is left out of the coverage, and the report says so. tests/conftest.py writes the
reasons of the skips.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

ONLY_WITH = {
    "no redis-server": ("*/scf_mps/ledger/redis.py",),
    "no openssl": ("*/scf_mps/cos/http1.py",),
    "NOT TESTED on full and read-only disks": ("*/scf_mps/ledger/file.py",),
    "no CPython 3.10": (
        "*/deploy/code.py",
        "*/doctor/probe.py",
        "*/build/__init__.py",
        "*/build/bytecode.py",
        "*/build/command.py",
        "*/build/imports.py",
        "*/build/names.py",
        "*/build/report.py",
        "*/build/wheels.py",
    ),
}
"""Files that only tests cover which were skipped for such a reason."""


def main(folder: Path) -> int:
    reasons = Counter(
        reason
        for path in sorted(folder.glob("*.json"))
        for reason in json.loads(path.read_text("utf-8"))
    )
    missing = [one for one in ONLY_WITH if any(one in reason for reason in reasons)]
    omitted = [path for one in missing for path in ONLY_WITH[one]]
    command = [sys.executable, "-m", "coverage", "report"]
    code = subprocess.run(
        [*command, *([f"--omit={','.join(omitted)}"] if omitted else [])]
    ).returncode
    for one in missing:
        print(f"!!! coverage leaves out {', '.join(ONLY_WITH[one])}: {one}")
    for reason, count in sorted(reasons.items()):
        print(f"!!! SKIPPED {count} tests: {reason}")
    if not reasons:
        print("no test was skipped")
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
