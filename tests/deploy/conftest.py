"""A project with a serverless.yml, a cloud on the loopback interface, and the command line between them."""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("aiohttp", reason="the API needs it")

from typer.main import get_command

from scf_mps.cli import cli
from scf_mps.deploy.account import ENDPOINT_VARIABLE
from scf_mps.deploy.current_state import DeployTarget
from scf_mps.deploy.deploy import load_function
from scf_mps.local.api import CloudApi, FunctionRecord, LoggedRequest, Mps, Scf
from tests.support.log_capture import loggers_put_back
from tests.support.serverless_yml import INPUTS, TOP

COMMAND = get_command(cli)
REGION: str = INPUTS["region"]
NAME: str = INPUTS["name"]
SECRET = "s3cr3t-of-the-desk"


class Ran:
    """What came of a command: its exit code, and what it printed."""

    def __init__(self, *arguments: str, stdin: str = "") -> None:
        out, err, before = io.StringIO(), io.StringIO(), sys.stdin
        sys.stdin = io.StringIO(stdin)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                # What typer makes of the functions is made once: that takes longer than most commands.
                COMMAND.main(list(arguments), prog_name="scf-mps")
        except SystemExit as ended:
            self.code = ended.code or 0
        finally:
            sys.stdin = before
        self.out, self.err = out.getvalue(), err.getvalue()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Project:
    """A folder with a serverless.yml and what is to be deployed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inputs: dict[str, Any] = json.loads(json.dumps(INPUTS))
        self.top = dict(TOP)
        self.code()
        self.write()

    def code(self, text: str = "def main_handler(event, context):\n    return 1\n") -> None:
        (self.folder / "build").mkdir(exist_ok=True)
        (self.folder / "build" / "index.py").write_text(text)

    def write(self, **inputs: Any) -> None:
        """Write serverless.yml, with other inputs; None leaves one out."""
        self.inputs |= inputs
        told = {name: value for name, value in self.inputs.items() if value is not None}
        self.path.write_text(yaml.safe_dump({**self.top, "inputs": told}))

    def variables(self, **variables: Any) -> None:
        self.write(environment={"variables": variables})

    @property
    def path(self) -> Path:
        return self.folder / "serverless.yml"

    def zip(self, name: str, files: Mapping[str, bytes]) -> Path:
        path = self.folder / name
        with zipfile.ZipFile(path, "w") as archive:
            for file, content in files.items():
                archive.writestr(file, content)
        return path


@pytest.fixture
def scf() -> Scf:
    return Scf(namespaces=("default", "live"))


@pytest.fixture
def api(scf: Scf, monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudApi]:
    """A cloud, as the environment names it; and nothing else of the environment that matters."""
    with CloudApi([scf, Mps(functions=scf.account)]) as running:
        running.keys.add(type(running.key)("AKIDdeploy", SECRET))
        for name in ("MPS_COS_PROXY", "MPS_BUCKETS", "MPS_APP", "TENCENT_SECRET_ID"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv("TENCENTCLOUD_TOKEN", raising=False)
        monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", "AKIDdeploy")
        monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", SECRET)
        monkeypatch.setenv(ENDPOINT_VARIABLE, running.url)
        monkeypatch.setenv("COLUMNS", "300")
        with loggers_put_back():
            yield running


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: CloudApi) -> Project:
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


@pytest.fixture
def function(project: Project) -> DeployTarget:
    """The function of the project, looked at without long pauses."""
    return quick(project)


def quick(project: Project, **environment: str) -> DeployTarget:
    return load_function(project.path, environment={**os.environ, **environment}, pause=0.001)


def changing(api: CloudApi) -> list[str]:
    """The actions since the log was cleared that change something, refused ones marked."""
    return [
        request.action + (f" {request.code}" if request.code else "")
        for request in api.requests
        if not request.action.startswith(("Get", "List", "Describe"))
    ]


def last(api: CloudApi, action: str) -> LoggedRequest:
    return api.requests.of(action)[-1]


def deployed(scf: Scf, name: str = NAME, namespace: str = "default") -> FunctionRecord:
    return scf.account.functions[REGION, namespace, name]


def other_function(scf: Scf, name: str = "other", region: str = REGION) -> FunctionRecord:
    """A function that somebody else deployed."""
    from scf_mps.local.api import FunctionVersion

    version = FunctionVersion("$LATEST", {"Runtime": "Python3.10", "Type": "Event"}, b"")
    one = FunctionRecord(region, "default", name, version, 0.0, 0.0)
    one.aliases["$DEFAULT"] = {"FunctionVersion": "$LATEST"}
    scf.account.functions[region, "default", name] = one
    return one
