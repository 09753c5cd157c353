"""Completed callbacks run again after their records are deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scf_mps import App, CallbacksFailed, Event, Transcode
from scf_mps.events.parser import parse_event
from scf_mps.ledger.file import FileLedger
from scf_mps.local.dev.forced_calls import forget_calls
from scf_mps.local.samples import sample

EVENT = sample("WorkflowTask", Transcode="SUCCESS")
KEY = parse_event(EVENT).key


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def run(ledger: Path, failing: bool = False) -> list[str]:
    """Handle the event and return the outcomes of both callbacks."""
    app = App(ledger=FileLedger(ledger))

    @app.on(Transcode, name="film")
    def film(transcode: Transcode) -> None:
        return

    @app.on(Event, name="send")
    def send(event: Event) -> None:
        if failing:
            raise OSError("away")

    try:
        summary: dict[str, Any] = app.main_handler(EVENT, None)
    except CallbacksFailed as error:
        summary = error.summary
    return [call["outcome"] for call in summary["callbacks"]]


@pytest.mark.parametrize(
    ("callbacks", "count", "outcomes"),
    [
        (["film"], 1, ["done", "skipped"]),
        (["film", "send"], 2, ["done", "done"]),
        (None, 2, ["done", "done"]),
        (["other"], 0, ["skipped", "skipped"]),
    ],
)
def test_forgotten_callbacks_run_again(
    ledger: Path, callbacks: list[str] | None, count: int, outcomes: list[str]
) -> None:
    assert run(ledger) == ["done", "done"]
    assert run(ledger) == ["skipped", "skipped"]
    assert forget_calls(ledger, KEY, callbacks) == count
    assert run(ledger) == outcomes
    assert run(ledger) == ["skipped", "skipped"]


def test_failed_event_keeps_its_other_records(ledger: Path) -> None:
    assert run(ledger, failing=True) == ["done", "failed"]
    assert forget_calls(ledger, KEY, ["send"]) == 1
    assert run(ledger) == ["skipped", "done"]


def test_unknown_event_has_no_records(ledger: Path) -> None:
    assert forget_calls(ledger, KEY) == 0
