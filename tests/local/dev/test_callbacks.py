"""Names and types of a project's callbacks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scf_mps.local.dev.callbacks import list_callbacks

from .projects import HANDLERS, create_project


def test_callbacks_have_names_and_types(tmp_path: Path) -> None:
    code = HANDLERS.replace(
        "main_handler =",
        '@app.on("NewType", name="new")\ndef new(result): pass\n\nprint("noise")\nmain_handler =',
    )
    project = create_project(tmp_path / "project", code)
    assert list_callbacks(project, sys.executable, {}) == [
        {"name": "film", "types": ["Transcode"]},
        {"name": "send", "types": ["Event"]},
        {"name": "new", "types": ["NewType"]},
    ]


@pytest.mark.parametrize(
    "code", ["import missing_module", "def main_handler(event, context): pass"]
)
def test_code_without_app_has_no_callbacks(tmp_path: Path, code: str) -> None:
    project = create_project(tmp_path / "project", code)
    assert list_callbacks(project, sys.executable, {}) == []


def test_zip_has_no_callbacks(tmp_path: Path) -> None:
    assert list_callbacks(tmp_path / "code.zip", sys.executable, {}) == []
