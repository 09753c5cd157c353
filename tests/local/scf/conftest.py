"""Fixtures: functions that run, and are gone after the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
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
