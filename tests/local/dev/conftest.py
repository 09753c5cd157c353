"""Fixtures: a video, a project, its running stack and console."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from scf_mps.local.dev.options import StackOptions
from scf_mps.local.dev.server import Console
from scf_mps.local.dev.stack import Stack
from scf_mps.local.engine import Engine

from .http_client import Page
from .projects import IDLE, QUICK, QUICK_WORKFLOW, Start, create_project


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 2 s and 320x180."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    with Engine(fast=True) as engine:
        engine.make_sample_clip(path, 2, 320)
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return create_project(tmp_path / "project")


@pytest.fixture
def start(project: Path) -> Iterator[Start]:
    """Starts the stack of the project with one subtask for each video, without its page and its watch."""
    with ExitStack() as stack:

        def run(**options: Any) -> Stack:
            options = {**QUICK, "workflow": QUICK_WORKFLOW, **options}
            return stack.enter_context(Stack(StackOptions(project, fast=True, **options)))

        yield run


@pytest.fixture(scope="session")
def shared_console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """The console of a stack that processes no videos, for tests that need no stack of their own."""
    project = create_project(tmp_path_factory.mktemp("shared") / "project")
    with Stack(StackOptions(project, **IDLE)) as stack:
        yield stack.console


@pytest.fixture(scope="session")
def shared_page(shared_console: Console) -> Page:
    return Page(shared_console)


@pytest.fixture
def console(project: Path) -> Iterator[Console]:
    """The console of a stack that processes no videos."""
    with Stack(StackOptions(project, **IDLE)) as stack:
        yield stack.console


@pytest.fixture
def page(console: Console) -> Page:
    return Page(console)
