"""Output on a terminal of 80 columns, and in a pipe."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scf_mps.local.samples import sample
from tests.cli.terminal import run_on_terminal
from tests.support.sample_data import ROOT

NASTY = "1250000000-task\x1b]52;c;aGk=\x07\x1b[2J\n2026-01-01 00:00:00  forged\u202e"
"""A task id that sets the clipboard, clears the screen, forges a line and reverses the text direction."""

APPLICATION = '''\
import time
from scf_mps import App, ImageSprites, Transcode

app = App()

@app.on(Transcode)
def publish_the_rendition_to_the_players(transcode: Transcode) -> None:
    """Sleep."""
    time.sleep(float(transcode.event.session_context or 0))

@app.on(ImageSprites)
def publish_the_sprites_to_the_players(sprites: ImageSprites) -> None:
    raise LookupError("no bucket named \\x1b]0;title\\x07" + sprites.event.task_id)

main_handler = app.main_handler
'''


@pytest.fixture(autouse=True)
def _project(monkeypatch, tmp_path):
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers" / "__init__.py").write_text(APPLICATION)
    monkeypatch.chdir(tmp_path)


def write_event(task_id="", session_context=""):
    event = sample(
        "WorkflowTask",
        [("Transcode", "SUCCESS"), ("ImageSprites", "SUCCESS")],
        task_id=task_id,
        session_context=session_context,
    )
    Path("event.json").write_text(json.dumps(event))
    return "event.json"


def run_in_pipe(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "scf_mps.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_routes_fit_terminal_without_breaking_names():
    screen = run_on_terminal("routes")
    assert screen.code == 0
    assert max(map(len, screen.lines)) <= 80
    assert screen.lines == [
        "handlers:app",
        "for               callback",
        "on(Transcode)     handlers.publish_the_rendition_to_the_players",
        "  handlers/__init__.py:6",
        "on(ImageSprites)  handlers.publish_the_sprites_to_the_players",
        "  handlers/__init__.py:11",
    ]


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_output_has_no_colours_when_unsupported(variables):
    write_event()
    for command in (["routes"], ["routes", "--event", "event.json"], ["invoke", "event.json"]):
        screen = run_on_terminal(*command, **variables)
        assert "handlers.publish_the_rendition_to_the_players" in screen.raw
        assert "\x1b[3" not in screen.raw


def test_history_prints_block_per_event_on_terminal(tmp_path):
    run_in_pipe(
        "local",
        write_event("1250000000-WorkflowTask-0123456789abcdef0123456789abcdeftt0"),
        "--retries",
        "0",
    )
    screen = run_on_terminal("history")
    assert screen.code == 0
    heading, first, *below = screen.lines
    assert heading.split() == ["when", "event", "state"]
    assert first.split()[2:] == ["WorkflowTask", "FINISH", "failed"]
    assert max(map(len, screen.lines)) <= 80
    assert all(line.startswith("  ") for line in below)
    assert "1250000000-WorkflowTask-0123456789abcdef0123456789abcdeftt0" in below[0]
    assert "handlers.publish_the_sprites_to_the_players:" in screen.raw
    (row,) = run_in_pipe("history").stdout.splitlines()
    assert row.split("\t")[1:4] == [
        "WorkflowTask FINISH",
        "failed",
        "1250000000-WorkflowTask-0123456789abcdef0123456789abcdeftt0",
    ]
    detail = run_on_terminal(
        "history", "--task", "1250000000-WorkflowTask-0123456789abcdef0123456789abcdeftt0"
    )
    assert detail.lines[0].endswith("FINISH: failed, 1 delivery")
    assert "handlers.publish_the_rendition_to_the_players  done" in detail.lines[2]


def test_foreign_text_is_escaped_on_terminal():
    event = write_event(NASTY)
    for command in (
        ["invoke", event],
        ["local", event, "--retries", "0"],
        ["history"],
        ["history", "--task", NASTY],
        ["replay", "--failed"],
        ["routes", "--event", event],
        ["invoke", event, "--json"],
        ["invoke", event, "--traceback"],
        ["local", event, "--retries", "0", "--fresh", "--traceback"],
    ):
        screen = run_on_terminal(*command)
        for control in ("\x1b]", "\x1b[2J", "\x07", "\u202e"):
            assert control not in screen.raw, command
        assert not [line for line in screen.lines if line.startswith("2026-01-01")], command
        assert "forged" in screen.raw or command[0] == "routes", command
    piped = run_in_pipe("history").stdout
    assert len(piped.splitlines()) == 1
    assert "\x1b" not in piped


def test_invocation_is_killed_at_timeout():
    event = write_event(session_context="30")
    screen = run_on_terminal("invoke", event, "--timeout", "2")
    assert screen.code == 1
    assert "2 s" in screen.raw
    assert "handlers/__init__.py:9 in publish_the_rendition_to_the_players" in screen.raw
    assert "scf_mps/" not in screen.raw
    assert "done" not in screen.raw
    piped = run_in_pipe("invoke", event, "--timeout", "2", "--json")
    assert piped.returncode == 1
    assert json.loads(piped.stdout)["statusCode"] == 433


def test_demo_fits_on_one_screen(monkeypatch):
    pytest.importorskip("aiohttp", reason="the emulators need it")
    monkeypatch.chdir(ROOT)
    screen = run_on_terminal("demo")
    assert screen.code == 0, screen.raw
    assert len(screen.lines) <= 25
    assert max(map(len, screen.lines)) <= 80


def test_output_escapes_characters_missing_in_encoding():
    event = write_event("任务")
    for encoding in ("ascii", "latin-1"):
        done = subprocess.run(
            [sys.executable, "-m", "scf_mps.cli", "invoke", event],
            capture_output=True,
            env={"PYTHONIOENCODING": encoding, "PATH": ""},
            timeout=60,
        )
        assert done.returncode == 1
        assert b"\\u4efb" in done.stdout
