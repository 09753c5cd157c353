"""``scf-mps dev``: the local stack with its page, and videos in CI without it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from typer.testing import CliRunner

from tests.support.wait import wait_for_end, wait_until

pytest.importorskip("aiohttp", reason="the stack needs it")
pytest.importorskip("av", reason="the media engine needs it")

from scf_mps import cli
from scf_mps.cli import output
from scf_mps.local.engine import Engine
from tests.local.dev.projects import HANDLERS, QUICK_WORKFLOW, create_project

COMMAND = [sys.executable, "-m", "scf_mps", "dev"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    with Engine(fast=True) as engine:
        engine.make_sample_clip(path, 2, 320)
    return path


@pytest.fixture(autouse=True)
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A project in the working directory, and a workflow with one subtask."""
    folder = create_project(tmp_path / "project")
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith(("MPS_", "TENCENTCLOUD_"))]:
        monkeypatch.delenv(name)
    (tmp_path / "workflow.json").write_text(json.dumps(QUICK_WORKFLOW))
    return folder


def run(*arguments: str | Path) -> tuple[int, list[list[str]], str]:
    """Run the command in this process. Return exit code, rows and errors."""
    result = CliRunner().invoke(cli.cli, ["dev", "--fast", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    return result.exit_code, rows, result.stderr


# Videos without the page


def test_every_kind_of_result_of_a_video(clip: Path) -> None:
    code, rows, errors = run(clip)
    assert code == 0, errors
    assert [row[1:5] for row in rows] == [
        ["MP4 360p", "SUCCESS", "film", "done"],
        ["HLS 360p", "SUCCESS", "film", "done"],
        ["GIF", "SUCCESS", "", ""],
        ["WebP", "SUCCESS", "", ""],
        ["JPG snapshots", "SUCCESS", "", ""],
        ["JPG every 10 %", "SUCCESS", "", ""],
        ["Sprites 142x80 every 10 s", "SUCCESS", "", ""],
        ["Adaptive HLS", "SUCCESS", "", ""],
        ["WorkflowTask", "FINISH", "send", "done"],
    ]
    assert {row[0] for row in rows} == {"clip.mp4"}


def test_table_fits_a_terminal_of_80_columns(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(output.out, "_color_system", None)
    monkeypatch.setattr(output.err, "_color_system", None)
    code, rows, errors = run(clip, "--workflow", tmp_path / "workflow.json")
    assert code == 0, errors
    assert [row[0].split() for row in rows] == [
        ["clip.mp4"],
        ["result", "status", "callback", "outcome"],
        ["MP4", "360p", "SUCCESS", "film", "done"],
        ["WorkflowTask", "FINISH", "send", "done"],
    ]


def test_failed_callback_fails_the_command(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "fails").touch()
    workflow = tmp_path / "workflow.json"
    failing = f"MPS_FAILS={tmp_path / 'fails'}"
    code, rows, errors = run(clip, "--workflow", workflow, "--env", failing, "--speed", "6000")
    assert code == 1
    assert rows[0][3:] == ["film", "failed", "OSError: no route to host"]
    assert rows[1][3:5] == ["send", "deferred"]
    assert "2 callbacks failed" in errors


def test_retried_callback_succeeds(clip: Path, tmp_path: Path, project: Path) -> None:
    once = "    if not Path('once').exists(): Path('once').touch(); raise OSError('away')\n"
    code = HANDLERS.replace(
        "    url = os", f"{once}    url = os".replace("'once'", repr(str(tmp_path / "once")))
    )
    (project / "handlers" / "__init__.py").write_text(code)
    workflow = tmp_path / "workflow.json"
    code_, rows, errors = run(clip, "--workflow", workflow, "--speed", "6000")
    assert code_ == 0, errors
    assert [row[3:5] for row in rows] == [["film", "done"], ["send", "done"]]


def test_failed_subtask_fails_the_command(clip: Path, tmp_path: Path) -> None:
    unknown = {"TranscodeTaskSet": [{"Definition": 100010}, {"Definition": 999}]}
    workflow = tmp_path / "workflow.json"
    workflow.write_text(json.dumps({**QUICK_WORKFLOW, "MediaProcessTask": unknown}))
    code, rows, errors = run(clip, "--workflow", workflow)
    assert code == 1
    assert [row[1:3] for row in rows[:2]] == [["MP4 360p", "SUCCESS"], ["Transcode 999", "FAIL"]]
    assert "1 subtask failed" in errors


def test_broken_video_fails_the_command(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    code, _, errors = run(broken, "--workflow", tmp_path / "workflow.json")
    assert code == 1
    assert "SourceFileError" in errors


def test_code_that_does_not_load_fails_the_command(
    clip: Path, project: Path, tmp_path: Path
) -> None:
    (project / "handlers" / "__init__.py").write_text("import missing_module\n")
    workflow = tmp_path / "workflow.json"
    code, rows, errors = run(clip, "--workflow", workflow, "--speed", "6000")
    assert code == 1
    assert rows[0][3:5] == ["", ""]
    assert "not handled" in errors


def test_lost_event_fails_the_command(clip: Path, tmp_path: Path) -> None:
    workflow = tmp_path / "workflow.json"
    notify = {"NotifyType": "URL", "NotifyUrl": "http://127.0.0.1:9/"}
    workflow.write_text(json.dumps({**QUICK_WORKFLOW, "TaskNotifyConfig": notify}))
    code, _, errors = run(clip, "--workflow", workflow)
    assert code == 1
    assert "not handled" in errors


def test_scripted_result_is_chosen(clip: Path, tmp_path: Path) -> None:
    review = {"AiContentReviewTask": {"Definition": 10}}
    workflow = tmp_path / "workflow.json"
    workflow.write_text(json.dumps({**QUICK_WORKFLOW, **review}))
    code, rows, errors = run(clip, "--workflow", workflow, "--result", "Porn=block")
    assert code == 0, errors
    assert any(row[1].startswith("AiContentReview.Porn") for row in rows)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--result", "Porn"], "TYPE=RESULT"),
        (["--result", "Porn=perhaps"], "--result"),
        (["--env", "A"], "NAME=VALUE"),
        (["--workflow", "missing.json"], "missing.json"),
        (["--workflow", "list.json"], "list.json"),
        (["--workflow", "empty.json"], "cannot run"),
        (["--python", "2.7"], "cannot run"),
    ],
)
def test_invalid_options_are_refused(
    project: Path, clip: Path, arguments: list[str], word: str
) -> None:
    (project / "list.json").write_text("[]")
    (project / "empty.json").write_text("{}")
    code, _, errors = run(*arguments, clip)
    assert code == 2
    assert word in errors


def test_file_of_other_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("text")
    code, _, errors = run(path)
    assert code == 2
    assert "Formats" in errors


def test_notices_and_missing_engine_are_loud(
    monkeypatch: pytest.MonkeyPatch, clip: Path, project: Path
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    (project / ".env").write_text("MPS_NOTIFY=ses://7?from=a@example.com&to=b@example.com\n")
    code, rows, errors = run(clip)
    assert code == 0, errors
    assert len(rows) == 9
    assert "pip install 'scf-mps[media]'" in errors
    assert "note: MPS_NOTIFY" in errors


# The stack as a process


@contextmanager
def start(*arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Run the command. Yield the process and the printed addresses."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", "--fast", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        addresses: dict[str, str] = {}
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            name, _, value = line.strip().partition("  ")
            addresses[name] = value.strip()
            if "MPS_API_ENDPOINT" in line:
                break
        else:
            pytest.fail("".join(lines))
        yield process, addresses
    finally:
        process.terminate()  # a killed one would leave its scratch files
        process.communicate(timeout=30)


def call(url: str, body: bytes | None = None) -> Any:
    headers = {"X-Scf-Mps": "1", "Content-Type": "application/octet-stream"}
    with urlopen(Request(url, body, headers if body is not None else {})) as response:
        return json.load(response)


def list_children(pid: int) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def test_sigterm_during_a_job_leaves_nothing(clip: Path, tmp_path: Path, project: Path) -> None:
    with start("--workflow", tmp_path / "workflow.json") as (process, addresses):
        url = addresses["console"]
        long_clip = tmp_path / "long.mp4"
        with Engine(fast=True) as engine:
            engine.make_sample_clip(long_clip, 5, 640)
        task = call(f"{url}/api/videos?name=long.mp4", long_clip.read_bytes())["task"]
        wait_until(lambda: call(f"{url}/api/tasks/{task}")["status"] == "PROCESSING")
        wait_until(lambda: list_children(process.pid))
        children = list_children(process.pid)
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        print(f"stopped in {time.monotonic() - started:.2f} s")
        for child in children:
            wait_for_end(child)
    # The next run shows the history. --fresh does not.
    with start() as (_, addresses):
        row = call(f"{addresses['console']}/api/tasks/{task}")
        assert (row["status"], row["failed"]) == ("FINISH", True)
        busy = subprocess.run(
            [*COMMAND, "--port", "0"], capture_output=True, text=True, check=False
        )
        assert busy.returncode == 2
        assert "in use" in busy.stderr
    with start("--fresh") as (process, addresses):
        assert call(f"{addresses['console']}/api/tasks")["tasks"] == []
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert (project / ".scf-mps" / "dev").is_dir()


def test_saved_configuration_is_reloaded(project: Path) -> None:
    (project / ".env").write_text("MPS_COLOR=red\n")
    with start() as (_, addresses):
        url = f"{addresses['console']}/api/state"
        before = call(url)
        assert "MPS_COLOR" in before["project"]["variables"]
        (project / ".env").write_text("MPS_SHAPE=round\n")
        wait_until(lambda: "MPS_SHAPE" in call(url)["project"]["variables"])
        assert "MPS_COLOR" not in call(url)["project"]["variables"]


def test_page_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def open_page(url: str) -> bool:
        opened.append(url)
        os.kill(os.getpid(), signal.SIGTERM)
        return True

    monkeypatch.setattr("webbrowser.open", open_page)
    code, rows, _ = run("--open", "--port", "0")
    assert code == 0
    assert opened == [rows[0][0].split()[1]]


def stop_when(condition: Callable[[], object]) -> threading.Thread:
    """Send SIGINT to this process once a condition is true."""

    def send() -> None:
        wait_until(condition, 30)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def test_signal_ends_the_stack(project: Path) -> None:
    thread = stop_when((project / ".scf-mps" / "dev" / "activity.sqlite").exists)
    code, rows, _ = run("--port", "0")
    thread.join()
    assert code == 0
    assert rows[0][0].startswith("console")


def test_signal_ends_videos_early(project: Path, tmp_path: Path) -> None:
    long_clip = tmp_path / "long.mp4"
    with Engine(fast=True) as engine:
        engine.make_sample_clip(long_clip, 5, 640)
    scratch = project / ".scf-mps" / "dev" / "mps" / "scratch"
    thread = stop_when(lambda: list(scratch.glob("*/outputs/*")))
    code, rows, errors = run(long_clip)
    thread.join()
    assert (code, rows) == (1, [])
    assert "stopped before the end" in errors
    assert not scratch.exists()
