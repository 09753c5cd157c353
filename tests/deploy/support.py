"""A project to deploy, and helpers to run commands and to read the emulated cloud."""

import io
import json
import os
import sys
import zipfile
from contextlib import redirect_stderr, redirect_stdout

import yaml
from typer.main import get_command

from scf_mps.cli import cli
from scf_mps.deploy.deploy import DeployOptions, load_function, prepare_deployment
from scf_mps.local.api import FunctionRecord, FunctionVersion
from tests.support.serverless_yml import INPUTS, TOP

COMMAND = get_command(cli)  # conversion by typer takes longer than most commands
REGION = INPUTS["region"]
NAME = INPUTS["name"]
SECRET = "s3cr3t-of-the-developer"
HANDLER_CODE = "def main_handler(event, context):\n    return 1\n"


class CommandResult:
    """Exit code and output of a command."""

    def __init__(self, *arguments, stdin=""):
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
    def json(self):
        return json.loads(self.out)


def run_cli(*arguments, stdin=""):
    """Run `scf-mps` in this process."""
    return CommandResult(*arguments, stdin=stdin)


class Project:
    """A folder with a serverless.yml and code to deploy."""

    def __init__(self, folder):
        self.folder = folder
        self.inputs = json.loads(json.dumps(INPUTS))
        self.top = dict(TOP)
        self.write_code()
        self.write()

    def write_code(self, text=HANDLER_CODE):
        (self.folder / "build").mkdir(exist_ok=True)
        (self.folder / "build" / "index.py").write_text(text)

    def write(self, **inputs):
        """Write serverless.yml with changed inputs; None removes a key."""
        self.inputs |= inputs
        values = {name: value for name, value in self.inputs.items() if value is not None}
        self.path.write_text(yaml.safe_dump({**self.top, "inputs": values}))

    def write_variables(self, **variables):
        self.write(environment={"variables": variables})

    @property
    def path(self):
        return self.folder / "serverless.yml"

    def write_zip(self, name, files):
        path = self.folder / name
        with zipfile.ZipFile(path, "w") as archive:
            for file, content in files.items():
                archive.writestr(file, content)
        return path


def load_target(project, **environment):
    """Return the function of the project, polled without long pauses."""
    return load_function(project.path, environment={**os.environ, **environment}, pause=0.001)


def fetch_plan(project, **options):
    """Return the plan of a deployment."""
    target = load_target(project)
    with prepare_deployment(target, DeployOptions(**options), lambda _: None) as deployment:
        return deployment.plan


def dry_run(*options):
    """Run `scf-mps deploy --dry-run --json`."""
    result = run_cli("deploy", "--dry-run", "--json", *options)
    assert result.code == (1 if result.json["blocked"] else 0), result.err
    return result


def list_steps():
    """Return the steps of a deployment from the current state."""
    return dry_run().json["steps"]


def list_planned_changes():
    """Return current state, desired state and action of every planned change."""
    return {
        change["what"]: (change["current"], change["desired"], step["action"])
        for step in list_steps()
        for change in step["changes"]
    }


def list_writes(api):
    """Return the actions since the log was cleared that change the account, with the code of refused ones."""
    return [
        request.action + (f" {request.code}" if request.code else "")
        for request in api.requests
        if not request.action.startswith(("Get", "List", "Describe"))
    ]


def get_last(api, action):
    return api.requests.of(action)[-1]


def get_deployed(scf, name=NAME, namespace="default"):
    return scf.account.functions[REGION, namespace, name]


def list_deployed_files(scf):
    with zipfile.ZipFile(io.BytesIO(get_deployed(scf).latest.code)) as archive:
        return archive.namelist()


def add_other_function(scf, name="other", region=REGION):
    """Add a function of someone else."""
    version = FunctionVersion("$LATEST", {"Runtime": "Python3.10", "Type": "Event"}, b"")
    function = FunctionRecord(region, "default", name, version, 0.0, 0.0)
    function.aliases["$DEFAULT"] = {"FunctionVersion": "$LATEST"}
    scf.account.functions[region, "default", name] = function
    return function
