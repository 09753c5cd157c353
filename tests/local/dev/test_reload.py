"""Watch of a project's files."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from scf_mps.local.dev.reload import Watcher, take_snapshot
from tests.support.wait import wait_until

from .projects import create_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return create_project(tmp_path / "project")


def test_burst_of_changes_reloads_once(project: Path) -> None:
    reloads: list[float] = []
    with Watcher([project], lambda: reloads.append(time.monotonic())):
        started = time.monotonic()
        for number in range(5):
            (project / "handlers" / "__init__.py").write_text(f"n = {number}\n")
            (project / ".env").write_text(f"N={number}\n")
        wait_until(lambda: reloads)
        assert reloads[0] - started < 1
        (project / "serverless.yml").write_text("inputs: {}\n")
        wait_until(lambda: len(reloads) > 1)
    assert len(reloads) == 2


@pytest.mark.parametrize(
    "name",
    ["handlers/text.txt", "handlers/sub/a.py", "other.py", ".env.prod", "serverless.yml"],
)
def test_watched_files(project: Path, name: str) -> None:
    before = take_snapshot(project)
    path = project / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("1")
    first = take_snapshot(project)
    assert first != before
    path.write_text("22")
    assert take_snapshot(project) != first
    path.unlink()
    assert take_snapshot(project) == before


@pytest.mark.parametrize(
    "name",
    ["README.md", ".scf-mps/a.py", "build/a.py", "tests/a.py", "handlers/__pycache__/a.pyc"],
)
def test_other_files_are_not_watched(project: Path, name: str) -> None:
    before = take_snapshot(project)
    path = project / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("1")
    assert take_snapshot(project) == before


def test_single_file_is_watched(project: Path) -> None:
    path = project / "code.zip"
    path.write_text("1")
    before = take_snapshot(project, path)
    path.write_text("22")
    assert take_snapshot(project, path) != before


def test_links_to_missing_files_are_ignored(project: Path) -> None:
    before = take_snapshot(project)
    (project / "broken.py").symlink_to(project / "missing.py")
    assert take_snapshot(project) == before
    assert take_snapshot(project / "missing") == {}


def test_failed_reload_does_not_end_the_watch(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reloads: list[int] = []

    def reload() -> None:
        reloads.append(1)
        raise OSError("disk")

    with Watcher([project], reload):
        for count in (1, 2):
            (project / "a.py").write_text("x" * count)
            wait_until(lambda count=count: len(reloads) == count)
    assert caplog.text.count("reload failed") == 2


def test_look_at_files_is_fast(project: Path) -> None:
    for number in range(12):
        (project / "handlers" / f"m{number}.py").write_text("")
    started = time.perf_counter()
    for _ in range(20):
        take_snapshot(project)
    assert (time.perf_counter() - started) / 20 < 0.01
    assert os.path.exists(project)
