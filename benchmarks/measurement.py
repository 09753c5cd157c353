"""What the benchmarks share: the event they handle, timing in turns, and tables of what was measured.

Other work on the same machine disturbs one moment and not the next. All that is compared is therefore measured in
turns within one run, and the figures to trust are ratios and minima.
"""

from __future__ import annotations

import gc
import json
import subprocess
from itertools import repeat
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent

SAMPLE = ROOT / "src" / "scf_mps" / "local" / "samples" / "documentation.json"
"""The event of the MPS documentation: three results that went well and one that failed."""

SCF_CONTEXT: dict[str, Any] = {
    "request_id": "8c1b9d1e-0f5e-4c53-9d0a-6a2f6d3b7f10",
    "function_name": "mps",
    "function_version": "$LATEST",
    "namespace": "default",
    "tencentcloud_region": "ap-guangzhou",
    "memory_limit_in_mb": 128,
    "time_limit_in_ms": 60000,
}
"""What SCF passes besides the event."""


def sample_event() -> dict[str, Any]:
    """The documentation's event, as SCF passes it."""
    event: dict[str, Any] = json.loads(SAMPLE.read_text(encoding="utf-8"))
    return event


class Timing:
    """The times one side took, in one unit."""

    def __init__(self, times: Sequence[float]) -> None:
        self.median = median(times)
        self.minimum = min(times)

    def ratios(self, to: Timing) -> tuple[str, str]:
        """How many times the other's minimum, and median, this takes, as texts."""
        return f"{self.minimum / to.minimum:.2f}", f"{self.median / to.median:.2f}"


def time_in_turns(
    sides: Mapping[str, Callable[[], object]],
    turns: int = 250,
    batch: int = 20,
    prepare: Callable[[str], object] = str,
) -> dict[str, list[float]]:
    """Microseconds that a call of each side takes, measured in batches of calls, one of each side a turn.

    The garbage collector stays on: its work is part of what a call costs. `prepare` is called with the side's name
    before each batch, and is not measured.
    """
    times: dict[str, list[float]] = {name: [] for name in sides}
    gc.collect()
    for _ in range(turns):
        for name, call in sides.items():
            prepare(name)
            began = perf_counter()
            for _ in repeat(None, batch):
                call()
            times[name].append((perf_counter() - began) / batch * 1e6)
    return times


def time_in_processes(
    python: str, script: str, cases: Iterable[str], rounds: int = 5
) -> dict[str, Timing]:
    """What ``script CASE`` measures and prints as JSON (`time_in_turns`), over several processes for each case.

    A case has its processes for itself, as an application has: Python adapts code to what runs through it.
    """
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        for case in cases:
            printed = subprocess.run(
                [python, script, case], stdout=subprocess.PIPE, text=True, check=True
            ).stdout
            for name, taken in json.loads(printed).items():
                times.setdefault(name, []).extend(taken)
    return {name: Timing(taken) for name, taken in times.items()}


def print_target(what: str, value: float, limit: float) -> None:
    """Print what came of a target. A miss fails nothing: a busy machine misses many."""
    print(f"  {what}: {value:.2f}; target: <= {limit}, {'met' if value <= limit else 'missed'}")


def print_table(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows of texts under headers, the first column to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    print(f"\n{title}")
    for first, *others in (headers, ["-" * width for width in widths], *rows):
        cells = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        print("  " + "  ".join([first.ljust(widths[0]), *cells]))


def print_timings(title: str, reference: str, timings: Mapping[str, Timing]) -> None:
    """Print microseconds, and their ratios to those of one side, the reference."""
    rows = [
        [
            name,
            f"{timing.minimum:.2f}",
            f"{timing.median:.2f}",
            *timing.ratios(timings[reference]),
        ]
        for name, timing in timings.items()
    ]
    print_table(title, ["", "min µs", "median µs", "ratio of min", "of medians"], rows)
