"""Local MPS: tasks, workflows and templates whose outputs a media engine produces in the COS emulator."""

from .canned_engine import CannedEngine
from .local_mps import LocalMps, MpsSettings

__all__ = ["CannedEngine", "LocalMps", "MpsSettings"]
