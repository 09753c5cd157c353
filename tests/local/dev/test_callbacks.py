"""Names and types of a project's callbacks."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from scf_mps.local.dev.callbacks import CallbackList
from tests.support.wait import wait_until

from .projects import HANDLERS, create_project


def list_callbacks(project: Path) -> list[dict[str, object]]:
    reported = threading.Event()
    with CallbackList(reported.set) as callbacks:
        callbacks.refresh(project, sys.executable, {})
        assert reported.wait(10)
        return callbacks.documents


def test_callbacks_have_names_and_types(tmp_path: Path) -> None:
    code = HANDLERS.replace(
        "main_handler =",
        '@app.on("NewType", name="new")\ndef new(result): pass\n\nprint("noise")\nmain_handler =',
    )
    assert list_callbacks(create_project(tmp_path / "project", code)) == [
        {"name": "film", "types": ["Transcode"]},
        {"name": "send", "types": ["Event"]},
        {"name": "new", "types": ["NewType"]},
    ]


@pytest.mark.parametrize(
    "code", ["import missing_module", "def main_handler(event, context): pass"]
)
def test_code_without_app_has_no_callbacks(tmp_path: Path, code: str) -> None:
    assert list_callbacks(create_project(tmp_path / "project", code)) == []


def test_zip_has_no_callbacks(tmp_path: Path) -> None:
    with CallbackList(pytest.fail) as callbacks:
        callbacks.refresh(tmp_path / "code.zip", sys.executable, {})
    assert callbacks.documents == []


def test_close_ends_the_process(tmp_path: Path) -> None:
    code = "import pathlib, time\npathlib.Path('started').touch()\ntime.sleep(60)\n"
    project = create_project(tmp_path / "project", code)
    with CallbackList(pytest.fail) as callbacks:
        callbacks.refresh(project, sys.executable, {})
        wait_until((project / "started").exists)
        started = time.monotonic()
    assert time.monotonic() - started < 5
    callbacks.refresh(project, sys.executable, {})  # has no effect
    assert callbacks.documents == []
