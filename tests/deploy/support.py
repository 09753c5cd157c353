"""A project to deploy, and helpers to run commands and to read the emulated cloud."""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import yaml
from typer.main import get_command

from scf_mps.cli import cli
from scf_mps.deploy.current_state import DeployTarget
from scf_mps.deploy.deploy import DeployOptions, load_function, prepare_deployment
from scf_mps.deploy.plan import Plan
from scf_mps.local.api import CloudApi, FunctionRecord, FunctionVersion, LoggedRequest, Scf
from tests.support.serverless_yml import INPUTS, TOP

COMMAND = get_command(cli)  # conversion by typer takes longer than most commands
REGION: str = INPUTS["region"]
NAME: str = INPUTS["name"]
SECRET = "s3cr3t-of-the-developer"
HANDLER_CODE = "def main_handler(event, context):\n    return 1\n"


class CommandResult:
    """Exit code and output of a command."""

    def __init__(self, *arguments: str, stdin: str = "") -> None:
        out, err, before = io.StringIO(), io.StringIO(), sys.stdin
        sys.stdin = io.StringIO(stdin)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                COMMAND.main(list(arguments), prog_name="scf-mps")
        except SystemExit as error:
            self.code = error.code or 0
        finally:
            sys.stdin = before
        self.out, self.err = out.getvalue(), err.getvalue()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run_cli(*arguments: str, stdin: str = "") -> CommandResult:
    """Run `scf-mps` in this process."""
    return CommandResult(*arguments, stdin=stdin)


class Project:
    """A folder with a serverless.yml and code to deploy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inputs: dict[str, Any] = json.loads(json.dumps(INPUTS))
        self.top = dict(TOP)
        self.write_code()
        self.write()

    def write_code(self, text: str = HANDLER_CODE) -> None:
        (self.folder / "build").mkdir(exist_ok=True)
        (self.folder / "build" / "index.py").write_text(text)

    def write(self, **inputs: Any) -> None:
        """Write serverless.yml with changed inputs; None removes a key."""
        self.inputs |= inputs
        values = {name: value for name, value in self.inputs.items() if value is not None}
        self.path.write_text(yaml.safe_dump({**self.top, "inputs": values}))

    def write_variables(self, **variables: Any) -> None:
        self.write(environment={"variables": variables})

    @property
    def path(self) -> Path:
        return self.folder / "serverless.yml"

    def write_zip(self, name: str, files: Mapping[str, bytes]) -> Path:
        path = self.folder / name
        with zipfile.ZipFile(path, "w") as archive:
            for file, content in files.items():
                archive.writestr(file, content)
        return path


def load_target(project: Project, **environment: str) -> DeployTarget:
    """Return the function of the project, polled without long pauses."""
    return load_function(project.path, environment={**os.environ, **environment}, pause=0.001)


def fetch_plan(project: Project, **options: Any) -> Plan:
    """Return the plan of a deployment."""
    target = load_target(project)
    with prepare_deployment(target, DeployOptions(**options), lambda _: None) as deployment:
        return deployment.plan


def dry_run(*options: str) -> CommandResult:
    """Run `scf-mps deploy --dry-run --json`."""
    result = run_cli("deploy", "--dry-run", "--json", *options)
    assert result.code == (1 if result.json["blocked"] else 0), result.err
    return result


def list_steps() -> list[Any]:
    """Return the steps of a deployment from the current state."""
    steps: list[Any] = dry_run().json["steps"]
    return steps


def list_planned_changes() -> dict[str, tuple[str, str, str]]:
    """Return current state, desired state and action of every planned change."""
    return {
        change["what"]: (change["current"], change["desired"], step["action"])
        for step in list_steps()
        for change in step["changes"]
    }


def list_writes(api: CloudApi) -> list[str]:
    """Return the actions since the log was cleared that change the account, with the code of refused ones."""
    return [
        request.action + (f" {request.code}" if request.code else "")
        for request in api.requests
        if not request.action.startswith(("Get", "List", "Describe"))
    ]


def get_last(api: CloudApi, action: str) -> LoggedRequest:
    return api.requests.of(action)[-1]


def get_deployed(scf: Scf, name: str = NAME, namespace: str = "default") -> FunctionRecord:
    return scf.account.functions[REGION, namespace, name]


def list_deployed_files(scf: Scf) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(get_deployed(scf).latest.code)) as archive:
        return archive.namelist()


def add_other_function(scf: Scf, name: str = "other", region: str = REGION) -> FunctionRecord:
    """Add a function of someone else."""
    version = FunctionVersion("$LATEST", {"Runtime": "Python3.10", "Type": "Event"}, b"")
    function = FunctionRecord(region, "default", name, version, 0.0, 0.0)
    function.aliases["$DEFAULT"] = {"FunctionVersion": "$LATEST"}
    scf.account.functions[region, "default", name] = function
    return function
