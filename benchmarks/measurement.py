"""Helpers of the benchmarks: the sample event, measurements in turns, and tables.

Other work on the machine disturbs single moments. Sides that are compared therefore take turns within one run, and ratios
and minima are the figures to trust.
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
"""The event of the MPS documentation: three results that succeeded and one that failed."""

SCF_CONTEXT: dict[str, Any] = {
    "request_id": "8c1b9d1e-0f5e-4c53-9d0a-6a2f6d3b7f10",
    "function_name": "mps",
    "function_version": "$LATEST",
    "namespace": "default",
    "tencentcloud_region": "ap-guangzhou",
    "memory_limit_in_mb": 128,
    "time_limit_in_ms": 60000,
}
"""The context that SCF passes."""


def sample_event() -> dict[str, Any]:
    """Return the documentation's event, as SCF passes it."""
    event: dict[str, Any] = json.loads(SAMPLE.read_text(encoding="utf-8"))
    return event


class Timing:
    """Minimum and median of the times of one side, in one unit."""

    def __init__(self, times: Sequence[float]) -> None:
        self.median = median(times)
        self.minimum = min(times)

    def ratios(self, to: Timing) -> tuple[str, str]:
        """Return the ratios of this minimum and median to another's, as texts."""
        return f"{self.minimum / to.minimum:.2f}", f"{self.median / to.median:.2f}"


def measure_in_turns(
    sides: Mapping[str, Callable[[], object]],
    turns: int = 250,
    batch: int = 20,
    prepare: Callable[[str], object] = str,
) -> dict[str, list[float]]:
    """Return the microseconds of a call of each side, measured in batches. The sides take turns.

    The garbage collector stays on: its work is part of the cost. `prepare` is called with the side's name before each
    batch, and is not measured.
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


def measure_in_processes(
    python: str, script: str, cases: Iterable[str], rounds: int = 5
) -> dict[str, Timing]:
    """Run ``script CASE`` in several processes for each case, and return what it prints as JSON (`measure_in_turns`).

    Each case has its own processes, like an application: Python adapts code to the values that it processes.
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


def print_target(name: str, value: float, limit: float) -> None:
    """Print whether a target was met. A miss is not a failure: a busy machine misses many."""
    print(f"  {name}: {value:.2f}; target: <= {limit}, {'met' if value <= limit else 'missed'}")


def print_table(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows of texts under headers. The first column is aligned left, the others right."""
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    print(f"\n{title}")
    for first, *others in (headers, ["-" * width for width in widths], *rows):
        cells = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        print("  " + "  ".join([first.ljust(widths[0]), *cells]))


def print_timings(title: str, reference: str, timings: Mapping[str, Timing]) -> None:
    """Print microseconds, and their ratios to those of the reference."""
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
