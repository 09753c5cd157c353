"""What every test may use: the published and synthesised events in `data/`, and a logger that is left as it was."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support import sample_data
from tests.support.log_capture import loggers_put_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
# Thousands of runs for mutants, most of which need no more than a few examples to fail; and the runs on other Pythons.
settings.register_profile("few", settings.get_profile("default"), max_examples=15, database=None)
few = "MUTANT_UNDER_TEST" in os.environ or os.environ.get("SCF_MPS_EXAMPLES") == "few"
settings.load_profile("few" if few else "default")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Write the reasons of skipped tests for tools/report_tests.py."""
    folder = os.environ.get("SKIPS")
    if folder:
        reasons = [
            report.longrepr[2].removeprefix("Skipped: ")
            for report in terminalreporter.stats.get("skipped", ())
        ]
        Path(folder, f"{os.getpid()}.json").write_text(json.dumps(reasons), "utf-8")


@pytest.fixture
def payload() -> Callable[[str], Any]:
    """Reads an event of `data/` by the name of its file, without its ending."""
    return sample_data.payload


@pytest.fixture
def documented(payload: Callable[[str], Any]) -> dict[str, Any]:
    """The sample event of MPS's documentation: three successes and one failure."""
    event: dict[str, Any] = payload("mps_workflow_seed_mixed")
    return event


@pytest.fixture(autouse=True)
def _logging_is_left_as_it_was() -> Iterator[None]:
    with loggers_put_back():
        yield
