"""Tests of the function: called directly, and in an SCF emulator."""

from pathlib import Path

import pytest
from scf_mps.local.samples import list_samples, sample
from scf_mps.local.scf import LocalFunction

from handlers import main_handler

PROJECT = Path(__file__).parent.parent


def test_documentation_event_is_handled() -> None:
    summary = main_handler(sample(), {})
    assert {call["outcome"] for call in summary["callbacks"]} == {"done"}
    assert not summary["unhandled"]


def test_pictures_and_renditions_reach_callbacks() -> None:
    summary = main_handler(sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="SUCCESS"), {})
    assert {call["type"] for call in summary["callbacks"]} >= {"Transcode", "ImageSprites"}


def test_failed_result_is_logged_as_error(caplog: pytest.LogCaptureFixture) -> None:
    main_handler(sample("WorkflowTask", Transcode="FAIL"), {})
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert any("Transcode failed" in message for message in errors)


@pytest.mark.parametrize("name", list_samples())
def test_every_event_type_is_accepted(name: str) -> None:
    assert "callbacks" in main_handler(sample(name), {})


def test_redelivery_skips_completed_callbacks(tmp_path: Path) -> None:
    ledger = {"MPS_LEDGER": f"file://{tmp_path}"}
    with LocalFunction(PROJECT, timeout=10, environment=ledger) as function:
        function.push(sample())
        function.push(sample())
        function.settle()
        first, second = function.invocations
    assert [first.status, second.status] == [200, 200]
    assert {call["outcome"] for call in first.returned["callbacks"]} == {"done"}
    assert {call["outcome"] for call in second.returned["callbacks"]} == {"skipped"}
