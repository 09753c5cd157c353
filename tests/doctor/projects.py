"""A project without findings, and edits of it."""

import copy

import yaml

from scf_mps.doctor import AREAS, DoctorOptions, examine_project
from scf_mps.doctor.project import open_project
from tests.support import serverless_yml
from tests.support.serverless_yml import MPS_TRIGGER, TIMER

CHECKS = {check.name: check for area in AREAS for check in area.checks}
"""All checks by name."""

HANDLERS = """\
from scf_mps import App, Transcode

app = App()


@app.on(Transcode, needs=5)
def note(transcode: Transcode) -> None:
    print(transcode.definition)


main_handler = app.main_handler
"""

LEDGER = "cos://ledger-1250000000.ap-guangzhou/mps/"
INPUTS = {
    **serverless_yml.INPUTS,
    "environment": {"variables": {"MPS_LEDGER": LEDGER}},
    "deadLetter": {"type": "CMQ-QUEUE", "name": "failed"},
    "events": [MPS_TRIGGER, TIMER],
}
OFFLINE_AREAS = [
    area
    for area in AREAS
    if area.title in ("serverless.yml", "Files and build", "Ledger and publishing")
]
"""The areas whose checks run no code and send no requests."""

FILES = {
    "handlers/__init__.py": HANDLERS,
    "requirements.txt": "scf-mps[mps]\n",
    "build/index.py": "from handlers import main_handler as main_handler\n",
    "build/handlers/__init__.py": HANDLERS,
    "build/__pycache__/index.cpython-310.pyc": "",
}


class SampleProject:
    """A project without findings: a current build and a valid serverless.yml."""

    def __init__(self, folder):
        self.folder = folder
        self.inputs = copy.deepcopy(INPUTS)
        self.write_files(FILES)
        self.write_inputs()

    @property
    def path(self):
        return self.folder / "serverless.yml"

    def write_files(self, files):
        """Write files. Remove those that are None."""
        for name, text in files.items():
            path = self.folder / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)

    def write_handlers(self, text):
        """Write and build handlers/__init__.py."""
        self.write_files({"handlers/__init__.py": text, "build/handlers/__init__.py": text})

    def write_inputs(self, **inputs):
        """Change inputs of serverless.yml. None removes one."""
        self.inputs |= inputs
        values = {name: value for name, value in self.inputs.items() if value is not None}
        self.path.write_text(yaml.safe_dump({**serverless_yml.TOP, "inputs": values}))

    def set_variables(self, **variables):
        """Change variables of serverless.yml. None removes one."""
        before = (self.inputs.get("environment") or {}).get("variables", {})
        values = {name: value for name, value in {**before, **variables}.items() if value}
        self.write_inputs(environment={"variables": values})

    def set_trigger(self, **parameters):
        """Change parameters of the mps trigger. None removes one."""
        values = {**MPS_TRIGGER["mps"]["parameters"], **parameters}
        values = {name: value for name, value in values.items() if value is not None}
        self.write_inputs(events=[{"mps": {"parameters": values}}, TIMER])

    def check_offline(self, archive=None, environment=None):
        """Return the findings of the offline areas."""
        with open_project(self.path, archive=archive, environment=environment or {}) as project:
            return [finding for area in OFFLINE_AREAS for finding in area.run(project)]

    def examine(self, **options):
        """Examine the project, by default with an empty environment."""
        options.setdefault("environment", {})
        return examine_project(DoctorOptions(self.path, pause=0.001, **options))
