"""Emulated cloud and deploy client of the tests, and checkouts of this project."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scf_mps.local.api import CloudApi, Scf
from tests.support.sample_data import ROOT

from .platform import APP_ID, REGION, Component, Platform
from .proxy import LoopbackProxy

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Cloud:
    """The servers that a deploy client uses."""

    api: CloudApi
    scf: Scf
    platform: Platform
    component: Component
    proxy: LoopbackProxy
    environment: Mapping[str, str]

    def reset(self):
        self.scf.account.functions.clear()
        self.platform.reset()
        self.api.requests.clear()
        self.api.faults.clear()

    @property
    def changes(self):
        """The successful calls that changed the account, with their parameters."""
        return [
            (request.action, request.parameters)
            for request in self.api.requests
            if request.service in ("scf", "mps")
            and not request.code
            and not request.action.startswith(("Get", "List"))
        ]

    def function(self, name):
        """Return a function of the account. Raises ApiError if it does not exist."""
        return self.scf.account.get(REGION, "default", name)

    def any_code(self):
        """Return a zip with arbitrary code."""
        zipped = self.platform.folder / "any.zip"
        with zipfile.ZipFile(zipped, "w") as archive:
            archive.writestr("index.py", "main_handler = print\n")
        return zipped

    def deploy(self, inputs):
        """Deploy with the component alone."""
        key = self.api.key
        return self.component.deploy(
            {
                "inputs": inputs,
                "zip": str(self.any_code()),
                "credentials": {"SecretId": key.secret_id, "SecretKey": key.secret_key},
                "appId": APP_ID,
            }
        )


@dataclass(frozen=True)
class Client:
    """`components`, the client of the Serverless platform."""

    npm: Path
    cloud: Cloud

    def __call__(self, folder, *arguments, **variables):
        """Run the client in a folder with these environment variables."""
        key = self.cloud.api.key
        environment = {
            **self.cloud.environment,
            "CI": "1",
            "SERVERLESS_PLATFORM_VENDOR": "tencent",
            "SLS_TRACKING_DISABLED": "1",
            "TENCENT_APP_ID": APP_ID,
            "TENCENT_SECRET_ID": key.secret_id,
            "TENCENT_SECRET_KEY": key.secret_key,
            **variables,
        }
        command = [str(self.npm / ".bin" / "components"), *(arguments or ("deploy",))]
        return subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def create_checkout(parent):
    """Create a checkout of this project with an `.env` and an environment as `make` installs it."""
    folder = parent / "checkout"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "serverless.yml"):
        shutil.copy(ROOT / name, folder)
    for name in ("handlers", "tests/serverless"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("[remote]\n")
    (folder / ".env").write_text("DATABASE_PASSWORD=not-to-be-uploaded\n")
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    command = programs / "scf-mps"
    start = "import sys; from scf_mps.cli import app; sys.exit(app())"
    command.write_text(
        f"#!/bin/sh\nPYTHONPATH='{ROOT}/src' exec '{sys.executable}' -c '{start}' \"$@\"\n"
    )
    command.chmod(0o755)
    for name in ("pyvenv.cfg", "cli.done"):  # in this order, because make compares their times
        (folder / ".venv" / name).touch()
    return folder


def take_actions(cloud):
    """Return the changes since the last call."""
    changes = [action for action, _ in cloud.changes]
    cloud.api.requests.clear()
    return changes


def list_triggers(cloud, name):
    """Return the type and status of MPS's triggers."""
    return [
        (json.loads(trigger["TriggerDesc"])["eventType"], trigger["BindStatus"])
        for trigger in cloud.function(name).triggers
    ]
