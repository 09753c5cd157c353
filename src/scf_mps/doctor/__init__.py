"""Looks for what would go wrong, before and after deploying (`scf-mps doctor`): every finding says what to do.

`examine` looks at one area after the other; what each area looks for is a module with a list of small checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .account import account, read_account
from .application import application
from .buckets import ask_buckets, buckets
from .checks import LEVELS, Area, Check, Finding, Level
from .configuration import configuration
from .files import files
from .import_probe import load_application
from .project import open_project
from .reminders import REMINDERS
from .storage import storing

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

AREAS: tuple[Area[Any], ...] = (configuration, files, storing, application, account, buckets)
"""In the order in which they are looked at."""


@dataclass(frozen=True)
class DoctorOptions:
    """How to look.

    Attributes:
        path: of serverless.yml.
        stage: in place of the file's.
        archive: a zip that is to be deployed, in place of what `src` says.
        cloud: whether to look at the account too.
        write: whether a small object may be written below the ledger's prefix, and removed.
        dispatch: whether the sample event is to run its callbacks.
        seconds: how long loading the application may take; ``initTimeout`` by default.
        pause: seconds before the first repetition of what was throttled.
        environment: in place of the process's.
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
    """What came of it.

    Attributes:
        findings: the worst first.
        seen: what was looked at.
        reminders: what could not be.
    """

    findings: tuple[Finding, ...]
    seen: tuple[str, ...]
    reminders: tuple[str, ...] = REMINDERS

    @property
    def has_errors(self) -> bool:
        """Whether a finding is an error."""
        return any(finding.level == "error" for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """All of it, as it can be printed."""
        return asdict(self)


def examine_project(options: DoctorOptions) -> Examination:
    """Look at a project, and at its function in the cloud if that is asked for; nothing of them is changed."""
    with open_project(options.path, options.stage, options.archive, options.environment) as desk:
        found = configuration.findings(desk) + files.findings(desk) + storing.findings(desk)
        found += application.findings(load_application(desk, options.dispatch, options.seconds))
        if options.cloud:
            live = read_account(desk, options.pause)
            found += account.findings(live)
            if live.credentials:
                found += buckets.findings(ask_buckets(desk, live.credentials, options.write))
        found.sort(key=lambda one: LEVELS.index(one.level))
        return Examination(tuple(found), tuple(desk.seen))
