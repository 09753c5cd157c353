"""Says how many of mutmut's changes the tests noticed, and fails below 95 % (`make mutants`).

`mutmut show NAME` shows a change that went unnoticed, `mutmut results` lists them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LEAST = 95.0


def main() -> None:
    mutmut = Path(sys.executable).with_name("mutmut")
    subprocess.run([mutmut, "export-cicd-stats"], check=True, stdout=subprocess.DEVNULL)
    stats = json.loads(Path("mutants/mutmut-cicd-stats.json").read_text())
    noticed = stats["killed"] + stats["timeout"]
    missed = stats["survived"] + stats["no_tests"]
    score = 100 * noticed / (noticed + missed)
    print(f"{noticed} of {noticed + missed} changes were noticed: {score:.1f} %")
    if score < LEAST:
        sys.exit(f"the tests are to notice {LEAST:.0f} %")


if __name__ == "__main__":
    main()
