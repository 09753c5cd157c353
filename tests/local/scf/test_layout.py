"""Sources of a function: a folder, a zip, or a checkout of the default application."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from scf_mps.local.samples import sample
from scf_mps.local.scf import LocalFunction
from tests.support.sample_data import ROOT

from .support import APPLICATION, LAYER, Run


def test_default_application_handles_sample_event(run: Run) -> None:
    function = run(ROOT, timeout=10)
    invocation = function.invoke(sample())
    assert invocation.status == 200, invocation.log
    callbacks = invocation.returned["callbacks"]
    assert [callback["type"] for callback in callbacks] == [
        "Transcode",
        "AnimatedGraphics",
        "SnapshotByTimeOffset",
        "ImageSprites",
    ]
    assert {callback["outcome"] for callback in callbacks} == {"done"}
    assert invocation.returned["unhandled"] == []


def test_default_application_fails_for_other_events(run: Run) -> None:
    error = run(ROOT).invoke({"hello": "scf"}).error
    assert error is not None
    assert error["statusCode"] == 430
    assert "expected an MPS notification" in error["stackTrace"]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for the files of functions."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_checkout_is_laid_out_as_built(run: Run, scratch: Path) -> None:
    function = run(ROOT)
    (top,) = scratch.iterdir()
    (code,) = top.glob("code-*/user")
    assert {path.name for path in code.iterdir()} == {"index.py", "handlers", "scf_mps"}
    names = {path.relative_to(code / "scf_mps").parts[0] for path in code.glob("scf_mps/*")}
    assert "dispatch" in names
    assert not names & {"local", "cli.py", "__pycache__"}
    assert function.invoke({}).status == 430


@pytest.mark.parametrize("name", ["local", "cli", "deploy"])
def test_handlers_folder_may_have_name_of_tooling(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "handlers" / name).mkdir(parents=True)
    (tmp_path / "handlers" / name / "greeting.py").write_text("WORD = 'hello'\n")
    (tmp_path / "handlers" / "__init__.py").write_text(
        f"from .{name}.greeting import WORD\n\n\ndef main_handler(event, context):\n    return WORD\n"
    )
    assert run(tmp_path).invoke({}).returned == "hello"


def test_checkout_that_cannot_be_built_is_refused(tmp_path: Path) -> None:
    (tmp_path / "project" / "handlers").mkdir(parents=True)
    (tmp_path / "project" / "handlers" / "__init__.py").touch()
    (tmp_path / "secret.py").touch()
    (tmp_path / "project" / "handlers" / "secret.py").symlink_to(tmp_path / "secret.py")
    function = LocalFunction(tmp_path / "project")
    with pytest.raises(ValueError, match="project"), function:
        pass


def test_zip_is_unpacked(run: Run, tmp_path: Path) -> None:
    source = shutil.make_archive(str(tmp_path / "function"), "zip", APPLICATION)
    layer = shutil.make_archive(str(tmp_path / "layer"), "zip", LAYER)
    with LocalFunction(source, layer=layer) as function:
        assert function.invoke({"do": "count"}).status == 200


def test_zip_with_outer_folder_has_no_entry_file(tmp_path: Path) -> None:
    source = shutil.make_archive(
        str(tmp_path / "function"), "zip", APPLICATION.parent, APPLICATION.name
    )
    with LocalFunction(source) as function:
        assert function.invoke({"do": "count"}).status == 437


def test_hidden_files_are_not_copied(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(APPLICATION, source)
    (source / ".env").write_text("TENCENT_SECRET_KEY=secret\n")
    function = run(source)
    directory = Path(function.invoke({"do": "describe"}).returned["directory"])
    assert [path.name for path in directory.iterdir()] == ["index.py"]


def test_opt_is_empty_without_layer() -> None:
    with LocalFunction(APPLICATION) as function:
        error = function.invoke({"do": "count"}).error
    assert error is not None
    assert error["errorMessage"].endswith("No module named 'layered'")


@pytest.mark.parametrize("name", ["nowhere", "index.py"])
def test_source_must_be_folder_or_zip(name: str, scratch: Path) -> None:
    function = LocalFunction(APPLICATION / name)
    with pytest.raises(ValueError, match=name), function:
        pass
    assert list(scratch.iterdir()) == []
