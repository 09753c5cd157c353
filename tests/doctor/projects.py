"""Projects to examine: one that is well, and what it takes to give it one trap."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from scf_mps.doctor import AREAS, DoctorOptions, Examination, Finding, examine_project
from scf_mps.doctor.project import open_project
from tests.support import serverless_yml
from tests.support.serverless_yml import MPS_TRIGGER, TIMER

HANDLERS = """\
from scf_mps import App, Transcode

app = App()


@app.on(Transcode, needs=5)
def note(transcode: Transcode) -> None:
    print(transcode.definition)


main_handler = app.main_handler
"""

LEDGER = "cos://ledger-1250000000.ap-guangzhou/mps/"
INPUTS: dict[str, Any] = {
    **serverless_yml.INPUTS,
    "environment": {"variables": {"MPS_LEDGER": LEDGER}},
    "deadLetter": {"type": "CMQ-QUEUE", "name": "failed"},
    "events": [MPS_TRIGGER, TIMER],
}
ON_THE_DESK = [
    area
    for area in AREAS
    if area.title in ("serverless.yml", "Files and build", "Ledger and publishing")
]
"""The areas whose checks run nothing and ask nobody."""

FILES = {
    "handlers/__init__.py": HANDLERS,
    "requirements.txt": "scf-mps[mps]\n",
    "build/index.py": "from handlers import main_handler as main_handler\n",
    "build/handlers/__init__.py": HANDLERS,
    "build/__pycache__/index.cpython-310.pyc": "",
}


class Patient:
    """A project that is well: a build as of the sources, and a serverless.yml without a trap."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inputs = copy.deepcopy(INPUTS)
        self.files(FILES)
        self.write()

    @property
    def path(self) -> Path:
        return self.folder / "serverless.yml"

    def files(self, files: Mapping[str, str | None]) -> None:
        """Write files, or remove those that are None."""
        for name, text in files.items():
            path = self.folder / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)

    def handlers(self, text: str) -> None:
        """Other handlers, built."""
        self.files({"handlers/__init__.py": text, "build/handlers/__init__.py": text})

    def write(self, **inputs: Any) -> None:
        """Write serverless.yml with other inputs; None leaves one out."""
        self.inputs |= inputs
        told = {name: value for name, value in self.inputs.items() if value is not None}
        self.path.write_text(yaml.safe_dump({**serverless_yml.TOP, "inputs": told}))

    def variables(self, **variables: str | None) -> None:
        """Write serverless.yml with other variables; None leaves one out."""
        before = (self.inputs.get("environment") or {}).get("variables", {})
        told = {name: value for name, value in {**before, **variables}.items() if value is not None}
        self.write(environment={"variables": told})

    def trigger(self, **parameters: Any) -> None:
        """Write serverless.yml with other parameters of the mps trigger; None leaves one out."""
        told = {**MPS_TRIGGER["mps"]["parameters"], **parameters}
        told = {name: value for name, value in told.items() if value is not None}
        self.write(events=[{"mps": {"parameters": told}}, TIMER])

    def on_the_desk(
        self, archive: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> list[Finding]:
        """What is found without running anything."""
        with open_project(self.path, archive=archive, environment=environment or {}) as desk:
            return [finding for area in ON_THE_DESK for finding in area.findings(desk)]

    def examined(self, **options: Any) -> Examination:
        """All that is found; the environment is empty if nothing else is said."""
        options.setdefault("environment", {})
        return examine_project(DoctorOptions(self.path, pause=0.001, **options))
