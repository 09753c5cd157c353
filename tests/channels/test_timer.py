"""Timer triggers and their messages."""

from __future__ import annotations

from typing import Any

import pytest

from scf_mps import App, InvalidEvent, Transcode
from scf_mps.channels.timer import parse_message
from scf_mps.ledger import MemoryLedger
from scf_mps.local.samples import sample

TIMER = {"Type": "Timer", "TriggerName": "reconcile", "Time": "2026-11-22T10:00:00Z"}


@pytest.mark.parametrize(
    ("message", "seconds"), [("reconcile", 21600.0), (" reconcile  12h ", 43200.0)]
)
def test_message_names_time_to_look_back(message: str, seconds: float) -> None:
    assert parse_message(message) == seconds


@pytest.mark.parametrize("message", [None, "", "cleanup", "reconcile soon", "reconcile 6h 7h"])
def test_other_message_is_rejected(message: Any) -> None:
    with pytest.raises(InvalidEvent, match="timer"):
        App(ledger=MemoryLedger()).main_handler({**TIMER, "Message": message}, {})


def test_event_with_trigger_name_is_dispatched() -> None:
    app, ran = App(ledger=MemoryLedger()), []
    app.on(Transcode, name="film")(lambda transcode: ran.append(transcode.type))
    app.main_handler({**sample("WorkflowTask", Transcode="SUCCESS"), "TriggerName": "x"}, {})
    assert ran == ["Transcode"]
