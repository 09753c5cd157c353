"""The coverage of `make unit`, and every skipped test with how to enable it.

Code that only tests of a program can reach is left out of the coverage where the program is missing, and the report
says so. tests/conftest.py writes the reasons of the skips.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ONLY_WITH = {"redis-server": ("*/scf_mps/ledger/redis.py",)}
"""Files that only tests with a program cover."""


def main(folder: Path) -> int:
    missing = [program for program in ONLY_WITH if shutil.which(program) is None]
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
