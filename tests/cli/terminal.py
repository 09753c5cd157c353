"""A pseudo-terminal for tests of the command line."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from typing import NamedTuple

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Screen(NamedTuple):
    """The output of a command: exit code, raw text, and lines without colours."""

    code: int
    raw: str
    lines: list[str]


def run_on_terminal(*arguments, **variables):
    """Run `scf-mps` with stdout and stderr on a terminal of 80 columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    environment = {
        name: value for name, value in os.environ.items() if name not in _REMOVED_VARIABLES
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "scf_mps.cli", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=slave,
        env={**environment, "TERM": "xterm-256color", **variables},
    )
    os.close(slave)
    data = b""
    try:
        while chunk := os.read(master, 65536):
            data += chunk
    except OSError:  # Linux: the terminal was closed
        pass
    finally:
        os.close(master)
    raw = data.decode().replace("\r\n", "\n")
    return Screen(process.wait(60), raw, _COLOURS.sub("", raw).splitlines())


_REMOVED_VARIABLES = (
    "COLUMNS",
    "LINES",
    "NO_COLOR",
    "FORCE_COLOR",
    "MPS_LEDGER",
    "MPS_APP",
    "MPS_LOG_FORMAT",
)
