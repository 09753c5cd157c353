"""Report the coverage of `make unit` and the skipped tests.

The coverage omits code that only skipped tests reach. tests/conftest.py writes the reasons of the skips.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

FILES_BY_SKIP_REASON = {
    "no redis-server": ("*/scf_mps/ledger/redis.py",),
    "no openssl": ("*/scf_mps/cos/http1.py",),
    "NOT TESTED on full and read-only disks": ("*/scf_mps/ledger/file.py",),
    "no CPython 3.10": (
        "*/deploy/code.py",
        "*/doctor/import_probe.py",
        "*/build/builder.py",
        "*/build/bytecode.py",
        "*/build/command.py",
        "*/build/imports.py",
        "*/build/names.py",
        "*/build/report.py",
        "*/build/wheels.py",
    ),
}
"""Files that only tests with such a skip reason cover."""


def main(folder: Path) -> int:
    """Print the report. Return the exit code of coverage."""
    reasons = Counter(
        reason
        for path in sorted(folder.glob("*.json"))
        for reason in json.loads(path.read_text("utf-8"))
    )
    missing = [key for key in FILES_BY_SKIP_REASON if any(key in reason for reason in reasons)]
    omitted = [path for key in missing for path in FILES_BY_SKIP_REASON[key]]
    command = [sys.executable, "-m", "coverage", "report"]
    code = subprocess.run(
        [*command, *([f"--omit={','.join(omitted)}"] if omitted else [])]
    ).returncode
    for key in missing:
        print(f"!!! coverage omits {', '.join(FILES_BY_SKIP_REASON[key])}: {key}")
    for reason, count in sorted(reasons.items()):
        print(f"!!! SKIPPED {count} tests: {reason}")
    if not reasons:
        print("no skipped tests")
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
