"""Sources of the tests of the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from scf_mps.local.engine.sample_clip import make_sample_clip


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the sample clip: 2 s, 320x180, 25 pictures in a second, with sound and clock."""
    path = tmp_path_factory.mktemp("engine") / "clip.mp4"
    make_sample_clip(path, 2, 320)
    return path


@pytest.fixture(scope="session")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the sample clip with a length of 5 s."""
    path = tmp_path_factory.mktemp("engine") / "long.mp4"
    make_sample_clip(path, 5, 320)
    return path
