"""Fixtures of all tests."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support import sample_data
from tests.support.log_capture import restore_loggers

pytest_plugins = ["scf_mps.testing.plugin"]

settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
# Mutants and other Pythons mean many runs, and most mutants fail with a few examples.
settings.register_profile("few", settings.get_profile("default"), max_examples=15, database=None)
few = "MUTANT_UNDER_TEST" in os.environ or os.environ.get("SCF_MPS_EXAMPLES") == "few"
settings.load_profile("few" if few else "default")


def pytest_terminal_summary(terminalreporter):
    """Write the reasons of skipped tests for tools/report_tests.py."""
    folder = os.environ.get("SKIPS")
    if folder:
        reasons = [
            report.longrepr[2].removeprefix("Skipped: ")
            for report in terminalreporter.stats.get("skipped", ())
        ]
        Path(folder, f"{os.getpid()}.json").write_text(json.dumps(reasons), "utf-8")


@pytest.fixture
def payload():
    """Return a function that reads an event of `data/` by its name."""
    return sample_data.payload


@pytest.fixture
def documented(payload):
    """Return the sample event of MPS's documentation, with three successes and one failure."""
    return payload("mps_workflow_seed_mixed")


@pytest.fixture(autouse=True)
def _restored_loggers():
    with restore_loggers():
        yield
