"""Paths and types for tests of the SCF emulator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from scf_mps.local.scf import LocalFunction

HERE = Path(__file__).parent
APPLICATION = HERE / "application"
LAYER = HERE / "layer"

Run = Callable[..., LocalFunction]
