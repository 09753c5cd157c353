"""The same job with AWS Lambda Powertools, the best known framework for functions, side by side with ours.

Measured: cold starts as in `cold_start.py` and the time an event takes as in `dispatch/dispatcher.py`, with the same interpreter
and on the same event. Powertools has no router for such events; `powertools_peer.py` puts together what it has, its
parser, its partial processor and a dict of callbacks. It is installed into an environment of its own under `.cache/`
by the first run.

Not measured: what only one of the two does (the deadline, injection and a summary on our side, validation on its), and
idempotency but for what its import costs.
"""

from __future__ import annotations

import compileall
import json
import logging
import shutil
import subprocess
import sys
from pathlib import Path
from platform import python_version
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cold_start import IMPORT, SIDES, bare_environment, build, print_cold_starts, start_in_turns
from measurement import (
    ROOT,
    SAMPLE,
    SCF_CONTEXT,
    print_timings,
    sample_event,
    time_in_processes,
    time_in_turns,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGES = ("aws-lambda-powertools[parser]==3.37.0", "boto3==1.44.5")
ENVIRONMENT = ROOT / ".cache" / f"peers-{python_version()}"

PEER = "powertools: logger, parser, processor"
COLD_STARTS = {
    **SIDES,
    PEER: "import powertools_peer",
    f"{PEER}; first event": "import powertools_peer; powertools_peer.main_handler(event, context)",
    f"{PEER}, idempotency": "import powertools_peer, aws_lambda_powertools.utilities.idempotency",
}

REFERENCE = "json.loads of the event"
OURS, PARSED, RAW = "scf-mps", "powertools, parsed by a model", "powertools, the raw dict"


def installed() -> tuple[Path, Path]:
    """The peer's interpreter and its packages; they are installed if they are not yet."""
    python = ENVIRONMENT / "bin" / "python"
    done = ENVIRONMENT / "done"
    if not done.exists() or done.read_text() != str(PACKAGES):
        print(f"installing {', '.join(PACKAGES)} into {ENVIRONMENT.relative_to(ROOT)}", flush=True)
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        bare_environment(ENVIRONMENT)
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--python", str(python), "install", *PACKAGES], check=True)
        done.write_text(str(PACKAGES))
    (packages,) = ENVIRONMENT.glob("lib/python3*/site-packages")
    return python, packages


def measure(case: str) -> None:
    """Print what `time_in_processes` collects; run by the peer's interpreter."""
    sys.path.insert(0, str(ROOT / "src"))
    logging.disable()
    text = SAMPLE.read_text(encoding="utf-8")
    times = time_in_turns({REFERENCE: lambda: json.loads(text), case: handling(case)})
    print(json.dumps(times))


def handling(case: str) -> Callable[[], object]:
    if case == OURS:
        from dispatch import app_with, handle

        return handle(app_with(4))
    import powertools_peer as peer

    main_handler = peer.main_handler if case == PARSED else peer.raw_main_handler
    event = sample_event()
    assert main_handler(event, SCF_CONTEXT) == ["success"] * 4
    return lambda: main_handler(event, SCF_CONTEXT)


def main() -> None:
    python, packages = installed()
    with TemporaryDirectory() as folder:
        function = Path(folder)
        build(function)
        shutil.copy(ROOT / "benchmarks" / "powertools_peer.py", function)
        compileall.compile_dir(function, quiet=1)
        starts = start_in_turns(python, [function, packages], COLD_STARTS)
    print_cold_starts(f"Cold start beside Powertools, CPython {python_version()}", starts)
    timings = time_in_processes(str(python), __file__, (OURS, PARSED, RAW))
    print_timings("One event with 4 results beside Powertools", REFERENCE, timings)
    faster = timings[PARSED].minimum / timings[OURS].minimum
    sooner = starts[PEER].times.median / starts[IMPORT].times.median
    lighter = starts[PEER].memory - starts[IMPORT].memory
    print(
        f"\n  beside Powertools: {sooner:.1f} times as fast to start with {lighter:.0f} MB less, ",
        end="",
    )
    print(f"{faster:.1f} times as fast with an event")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1])
    else:
        main()
