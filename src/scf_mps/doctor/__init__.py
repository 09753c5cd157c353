"""Checks of a project and its deployed function, for `scf-mps doctor`.

`examine_project` runs the checks of all areas. Each area is a module with an `Area` named ``CHECKS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import account, application, buckets, configuration, files, storage
from .checks import LEVELS, Area, Check, Finding, Level
from .import_probe import load_application
from .project import open_project
from .reminders import REMINDERS

__all__ = [
    "AREAS",
    "Area",
    "Check",
    "DoctorOptions",
    "Examination",
    "Finding",
    "Level",
    "examine_project",
]

AREAS: tuple[Area[Any], ...] = (
    configuration.CHECKS,
    files.CHECKS,
    storage.CHECKS,
    application.CHECKS,
    account.CHECKS,
    buckets.CHECKS,
)
"""All areas in the order of their checks."""


@dataclass(frozen=True)
class DoctorOptions:
    """Options of an examination.

    Attributes:
        path: the serverless.yml.
        stage: overrides the stage of the file.
        archive: the zip to check instead of `src`.
        cloud: whether to check the account too.
        write: whether to write and remove a small object below the ledger's prefix.
        dispatch: whether to run the callbacks of the sample event.
        seconds: timeout for importing the application. Default: ``initTimeout``.
        pause: seconds before the first retry of a throttled request.
        environment: replaces the environment of the process.
    """

    path: Path = Path("serverless.yml")
    stage: str = ""
    archive: Path | None = None
    cloud: bool = False
    write: bool = True
    dispatch: bool = False
    seconds: float | None = None
    pause: float = 1.0
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Examination:
    """The result of an examination.

    Attributes:
        findings: the findings, errors first.
        seen: facts about the project and its function.
        reminders: facts that no check can verify.
    """

    findings: tuple[Finding, ...]
    seen: tuple[str, ...]
    reminders: tuple[str, ...] = REMINDERS

    @property
    def has_errors(self) -> bool:
        """True if a finding is an error."""
        return any(finding.level == "error" for finding in self.findings)


def examine_project(options: DoctorOptions) -> Examination:
    """Check a project, and its function in the cloud if requested. Change neither."""
    with open_project(options.path, options.stage, options.archive, options.environment) as project:
        findings = configuration.CHECKS.run(project)
        findings += files.CHECKS.run(project)
        findings += storage.CHECKS.run(project)
        loaded = load_application(project, options.dispatch, options.seconds)
        findings += application.CHECKS.run(loaded)
        if options.cloud:
            state = account.read_account(project, options.pause)
            findings += account.CHECKS.run(state)
            if state.credentials:
                inspected = buckets.inspect_buckets(project, state.credentials, options.write)
                findings += buckets.CHECKS.run(inspected)
        findings.sort(key=lambda finding: LEVELS.index(finding.level))
        return Examination(tuple(findings), tuple(project.seen))
