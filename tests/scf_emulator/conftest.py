"""Fixtures: functions that run, and are gone after the test; what the tests wait with."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from scf_mps.local.scf import LocalFunction

HERE = Path(__file__).parent
APPLICATION = HERE / "application"
LAYER = HERE / "layer"

Run = Callable[..., LocalFunction]


@pytest.fixture
def run() -> Iterator[Run]:
    """Starts functions: the application of these tests, unless a source is given."""
    with ExitStack() as stack:

        def start(source: Path = APPLICATION, **settings: Any) -> LocalFunction:
            function = LocalFunction(source, layer=LAYER, **settings)
            return stack.enter_context(function)

        yield start


def wait_for_end(pid: int, seconds: float = 10) -> None:
    """Wait until a process, of whomever, has ended. Fails after some seconds."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([descriptor], [], [], seconds)
    finally:
        os.close(descriptor)
    assert ended, f"process {pid} is still there after {seconds} s"


def wait_until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait until something is so. Fails after some seconds."""
    end, never = monotonic() + seconds, threading.Event()
    while not condition():
        assert monotonic() < end, f"it is not so after {seconds} s"
        never.wait(0.005)
