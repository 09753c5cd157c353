"""How much memory a process uses, from Linux's /proc.

Resident memory is what counts: SCF bills and limits what is used, while an RLIMIT bounds address space, of which a
process may reserve much that it never touches. Only the process itself is measured, not what it starts.
"""

from __future__ import annotations

import warnings
from pathlib import Path

PROC = Path("/proc")


def warn_if_unlimited(proc: Path = PROC) -> None:
    """Say loudly that memory cannot be told here, nor limits be enforced."""
    if not proc.joinpath("self", "status").exists():
        warnings.warn(
            f"memory limits are NOT ENFORCED: there is no {proc} that tells what a process uses",
            RuntimeWarning,
            stacklevel=3,
        )


class MemoryGauge:
    """Measures a process; 0 where that cannot be told."""

    def __init__(self, pid: int, proc: Path = PROC) -> None:
        self._status = proc / str(pid) / "status"
        self._peak = 0

    def peak(self) -> int:
        """The most the process ever used, in bytes; the kernel keeps it, so that no short peak is missed."""
        try:
            status = self._status.read_text()
        except OSError:
            return self._peak
        for line in status.splitlines():
            if line.startswith("VmHWM:"):  # a process that has ended has none
                self._peak = int(line.split()[1]) * 1024
        return self._peak
