"""Tencent's own clients, from npm, and a cloud on loopback that they take for the real one."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.optional_programs import require
from tests.support.sample_data import ROOT

pytest.importorskip("trustme", reason="the clients speak TLS: NOTHING was deployed by them")

from scf_mps.local.api import CloudApi, LocalRunner, Mps, Scf
from scf_mps.local.api.services.scf.account import FunctionRecord
from scf_mps.local.cos import CosEmulator

from .platform import APP_ID, BUCKET, REGION, Component, Platform, Storage, Users
from .proxy import LoopbackProxy

HERE = Path(__file__).parent
MANIFESTS = ("package.json", "package-lock.json")


@pytest.fixture(scope="session")
def npm() -> Path:
    """The folder with the installed clients, kept between runs."""
    require("node", "npm")
    folder = ROOT / ".cache" / "npm"
    wanted = [(HERE / name).read_text("utf-8") for name in MANIFESTS]
    done = folder / "done.json"
    if not done.exists() or json.loads(done.read_text("utf-8")) != wanted:
        folder.mkdir(parents=True, exist_ok=True)
        for name in MANIFESTS:
            shutil.copy(HERE / name, folder)
        command = ["npm", "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"]
        ended = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=600, check=False
        )
        if ended.returncode:
            pytest.skip(
                f"npm cannot install Tencent's deploy clients: NOT tested. {ended.stderr[-500:]}"
            )
        done.write_text(json.dumps(wanted), "utf-8")
    return folder / "node_modules"


class _Elsewhere(http.server.BaseHTTPRequestHandler):
    """What is neither API nor storage: role binding, telemetry. It has nothing to say."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def elsewhere() -> Iterator[int]:
    """The port of a server that answers everything with an empty object."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@dataclass(frozen=True)
class Cloud:
    """Everything a deploy client reaches."""

    api: CloudApi
    scf: Scf
    platform: Platform
    component: Component
    proxy: LoopbackProxy
    environment: Mapping[str, str]

    def reset(self) -> None:
        self.scf.account.functions.clear()
        self.platform.reset()
        self.api.requests.clear()
        self.api.faults.clear()

    @property
    def changes(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Every successful call that changed something of the account, with what it said."""
        return [
            (one.action, one.parameters)
            for one in self.api.requests
            if one.service in ("scf", "mps")
            and not one.code
            and not one.action.startswith(("Get", "List"))
        ]

    def function(self, name: str) -> FunctionRecord:
        """What the account has of a function. Raises ApiError if it is not there."""
        return self.scf.account.get(REGION, "default", name)

    def any_code(self) -> Path:
        """A zip with code that does not matter."""
        zipped = self.platform.folder / "any.zip"
        with zipfile.ZipFile(zipped, "w") as archive:
            archive.writestr("index.py", "main_handler = print\n")
        return zipped

    def deploy(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out a deployment by the component alone."""
        key = self.api.key
        return self.component.deploy(
            {
                "inputs": inputs,
                "zip": str(self.any_code()),
                "credentials": {"SecretId": key.secret_id, "SecretKey": key.secret_key},
                "appId": APP_ID,
            }
        )


@pytest.fixture(scope="session")
def running_cloud(npm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("cloud")
    with CosEmulator(folder / "cos") as cos, elsewhere() as other, LocalRunner() as run:
        cos.create_bucket(f"{BUCKET}-{APP_ID}", REGION)
        storage = Storage(cos)
        scf, platform = Scf(run=run, objects=storage.get), Platform(storage, folder)
        services = [scf, Mps(functions=scf.account), platform, Users()]
        with CloudApi(services, keys=cos.keys) as api:
            ports = {
                "*.tencentcloudapi.com": api.port,
                "*.myqcloud.com": cos.port,
                "*.apigw.tencentcs.com": other,
            }
            with LoopbackProxy(ports, folder) as proxy:
                environment = {
                    "PATH": os.environ["PATH"],
                    "HOME": str(folder),
                    "HTTP_PROXY": proxy.url,
                    "HTTPS_PROXY": proxy.url,
                    "NODE_EXTRA_CA_CERTS": str(proxy.ca_file),
                    "NODE_PATH": str(npm),
                    # HOME is another, but the build is to find the CPythons that the tests find.
                    "PYENV_ROOT": os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv")),
                }
                command = ["node", str(HERE / "component.js")]
                component = Component(command, environment, folder / "component.log")
                platform.component = component
                yield Cloud(api, scf, platform, component, proxy, environment)
                component.close()


@pytest.fixture
def cloud(running_cloud: Cloud) -> Cloud:
    """The cloud, with an account that has nothing deployed."""
    running_cloud.reset()
    return running_cloud


@dataclass(frozen=True)
class Client:
    """`components`, the client of the Serverless platform."""

    npm: Path
    cloud: Cloud

    def __call__(
        self, folder: Path, *arguments: str, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run it in a folder, as a shell would with these environment variables."""
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


@pytest.fixture
def components(npm: Path, cloud: Cloud) -> Client:
    return Client(npm, cloud)


def check_out(parent: Path) -> Path:
    """A checkout of this project with an `.env`, and with the environment that `make` would install into it."""
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
    for name in ("pyvenv.cfg", "desk.done"):  # in this order: make looks which is newer
        (folder / ".venv" / name).touch()
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A project of one file that is uploaded as it is, with our settings of everything else."""
    configuration = yaml.safe_load((ROOT / "serverless.yml").read_text("utf-8"))
    configuration["inputs"]["src"] = "./code"
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text("from handlers import main_handler\n")
    (tmp_path / "serverless.yml").write_text(yaml.safe_dump(configuration))
    return tmp_path
