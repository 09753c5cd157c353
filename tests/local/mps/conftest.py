"""Fixtures: one engine and one clip of two seconds for all tests, a world for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from scf_mps.local.engine import Engine

    from .cloud import World


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    from scf_mps.local.engine import Engine

    with Engine(fast=True) as running:
        yield running


@pytest.fixture(scope="session")
def clip(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    engine.make_sample_clip(path, seconds=2, width=320)
    return path


@pytest.fixture
def settings() -> dict[str, Any]:
    return {}


@pytest.fixture
def world(tmp_path: Path, engine: Engine, clip: Path, settings: dict[str, Any]) -> Iterator[World]:
    from .cloud import SOURCE, open_world

    with open_world(tmp_path, engine, **settings) as running:
        running.cos.upload(clip, SOURCE)
        yield running
