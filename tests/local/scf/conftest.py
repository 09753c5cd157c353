"""Fixture: running functions, closed after the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from scf_mps.local.scf import LocalFunction

from .support import APPLICATION, LAYER, Run


@pytest.fixture
def run() -> Iterator[Run]:
    """Starts functions, by default the application of these tests."""
    with ExitStack() as stack:

        def start(source: Path = APPLICATION, **settings: Any) -> LocalFunction:
            function = LocalFunction(source, layer=LAYER, **settings)
            return stack.enter_context(function)

        yield start
