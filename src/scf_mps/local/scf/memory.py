"""Memory usage of a process, from Linux's /proc.

SCF bills and limits resident memory, while an RLIMIT limits address space. The children of the process
are not measured.
"""

from __future__ import annotations

import warnings
from pathlib import Path

PROC = Path("/proc")


def warn_if_unlimited(proc: Path = PROC) -> None:
    """Warn if memory cannot be measured and limits are not enforced."""
    if not proc.joinpath("self", "status").exists():
        warnings.warn(
            f"memory limits are NOT ENFORCED: this system has no {proc} to measure memory",
            RuntimeWarning,
            stacklevel=3,
        )


class MemoryGauge:
    """The memory usage of a process, 0 where it cannot be measured."""

    def __init__(self, pid: int, proc: Path = PROC) -> None:
        self._status = proc / str(pid) / "status"
        self._peak = 0

    def peak(self) -> int:
        """Return the peak memory in bytes. The kernel records it, so short peaks count."""
        try:
            status = self._status.read_text()
        except OSError:
            return self._peak
        for line in status.splitlines():
            if line.startswith("VmHWM:"):  # missing after the end of the process
                self._peak = int(line.split()[1]) * 1024
        return self._peak
