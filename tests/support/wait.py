"""Waiting for conditions and processes."""

import os
import select
import threading
from time import monotonic


def wait_until(condition, seconds=10):
    """Wait until a condition is true. Fail after `seconds`."""
    end, never = monotonic() + seconds, threading.Event()
    while not condition():
        assert monotonic() < end, f"the condition is not true after {seconds} s"
        never.wait(0.005)


def wait_for_end(pid, seconds=10):
    """Wait until a process has ended, a child or not. Fail after `seconds`."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([descriptor], [], [], seconds)
    finally:
        os.close(descriptor)
    assert ended, f"process {pid} still runs after {seconds} s"
