"""The engine's process: ``python -m scf_mps.local.engine CONNECTION LIFELINE`` (descriptors)."""

import fcntl  # pragma: no cover - tests run it in a subprocess, as all below
import os  # pragma: no cover
import signal  # pragma: no cover
import socket  # pragma: no cover
import sys  # pragma: no cover


def die_with_parent(lifeline: int) -> None:  # pragma: no cover
    """Make the kernel kill this process when the other end of a pipe is closed, also while it is stopped.

    Only Linux has F_SETSIG. Elsewhere the process ends when it sends its next message.
    """
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_NONBLOCK | fcntl.FASYNC)
        try:
            os.read(lifeline, 1)
        except BlockingIOError:
            return  # the pipe is open and empty
        os._exit(0)


if __name__ == "__main__":  # pragma: no cover
    die_with_parent(int(sys.argv[2]))
    os.nice(10)
    from .service import serve

    serve(socket.socket(fileno=int(sys.argv[1])))
