"""Print the share of mutants that the tests killed, and fail below 95 % (`make mutants`).

`mutmut results` lists the surviving mutants, `mutmut show NAME` shows one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

MIN_SCORE_PERCENT = 95.0


def main() -> None:
    """Print the score of the last run."""
    mutmut = Path(sys.executable).with_name("mutmut")
    subprocess.run([mutmut, "export-cicd-stats"], check=True, stdout=subprocess.DEVNULL)
    stats = json.loads(Path("mutants/mutmut-cicd-stats.json").read_text())
    killed = stats["killed"] + stats["timeout"]
    survived = stats["survived"] + stats["no_tests"]
    score = 100 * killed / (killed + survived)
    print(f"{killed} of {killed + survived} mutants killed: {score:.1f} %")
    if score < MIN_SCORE_PERCENT:
        sys.exit(f"the tests must kill {MIN_SCORE_PERCENT:.0f} % of the mutants")


if __name__ == "__main__":
    main()
