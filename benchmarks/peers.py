"""A comparison with AWS Lambda Powertools, the best known framework for functions.

Measured: cold starts as in `cold_start.py` and the time of an event as in `dispatch.py`, with the same interpreter and the
same event. Powertools has no router for such events: `powertools_peer.py` combines its parser, its partial processor and
a dict of callbacks. The first run installs it into a separate environment in `.cache/`.

Not measured: features of only one side (our deadline, injection and summary, its validation), and idempotency except for
its import.
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

from cold_start import IMPORT, SIDES, build, create_environment, print_cold_starts, start_in_turns
from measurement import (
    ROOT,
    SAMPLE,
    SCF_CONTEXT,
    measure_in_processes,
    measure_in_turns,
    print_timings,
    sample_event,
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


def install(
    packages: tuple[str, ...] = PACKAGES, environment: Path = ENVIRONMENT
) -> tuple[Path, Path]:
    """Install the peers if necessary. Return their interpreter and their packages."""
    python = environment / "bin" / "python"
    done = environment / "done"
    if not done.exists() or done.read_text() != str(packages):
        print(f"installing {', '.join(packages)} into {environment.relative_to(ROOT)}", flush=True)
        shutil.rmtree(environment, ignore_errors=True)
        create_environment(environment)
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--python", str(python), "install", *packages], check=True)
        done.write_text(str(packages))
    (folder,) = environment.glob("lib/python3*/site-packages")
    return python, folder


def measure(case: str) -> None:
    """Print the times that `measure_in_processes` collects. Runs in the peer's interpreter."""
    sys.path.insert(0, str(ROOT / "src"))
    logging.disable()
    text = SAMPLE.read_text(encoding="utf-8")
    times = measure_in_turns({REFERENCE: lambda: json.loads(text), case: prepare(case)})
    print(json.dumps(times))


def prepare(case: str) -> Callable[[], object]:
    if case == OURS:
        from dispatch import create_app, handle

        return handle(create_app(4))
    import powertools_peer as peer

    main_handler = peer.main_handler if case == PARSED else peer.raw_main_handler
    event = sample_event()
    assert main_handler(event, SCF_CONTEXT) == ["success"] * 4
    return lambda: main_handler(event, SCF_CONTEXT)


def main() -> None:
    python, packages = install()
    with TemporaryDirectory() as folder:
        function = Path(folder)
        build(function)
        shutil.copy(ROOT / "benchmarks" / "powertools_peer.py", function)
        compileall.compile_dir(function, quiet=1)
        starts = start_in_turns(python, [function, packages], COLD_STARTS)
    print_cold_starts(f"Cold start compared with Powertools, CPython {python_version()}", starts)
    timings = measure_in_processes(str(python), __file__, (OURS, PARSED, RAW))
    print_timings("One event with 4 results compared with Powertools", REFERENCE, timings)
    event_ratio = timings[PARSED].minimum / timings[OURS].minimum
    start_ratio = starts[PEER].times.median / starts[IMPORT].times.median
    memory_difference = starts[PEER].memory - starts[IMPORT].memory
    print(
        f"\n  compared with Powertools: starts {start_ratio:.1f} times as fast with {memory_difference:.0f} MB less, "
        f"handles an event {event_ratio:.1f} times as fast"
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1])
    else:
        main()
